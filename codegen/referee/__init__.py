"""The generic backprop and its helpers: textbook formulas and plain loops, nothing derived."""
