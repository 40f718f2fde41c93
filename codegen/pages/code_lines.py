"""Lines of a listing, each parted into what runs and what is a comment."""

from __future__ import annotations

from collections.abc import Mapping

from codegen.pages.document import CodeListing, Target

COLUMN = 74  # the last column at which comments stand below one another


def code_parts(block: CodeListing, targets: Mapping[str, Target]) -> tuple[tuple[str, str], ...]:
    """For each line the code and its comment; the numbers of equations stand in one column."""
    lengths = [len(line.code) for line in block.lines if line.refs]
    wide = max((n for n in lengths if n <= COLUMN), default=0)  # a longer line has its own
    made = []
    for line in block.lines:
        split = comment_start(line.code)
        code, remark = line.code[:split], line.code[split:]
        if line.refs:
            numbers = ", ".join(targets[key].text for key in line.refs)
            remark = f"{remark}  # {numbers}" if remark else f"# {numbers}"
            code = code if line.code[split:] else code.ljust(max(wide, len(code)) + 2)
        made.append((code, remark))
    return tuple(made)


def comment_start(code: str) -> int:
    """Where the comment of a line of Python begins.

    >>> comment_start('print("#")  # a sign')
    12
    """
    quote = ""
    for k, c in enumerate(code):
        if quote:
            quote = "" if c == quote else quote
        elif c in "'\"":
            quote = c
        elif c == "#":
            return k
    return len(code)
