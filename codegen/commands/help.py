"""The help texts: plain lines, which fit every terminal, pipe and reader."""

from __future__ import annotations

import re

import typer
from typer.core import TyperCommand

_TYPE = re.compile(r" <[a-z]+(?:\[[a-z]+\])?>")  # behind the name of an argument
_REQUIRED = re.compile(r"\{((?:\[\w+\]\s+)?\w+(?:\.\.\.)?)\}(?:\.\.\.)?")  # {[SPEC] HAND...}...
_REPEATED = re.compile(r"\[(\w+)\.\.\.\]\.\.\.")


class PlainCommand(TyperCommand):
    """A command whose help names its arguments as the README does."""

    def get_help(self, ctx: typer.Context) -> str:  # type: ignore[override,unused-ignore]
        """The help without types, braces and doubled dots."""
        return tidied(super().get_help(ctx))


def tidied(text: str) -> str:
    """A help text with the marks of the library taken out; columns stay where they are.

    >>> tidied("{[SPEC] HAND...}... [SPEC...]...")
    '[SPEC] HAND... [SPEC...]'
    """
    text = _TYPE.sub(lambda found: " " * len(found[0]), text)
    return _REPEATED.sub(r"[\1...]", _REQUIRED.sub(r"\1", text))
