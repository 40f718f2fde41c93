"""The source of a formula re-written only where its tree changed.

Both trees are walked together.  Where parts are equal the writer's own text stays; a part that
differs is written anew.  Everything that is put together is read again: where the neighbours of a
change would spoil it, the next larger part is written anew.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, fields
from difflib import SequenceMatcher
from itertools import pairwise
from typing import Any

from derive.reading.tree import (
    Applied,
    Derivative,
    Entry,
    Function,
    Minus,
    Node,
    Over,
    Plus,
    Power,
    Size,
    Span,
    Times,
    Total,
    Transposed,
    children,
    walk,
)
from derive.rewriting.filled import unfilled
from derive.rewriting.printing import Printer
from derive.rewriting.signs import is_raised
from derive.rewriting.sources import fences, is_fenced, unfenced, wrapping, written
from derive.rewriting.structures import FACTOR, PRODUCT, SUM

_SIGN = re.compile("[+\u2212-]")
_COMMAND = re.compile(r"\\[A-Za-z]+$")
_SIZED = re.compile(r"^\\(?:right|[bB]igg?r?)(?![A-Za-z])\s*")
_OPENING, _CLOSING = "{([&,", "})]&,"


@dataclass(frozen=True)
class Patcher:
    """Re-writes parts of one text."""

    text: str
    printer: Printer
    foreign: bool = False  # whether the text is in another notation than what is printed

    def rewritten(self, before: Node, after: Node, level: int = SUM, *, last: bool = True) -> str:
        """The text for `after` where `before` stands and something of the level is expected."""
        made = self._rewritten(before, after, level, last)
        opening = wrapping(written(before, self.text)) if _alike(before, after) else ""
        return made if not opening or wrapping(made) else opening + made + "}"

    def _rewritten(self, before: Node, after: Node, level: int, last: bool) -> str:
        if self.foreign and isinstance(after, Entry | Size):
            return self.printer.text(after)
        if before == after and (own := self._own(before)) is not None:
            return own
        for made in self._ways(before, after):
            if self.printer.fits(made, after):
                return self._in_place(made, before, after, level, last)
        return self.printer.text(after, level, last=last)

    def _own(self, node: Node) -> str | None:
        """The writer's text of the node; None where its span holds something else as well.

        Names of another notation are never kept, though it may read them too.
        """
        if self.foreign and any(_is_name(part) for part in walk(node)):
            return None
        own = written(node, self.text)
        return own if own and self.printer.fits(own, node) else None

    def _in_place(self, made: str, before: Node, node: Node, level: int, last: bool) -> str:
        """With parentheses where the place asks for them, or where the writer has them."""
        if is_fenced(made):
            return made
        left, right = fences(before, written(before, self.text))
        opened = not last and self.printer.is_open(node)
        kept = type(before) is type(node) and isinstance(node, Plus | Times | Minus)
        if left and (opened or kept or self.printer.piece(node)[1] < level):
            return left + made + right
        if opened or self.printer.piece(node)[1] < level:
            return self.printer.fenced(made)
        return made

    def _ways(self, before: Node, after: Node) -> Iterator[str]:
        """Texts that keep as much as can be kept, the best first."""
        if isinstance(before, Plus) and isinstance(after, Plus):
            if before in after.args:
                yield self._grown(before, after)
            yield self._plus(before, after)
        elif isinstance(before, Times) and isinstance(after, Times):
            yield self._times(before, after)
        elif isinstance(before, Total) and isinstance(after, Total):
            yield from self._total(before, after)
        elif isinstance(before, Applied) and isinstance(after, Applied):
            yield from self._applied(before, after)
        elif _shell(before) == _shell(after):
            yield from self._children(before, after)
        yield from self._around(before, after)

    def _total(self, before: Total, after: Total) -> Iterator[str]:
        """The writer's operator with its limits where they stay, else a new one."""
        body = self.rewritten(before.body, after.body, PRODUCT)
        if before.bounds == after.bounds:
            yield self.text[before.span[0] : before.body.span[0]] + body
        yield from (f"{head} {body}" for head in self.printer.heads(after))

    def _applied(self, before: Applied, after: Applied) -> Iterator[str]:
        """The writer's arguments behind the name of the function, or behind another one."""
        if len(before.args) != len(after.args) or not after.args:
            return
        begin, end = before.function.span[1], before.span[1]
        spans = [arg.span for arg in before.args]
        if not self._apart(spans, (begin, end)):
            return
        made, at = "", begin
        for one, other in zip(before.args, after.args, strict=True):
            made += self.text[at : one.span[0]] + self._child(before, 0, one, other)
            at = one.span[1]
        made += self.text[at:end]
        same = before.function == after.function and before.order == after.order
        if same and not (self.foreign and after.function.activation and after.function.label):
            yield self.text[before.span[0] : begin] + made
        yield from (h + made for h in self.printer.function_ways(after.function, after.order))

    def _apart(self, spans: list[Span], within: Span) -> bool:
        """Whether the places lie side by side inside another one."""
        inside = all(within[0] <= a < b <= within[1] for a, b in spans)
        return inside and all(a[1] <= b[0] for a, b in pairwise(spans))

    # ---------------------------------------------------------------- one part inside

    def _children(self, before: Node, after: Node) -> Iterator[str]:
        """The writer's text with the parts that changed put in."""
        old, new = children(before), children(after)
        start, end = before.span
        if not self._apart([child.span for child in old], before.span):
            return
        if any(child.span == before.span for child in old):
            return  # as in W^{(2)T}: the text of the part is not its own
        made, at = "", start
        for k, (one, other) in enumerate(zip(old, new, strict=True)):
            made += self.text[at : one.span[0]]
            made += self._child(before, k, one, other)
            at = one.span[1]
        yield made + self.text[at:end]

    def _child(self, parent: Node, k: int, one: Node, other: Node) -> str:
        if one == other and not self.foreign:
            return written(one, self.text)
        if self._enclosed(one.span):
            return self.rewritten(one, other)
        made = self.rewritten(one, other, _expected(parent, k))
        alone = written(one, self.text)
        if (
            isinstance(parent, Applied)
            and not is_fenced(made)
            and (is_fenced(alone) or self.printer.piece(other)[1] < FACTOR)
        ):
            made = self.printer.fenced(made)
        if isinstance(parent, Power | Transposed) and not k and is_raised(made):
            left, right = fences(one, alone)
            made = left + made + right if left else self.printer.fenced(made)
        gap = " " if made[:1].isalpha() and _COMMAND.search(self.text[: one.span[0]]) else ""
        return gap + made

    def _enclosed(self, span: Span) -> bool:
        """Whether the writer's own fences stand around a part."""
        left, right = self.text[: span[0]].rstrip(), self.text[span[1] :].lstrip()
        right = _SIZED.sub("", right)
        return left[-1:] in tuple(_OPENING) and right[:1] in tuple(_CLOSING)

    def _around(self, before: Node, after: Node) -> Iterator[str]:
        """A change that puts something around the old part, or takes it away."""
        if isinstance(before, Transposed | Power) and after == children(before)[0]:
            own = written(after, self.text)
            yield unfenced(own)
            yield own
        if isinstance(before, Minus) and not isinstance(after, Minus):
            yield self.rewritten(before.arg, after)
        if isinstance(after, Minus) and not isinstance(before, Minus):
            yield "-" + self.rewritten(before, after.arg, PRODUCT)
        if isinstance(after, Transposed) and after.arg == before and (source := self._own(before)):
            yield self._with_script(source, self.printer.spelling.transpose)
        if isinstance(after, Power) and after.base == before:
            exponent = self.printer.text(after.exponent)
            if source := self._own(before):
                if not is_raised(source):
                    yield f"{source}^{{{exponent}}}"
                yield f"{self.printer.fenced(source)}^{{{exponent}}}"
        if isinstance(after, Plus | Times) and before in after.args:
            yield self._grown(before, after)
        if isinstance(before, Plus | Times) and after in before.args:
            kept = before.args[before.args.index(after)]
            if source := self._own(kept):
                yield unfenced(source)
                yield source
        if isinstance(after, Total) and after.body == before:
            body = self.rewritten(before, after.body, PRODUCT)
            yield from (f"{head} {body}" for head in self.printer.heads(after))
        if isinstance(before, Total) and before.body == after:
            yield self.rewritten(before.body, after)

    def _with_script(self, own: str, mark: str) -> str:
        found = re.search(r"\^\{((?:[^{}]|\{[^{}]*\})*)\}$", own)
        if found:
            return own[: found.end() - 1] + mark + "}"
        whole = is_fenced(own) or not own.startswith(r"\frac")
        return (own if whole else self.printer.fenced(own)) + self.printer.script("^", mark)

    def _grown(self, before: Node, after: Plus | Times) -> str:
        """A sum or product that the old part is one of the parts of."""
        k = after.args.index(before)
        level = PRODUCT if isinstance(after, Plus) else FACTOR
        begins = isinstance(after, Plus) and isinstance(before, Plus) and not k  # a + b + c
        own = self.rewritten(before, before, SUM if begins else level)
        if self.printer.piece(before)[1] < level and not is_fenced(own) and not begins:
            own = self.printer.fenced(own)
        made = ""
        for n, arg in enumerate(after.args):
            piece, minus = arg, False
            if isinstance(after, Plus) and isinstance(arg, Minus):
                piece, minus = arg.arg, True
            last = n == len(after.args) - 1
            text = own if n == k else self.printer.text(piece, level, last=last)
            if isinstance(after, Plus):
                made += ((" - " if minus else " + ") if n else ("-" if minus else "")) + text
            else:
                made += (self.printer.sign(after.signs[n - 1]) if n else "") + text
        return made

    # ---------------------------------------------------------------- sums and products

    def _plus(self, before: Plus, after: Plus) -> str:
        """Summands side by side with the old ones; separators of the writer where they are."""
        made = ""
        previous = -2
        for k, (i, arg) in enumerate(self._paired(before.args, after.args)):
            minus = isinstance(arg, Minus)
            body = arg.arg if isinstance(arg, Minus) else arg
            old = None if i is None else before.args[i]
            bare = old.arg if isinstance(old, Minus) else old
            level = SUM if not k and not minus and isinstance(body, Plus) else PRODUCT
            if bare is None:
                text = self.printer.text(body, level)
            else:
                text = self._kept(bare, body, level, True)
            made += self._sum_sign(before, previous, i, minus, first=not k) + text
            previous = -2 if i is None else i
        return made

    def _sum_sign(
        self, before: Plus, previous: int, i: int | None, minus: bool, first: bool
    ) -> str:
        if first:
            begin = before.span[0] + len(fences(before, written(before, self.text))[0])
            lead = self.text[begin : before.args[0].span[0]] if i == 0 else ""
            signed = bool(_SIGN.search(lead))
            if signed == minus:
                return lead
            return "-" if minus else ""
        if i is not None and i > 0 and previous == i - 1:
            between = self.text[before.args[i - 1].span[1] : before.args[i].span[0]]
            if len(_SIGN.findall(between)) == 1:
                return _SIGN.sub("-" if minus else "+", between)
        return " - " if minus else " + "

    def _times(self, before: Times, after: Times) -> str:
        made = ""
        previous = -2
        for k, (i, arg) in enumerate(self._paired(before.args, after.args)):
            last = k == len(after.args) - 1
            if i is None:
                text = self.printer.text(arg, FACTOR, last=last)
            else:
                text = self._kept(before.args[i], arg, FACTOR, last)
            if k:
                sign = after.signs[k - 1]
                same = i is not None and i > 0 and previous == i - 1 and before.signs[i - 1] == sign
                if same and i is not None:
                    between = self.text[before.args[i - 1].span[1] : before.args[i].span[0]]
                    joined = made[-1:].isalpha() and text[:1].isalpha() and not between
                    made += between or (" " if joined and re.search(r"\\[A-Za-z]+$", made) else "")
                else:
                    made += self.printer.sign(sign)
            made += text
            previous = -2 if i is None else i
        return made

    def _kept(self, old: Node, new: Node, level: int, last: bool) -> str:
        if old == new and not self.foreign and written(old, self.text):
            own = written(old, self.text)
            open_now = not last and self.printer.is_open(new)
            return self.printer.fenced(own) if open_now and not is_fenced(own) else own
        return self.rewritten(old, new, level, last=last)

    def _paired(
        self, old: tuple[Node, ...], new: tuple[Node, ...]
    ) -> list[tuple[int | None, Node]]:
        """Each new part with the number of the old one that it stands for."""
        keys = [[unfilled(_positive(n)) for n in args] for args in (old, new)]
        pairs: list[tuple[int | None, Node]] = []
        for kind, a, b, c, d in SequenceMatcher(
            None, keys[0], keys[1], autojunk=False
        ).get_opcodes():
            kinds = [[_kind(n) for n in args] for args in (old[a:b], new[c:d])]
            turned = kinds[0] != kinds[1] and kinds[0][::-1] == kinds[1]  # a product, transposed
            for n in range(c, d):
                i = b - 1 - n + c if turned else a + n - c
                pairs.append((i if kind in ("equal", "replace") and i < b else None, new[n]))
        return pairs


