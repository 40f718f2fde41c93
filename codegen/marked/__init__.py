"""Marked sheets in the formats of `gradwright check`."""
