"""Hand derivations and backward passes inside programs and tests."""
