"""What a network is, as data: the models of a spec, how it is loaded, and what fits together."""
