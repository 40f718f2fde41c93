"""Terms and matrices written under a notation, as layouts that every page can print."""
