"""Reads the formulas of activations and losses into terms, in the order in which they are written.

`sigmoid`, `softplus`, `relu`, `abs`, `max` and `min` stay calls here; what they mean is said once,
in `primitives`.  The index equations of a user's own layer are read by `written`, on this base.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from fractions import Fraction
from functools import lru_cache

from derive.algebra.points import Point, random_point
from derive.algebra.terms import (
    ONE,
    Compare,
    Condition,
    Const,
    Num,
    Piecewise,
    Pow,
    Term,
    add,
    call,
    exp,
    mul,
    number,
    power,
)
from derive.errors import SpecError, listed, nearest, shown
from derive.formulas import bounds
from derive.formulas.grammar import (
    Binary,
    Entry,
    Group,
    Invocation,
    Name,
    Negation,
    Number,
    Relation,
    Tree,
    read_tree,
)
from derive.formulas.tokens import fault

ONE_ARGUMENT = (
    *("exp", "log", "sin", "cos", "tan", "asin", "acos", "atan"),
    *("sinh", "cosh", "tanh", "erf", "sigmoid", "softplus", "relu"),
)
FUNCTIONS = (*ONE_ARGUMENT, "sqrt", "abs", "Abs", "max", "Max", "min", "Min", "Piecewise")
MOST_PARTS = 4000
_ADVICE = {
    **{word: "write log" for word in ("ln", "log10", "log2", "log1p")},
    **{word: f"write a{word[3:]}" for word in ("arcsin", "arccos", "arctan")},
    **{word: "write a power with **" for word in ("pow", "power", "square")},
    **{
        word: "it jumps, so it has no derivative to propagate"
        for word in ("floor", "ceil", "ceiling", "round", "sign", "Heaviside", "step", "int")
    },
    "expm1": "write exp(...) - 1",
    "logistic": "write sigmoid",
    "where": "write Piecewise((value, condition), (other, True))",
    "E": "write exp(1)",
    "e": "write exp(1)",
    "Pi": "write pi",
    "oo": "there is no infinity in a formula",
    "inf": "there is no infinity in a formula",
    "nan": "every value in a formula is a number",
    "I": "a formula is real",
}


def read_formula(
    text: object,
    names: Mapping[str, Term],
    where: str = "formula",
    advice: Mapping[str, str] | None = None,
) -> Term:
    """The term that a scalar formula writes over the given names.

    >>> from derive.algebra.terms import Tensor, ref
    >>> read_formula("0.5*s**2", {"s": ref(Tensor("s", "preactivation"))}).args[0].value
    Fraction(1, 2)
    """
    try:
        return Reader(names, advice).whole(read_tree(text))
    except SpecError as error:
        raise (error.under(where) if where else error) from None


def _points() -> list[Point]:
    """Where formulas are tried."""
    return [random_point(seed) for seed in range(36)]


@lru_cache(maxsize=512)
def _check_values(term: Term) -> None:
    """Refuse a term without values; once for each, since many networks have the same ones."""
    bounds.check_values(term, _points())


class Reader:
    """Turns a tree into a term, and refuses what is not a real, continuous formula."""

    def __init__(self, names: Mapping[str, Term], advice: Mapping[str, str] | None = None) -> None:
        """`names` are the symbols; `advice` says what to do about words known elsewhere."""
        self.names = names
        self.advice = {**_ADVICE, **(advice or {})}
        self.points = _points()  # not shared: they count what is asked of them
        self._degrees: dict[Term, int] = {}
        self._parts = 0

    def whole(self, tree: Tree) -> Term:
        """The term of a complete right side."""
        term = self.term(tree)
        try:
            _check_values(term)
        except SpecError as error:
            raise SpecError(f"the formula {error}") from None
        return term

    def counted(self, tree: Tree, parts: int) -> None:
        """Refuse a formula of too many parts."""
        self._parts += parts
        if self._parts > MOST_PARTS:
            raise fault(tree, "the formula is too long when its softmax is written out")

    def term(self, tree: Tree) -> Term:
        """The term of a subtree, within the bounds."""
        self.counted(tree, 1)
        made = self._made(tree)
        if bounds.degree(made, self._degrees) > bounds.HIGHEST_DEGREE:
            raise fault(tree, f"the degree is above {bounds.HIGHEST_DEGREE}")
        if bounds.too_long(made):
            raise fault(tree, f"a constant has more than {bounds.MOST_DIGITS} digits")
        return made

    def _made(self, tree: Tree) -> Term:
        match tree:
            case Number():
                return Num(tree.value)
            case Name():
                return self.name(tree)
            case Entry():
                return self.entry(tree)
            case Negation():
                return mul(-1, self.term(tree.operand))
            case Binary(op="**"):
                return self.power(tree)
            case Binary(op="+" | "-"):
                return self.sum(tree)
            case Binary():
                return self.product(tree)
            case Invocation():
                return self.invocation(tree)
            case Relation():
                raise fault(tree, f'found "{tree.op}"; a condition stands only in Piecewise')
            case Group():
                raise fault(tree, "found a list in parentheses, which only Piecewise takes")
        raise TypeError(f"no term for {type(tree).__name__}")

    def name(self, tree: Name) -> Term:
        """The term of a bare name."""
        if tree.name in self.names:
            return self.names[tree.name]
        if tree.name == "pi":
            return Const("pi")
        if tree.name in FUNCTIONS:
            raise fault(tree, f"{tree.name} takes an argument: write {tree.name}(...)")
        raise self.unknown(tree, "symbol", [*self.names, "pi"], FUNCTIONS)

    def entry(self, tree: Entry) -> Term:
        """The term of name[...], which has no meaning in a scalar formula."""
        raise fault(tree, f"found {tree.name}[...]; this formula is about single numbers")

    def sum(self, tree: Binary) -> Term:
        """a + b - c, read along the chain without recursion."""
        parts = []
        for op, part in _chain(tree, "+-"):
            term = self.term(part)
            parts.append(mul(-1, term) if op == "-" else term)
        return add(*parts)

    def product(self, tree: Binary) -> Term:
        """a * b / c, read along the chain without recursion."""
        parts = []
        for op, part in _chain(tree, "*/"):
            term = self.term(part)
            parts.append(power(self.divisor(part, term), -1) if op == "/" else term)
        return mul(*parts)

    def divisor(self, tree: Tree, term: Term) -> Term:
        """The term, if one can divide by it."""
        if number(term) == 0:
            raise fault(tree, "divides by zero")
        if bounds.vanishes(term, self.points):
            raise fault(tree, "divides by an expression that is zero everywhere")
        return term

    def power(self, tree: Binary) -> Term:
        """base ** exponent: rational powers, and exp(s*log(c)) for a constant c above 0."""
        base, exponent = self.term(tree.left), self.term(tree.right)
        value = number(exponent)
        if value is None:
            return self._exponential(tree, base, exponent)
        limit = bounds.HIGHEST_EXPONENT
        if abs(value) > limit or value.denominator > 10**6:
            raise fault(
                tree.right,
                f"found the exponent {shown(value)}, expected one from -{limit} to {limit}",
            )
        if value < 0:
            self.divisor(tree.left, base)
        inner = base.exponent if isinstance(base, Pow) else 1
        if bounds.degree(base, self._degrees) * abs(value) > bounds.HIGHEST_DEGREE or (
            abs(inner * value) > bounds.HIGHEST_DEGREE
        ):
            raise fault(tree, f"the degree is above {bounds.HIGHEST_DEGREE}")
        return self.real(tree, power(base, value))

    def _exponential(self, tree: Binary, base: Term, exponent: Term) -> Term:
        if not bounds.is_constant(base):
            if bounds.is_constant(exponent):
                raise fault(tree.right, "the exponent must be a rational number")
            raise fault(tree, "base and exponent both vary; write exp(b*log(a)) for a**b")
        value = bounds.constant_value(base)
        if value is None or value <= 0:
            raise fault(tree.left, "only a constant above 0 can be raised to a varying power")
        logarithm = Num(Fraction(0)) if base is ONE else call("log", base)
        return exp(mul(exponent, logarithm))

    def real(self, tree: Tree, term: Term) -> Term:
        """The term, if it varies or is a finite real constant."""
        if bounds.is_constant(term) and bounds.constant_value(term) is None:
            raise fault(tree, "this constant is complex, infinite or undefined")
        return term

    def invocation(self, tree: Invocation) -> Term:
        """The term of function(argument, ...)."""
        name = tree.name
        if name in ONE_ARGUMENT:
            return self.real(tree, call(name, *self.arguments(tree, 1, 1)))
        match name:
            case "sqrt":
                return self.real(tree, power(self.arguments(tree, 1, 1)[0], Fraction(1, 2)))
            case "abs" | "Abs":
                return call("abs", *self.arguments(tree, 1, 1))
            case "max" | "Max" | "min" | "Min":
                return call(name.lower(), *self.arguments(tree, 2, 20))
            case "Piecewise":
                return self.piecewise(tree)
        if name in self.names:
            raise fault(tree, f"{name} is not a function; write {name}*(...) to multiply")
        raise self.unknown(tree, "function", FUNCTIONS, [])

    def arguments(self, tree: Invocation, least: int, most: int) -> list[Term]:
        """The terms of the arguments, if their number is right."""
        found = len(tree.args)
        if not least <= found <= most:
            wanted = "1 argument" if most == 1 else f"{least} to {most} arguments"
            raise fault(tree, f"{tree.name} takes {wanted}, found {found}")
        return [self.term(arg) for arg in tree.args]

    def piecewise(self, tree: Invocation) -> Term:
        """Piecewise((e, condition), ..., (e, True)), if it does not jump."""
        if len(tree.args) > 20:
            raise fault(tree, f"found {len(tree.args)} branches, expected at most 20")
        branches = []
        for n, branch in enumerate(tree.args, 1):
            if not isinstance(branch, Group) or len(branch.items) != 2:
                raise fault(branch, "a branch of Piecewise is a pair (value, condition)")
            value, condition = branch.items
            last = n == len(tree.args)
            branches.append((self.term(value), self.condition(condition, last)))
        if len(branches) == 1:
            return branches[0][0]
        made = Piecewise(tuple(branches))
        if bounds.jumps(made) is not None:
            raise fault(
                tree, "this Piecewise jumps where its condition changes; it has no slope there"
            )
        return made

    def condition(self, tree: Tree, last: bool) -> Condition:
        """One comparison; True in the last branch and nowhere else."""
        if isinstance(tree, Name) and tree.name == "True" and last:
            return True
        if last:
            raise fault(tree, "the last condition of Piecewise must be True")
        if not isinstance(tree, Relation):
            raise fault(tree, "expected a condition with < <= > or >=")
        made = Compare(tree.op, self.term(tree.left), self.term(tree.right))
        if bounds.is_constant(made.lhs) and bounds.is_constant(made.rhs):
            raise fault(tree, "this condition is the same everywhere")
        return made

    def unknown(
        self, tree: Name | Invocation, what: str, words: Iterable[str], more: Iterable[str]
    ) -> SpecError:
        """The error of a word without a meaning here, with the nearest one that has."""
        known = list(words)
        if remedy := self.advice.get(tree.name):
            hint = remedy
        elif len(tree.name) > 1 and (near := nearest(tree.name, [*known, *more, *self.advice])):
            hint = self.advice.get(near) or f'did you mean "{near}"?'
            hint = f'did you mean "{near}"? ({hint})' if near in self.advice else hint
        else:
            shortened = [*known[:6], "..."] if len(known) > 9 else known
            hint = f"known here: {listed(shortened)}"
        return fault(tree, f"unknown {what} {shown(tree.name)}; {hint}")


def _chain(tree: Tree, ops: str) -> list[tuple[str, Tree]]:
    """The operands of a chain such as a + b - c with the sign before each, in written order."""
    found = []
    while isinstance(tree, Binary) and tree.op in ops:
        found.append((tree.op, tree.right))
        tree = tree.left
    return [("", tree), *reversed(found)]
