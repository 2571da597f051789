"""Drivers: ways to play a scenario. Each writes the same behaviour in the words of one framework."""
