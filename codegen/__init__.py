"""Text out of a derivation: pages, NumPy modules, verification, the command line."""
