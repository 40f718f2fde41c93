"""The names of one statement of a Python sheet, and what each of them stands for there."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from dataclasses import replace
from itertools import islice

from derive.python_sheets.arrays import Array
from derive.python_sheets.names import GREEK, Named, by_what, meaning
from derive.reading.latex_tokens import Unreadable
from derive.reading.own import NameReading
from derive.reading.scope import Scope
from derive.reading.tree import Letter, Node, Span, Value, rebuilt, walk

MODULES = ("np", "numpy", "sp", "sympy", "scipy", "special", "linalg", "math", "jnp", "jax",
           "torch", "F", "nn", "functional")  # fmt: skip
MOST_FILLED = 2_000  # nodes that names of the writer's own bring into one statement
DEEPEST_NAMES = 30  # names that stand for names
#: Names of the strength of a regulariser.
DECAYS = frozenset(
    ("lam", "lambd", "lambda_", "lmbda", "lmbd", "lamda", "reg", "reg_lambda", "weight_decay",
     "decay", "reg_strength", "wd", "l2", "l2_reg", "regularization", "regularisation", "lambda")
)  # fmt: skip


class PythonNames:
    """Reads the names of one statement."""

    def __init__(self, text: str, scope: Scope, standing: Mapping[str, str] | None = None) -> None:
        """The text of one statement, and what names that change stand for in it."""
        self.text, self.scope = text, scope
        self.standing = standing or {}
        self.style = scope.own.python
        self.deep = 0
        self.roots = 0  # square roots around what is read
        self.inside = 0  # how many names the text stands for, one inside the other
        self.filled = 0
        self._known: dict[str, Array] = {}  # names of the writer's own that were read
        self.lemma = False  # whether names are numbers of the statement alone
        rows = text.encode().split(b"\n")
        self._starts = [0]
        for row in rows:
            self._starts.append(self._starts[-1] + len(row) + 1)
        self._bytes = text.encode()

    # ---------------------------------------------------------------- places

    def span(self, node: ast.expr | ast.stmt) -> Span:
        """Where it stands in the text, in characters."""
        if not hasattr(node, "lineno"):
            return (0, 0)
        first = self._starts[node.lineno - 1] + node.col_offset
        last = self._starts[(node.end_lineno or node.lineno) - 1] + (node.end_col_offset or 0)
        return len(self._bytes[:first].decode()), len(self._bytes[:last].decode())

    def wrong(self, node: ast.AST, expected: str) -> Unreadable:
        """The error at a part of the statement."""
        if isinstance(node, ast.expr | ast.stmt):
            start, end = self.span(node)
            return Unreadable(start, f'"{self.text[start:end][:40]}"', expected)
        return Unreadable(0, type(node).__name__, expected)

    # ---------------------------------------------------------------- names

    def called(self, node: ast.Call) -> str:
        """The last part of the name of a function."""
        func = node.func
        return func.id if isinstance(func, ast.Name) else getattr(func, "attr", "")

    def is_module(self, node: ast.expr) -> bool:
        """Whether a dotted name begins with a library."""
        while isinstance(node, ast.Attribute):
            node = node.value
        return isinstance(node, ast.Name) and node.id in MODULES

    def name(self, node: ast.Name) -> Array:
        """A name on its own."""
        if node.id == "pi":
            return Array(Value("pi"), "s")
        if node.id in self.scope.own.names:
            return self._defined(node)
        named = meaning(node.id)
        alone = named is not None and named.label is None and not named.derived
        number = not self.network_names and named is not None and not named.derived
        if named is None or (alone and self.lemma) or number:
            if self.decays and node.id in DECAYS:
                return Array(Value("decay"), "s")
            return Array(Letter("".join(GREEK.get(c, c) for c in node.id)), "s")
        return self.quantity(named, (), self.reading_of(node.id))

    def reading_of(self, key: str) -> NameReading | None:
        """What the sheet tells that a name stands for; dh of an h that is told is known too."""
        told = self.scope.own.readings
        if not told or key in told:
            return told.get(key)
        found = told.get(by_what(key) or "")
        return found and replace(found, derived=True, minus=False)

    @property
    def decays(self) -> bool:
        """Whether there is a regulariser, whose strength is a number."""
        return self.network_names and self.scope.own.decays

    @property
    def network_names(self) -> bool:
        """Whether names stand for quantities of a network; in a lemma they are numbers."""
        return bool(self.scope.shapes) or self.scope.last is not None

    def _defined(self, node: ast.Name) -> Array:
        """A name of the writer's own: the array that its definition makes."""
        names = {k: v for k, v in self.scope.own.names.items() if k != node.id}
        inner = replace(self.scope, own=replace(self.scope.own, names=names))
        return self.inserted(node, node.id, self.scope.own.names[node.id], inner)

    def stands(self, node: ast.expr) -> Array | None:
        """The array of a place whose value changes in the sheet, as it is at this statement."""
        if not self.standing or not isinstance(node, ast.Name | ast.Subscript | ast.Attribute):
            return None
        key = ast.unparse(node)
        if key not in self.standing:
            return None
        if not self.standing[key]:
            raise self.wrong(node, "a name whose last change can be read")
        return self.inserted(node, f"{key} now", self.standing[key], self.scope)

    def inserted(self, node: ast.expr, key: str, text: str, scope: Scope) -> Array:
        """The array that another text makes, at the place of what stands for it."""
        if key not in self._known:
            self._known[key] = self._read_at(node, text, scope)
        made = self._known[key]
        self.filled += sum(1 for _ in islice(walk(made.node), MOST_FILLED + 1))
        if self.filled > MOST_FILLED:
            raise self.wrong(node, "names that stand for less")
        if self.inside:  # the name outside of all places everything
            return made
        return Array(_placed(made.node, self.span(node)), made.kind)

    def bounded(self, made: Array, node: ast.expr) -> Array:
        """The array, unless parts that stand in it several times make it too large."""
        if any(True for _ in islice(walk(made.node), MOST_FILLED, None)):
            raise self.wrong(node, "less inside of one another")
        return made

    def _read_at(self, node: ast.expr, text: str, scope: Scope) -> Array:
        """What another text makes; what is wrong in it is told at its own line."""
        reader = type(self)(text, scope)
        reader.inside, reader.roots = self.inside + 1, self.roots
        if reader.inside > DEEPEST_NAMES:
            raise self.wrong(node, "names that stand for fewer names")
        try:
            return reader.array(ast.parse(text, mode="eval").body)
        except Unreadable:
            raise self.wrong(node, "a name whose value can be read") from None

    def array(self, node: ast.expr) -> Array:
        """The array that an expression makes."""
        raise NotImplementedError

    def quantity(
        self, named: Named, places: tuple[Node, ...] = (), told: NameReading | None = None
    ) -> Array:
        """A quantity of the network, or the derivative of the loss by it."""
        raise NotImplementedError


def _placed(node: Node, span: Span) -> Node:
    """The node with all its parts at one place: that of the name which stands for it."""
    return replace(rebuilt(node, lambda part: _placed(part, span)), span=span)
