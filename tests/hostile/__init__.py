"""Hostile messages: what makes them, and what is asked of whoever gets them."""
