"""The same quantities by fewer NumPy calls: what the Trainer computes in place of the plain forms.

Every rule is an identity; a rule that rounds differently stays within a few units of eps of the
largest term.  Sums over a whole array are linear, so that a loss that is linear in the targets
becomes a handful of dot products.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction

from codegen.emitting.kernels import erfc_coefficients
from codegen.lowering.nodes import Node, node, number, real, remade, ufunc, value_of, walk
from codegen.stability.exposed import exposed

HALF = Fraction(1, 2)


def faster(root: Node, exact: bool = False, everywhere: bool = False) -> Node:
    """The expression after the rules, arguments first.

    A rule that is right to eps only is not used where relative errors count, see `exposed`; `exact`
    says that they count for the whole, `everywhere` that they count for every part of it.
    """
    made: dict[Node, Node] = {}
    small = frozenset(walk(root)) if everywhere else exposed(root, exact)
    for item in walk(root):
        rules = EXACT if item in small else RULES
        made[item] = _simpler(remade(item, tuple(made[a] for a in item.args)), rules)
    return made[root]


def _simpler(item: Node, rules: Sequence[Rule]) -> Node:
    for rule in rules:
        found = rule(item)
        if found is not None:
            return found
    return item


def _half_tanh(arg: Node) -> Node:
    return ufunc("tanh", ufunc("mul", number(HALF), arg))


def _sigmoid(item: Node) -> Node | None:
    """sigmoid(a) = 1/2 + tanh(a/2)/2."""
    if item.op != "sigmoid":
        return None
    (arg,) = item.args
    if arg.op == "neg":  # sigmoid(-a) = 1/2 - tanh(a/2)/2
        half = ufunc("mul", number(HALF), _half_tanh(arg.args[0]))
        return ufunc("sub", number(HALF), half)
    half = ufunc("mul", number(HALF), _half_tanh(arg))
    return ufunc("add", half, number(HALF))


def _softplus(item: Node) -> Node | None:
    """softplus(a) = max(a, 0) + log(2) - log(1 + |tanh(a/2)|), softplus(-a) = softplus(a) - a."""
    if item.op != "softplus":
        return None
    (arg,) = item.args
    if arg.op == "neg":
        positive = _softplus(ufunc("softplus", arg.args[0]))
        assert positive is not None
        return ufunc("sub", positive, arg.args[0])
    small = ufunc("log1p", ufunc("absolute", _half_tanh(arg)))
    top = ufunc("maximum", arg, number(0))
    return ufunc("sub", ufunc("add", top, node("constant", detail="log2")), small)


def _small_decay(arg: Node) -> Node:
    return ufunc("exp", ufunc("neg", ufunc("absolute", arg)))


def _exact_sigmoid(item: Node) -> Node | None:
    """sigmoid(a) = exp(min(a, 0)) / (1 + exp(-|a|)), to the last digits also where it is small."""
    if item.op != "sigmoid":
        return None
    (arg,) = item.args
    above = ufunc("exp", ufunc("minimum", arg, number(0)))
    return ufunc("div", above, ufunc("add", _small_decay(arg), number(1)))


def _exact_softplus(item: Node) -> Node | None:
    """softplus(a) = max(a, 0) + log(1 + exp(-|a|)), to the last digits also where it is small."""
    if item.op != "softplus":
        return None
    (arg,) = item.args
    return ufunc("add", ufunc("maximum", arg, number(0)), ufunc("log1p", _small_decay(arg)))


def _decay(item: Node) -> Node | None:
    """exp(-|a|)."""
    return _small_decay(item.args[0]) if item.op == "decay" else None


def _erfc(item: Node) -> Node | None:
    """erfc(a) by the polynomial of the kernel, written out."""
    if item.op == "erf":  # erf(a) = 1 - erfc(a)
        rest = _erfc(ufunc("erfc", item.args[0]))
        return None if rest is None else ufunc("sub", number(1), rest)
    if item.op != "erfc":
        return None
    (arg,) = item.args
    k, (first, *others) = erfc_coefficients()
    z = ufunc("minimum", ufunc("absolute", arg), number(40))
    far = ufunc("add", z, number(Fraction(k)))
    t = ufunc("div", ufunc("sub", z, number(Fraction(k))), far)
    value = number(Fraction(first))
    for c in others:
        value = ufunc("add", ufunc("mul", value, t), number(Fraction(c)))
    decay = ufunc("exp", ufunc("mul", ufunc("neg", z), z))
    tail = ufunc("div", ufunc("mul", value, decay), far)
    return ufunc("where", ufunc("<", arg, number(0)), ufunc("sub", number(2), tail), tail)


def _square(item: Node) -> Node | None:
    """a**2 = a*a, a**3 = a*a*a."""
    if item.op != "power" or item.detail not in (Fraction(2), Fraction(3)):
        return None
    (arg,) = item.args
    square = ufunc("mul", arg, arg)
    return square if item.detail == 2 else ufunc("mul", square, arg)


def _leaky(item: Node) -> Node | None:
    """a where a > 0, else c*a, is max(a, c*a) for 0 <= c <= 1."""
    if item.op != "where":
        return None
    truth, yes, no = item.args
    if truth.op != ">" or value_of(truth.args[1]) != 0 or truth.args[0] is not yes:
        return None
    if no.op == "mul" and no.args[1] is yes:
        slope = value_of(no.args[0])
        if slope is not None and 0 <= slope <= 1:
            return ufunc("maximum", yes, no)
    return None


def _even(item: Node) -> Node | None:
    """|-a| = |a|."""
    if item.op == "absolute" and item.args[0].op == "neg":
        return ufunc("absolute", item.args[0].args[0])
    return None


def _division(item: Node) -> Node | None:
    """Division by a number as multiplication by its inverse."""
    if item.op == "div" and item.args[0].shape and (value := value_of(item.args[1])):
        return ufunc("mul", item.args[0], number(1 / value))
    return None


Rule = Callable[[Node], Node | None]

_EVERYWHERE: tuple[Rule, ...] = (_decay, _erfc, _square, _leaky, _even, _division)
RULES: tuple[Rule, ...] = (_sigmoid, _softplus, *_EVERYWHERE)
EXACT: tuple[Rule, ...] = (_exact_sigmoid, _exact_softplus, *_EVERYWHERE)


# ------------------------------------------------------------------ sums over a whole array

Linear = dict[Node, Fraction]  # scalars and what they are multiplied by


def total(item: Node, target: Node, full: tuple[int | str, ...], ones: bool) -> Linear:
    """The sum over all entries of `item`, broadcast to `full`, as a combination of scalars.

    `ones` says that the targets of each sample sum to 1.
    """
    if not item.shape:  # a number, once for every entry
        count = node("count", detail=full)
        return {ufunc("mul", item, count): Fraction(1)}
    if item.op in ("add", "sub"):
        sign = Fraction(1 if item.op == "add" else -1)
        left = total(item.args[0], target, full, ones)
        return _plus(left, total(item.args[1], target, full, ones), sign)
    if item.op == "neg":
        return _plus({}, total(item.args[0], target, full, ones), Fraction(-1))
    if item.op == "mul":
        return _product(item, target, full, ones)
    if item.op == "sum" and item.rank and item.args[0].shape:
        return total(item.args[0], target, item.args[0].shape, ones)
    if item.shape != full:
        whole = ufunc("add", item, node("zeros", detail=full, shape=full))
        return {node("dot*", whole, node("ones", detail=full, shape=full)): Fraction(1)}
    return {node("dot*", item, node("ones", detail=full, shape=full)): Fraction(1)}


def _product(item: Node, target: Node, full: tuple[int | str, ...], ones: bool) -> Linear:
    """A product with a number, with something linear in the targets, or of two whole arrays."""
    left, right = item.args
    if (value := value_of(left)) is not None:
        return _plus({}, total(right, target, full, ones), value)
    if left.op in ("add", "sub") and _linear_in(left, target):
        parts = (ufunc("mul", part, right) for part in left.args)
        sign = Fraction(1 if left.op == "add" else -1)
        first, second = (total(part, target, full, ones) for part in parts)
        return _plus(first, second, sign)
    if left is target and right.op in ("add", "sub") and not _centred(right):
        sign = Fraction(1 if right.op == "add" else -1)
        parts = (ufunc("mul", left, part) for part in right.args)
        first, second = (total(part, target, full, ones) for part in parts)
        return _plus(first, second, sign)
    if left is target and right.op == "expand" and ones and right.detail == (1,):
        return total(right.args[0], target, right.args[0].shape, ones)
    if left.shape == right.shape == full and not (left.boolean or right.boolean):
        return {node("dot*", left, right): Fraction(1)}
    return {node("dot*", real(item), node("ones", detail=full, shape=full)): Fraction(1)}


def _centred(item: Node) -> bool:
    """a - max a, in which the subtraction is what keeps the sum accurate."""
    right = item.args[1]
    return right.op == "expand" and right.args[0].op in ("max", "min")


def _linear_in(item: Node, target: Node) -> bool:
    """Whether the sum is made of the targets and numbers."""
    return all(a is target or not a.shape for a in item.args) and target in item.args


def _plus(a: Linear, b: Linear, factor: Fraction) -> Linear:
    result = dict(a)
    for item, c in b.items():
        result[item] = result.get(item, Fraction(0)) + factor * c
    return {item: c for item, c in result.items() if c}
