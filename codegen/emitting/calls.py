"""Array expressions as NumPy calls with `out`: names are bound beforehand, nothing is allocated.

A copy is `into[...] = value`, which takes half the time of `np.copyto`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from codegen.emitting.python import commented
from codegen.lowering.nodes import Node, Shape, array, node

if TYPE_CHECKING:
    from codegen.emitting.plan import Plan

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


Maker = Callable[["Calls", Node, str | None], str]


class Calls:
    """Collects the calls of a step and what must be bound before it."""

    def __init__(self, plan: Plan, parameters: Sequence[str], makers: Mapping[str, Maker]) -> None:
        """The arguments of the step and the parameters are there from the start."""
        self.makers = makers
        self.plan = plan
        self.given = {*GIVEN, *parameters, *(f"d{p}" for p in parameters)}
        self.reserved = {s.name for s in (*plan.steps, *plan.updates)} | self.given
        self.ops: list[Op] = []
        self.kinds: dict[str, tuple[object, ...]] = {}
        self.bound: list[str] = []
        self.lines: list[str] = []
        self.known: dict[Node, str] = {}
        self.base: dict[str, str] = {}  # a view and the array that it shows
        self.strided: set[str] = set()  # views whose entries do not lie one after the other
        self.spaced: set[str] = set()  # matrices with room between their rows
        self.apart: set[Node] = set()  # products that only slices of are read
        self.turned: dict[str, str] = {}  # a transpose and the matrix that it shows
        self.names: dict[str, str] = {}
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
            self.ops.append(Op(name, self.bases(found)))
        self._comment = ""

    def copy(self, into: str, item: Node) -> None:
        """The value of a named array into a part of a wider one."""
        found = self.array(item)
        self.ops.append(Op(into, self.bases(found)))
        self.line(f"{into}[...] = {found}")

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
        if self.names.setdefault(name, value) == value and f"{name} = {value}" not in self.bound:
            self.bound.append(f"{name} = {value}")
        return name

    def fresh(self, name: str) -> str:
        """The name, or with a number behind it where it is taken."""
        taken = {*self.names, *self.kinds, *self.given, *self.base, *self.reserved}
        count, found = 1, name
        while found in taken:
            count += 1
            found = f"{name}_{count}"
        return found

    # ------------------------------------------------------------------ arrays

    def array(self, item: Node, name: str | None = None) -> str:
        """The name under which the value of an array expression lies after the calls so far."""
        if item in self.known:
            return self.known[item]
        made = self.makers.get(item.op, self.makers[""])(self, item, name)
        self.known[item] = made
        return made

    def result(self, name: str | None, shape: Shape) -> str:
        """The name of a result: the given one, or that of a temporary."""
        if name is None:
            self._temporaries += 1
            while f"t{self._temporaries}" in self.reserved:
                self._temporaries += 1
            name = f"t{self._temporaries}"
        self.kinds[name] = (shape, False)
        return name

    def bases(self, *names: str) -> tuple[str, ...]:
        """The arrays that these names show."""
        return tuple(self.base.get(n, n) for n in names)

    def record(
        self,
        item: Node,
        name: str | None,
        args: Sequence[str],
        inplace: bool,
        bound: bool = False,
    ) -> str:
        """A new result: its name, and which operands it may overwrite; or its memory is bound."""
        target = self.result(name, item.shape)
        boolean = item.boolean
        self.kinds[target] = (item.shape, boolean)
        shown = {self.base[a] for a in args if a in self.base}
        own = tuple(a for a in args if a not in self.base and a not in shown) if inplace else ()
        shape = None if bound or target in self.given else item.shape
        self.ops.append(Op(target, self.bases(*args), own, shape, boolean))
        return target

    def constant(self, value: str) -> str:
        """A number as an array without axes: quicker than a Python number."""
        text = f"np.array({value}, dtype)"
        known = next((n for n, v in self.names.items() if v == text), None)
        return self.bind(known or self.counted("number"), text)

    def counted(self, stem: str) -> str:
        """The stem with the next number that no name of the network has."""
        count = 1
        while f"{stem}{count}" in self.reserved | set(self.names):
            count += 1
        return f"{stem}{count}"

    def ones(self, shape: Shape) -> str:
        """An array of ones."""
        sizes = ", ".join("n" if s == "N" else str(s) for s in shape)
        stem = "ones_" + "_".join("n" if s == "N" else str(s) for s in shape)
        return self.bind(stem, f"np.ones(({sizes},), dtype)")

    def view(self, of: str, suffix: str, text: str) -> str:
        """A view: bound beforehand, except one of an argument of the step."""
        made = f"{of}_{suffix}"
        if self.passing(of):
            if f"{made} = {of}{text}" not in self.lines:
                self.lines.append(f"{made} = {of}{text}")
        else:
            self.bind(made, f"{of}{text}")
        self.base[made] = self.base.get(of, of)
        if of in self.strided:
            self.strided.add(made)
        return made

    def passing(self, name: str) -> bool:
        """Whether the array is an argument of the step, or a view of one."""
        return self.base.get(name, name) in GIVEN

    def flat(self, name: str, shape: Shape = ()) -> str:
        """The array as one row; a view whose rows lie apart is copied."""
        if name in self.strided:
            target = self.record(node("copy", shape=shape), None, [name], inplace=False)
            self.line(f"{target}[...] = {name}")
            name = target
        return self.view(name, "flat", ".ravel()")

    def method(self, name: str, method: str) -> str:
        """A method of an array, bound beforehand where the array is there beforehand."""
        if self.passing(name):
            return f"{name}.{method}"
        return self.bind(f"{name}_{method}", f"{name}.{method}")
