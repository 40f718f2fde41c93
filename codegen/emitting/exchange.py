"""max over a window of max(s, c) = max(max over the window of s, c): fewer cut-offs.

The slope goes along: where the first o = max(s, c) of a window holds its maximum g, that is the
first s which does, if g > c; and if g = c no entry of the window has a slope.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace as with_

from codegen.emitting.plan import Plan, Step
from codegen.lowering.nodes import VIEWS, Node, array, expand, node, reduce, replace, ufunc, walk


def exchanged(plan: Plan) -> Plan:
    """The plan with every cut-off behind the maximum over windows that alone reads it."""
    for step in plan.forward:
        if step.node.op == "maximum" and [a.op for a in step.node.args] == ["array", "number"]:
            plan = _behind(plan, step) or plan
    return plan


def _behind(plan: Plan, cut: Step) -> Plan | None:
    source, limit = cut.node.args
    o = array(cut.name, cut.node.shape)
    readers = [s for s in plan.steps if s is not cut and o in set(walk(s.node))]
    pools = [s for s in readers if _is_pool(s.node, o)]
    slopes = [s for s in readers if s not in pools]
    if len(pools) != 1 or len(slopes) != 1:
        return None
    (pool,), (slope,) = pools, slopes
    top = array(pool.name, pool.node.shape)
    known = replace(slope.node, {pool.node: top})
    cut_slope = _cut_slope(known, o, source, limit, top)
    if cut_slope is None:
        return None
    (inner,) = pool.node.args
    assert isinstance(pool.node.detail, tuple)
    best = reduce("max", replace(inner, {o: source}), pool.node.detail)
    new = {pool: ufunc("maximum", best, limit), slope: cut_slope}

    def renewed(steps: Sequence[Step]) -> tuple[Step, ...]:
        return tuple(with_(s, node=new[s]) if s in new else s for s in steps)

    return with_(plan, forward=renewed(plan.forward), backward=renewed(plan.backward))


def _is_pool(item: Node, o: Node) -> bool:
    """The maximum over axes of a view of o."""
    if item.op != "max":
        return False
    (item,) = item.args
    while item.op in VIEWS or item.op == "pad":
        (item,) = item.args
    return item is o


def _cut_slope(item: Node, o: Node, source: Node, limit: Node, top: Node) -> Node | None:
    """The error of s with the slope taken before it is spread over the window."""
    if item.op != "mul":
        return None
    truth = ufunc(">", source, limit)
    spreads = [a for a in item.args if a.op == "spread"]
    if len(spreads) != 1 or truth not in item.args:
        return None
    (spread,) = spreads
    firsts = [n for n in walk(spread) if n.op == "first" and o in set(walk(n.args[0]))]
    if len(firsts) != 1 or not _is_view(firsts[0].args[1], top):
        return None
    (first,) = firsts
    windows, best = first.args
    taps = tuple(range(best.rank, windows.rank))
    chosen = node("first", replace(windows, {o: source}), best, shape=first.shape)
    above = expand(ufunc(">", best, limit), taps)
    found = replace(spread, {first: ufunc("mul", chosen, above)})
    return None if o in set(walk(found)) else found


def _is_view(item: Node, of: Node) -> bool:
    while item.op in VIEWS:
        (item,) = item.args
    return item is of
