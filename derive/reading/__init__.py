"""Formulas as people write them, read under a notation into trees of roles."""
