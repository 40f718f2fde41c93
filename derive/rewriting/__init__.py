"""Formulas of a sheet written again: corrected in place, or in another notation."""
