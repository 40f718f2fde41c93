"""Hand derivations as files: their formulas in order, and what the sheet says of its own signs."""