def _is_name(node: Node) -> bool:
    """Whether a notation has its own way to write it."""
    return isinstance(node, Entry | Size) or (isinstance(node, Function) and node.activation)


def _kind(node: Node) -> str:
    """What a part is, whatever it is called: outputs are activations."""
    inner = node.arg if isinstance(node, Transposed) else node
    role = inner.role if isinstance(inner, Entry) else ""
    return type(inner).__name__ + (role if role != "output" else "activation")


def _alike(before: Node, after: Node) -> bool:
    """Whether what stands around one, a colour, can stand around the other."""
    entries = isinstance(before, Entry | Transposed) and isinstance(after, Entry | Transposed)
    return not entries or _kind(before) == _kind(after)


def _positive(node: Node) -> Node:
    return node.arg if isinstance(node, Minus) else node


def _expected(parent: Node, k: int) -> int:
    """What can stand without parentheses as a part of the parent."""
    match parent:
        case Minus():
            return PRODUCT
        case Total():
            return PRODUCT if k == len(children(parent)) - 1 else SUM
        case Power():
            return FACTOR if k == 0 else SUM
        case Over() | Derivative() | Transposed():
            return FACTOR
    return SUM


def _shell(node: Node) -> tuple[Any, ...]:
    """Everything of a node but its parts, with the places where they are."""
    return (type(node), *(_hollow(getattr(node, f.name)) for f in fields(node) if f.name != "span"))


def _hollow(value: Any) -> Any:
    if isinstance(value, Node):
        return "node"
    if isinstance(value, tuple):
        return tuple(map(_hollow, value))
    return value
