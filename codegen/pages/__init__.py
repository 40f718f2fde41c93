"""Documents, formulas and pictures, and the formats that print them."""
