"""A module that fails while it is imported."""

RATE = 1 / 0
