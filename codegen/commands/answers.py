"""An answer that is no."""


class No(Exception):
    """The input is fine and the answer is no; the message says why."""
