"""The report of the example job; `report` writes it."""
