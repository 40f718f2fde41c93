"""The index calculus: terms, their normal form, substitution, differentiation, and proofs."""
