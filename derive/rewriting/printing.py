"""Reading trees as LaTeX, with the fewest parentheses that keep the meaning.

Every product and every name is read again; where neighbours would be taken together, parentheses
keep them apart.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import groupby

from derive.reading.latex_macros import Macros
from derive.reading.latex_tokens import Refused, Unreadable
from derive.reading.reader import read
from derive.reading.scope import Scope
from derive.reading.tree import (
    Applied,
    AtPoint,
    Bars,
    Bound,
    Bracket,
    Branches,
    Change,
    Derivative,
    Differential,
    Dots,
    Entry,
    Grid,
    Kronecker,
    Letter,
    Listed,
    Minus,
    Nabla,
    Node,
    Norm,
    Num,
    Over,
    Picked,
    Plus,
    Power,
    Root,
    Size,
    Space,
    Times,
    Total,
    Transposed,
    Value,
    Words,
    rebuilt,
)
from derive.rewriting.filled import nameless, unfilled
from derive.rewriting.signs import is_raised, letter_text, number_text
from derive.rewriting.sources import Source
from derive.rewriting.spelling import Spelling
from derive.rewriting.structures import FACTOR, PRODUCT, SUM, StructureWriter

TALL = (r"\frac", r"\sum", r"\prod", r"\begin", r"\dfrac")
SIGNS = {"cdot": r"\cdot", "times": r"\times", "odot": r"\odot", "circ": r"\circ",
         "otimes": r"\otimes"}  # fmt: skip
BIG = {"sum": r"\sum", "prod": r"\prod", "max": r"\max", "min": r"\min", "lim": r"\lim"}


def as_letters(node: Node) -> Node:
    """The node with the weight decay as the letter as which it is read."""
    if isinstance(node, Value) and node.name == "decay":
        return Letter("lambda", span=node.span)
    return rebuilt(node, as_letters)


class Printer(StructureWriter):
    """Prints trees under a scope, as the spelling has it."""

    def __init__(
        self, scope: Scope, spelling: Spelling, macros: Macros | None = None, trusting: bool = False
    ) -> None:
        """`trusting`: take the likeliest way everywhere, without reading it again."""
        super().__init__(scope, spelling, self.fits)
        self.macros, self.trusting = macros, trusting
        self.read_before: dict[str, Node | None] = {}
        self.sources: dict[Node, Source] = {}  # parts that somebody has written already

    # ---------------------------------------------------------------- reading again

    def fits(self, text: str, node: Node) -> bool:
        """Whether the text may stand for the node: it is read so, or all is trusted."""
        return self.trusting or self.is_read(text, node)

    def is_read(self, text: str, node: Node) -> bool:
        """Whether the text is read as the node; labels that are filled in count as left out."""
        made, wanted = self.reading(text), as_letters(unfilled(node))
        return made == wanted or (made is not None and nameless(made) == wanted)

    def reading(self, text: str) -> Node | None:
        """The expression that the text is read as, without what is filled in; None where none."""
        if text not in self.read_before:
            self.read_before[text] = self._reading(text)
        return self.read_before[text]

    def _reading(self, text: str) -> Node | None:
        try:
            made = read(text, self.scope, self.macros)
        except (Refused, Unreadable):
            return None
        if made.problems or len(made.claims) != 1 or made.claims[0].relation:
            return None
        lhs = made.claims[0].lhs
        return None if lhs is None else unfilled(lhs)

    # ---------------------------------------------------------------- in its place

    def text(self, node: Node, level: int = SUM, *, last: bool = True) -> str:
        """The node where something of the level is expected; `last`: nothing stands behind it."""
        made, own = self.piece(node)
        if own < level or (not last and self.is_open(node)):
            source = self.sources.get(unfilled(node))
            if source is not None and source.left:
                return source.left + made + source.right
            return self.fenced(made)
        return made

    def is_open(self, node: Node) -> bool:
        """Whether what stands behind the node would be taken into it."""
        match node:
            case Total():
                return True
            case Derivative() | Nabla():
                return node.of is None
            case Applied():
                return not node.args
            case Times():
                return self.is_open(node.args[-1])
        return False

    def fenced(self, text: str, left: str = "(", right: str = ")") -> str:
        """In parentheses, tall ones around tall things."""
        if self.spelling.sized and any(word in text for word in TALL):
            return rf"\left{left}{text}\right{right}"
        return f"{left}{text}{right}"

    def piece(self, node: Node) -> tuple[str, int]:
        """The node, and the level at which it holds together."""
        if self.sources and (source := self.sources.get(unfilled(node))) is not None:
            return source.text, _level(node, source.text)
        match node:
            case Plus():
                return self._plus(node), SUM
            case Minus():
                return "-" + self.text(node.arg, PRODUCT), SUM
            case Times():
                return self._times(node), PRODUCT
            case Over():
                return self._over(node)
            case Listed():
                return f"({', '.join(map(self.text, node.items))})", FACTOR
            case Num() if node.value < 0:
                return number_text(node.value), SUM
        return self._factor(node), FACTOR

    def _factor(self, node: Node) -> str:
        match node:
            case Entry():
                return self.entry(node)
            case Applied():
                return self._applied(node)
            case Power():
                return self._power(node)
            case Total():
                return self._total(node)
            case Transposed():
                return self._transposed(node)
            case Derivative() | Nabla() | AtPoint() | Change():
                return self._slope(node)
            case Picked():
                base = self.fenced(self.text(node.arg))
                return base + self.script("_", ",".join(map(self.place, node.places)))
            case Differential():
                return self._differential(node)
            case Grid() | Branches() | Bracket() | Kronecker() | Norm() | Bars() | Root():
                return self._structure(node)
        return self._leaf(node)

    def _differential(self, node: Differential) -> str:
        made = f"d{self.text(node.arg, FACTOR)}"
        return made if self.fits(made, node) else rf"\mathrm{{d}}{self.text(node.arg, FACTOR)}"

    def _leaf(self, node: Node) -> str:
        match node:
            case Num():
                return number_text(node.value)
            case Letter():
                return self.letter(node)
            case Size():
                return self.size(node)
            case Value(name="learning_rate"):
                return self.rate()
            case Value():
                return {"pi": r"\pi", "infinity": r"\infty", "decay": r"\lambda"}.get(
                    node.name, node.name
                )
            case Dots():
                return r"\cdots"
            case Words(text="any"):
                return r"\cdot"
            case Words():
                return rf"\text{{{node.text}}}"
            case Space(size=None):
                return r"\mathbb{R}"
            case Space(size=Listed(items=items)):
                sizes = r" \times ".join(map(self.place, items))
                return rf"\mathbb{{R}}^{{{sizes}}}"
            case Space(size=size) if size is not None:
                return rf"\mathbb{{R}}^{{{self.place(size)}}}"
        raise TypeError(f"{type(node).__name__} is no expression")

    def letter(self, node: Letter) -> str:
        """A letter in an expression."""
        made = self.place(node)
        plain = self.place(Letter(node.name)) if " " not in node.name else None
        if plain is not None and self.fits(plain, node):
            return plain
        other = letter_text(node.name)
        return other if self.fits(other, node) else made

    # ---------------------------------------------------------------- sums and products

    def _plus(self, node: Plus) -> str:
        made = ""
        for k, arg in enumerate(node.args):
            if isinstance(arg, Minus):
                made += (" - " if k else "-") + self.text(arg.arg, PRODUCT)
            else:
                made += (" + " if k else "") + self.text(arg, PRODUCT)
        return made

    def _times(self, node: Times) -> str:
        """The product; where it would be read otherwise, more factors are put in parentheses."""
        made = ""
        for careful in range(3):
            made = self._product(node, careful)
            if self.fits(made, node):
                return made
        return made

    def _product(self, node: Times, careful: int) -> str:
        made = ""
        for k, arg in enumerate(node.args):
            last = k == len(node.args) - 1
            text = self.text(arg, FACTOR, last=last)
            sign = node.signs[k - 1] if k else ""
            if careful == 2 or (careful and k and not sign and text[:1].isdigit()):
                text = text if text.startswith("(") else self.fenced(text)
            made += (self.sign(sign) if k else "") + text
        return made

    def sign(self, sign: str) -> str:
        """The sign between two factors, with the spaces around it."""
        if not sign:
            return " "
        return f" {self.spelling.star if sign == 'ast' else SIGNS[sign]} "

    def _over(self, node: Over) -> tuple[str, int]:
        if self.spelling.slash:
            above, below = self.text(node.above, FACTOR), self.text(node.below, FACTOR)
            if len(above) + len(below) < 12 and self.fits(f"{above}/{below}", node):
                return f"{above}/{below}", PRODUCT
        above, below = self.text(node.above), self.text(node.below)
        made = rf"\frac{{{above}}}{{{below}}}"
        if not self.fits(made, node):
            made = rf"\frac{{({above})}}{{{below}}}"
        return made, FACTOR

    def _power(self, node: Power) -> str:
        exponent = self.text(node.exponent)
        if node.entrywise:
            exponent = f"{self.spelling.entrywise} {exponent}"
        for base in self._bases(node.base):
            for script in (self.script("^", exponent), f"^{{+{exponent}}}"):
                if self.fits(base + script, node):
                    return base + script
        return self.fenced(self.text(node.base)) + f"^{{{exponent}}}"

    def _bases(self, base: Node) -> Iterator[str]:
        if isinstance(base, Entry | Letter | Num | Value | Size | Norm | Bars | Applied | Grid):
            made = self.text(base, FACTOR)
            if not is_raised(made):
                yield made
        yield self.fenced(self.text(base))

    def _transposed(self, node: Transposed) -> str:
        mark = self.spelling.transpose
        if isinstance(node.arg, Entry):
            for above in (mark, rf"{{{mark}}}", r"\top"):
                made = self.entry(node.arg, above, node)
                if self.fits(made, node):
                    return made
        if isinstance(node.arg, Grid):
            return self.text(node.arg) + f"^{{{mark}}}"
        made = self.fenced(self.text(node.arg)) + f"^{{{mark}}}"
        return made if self.fits(made, node) else self.fenced(self.text(node.arg)) + r"^{\top}"

    # ---------------------------------------------------------------- functions

    def _applied(self, node: Applied) -> str:
        name = node.function.name
        if name == "exp" and len(node.args) == 1 and not node.order and self.spelling.exponential:
            inner = self.text(node.args[0])
            if not any(word in inner for word in TALL):
                return f"e^{{{inner}}}"
        inside = ", ".join(map(self.text, node.args))
        if name == "inner" and len(node.args) == 2:
            return rf"\left\langle {inside} \right\rangle"
        behind = self.fenced(inside) if node.args else ""
        first = ""
        for head in self.function_ways(node.function, node.order):
            first = first or head
            if self.fits(head + behind, node):
                return head + behind
        return first + behind

    # ---------------------------------------------------------------- large operators

    def _total(self, node: Total) -> str:
        body = self.text(node.body, PRODUCT)
        made = ""
        for head in self.heads(node):
            made = f"{head} {body}"
            if self.fits(made, node):
                return made
        return made

    def heads(self, node: Total) -> Iterator[str]:
        """The ways to write the operator with its limits."""
        sign = BIG.get(node.kind, rf"\operatorname{{{node.kind}}}")
        bounds = node.bounds
        if not bounds:
            yield sign
            return
        high = bounds[0].high
        above = "" if high is None else self.script("^", self.text(high))
        low = next((b.low for b in bounds if b.low is not None), None)
        letters = [self.place(Letter(b.name)) for b in bounds]
        if node.kind == "lim" and low is not None:
            yield rf"{sign}_{{{letters[0]} \to {self.text(low)}}}"
            return
        if low is None:
            yield sign + self.script("_", ",".join(letters)) + above
            yield sign + self.script("_", " ".join(letters)) + above
            return
        if len(bounds) == 1:
            yield sign + self.script("_", f"{letters[0]}={self.place(low)}") + above
        yield sign + self.script("_", ", ".join(self._ranges(bounds)))

    def _ranges(self, bounds: tuple[Bound, ...]) -> Iterator[str]:
        """Letters alone, and letters with a range together: c, 1 <= u, v <= 2."""
        for (low, high), group in groupby(bounds, key=lambda b: (b.low, b.high)):
            letters = ", ".join(self.place(Letter(b.name)) for b in group)
            if low is not None and high is not None:
                letters = rf"{self.place(low)} \le {letters} \le {self.place(high)}"
            yield letters


def _level(node: Node, text: str) -> int:
    """How tightly a text of the node holds together."""
    match node:
        case Plus() | Minus():
            return SUM
        case Times():
            return PRODUCT
        case Over():
            return FACTOR if re.match(r"\\[a-z]*frac", text) else PRODUCT
    return FACTOR
