"""Slips of the slope of the activation, of Jacobians, and of functions."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from derive.reading.tree import (
    Applied,
    Bracket,
    Derivative,
    Entry,
    Function,
    Minus,
    Node,
    Num,
    Plus,
    Power,
    Root,
    Times,
    Total,
)
from derive.slips.indices import put_for
from derive.slips.signs import times, without
from derive.slips.sites import Site
from derive.slips.view import ONE, TWO, UNLABELLED, View, is_number

Edits = Iterator[Node]
OUTPUTS = ("activation", "output", "input")
DROPPED = ("log", "exp", "tanh", "sigmoid")


def complement(node: Node) -> Node | None:
    """What is subtracted from 1: x for 1 - x."""
    match node:
        case Plus(args=(first, Minus(arg))) if first == ONE:
            return arg
    return None


def squared(node: Node | None) -> Node | None:
    """x for x^2."""
    match node:
        case Power(base=base, exponent=exponent) if exponent == TWO:
            return base
    return None


def is_slope(node: Node) -> bool:
    """Whether a factor is the slope of an activation by itself: phi'(s), do/ds, 1 - o^2."""
    match node:
        case Applied(order=order) if order:
            return True
        case Derivative(of=Entry(role=role), by=(Entry(role="preactivation"),)):
            return role in OUTPUTS
        case Derivative(of=Applied(function=function)):
            return function.activation
        case Bracket(members=(Entry(role=("preactivation" | "activation")), Num())):
            return True  # of relu: [s > 0]
    return squared(complement(node)) is not None


def slope_pairs(node: Times) -> Iterator[tuple[int, int, Node]]:
    """The factors x and 1 - x of a product."""
    for k, factor in enumerate(node.args):
        x = complement(factor)
        for m, other in enumerate(node.args):
            if x is not None and other == x:
                yield m, k, x


# ------------------------------------------------------------------ slopes


def slope_extra(site: Site, view: View) -> Edits:
    """a for a phi'(s): a slope too much, or one of two."""
    if isinstance(site.node, Power) and is_slope(site.node.base):
        yield site.node.base
    if isinstance(site.node, Times):
        for k in reversed(range(len(site.node.args))):
            if is_slope(site.node.args[k]) or complement(site.node.args[k]) is not None:
                yield without(site.node, k)
        for m, k, _ in slope_pairs(site.node):
            made = without(site.node, max(m, k))
            yield without(made, min(m, k)) if isinstance(made, Times) else ONE


def slope_missing(site: Site, view: View) -> Edits:
    """a phi'(s) for a."""
    inner = isinstance(site.node, Times) or not isinstance(site.parent, Times)
    whole = site.parent is None or isinstance(site.parent, Plus | Minus | Total | Times)
    if whole and inner and not isinstance(site.node, Minus) and not _is_part(site):
        arrays = view.is_array(site.node)
        forms = ("whole", "batch") if arrays else ("entry",)
        for slope in (slope for form in forms for slope in slopes(view, form)):
            sign = "odot" if arrays else ""
            summed = isinstance(site.node, Total) and not arrays  # what follows a sum is in it
            parts = (slope, site.node) if summed else (site.node, slope)
            made = times(*parts, span=site.node.span)
            if sign and isinstance(made, Times):
                made = replace(made, signs=(*made.signs[:-1], sign))
            yield made


def _is_part(site: Site) -> bool:
    """Whether the node is the whole body of a product, or a part of 1 - x."""
    return is_number(site.node) or (site.parent is not None and
                                    complement(site.parent) is not None)  # fmt: skip


def slopes(view: View, form: str) -> Edits:
    """The slopes of every unit named: phi'(s), do/ds, o (1 - o), 1 - o^2."""
    for s in view.units("preactivation", form):
        o = replace(s, role="activation")
        function = replace(view.function, label=s.label, assumed=True)
        by_name = Applied(function, (s,), 1)
        factors = Derivative(o, (s,))
        yield from (factors, by_name) if view.chains and form == "entry" else (by_name,)
        yield from polynomials(o, "odot" if form != "entry" else "")


def polynomials(o: Node, sign: str = "") -> Edits:
    """The slopes that are polynomials of the output."""
    yield Times((o, Plus((ONE, Minus(o)))), (sign,))
    yield Plus((ONE, Minus(Power(o, TWO, entrywise=bool(sign)))))


def slope_of_another_form(site: Site, view: View) -> Edits:
    """1 - o^2 for o (1 - o), phi'(s) for either, and the other way round."""
    for old, x in written_slopes(site.node):
        sign = "odot" if isinstance(x, Entry) and view.is_array(x) else ""
        forms = [*polynomials(x, sign), *_by_name(x, view)]
        yield from (in_place(site.node, old, made) for made in forms)


