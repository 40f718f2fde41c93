"""Array expressions become the text of a NumPy module, and the steps of its Trainer."""
