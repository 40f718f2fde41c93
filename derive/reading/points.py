"""Functions and derivatives at points: bars with a value below, compositions, differentials."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace

from derive.algebra.symbols import Label
from derive.reading.cursor import Cursor
from derive.reading.fences import Fences
from derive.reading.functions import INDEX_LETTERS, UNKNOWN_FUNCTIONS
from derive.reading.labels import fenced, split
from derive.reading.latex_tokens import Unreadable
from derive.reading.tree import (
    Applied,
    Derivative,
    Differential,
    Entry,
    Function,
    Letter,
    Minus,
    Nabla,
    Node,
    Num,
    Plus,
    Power,
    Times,
    Transposed,
    rebuilt,
    walk,
)
from derive.reading.words import RELATIONS
from derive.writing.signs import Sign


class Points(Fences):
    """Reads what is taken at a point."""

    # ---------------------------------------------------------------- bars

    def at_point(self, c: Cursor, made: Node) -> Node:
        r"""What stands before a bar, at the point below it: \frac{d\sigma}{dz}|_{z=0}.

        Where the point is that of the network, the same quantity on both sides, it says nothing.
        """
        c.next()
        c.next()
        inside = c.argument()
        first = inside.peek()
        sides = [self.expression(part) for part in split(inside, "=")]
        relation = next((t for t in inside.tokens if t.text in RELATIONS and t.text != "="), None)
        if len(sides) > 2 or relation is not None:
            raise c.wrong('"=" and a value, behind the bar', relation or first)
        variable, point = sides[0], sides[-1]
        if len(sides) == 1 and isinstance(made, Derivative):
            variable = made.by[0]
        if isinstance(variable, Entry) and isinstance(point, Entry) and variable.role == point.role:
            return made
        moved = _at(made, variable, point) if variable is not point else None
        if moved is None:
            raise c.wrong("the point of the network, or one at which a function is taken", first)
        return moved

    # ---------------------------------------------------------------- compositions

    def is_composition(self, made: Node) -> bool:
        """Whether functions without arguments stand there with circles between them."""
        return (
            isinstance(made, Times)
            and set(made.signs) == {"circ"}
            and all(_function(arg) is not None for arg in made.args)
        )

    def composition(self, factors: list[Node], signs: list[str]) -> Node | None:
        """f o g (x) as f(g(x)); None where it is something else."""
        last = factors[-1]
        functions = [_function(factor) for factor in factors[:-1]]
        applied = isinstance(last, Applied) and bool(last.args) and not last.order
        if set(signs) != {"circ"} or not applied or not all(functions):
            return None
        made = last
        for function in functions[::-1]:
            assert function is not None
            made = Applied(function, (made,), span=last.span)
        return made

    def composed(self, c: Cursor, made: Node, start: int) -> Node:
        """(f o g)(x) as f(g(x)), and (f o g)'(x) as its derivative by x."""
        assert isinstance(made, Times)
        order = 0
        while c.take("'"):
            order += 1
        here = c.peek()
        args = self.arguments(c) if here.text == "(" else None
        if args is None:
            raise c.wrong("the argument of the composition in parentheses", here)
        span = (start, c.last_end)
        inner: tuple[Node, ...] = args
        for arg in made.args[::-1]:
            function = _function(arg)
            assert function is not None
            inner = (Applied(function, inner, span=span),)
        if not order:
            return inner[0]
        if len(args) != 1 or not isinstance(args[0], Entry | Letter):
            raise c.wrong("a symbol as the argument, by which the derivative is taken", here)
        return Derivative(inner[0], args * order, span=span)

    # ---------------------------------------------------------------- primes

    def primed(self, c: Cursor, made: Node, span: tuple[int, int]) -> Node:
        """A prime behind parentheses: the derivative of a function, else the transpose."""
        if isinstance(made, Applied) and not made.args:
            return replace(made, order=made.order + 1, span=span)
        function = self._of_layer(made)
        if function is not None:
            return Applied(function, (), 1, span=span)
        parts = list(walk(made))
        named = any(isinstance(p, Letter) and p.name in UNKNOWN_FUNCTIONS for p in parts)
        applied = any(isinstance(p, Applied) and p.args for p in parts)
        symbols = {p for p in parts if isinstance(p, Letter | Entry)}
        if applied and len(symbols) == 1 and _is_number(by := symbols.pop()):
            return Derivative(made, (by,), span=span)
        if named:
            raise c.wrong("a derivative by a variable that it names", c.tokens[c.place - 1])
        return Transposed(made, span=span)

    def _of_layer(self, made: Node) -> Function | None:
        """A letter for functions with a layer above it, as in (f^l)'."""
        if not isinstance(made, Power) or not isinstance(made.base, Letter):
            return None
        if made.base.name not in UNKNOWN_FUNCTIONS:
            return None
        match made.exponent:
            case Num(value=value) if value.denominator == 1:
                label = Label(int(value))
            case Letter(name=name) if name in self.scope.layer_letters:
                label = Label(0, self.scope.layer_letters[name])
            case Plus(args=(Letter(name=name), Minus(arg=Num(value=value)))):
                label = Label(-int(value), self.scope.layer_letters.get(name, ""))
            case Plus(args=(Letter(name=name), Num(value=value))):
                label = Label(int(value), self.scope.layer_letters.get(name, ""))
            case _:
                return None
        return Function("", True, label, span=made.span)

    # ---------------------------------------------------------------- differentials

    def differential_of(self, c: Cursor) -> Node | None:
        r"""dL, dz, \mathrm{d}W, where no sheet says that it is a derivative; None elsewhere."""
        first, behind = c.peek(), c.peek(1)
        if first.text != "d" or self.scope.own.differentials or self._is_known(Sign("d")):
            return None
        upright = first.end - first.start > 1
        if not (upright or behind.start == first.end) or not self._is_quantity(c, upright):
            return None
        c.next()
        arg = self.factor(c)
        return Differential(arg, span=(first.start, c.last_end))

    def beside_colon(self, c: Cursor, before: Node) -> Node | None:
        """The factor behind the colon of an inner product, G : dW; None where it is none."""
        ahead = c.fork()
        ahead.next()
        if ahead.done or not self.starts(ahead):
            return None
        with suppress(Unreadable):
            other = self.factor(ahead)
            if any(isinstance(part, Differential) for n in (before, other) for part in walk(n)):
                c.place = ahead.place
                return other
        return None

    def _is_known(self, sign: Sign) -> bool:
        """Whether the letter has a meaning of its own."""
        bound = (sign, "") in self.scope.own.signs
        return bound or bool(self.scope.meanings(sign)) or sign.letter in self.scope.size_names

    def _is_quantity(self, c: Cursor, upright: bool) -> bool:
        """Whether a name stands behind the sign, or an expression behind an upright one."""
        ahead = c.fork()
        ahead.next()
        behind = ahead.peek()
        if behind.text.startswith(r"\operatorname"):
            return upright
        if behind.text == "(":  # no number d times another one with d: d(d - 1)
            return upright or all(t.text != "d" for t in fenced(ahead, "(", ")").tokens)
        name = self.name(ahead)
        return name is not None and name.sign.style != "text" and behind.text not in INDEX_LETTERS


def _is_number(node: Letter | Entry) -> bool:
    """Whether a symbol is a number by itself: no entry, and of no layer."""
    if isinstance(node, Letter):
        return True
    alone = node.label is None and not node.places and node.sample is None
    return alone and (node.form == "entry" or node.role == "input")


def _at(made: Node, variable: Node, point: Node) -> Node | None:
    """The function or its derivative at the point; None where it cannot be told."""
    if isinstance(made, Derivative) and all(by == variable for by in made.by):
        of = made.of
        if isinstance(of, Applied) and of.args == (variable,):
            return replace(of, args=(point,), order=of.order + len(made.by))
        return None
    parts = list(walk(made))
    if variable not in parts or any(isinstance(p, Derivative | Nabla | Transposed) for p in parts):
        return None

    def visit(node: Node) -> Node:
        return point if node == variable else rebuilt(node, visit)

    return visit(made)


def _function(node: Node) -> Function | None:
    """The function that stands there by its sign alone."""
    if isinstance(node, Applied) and not node.args and not node.order:
        return node.function
    if isinstance(node, Letter) and node.name in UNKNOWN_FUNCTIONS:
        return Function(node.name, span=node.span)
    return None