def part_of_a_slope(site: Site, view: View) -> Edits:
    """o (1 - o) for o, and for 1 - o."""
    parts = site.node.args if isinstance(site.node, Times) else (site.node,)
    for k, part in enumerate(parts):
        x = part if isinstance(part, Entry) and len(parts) > 1 else complement(part)
        if not isinstance(x, Entry) or x.role not in (*OUTPUTS, "own") or x.barred:
            continue
        if not any(p == x or complement(p) == x for p in parts if p is not part):
            made = next(polynomials(x, "odot" if view.is_array(x) else ""))
            yield in_place(site.node, (k,), made) if len(parts) > 1 else made


def slope_of_another_unit(site: Site, view: View) -> Edits:
    """o (1 - o) for s (1 - s), phi'(s) for phi'(o): another argument of the slope."""
    for _, x in written_slopes(site.node):
        if isinstance(x, Entry):
            for new in arguments(x, view):
                yield put_for(site.node, x, new)
    if isinstance(site.node, Applied) and site.node.order and len(site.node.args) == 1:
        (x,) = site.node.args
        for new in arguments(x, view) if isinstance(x, Entry) else ():
            function = site.node.function
            if function.assumed:
                function = replace(function, label=new.label)
            yield replace(site.node, args=(new,), function=function)


def arguments(x: Entry, view: View) -> Iterator[Entry]:
    """Other quantities of the unit that may stand in a slope."""
    for role in dict.fromkeys((x.role, "preactivation", "activation", "output")):
        for new in view.units(role, x.form):
            same = new.places == x.places and (new.label == x.label or role in UNLABELLED)
            if role != x.role and same:
                yield new


def written_slopes(node: Node) -> Iterator[tuple[tuple[int, ...], Node]]:
    """The factors of a node that make a slope, with its argument; () is the node itself."""
    if isinstance(node, Times):
        for m, k, x in slope_pairs(node):
            yield tuple(sorted((m, k))), x
    part = complement(node)
    inner = squared(part)
    if inner is not None:
        yield (), inner
    elif isinstance(part, Entry):
        yield (), part


def in_place(node: Node, old: tuple[int, ...], made: Node) -> Node:
    """The product with another slope in the place of the factors of the old one."""
    if not old or not isinstance(node, Times):
        return replace(made, span=node.span)
    rest = without(node, old[1]) if len(old) > 1 else node
    if not isinstance(rest, Times):
        return replace(made, span=node.span)
    opened = made if isinstance(made, Times) else Times((made,), ())
    k = old[0]
    args = (*rest.args[:k], *opened.args, *rest.args[k + 1 :])
    return Times(args, (*rest.signs[:k], *opened.signs, *rest.signs[k:]), span=node.span)


def _by_name(x: Node, view: View) -> Edits:
    """The slope by its name at the input of the unit."""
    if isinstance(x, Entry):
        s = replace(x, role="preactivation", label=x.label or view.scope.last)
        yield Applied(replace(view.function, label=s.label, assumed=True), (s,), 1)


def order_of_a_derivative(site: Site, view: View) -> Edits:
    """phi'(s) for phi(s), phi(s) for phi'(s)."""
    if isinstance(site.node, Applied) and site.node.args:
        name = site.node.function.name
        if name not in ("log", "exp", "softmax", "diag", "max", "min"):
            yield replace(site.node, order=1 - min(site.node.order, 1))


def other_function(site: Site, view: View) -> Edits:
    """The function of the layer, or another that the sheet names."""
    if isinstance(site.node, Applied) and site.node.args:
        named = [n.function for n in view.nodes if isinstance(n, Applied)]
        for function in dict.fromkeys((*named, Function("tanh"), Function("sigmoid"))):
            if function != site.node.function and function.name not in ("diag", "loss"):
                yield replace(site.node, function=function)


# ------------------------------------------------------------------ functions


def function_dropped(site: Site, view: View) -> Edits:
    """log a for a, phi(s) for s."""
    if (
        is_number(site.node)
        or site.inside(Bracket)
        or (isinstance(site.parent, Derivative) and site.node in site.parent.by)
    ):
        return
    for name in DROPPED:
        yield Applied(Function(name), (site.node,), span=site.node.span)
    if isinstance(site.node, Plus | Entry):  # of a variance; a product is rarely meant
        yield Root(site.node, span=site.node.span)
    if isinstance(site.node, Entry) and site.node.role == "preactivation":
        function = replace(view.function, label=site.node.label, assumed=True)
        yield Applied(function, (site.node,), span=site.node.span)


def function_extra(site: Site, view: View) -> Edits:
    """a for log a."""
    if isinstance(site.node, Applied) and len(site.node.args) == 1 and not site.node.order:
        yield site.node.args[0]


def logarithm_of_a_loss(site: Site, view: View) -> Edits:
    """L for log L below a derivative, and the other way round."""
    logs = [n for n in view.nodes if isinstance(n, Applied) and n.function.name == "log"]
    match site.node:
        case Derivative(of=Applied(function=Function(name="log"), args=(loss,))):
            yield replace(site.node, of=loss)
        case Derivative(of=Entry(role="loss") as loss) if any(loss in n.args for n in logs):
            yield replace(site.node, of=Applied(Function("log"), (loss,)))
