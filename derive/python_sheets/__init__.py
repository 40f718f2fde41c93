"""Hand derivations in Python: statements of NumPy and SymPy, read and never run."""
