"""Array expressions in forms that stay accurate for every finite input."""
