"""Claims: what a sheet says, relation by relation."""

from __future__ import annotations

from dataclasses import dataclass, field

from derive.reading.tree import Node, Span


@dataclass(frozen=True)
class Claim:
    """lhs relation rhs, for every value of the free indices under the conditions.

    In a chain `lhs` is its first member, whatever stands between; `before` is the member just
    before the relation.  A side is None where nothing is written; an expression
    alone has relation "".
    """

    lhs: Node | None
    relation: str
    rhs: Node | None
    span: Span
    before: Node | None = None
    chain: int = 0
    link: str = ""  # how the chain hangs on the one before it: implies, iff, therefore
    conditions: tuple[Claim, ...] = ()
    notes: tuple[str, ...] = ()  # what the reader filled in
    members: tuple[Node, ...] = field(default=(), compare=False, repr=False)  # of the whole chain

    @property
    def complete(self) -> bool:
        """Whether both sides are written."""
        return self.lhs is not None and self.rhs is not None

    @property
    def sides(self) -> tuple[Node, ...]:
        """The sides that are written."""
        return tuple(side for side in (self.lhs, self.rhs) if side is not None)
