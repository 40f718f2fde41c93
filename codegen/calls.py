"""Array expressions as NumPy calls with `out`: names are bound beforehand, nothing is allocated."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING

from codegen.faster import Linear, total
from codegen.nodes import COMPARISONS, Node, Shape, array, node, value_of
from codegen.python import PRODUCT, Printer, commented, literal

if TYPE_CHECKING:
    from codegen.plan import Plan

UFUNC = {
    "add": "add",
    "sub": "subtract",
    "mul": "multiply",
    "div": "divide",
    "neg": "negative",
    "<": "less",
    "<=": "less_equal",
    ">": "greater",
    ">=": "greater_equal",
    "==": "equal",
}
GIVEN = frozenset({"x", "y"})  # arguments of the step: their views are made in it


@dataclass(frozen=True)
class Op:
    """A call: its result, what it reads, and which of these an elementwise result may overwrite."""

    target: str
    reads: tuple[str, ...]
    overwrites: tuple[str, ...] = ()
    shape: Shape | None = None  # None: the result has its memory already
    boolean: bool = False

    @property
    def kind(self) -> tuple[object, ...]:
        """Results of one kind can share memory."""
        return (self.shape, self.boolean)


class Calls:
    """Collects the calls of a step and what must be bound before it."""

    def __init__(self, plan: Plan, parameters: Sequence[str]) -> None:
        """The arguments of the step and the parameters are there from the start."""
        self.plan = plan
        self.given = {*GIVEN, *parameters, *(f"d{p}" for p in parameters)}
        self.ops: list[Op] = []
        self.kinds: dict[str, tuple[object, ...]] = {}
        self.bound: list[str] = []
        self.lines: list[str] = []
        self.known: dict[Node, str] = {}
        self.base: dict[str, str] = {}  # a view and the array that it shows
        self._names: dict[str, str] = {}
        self.free_shifts: frozenset[Node] = frozenset()
        self._comment = ""
        self._temporaries = 0

    # ------------------------------------------------------------------ statements

    def assign(self, name: str, item: Node, comment: str = "") -> None:
        """The calls that leave the value of `item` under this name."""
        self._comment = comment
        known = item.op != "array" and item in self.known
        self.array(item, None if known else name)
        found = self.known[item] if item in self.known else str(item.detail)
        self.known[array(name, item.shape)] = found
        if name in self.given and found != name:
            self.line(f"{name}[...] = {found}")
            self.ops.append(Op(name, self._bases(found)))
        self._comment = ""

    def copy(self, into: str, item: Node) -> None:
        """The value of a named array into a part of a wider one."""
        found = self.array(item)
        self.ops.append(Op(into, self._bases(found)))
        self.line(f"{self.bind('copyto', 'np.copyto')}({into}, {found})")

    def loss(self, objective: Node, comment: str) -> None:
        """The loss as a number."""
        self._comment = comment
        self.line(f"loss = {self.scalar(objective)}")
        self._comment = ""
        if self.plan.program.sum_to_one:
            self._check_sums()
        self.lines.append("if loss != loss:  # not a number: see whether the targets are to blame")
        self.lines.append("    _targets(y, n, dtype)")

    def _check_sums(self) -> None:
        """Targets whose rows do not sum to 1 are refused before anything is changed."""
        size = self.plan.program.shapes[self.plan.program.target][0]
        column, ones = self.ones((size,)), self.constant("1", "1")
        sums = self._result("sums", ("N",))
        self.ops.append(Op("sums", (), (), ("N",)))
        self.line(f"y.dot({column}, {sums})")
        self.call("subtract", f"{sums}, {ones}, {sums}")
        dot = self.bind(f"{sums}_dot", f"{sums}.dot")
        self.ops.append(Op("sums", ("sums",)))
        room = self.bind("tolerance", "n * float(np.finfo(dtype).eps)")
        self.line(f"if {dot}({sums}) > {room}:")
        self.line("    _targets(y, n, dtype)")

    def call(self, function: str, args: str, comment: str = "") -> None:
        """One call."""
        name = self.bind(function, f"np.{function}")
        self.lines.append(commented(f"{name}({args})", comment))

    def line(self, text: str) -> None:
        """One line of the step, with the number of the equation on the first line of it."""
        self.lines.append(commented(text, self._comment))
        self._comment = ""

    def bind(self, name: str, value: str) -> str:
        """A name for something that is the same in every step."""
        if self._names.setdefault(name, value) == value and f"{name} = {value}" not in self.bound:
            self.bound.append(f"{name} = {value}")
        return name

    # ------------------------------------------------------------------ arrays

    def array(self, item: Node, name: str | None = None) -> str:
        """The name under which the value of an array expression lies after the calls so far."""
        if item in self.known:
            return self.known[item]
        made = ARRAYS.get(item.op, Calls._elementwise)(self, item, name)
        self.known[item] = made
        return made

    def _result(self, name: str | None, shape: Shape) -> str:
        if name is None:
            self._temporaries += 1
            name = f"t{self._temporaries}"
        self.kinds[name] = (shape, False)
        return name

    def _bases(self, *names: str) -> tuple[str, ...]:
        return tuple(self.base.get(n, n) for n in names)

    def record(self, item: Node, name: str | None, args: Sequence[str], inplace: bool) -> str:
        """A new result: its name, and which operands it may overwrite."""
        target = self._result(name, item.shape)
        boolean = item.boolean
        self.kinds[target] = (item.shape, boolean)
        shown = {self.base[a] for a in args if a in self.base}
        own = tuple(a for a in args if a not in self.base and a not in shown) if inplace else ()
        shape = None if target in self.given else item.shape
        self.ops.append(Op(target, self._bases(*args), own, shape, boolean))
        return target

    def _centred(self, item: Node) -> str:
        """a - max a where any shift will do: none, as long as no exponential can be extreme."""
        of = self.array(item.args[0])
        dot = self.method(self.flat(of), "dot")
        self.line(f"if not {dot}({self.flat(of)}) < {CALM}:")
        here = len(self.lines)
        top = self.array(item.args[1])
        self.ops.append(Op(of, self._bases(of, top)))
        self.line(f"{self.bind('subtract', 'np.subtract')}({of}, {top}, {of})")
        self.lines[here:] = ["    " + line for line in self.lines[here:]]
        return of

    def _elementwise(self, item: Node, name: str | None) -> str:
        if item in self.free_shifts and not self.base.get(self.array(item.args[0])):
            return self._centred(item)
        if not item.shape:
            return self.constant("", Printer({}).inside(item))
        args = [self.array(a) for a in item.args]
        target = self.record(item, name, args, inplace=True)
        function = UFUNC.get(item.op, item.op)
        bound = self.bind(function, f"np.{function}")
        out = f"out={target}" if function in ("maximum", "minimum") else target
        self.line(f"{bound}({', '.join([*args, out])})")
        return target

    def _leaf(self, item: Node, name: str | None) -> str:
        return str(item.detail)

    def _number(self, item: Node, name: str | None) -> str:
        value = value_of(item)
        assert value is not None
        return self.constant(literal(value), literal(value))

    def _scalar(self, item: Node, name: str | None) -> str:
        return self.constant(str(item.detail), str(item.detail))

    def _constant(self, item: Node, name: str | None) -> str:
        return self.constant(str(item.detail), CONSTANTS[str(item.detail)])

    def constant(self, key: str, value: str) -> str:
        """A number as an array without axes: quicker than a Python number."""
        text = f"np.array({value}, dtype)"
        known = next((n for n, v in self._names.items() if v == text), None)
        count = sum(n.startswith("number") for n in self._names)
        return self.bind(known or f"number{count + 1}", text)

    def ones(self, shape: Shape) -> str:
        """An array of ones."""
        sizes = ", ".join("n" if s == "N" else str(s) for s in shape)
        stem = "ones_" + "_".join("n" if s == "N" else str(s) for s in shape)
        return self.bind(stem, f"np.ones(({sizes},), dtype)")

    def _zeros(self, item: Node, name: str | None) -> str:
        sizes = ", ".join("n" if s == "N" else str(s) for s in item.shape)
        stem = "zeros_" + "_".join("n" if s == "N" else str(s) for s in item.shape)
        return self.bind(stem, f"np.zeros(({sizes},), dtype)")

    def _ones(self, item: Node, name: str | None) -> str:
        return self.ones(item.shape)

    def view(self, of: str, suffix: str, text: str) -> str:
        """A view: bound beforehand, except one of an argument of the step."""
        made = f"{of}_{suffix}"
        if of in GIVEN:
            if f"{made} = {of}{text}" not in self.lines:
                self.lines.append(f"{made} = {of}{text}")
        else:
            self.bind(made, f"{of}{text}")
        self.base[made] = self.base.get(of, of)
        return made

    def _transpose(self, item: Node, name: str | None) -> str:
        of = self.array(item.args[0])
        if item.detail == (1, 0):
            return self.view(of, "T", ".T")
        assert isinstance(item.detail, tuple)
        return self.view(of, "T" + "".join(map(str, item.detail)), f".transpose{item.detail}")

    def _row_sums(self, item: Node, rows: Node) -> str:
        """The sum of each row in every place of it: a product with a square of ones."""
        size = rows.shape[1]
        of = self.array(rows)
        target = self.record(node("rows", shape=rows.shape), None, (of,), inplace=False)
        square = self.bind(f"square_{size}", f"np.ones(({size}, {size}), dtype)")
        self.line(f"{self.method(of, 'dot')}({square}, {target})")
        self.known[item.args[0]] = self.view(target, "column", "[:, 0]")
        return target

    def _expand(self, item: Node, name: str | None) -> str:
        assert isinstance(item.detail, tuple)
        (arg,) = item.args
        if arg.op == "sum" and arg.detail == item.detail == (1,) and arg not in self.known:
            size = arg.args[0].shape[1]
            if arg.args[0].rank == 2 and isinstance(size, int) and size <= SHORT_ROW:
                return self._row_sums(item, arg.args[0])
        places = ", ".join("None" if k in item.detail else ":" for k in range(item.rank))
        suffix = "x" + "".join(map(str, item.detail))
        return self.view(self.array(item.args[0]), suffix, f"[{places}]")

    def flat(self, name: str) -> str:
        """The array as one row."""
        return self.view(name, "flat", ".ravel()")

    def method(self, name: str, method: str) -> str:
        """A method of an array, bound beforehand where the array is there beforehand."""
        if name in GIVEN or self.base.get(name) in GIVEN:
            return f"{name}.{method}"
        return self.bind(f"{name}_{method}", f"{name}.{method}")

    def _matmul(self, item: Node, name: str | None) -> str:
        left, right = (self.array(a) for a in item.args)
        target = self.record(item, name, (left, right), inplace=False)
        if max(a.rank for a in item.args) > 2:
            self.line(f"{self.bind('matmul', 'np.matmul')}({left}, {right}, {target})")
        else:
            self.line(f"{self.method(left, 'dot')}({right}, {target})")
        return target

    def _sum(self, item: Node, name: str | None) -> str:
        """A sum over rows or columns is a product with ones."""
        (arg,) = item.args
        assert isinstance(item.detail, tuple)
        of = self.array(arg)
        target = self.record(item, name, (of,), inplace=False)
        if arg.rank == 2 and item.detail == (0,):
            ones = self.ones((arg.shape[0],))
            self.line(f"{self.method(ones, 'dot')}({of}, {target})")
        elif arg.rank == 2 and item.detail == (1,):
            self.line(f"{self.method(of, 'dot')}({self.ones((arg.shape[1],))}, {target})")
        else:
            reduce = self.bind("add_reduce", "np.add.reduce")
            self.line(f"{reduce}({of}, {item.detail}, None, {target})")
        return target

    def _power(self, item: Node, name: str | None) -> str:
        of, exponent = self.array(item.args[0]), item.detail
        assert isinstance(exponent, Fraction)
        number = self.constant(literal(exponent), literal(exponent))
        target = self.record(item, name, (of,), inplace=True)
        self.line(f"{self.bind('power', 'np.power')}({of}, {number}, {target})")
        return target

    def _extremum(self, item: Node, name: str | None) -> str:
        of = self.array(item.args[0])
        target = self.record(item, name, (of,), inplace=False)
        reduce = self.bind(f"{item.op}imum_reduce", f"np.{item.op}imum.reduce")
        self.line(f"{reduce}({of}, {item.detail}, None, {target})")
        return target

    def _where(self, item: Node, name: str | None) -> str:
        """A choice: first the value for the condition that fails, then the other over it."""
        truth, yes, no = (self.array(a) for a in item.args)
        target = self.record(item, name, (truth, yes, no), inplace=False)
        copy = self.bind("copyto", "np.copyto")
        self.line(f"{copy}({target}, {no})")
        self.line(f"{copy}({target}, {yes}, where={truth})")
        return target

    def _other(self, item: Node, name: str | None) -> str:
        """Anything else, by its plain form."""
        args = {a: self.array(a) for a in item.args}
        target = self.record(item, name, tuple(args.values()), inplace=False)
        self.line(f"{target}[...] = {Printer(args).inside(item)}")
        return target

    # ------------------------------------------------------------------ numbers

    def scalar(self, item: Node) -> str:
        """An expression without axes as Python arithmetic on the results of dot products."""
        if (value := value_of(item)) is not None:
            return literal(value)
        if item.op == "size":
            return "n"
        if item.op in SCALAR:
            left, right = (self.scalar(a) for a in item.args)
            return f"({left} {SCALAR[item.op]} {right})"
        if item.op == "neg":
            return f"-{self.scalar(item.args[0])}"
        assert item.op == "sum", f"a number made by {item.op}"
        program = self.plan.program
        target = array(str(program.target), ("N", *program.shapes[program.target]))
        (arg,) = item.args
        return self._combination(total(arg, target, arg.shape, program.sum_to_one))

    def _combination(self, parts: Linear) -> str:
        terms = []
        for item, c in parts.items():
            text = self._part(item)
            terms.append(text if c == 1 else f"-{text}" if c == -1 else f"{literal(c)} * {text}")
        return f"({' + '.join(terms).replace('+ -', '- ')})" if terms else "0.0"

    def _part(self, item: Node) -> str:
        """One of the numbers into which `total` splits a sum."""
        if item.op == "dot*":
            left, right = (self.flat_or_ones(a) for a in item.args)
            self.ops.append(Op("loss", self._bases(left, right)))
            name = f"sum{sum(' = ' in line and line.startswith('sum') for line in self.lines) + 1}"
            self.line(f"{name} = {self.method(left, 'dot')}({right})")
            return name
        if item.op == "mul":
            value = " * ".join(self._part(a) for a in item.args)
            return self.bind(
                f"constant{sum(n.startswith('constant') for n in self._names) + 1}", value
            )
        if item.op == "count":
            assert isinstance(item.detail, tuple)
            return " * ".join("n" if s == "N" else str(s) for s in item.detail)
        if item.op == "constant":
            return self.bind(str(item.detail), CONSTANTS[str(item.detail)])
        return self.scalar(item) if item.op == "sum" else Printer({}).text(item, PRODUCT)

    def flat_or_ones(self, item: Node) -> str:
        """An operand of a dot product over whole arrays."""
        if item.op == "ones":
            size = " * ".join("n" if s == "N" else str(s) for s in item.shape)
            stem = "ones_" + "x".join("n" if s == "N" else str(s) for s in item.shape)
            return self.bind(stem, f"np.ones({size}, dtype)")
        name = self.array(item)
        return name if item.rank == 1 else self.flat(name)


CALM = 900  # the sum of all squares below which no entry exceeds 30
SHORT_ROW = 16  # up to which a product with ones is quicker than a broadcast
SCALAR = {"add": "+", "sub": "-", "mul": "*", "div": "/"}
CONSTANTS = {"pi": "np.pi", "log2": "float(np.log(2.0))"}
ARRAYS: dict[str, Callable[[Calls, Node, str | None], str]] = {
    "array": Calls._leaf,
    "number": Calls._number,
    "scalar": Calls._scalar,
    "constant": Calls._constant,
    "ones": Calls._ones,
    "zeros": Calls._zeros,
    "transpose": Calls._transpose,
    "expand": Calls._expand,
    "matmul": Calls._matmul,
    "sum": Calls._sum,
    "max": Calls._extremum,
    "min": Calls._extremum,
    "where": Calls._where,
    **dict.fromkeys(
        ("tensordot", "einsum", "eye", "arange", "diagonal", "take", "squeeze", "argmax", "argmin"),
        Calls._other,
    ),
    "power": Calls._power,
}
assert set(UFUNC) >= COMPARISONS
