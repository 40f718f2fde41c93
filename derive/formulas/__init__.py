"""Formulas in a spec, from text to terms, within bounds; nothing is ever executed."""
