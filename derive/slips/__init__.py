"""The catalogue of slips, and the search for the slip that explains a wrong claim."""
