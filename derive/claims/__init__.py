"""What a line of a sheet claims, and what its two sides are worth on a small network."""
