"""Array expressions as NumPy source text, written the way a textbook would write them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

from codegen.emitting.folding import folded
from codegen.lowering.affine import Window
from codegen.lowering.arrays import KERNELS
from codegen.lowering.nodes import COMPARISONS, LEAVES, VIEWS, Node, fixed, value_of, walk
from derive.algebra.terms import Extent

SUM, MATRIX, NEGATIVE, PRODUCT, POWER, ATOM = range(1, 7)  # how tightly a text binds
COMPARED = 0

INFIX = {"add": ("+", SUM), "sub": ("-", SUM), "mul": ("*", PRODUCT), "div": ("/", PRODUCT)}
#: The name of a temporary by what it holds.
HINTS = {"exp": "e", "decay": "e", "max": "top", "sum": "total", "sub": "gap", "sigmoid": "g"}
HINTS |= {"windows": "windows", "pad": "padded", "first": "first", "spread": "spread"}
HINTS |= {"absolute": "size", **dict.fromkeys(COMPARISONS, "mask")}


LONG = 88  # more than that is too long for a line
ALWAYS_NAMED = frozenset({"windows", "first"})  # long enough for a line of their own
SHORT = {"absolute": "abs"}
#: Functions of numbers: those of NumPy would turn float32 arrays beside them into float64.
MATH = frozenset(
    {"exp", "log", "sqrt", "sin", "cos", "tan", "sinh", "cosh", "tanh", "log1p", "expm1"}
)


@dataclass(frozen=True)
class Statement:
    """name = node, with what a reader is told about it."""

    name: str
    node: Node
    comment: str = ""


def source(statements: Sequence[Statement], taken: Iterable[str] = ()) -> list[str]:
    """Assignments, one a line; what is used twice becomes a temporary of its own."""
    printer = Printer({})
    names = {*taken, *(s.name for s in statements)}
    shared = _shared(statements)
    lines: list[str] = []
    for statement in statements:
        for item in walk(statement.node):
            named = item in printer.named or item is statement.node
            if not named and (item in shared or item.op in ALWAYS_NAMED):
                name = _fresh(item, statement, names)
                lines += folded(f"{name} = {printer.inside(item)}")
                printer.named[item] = name
        text = f"{statement.name} = {printer.text(statement.node)}"
        lines += folded(text, statement.comment) if len(text) > LONG else []
        if len(text) <= LONG:
            lines.append(commented(text, statement.comment))
        if statement.node.op not in LEAVES:
            printer.named.setdefault(statement.node, statement.name)
    return lines


def commented(text: str, comment: str) -> str:
    """The line with its comment at a common column."""
    return f"{text:<56}  # {comment}" if comment else text


def _shared(statements: Sequence[Statement]) -> set[Node]:
    """The nodes worth a name: used more than once, and more than a view or a leaf."""
    uses: Counter[Node] = Counter()
    for item in walk(*(s.node for s in statements)):
        uses.update(set(item.args))
    uses.update(s.node for s in statements)
    return {i for i, n in uses.items() if n > 1 and _costs(i)}


def _costs(item: Node) -> bool:
    if item.op in LEAVES or item.shape == ():
        return False
    if item.op == "windows":
        return True
    if item.op in VIEWS or item.op in ("neg",):
        return any(_costs(a) for a in item.args) and item.op not in VIEWS
    return True


def _fresh(item: Node, statement: Statement, names: set[str]) -> str:
    digits = statement.name[len(statement.name.rstrip("0123456789")) :]
    stem = HINTS.get(item.op, "t")
    name, k = stem + digits, 1
    while name in names:
        k += 1
        name = f"{stem}{digits}_{k}"
    names.add(name)
    return name


class Printer:
    """Prints expressions; nodes with a name are printed as that name."""

    def __init__(self, named: Mapping[Node, str], rows: str = "len(x)") -> None:
        """`named` gives the nodes that have been assigned before, `rows` the number of samples."""
        self.named, self.rows = dict(named), rows

    def text(self, item: Node, at_least: int = COMPARED) -> str:
        """The expression, in parentheses where it binds less tightly than its place asks."""
        if item in self.named:
            return self.named[item]
        text, strength = self._inside(item)
        return text if strength >= at_least else f"({text})"

    def inside(self, item: Node) -> str:
        """The expression itself, also where it has a name."""
        return self._inside(item)[0]

    def _inside(self, item: Node) -> tuple[str, int]:
        if item.op in INFIX:
            return self._infix(item)
        if item.op in SPECIAL:
            return SPECIAL[item.op](self, item)
        if item.op in KERNELS:
            return f"{item.op}({self.text(item.args[0])})", ATOM
        args = ", ".join(self.text(a) for a in item.args)
        if not item.shape and item.op in MATH:  # a Python number keeps the precision of arrays
            return f"math.{item.op}({args})", ATOM
        return f"np.{SHORT.get(item.op, item.op)}({args})", ATOM

    def _infix(self, item: Node) -> tuple[str, int]:
        sign, strength = INFIX[item.op]
        loose = strength == PRODUCT and item.args[0].op in ("neg", "number")  # -a / b
        left = self.text(item.args[0], NEGATIVE if loose else strength)
        tight = strength + 1 if item.op in ("sub", "div") else strength
        right = self.text(item.args[1], tight if item.op != "mul" else PRODUCT + 1)
        if item.op == "mul" and item.args[1].op == "mul" and item.args[1] not in self.named:
            right = self.text(item.args[1], PRODUCT)  # a * (b * c) as a * b * c
        return f"{left} {sign} {right}", strength

    def number(self, item: Node) -> tuple[str, int]:
        """An exact number as a Python literal."""
        value = value_of(item)
        assert value is not None
        text = literal(value)
        return text, NEGATIVE if text.startswith("-") else ATOM

    def power(self, item: Node) -> tuple[str, int]:
        """base ** exponent."""
        assert isinstance(item.detail, Fraction)
        return f"{self.text(item.args[0], ATOM)}**{literal(item.detail)}", POWER

    def matmul(self, item: Node) -> tuple[str, int]:
        """a @ b."""
        left, right = item.args
        return f"{self.text(left, PRODUCT + 1)} @ {self.text(right, PRODUCT + 1)}", MATRIX

    def reduction(self, item: Node) -> tuple[str, int]:
        """a.sum(axis=...)."""
        return f"{self._reduced(item)})", ATOM

    def _reduced(self, item: Node) -> str:
        (arg,) = item.args
        axes = item.detail
        assert isinstance(axes, tuple)
        body = self.text(arg, ATOM)
        if len(axes) == arg.rank:
            return f"{body}.{item.op}("
        return f"{body}.{item.op}(axis={axes[0] if len(axes) == 1 else axes}"

    def expand(self, item: Node) -> tuple[str, int]:
        """New axes; of a reduction over the same axes, by keepdims."""
        (arg,) = item.args
        axes = item.detail
        assert isinstance(axes, tuple)
        if arg.op in ("sum", "max", "min") and arg.detail == axes and arg not in self.named:
            return f"{self._reduced(arg)}, keepdims=True)", ATOM
        places = ", ".join("None" if k in axes else ":" for k in range(item.rank))
        return f"{self.text(arg, ATOM)}[{places}]", ATOM

    def transpose(self, item: Node) -> tuple[str, int]:
        """a.T, or a.transpose(...) of more axes."""
        text = self.text(item.args[0], ATOM)
        if item.detail == (1, 0):
            return f"{text}.T", ATOM
        return f"{text}.transpose{item.detail}", ATOM

    def take(self, item: Node) -> tuple[str, int]:
        """One place of an axis."""
        axis, at = item.detail if isinstance(item.detail, tuple) else (item.detail, 0)
        assert isinstance(axis, int)
        return f"{self.text(item.args[0], ATOM)}[{':, ' * axis}{at}]", ATOM

    def where(self, item: Node) -> tuple[str, int]:
        """A choice; of two numbers, in the precision of the input."""
        args = ", ".join(self.text(a) for a in item.args)
        if all(map(fixed, item.args[1:])):
            return f"np.where({args}).astype(x.dtype)", ATOM
        return f"np.where({args})", ATOM

    def comparison(self, item: Node) -> tuple[str, int]:
        """a < b."""
        left, right = (self.text(a, SUM) for a in item.args)
        return f"{left} {item.op} {right}", COMPARED

    def leaf(self, item: Node) -> tuple[str, int]:
        """A name."""
        return str(item.detail), ATOM


def literal(value: Fraction) -> str:
    """A number as Python writes it.

    >>> literal(Fraction(1, 100)), literal(Fraction(2))
    ('0.01', '2')
    """
    return str(value.numerator) if value.denominator == 1 else repr(float(value))


def _tensordot(p: Printer, item: Node) -> tuple[str, int]:
    left, right = (p.text(a) for a in item.args)
    return f"np.tensordot({left}, {right}, axes={item.detail})", ATOM


def _einsum(p: Printer, item: Node) -> tuple[str, int]:
    args = ", ".join(p.text(a) for a in item.args)
    return f'np.einsum("{item.detail}", {args})', ATOM


def _eye(p: Printer, item: Node) -> tuple[str, int]:
    assert isinstance(item.detail, tuple)
    rows, columns = item.detail
    return f"np.eye({rows}, {columns}, dtype=x.dtype)", ATOM


def _negative(p: Printer, item: Node) -> tuple[str, int]:
    return f"-{p.text(item.args[0], PRODUCT)}", NEGATIVE


def _diagonal(p: Printer, item: Node) -> tuple[str, int]:
    return f"{p.text(item.args[0], ATOM)}.diagonal(axis1=-2, axis2=-1)", ATOM


def _squeeze(p: Printer, item: Node) -> tuple[str, int]:
    return f"{p.text(item.args[0], ATOM)}.squeeze({item.detail})", ATOM


def _first(p: Printer, item: Node) -> tuple[str, int]:
    return f"{p.text(item.args[0], ATOM)}.{item.op}(axis={item.detail})", ATOM


def _sizes(shape: Sequence[Extent], rows: str = "") -> str:
    """A shape, with `rows` as the number of samples."""
    inside = ", ".join(rows if s == "N" else str(s) for s in shape)
    return f"({inside},)" if len(shape) == 1 else f"({inside})"


def _pad(p: Printer, item: Node) -> tuple[str, int]:
    widths, lowest = item.detail if isinstance(item.detail, tuple) else ((), False)
    fill = ", constant_values=-np.inf" if lowest else ""
    return f"np.pad({p.text(item.args[0])}, {widths}{fill})", ATOM


def _range(start: int, step: int, count: int, size: object) -> str:
    """start:stop:step for `count` places of an axis of that size."""
    if step < 0:
        stop = start + step * (count - 1) - 1
        first = "" if isinstance(size, int) and start == size - 1 else str(start)
        return f"{first}:{'' if stop < 0 else stop}:{step}"
    stop = start + step * (count - 1) + 1
    whole = isinstance(size, int) and stop <= size < stop + step
    every = "" if step == 1 else f":{step}"
    return f"{start or ''}:{'' if whole else stop}{every}"


def _subscript(parts: Sequence[str]) -> str:
    """[..., parts], without what says nothing."""
    kept = list(parts)
    while kept and kept[-1] == ":":
        kept.pop()
    return f"[{', '.join(kept)}]" if kept else ""


def _slice(p: Printer, item: Node) -> tuple[str, int]:
    (arg,) = item.args
    assert isinstance(item.detail, tuple)
    parts = [
        ":" if cut is None else _range(cut[0], cut[1], cut[2], size)
        for cut, size in zip(item.detail, arg.shape, strict=True)
    ]
    return f"{p.text(arg, ATOM)}{_subscript(parts)}", ATOM


def _windows(p: Printer, item: Node) -> tuple[str, int]:
    (arg,) = item.args
    assert isinstance(item.detail, tuple)
    windows: tuple[Window, ...] = item.detail
    places = [":"] * arg.rank
    for w in windows:
        size = arg.shape[w.axis]
        assert isinstance(size, int)
        places[w.axis] = _range(w.start, w.step, w.count, size - w.length + 1)
    taps = [_range(0, w.gap, w.taps, w.length) for w in windows]
    lengths = _sizes([w.length for w in windows])
    axes = _sizes([w.axis for w in windows])
    if len(windows) == 1:
        lengths, axes = str(windows[0].length), str(windows[0].axis)
    text = f"sliding_window_view({p.text(arg)}, {lengths}, axis={axes})"
    return text + _subscript([*places, *taps]), ATOM


def _reshaped(p: Printer, item: Node) -> tuple[str, int]:
    (arg,) = item.args
    while arg.op == "split" and arg not in p.named:  # one after the other
        (arg,) = arg.args
    return f"{p.text(arg, ATOM)}.reshape{_sizes(item.shape, p.rows)}", ATOM


def _full(p: Printer, item: Node) -> tuple[str, int]:
    (arg,), shape = item.args, _sizes(item.shape, p.rows)
    if not arg.shape:
        return f"np.full({shape}, {p.text(arg)}, x.dtype)", ATOM
    return f"np.broadcast_to({p.text(arg)}, {shape})", ATOM


def _spread(p: Printer, item: Node) -> tuple[str, int]:
    targets = item.detail
    assert isinstance(targets, tuple)
    parts = [
        f"{name}={_sizes([getattr(t, field) for t in targets])}" for name, field in SPREAD.items()
    ]
    return f"spread({p.text(item.args[0])}, {', '.join(parts)})", ATOM


#: The arguments of `spread` in the module, and where they come from.
SPREAD = {
    "sizes": "size", "starts": "start", "counts": "count", "steps": "step", "taps": "taps",
    "gaps": "gap",
}  # fmt: skip


def _first_place(p: Printer, item: Node) -> tuple[str, int]:
    windows, top = item.args
    return f"first({p.text(windows)}, {p.text(top)})", ATOM


SPECIAL: dict[str, Callable[[Printer, Node], tuple[str, int]]] = {
    "array": Printer.leaf,
    "scalar": Printer.leaf,
    "number": Printer.number,
    "constant": lambda p, item: (f"np.{item.detail}", ATOM),
    "size": lambda p, item: ("n", ATOM),
    "power": Printer.power,
    "neg": _negative,
    "matmul": Printer.matmul,
    "tensordot": _tensordot,
    "einsum": _einsum,
    "sum": Printer.reduction,
    "max": Printer.reduction,
    "min": Printer.reduction,
    "argmax": _first,
    "argmin": _first,
    "expand": Printer.expand,
    "transpose": Printer.transpose,
    "squeeze": _squeeze,
    "diagonal": _diagonal,
    "take": Printer.take,
    "where": Printer.where,
    "eye": _eye,
    "pad": _pad,
    "slice": _slice,
    "windows": _windows,
    "split": _reshaped,
    "merge": _reshaped,
    "spread": _spread,
    "first": _first_place,
    "full": _full,
    "copy": lambda p, item: (p.text(item.args[0], ATOM), ATOM),
    "arange": lambda p, item: (f"np.arange({item.detail})", ATOM),
    **dict.fromkeys(("<", "<=", ">", ">=", "=="), Printer.comparison),
}
