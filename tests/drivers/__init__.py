"""Drivers: each plays a scenario, with the same behaviour in the words of one framework."""

from __future__ import annotations
