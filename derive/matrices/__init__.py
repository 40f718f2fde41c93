"""Matrix forms of index terms: found, and proved entry by entry."""
