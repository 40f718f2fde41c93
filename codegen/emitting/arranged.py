"""What a step of the Trainer computes: every quantity by few calls, the layers as they are joined.

The backward pass is linear in the last delta, so the learning rate and 1/N are multiplied into it
once; every gradient then is what has to be subtracted from the parameters.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from dataclasses import replace as with_
from fractions import Fraction

from codegen.emitting.doubled import Doubled, doubled
from codegen.emitting.faster import faster
from codegen.emitting.joined import Join, joins
from codegen.emitting.phases import kept_apart
from codegen.emitting.plan import Plan, Step, lowered
from codegen.emitting.together import regrouped
from codegen.emitting.unit_columns import Units, unit_columns
from codegen.lowering.nodes import Node, array, replace, scalar, ufunc, value_of
from codegen.stability.exposed import exposed_names
from codegen.stability.shifts import shiftable
from codegen.stability.stable import stable
from derive.algebra.equation import Equation
from derive.algebra.terms import (
    ONE,
    Add,
    Mul,
    Num,
    Pow,
    Ref,
    Size,
    Term,
    add,
    factors_of,
    mul,
    tensors,
)
from derive.errors import NotYet


@dataclass(frozen=True)
class Arranged:
    """The results of a step in their order, and how the layers are joined."""

    forward: tuple[tuple[Step, Node, Join | None], ...]  # the join whose source is copied before
    objective: Node
    backward: tuple[tuple[Step, Node], ...]
    gradients: Mapping[str, Node]
    decay: Mapping[str, Fraction]  # of a parameter itself in its gradient
    joined: tuple[Join, ...]
    units: Units
    halves: Doubled
    free_shifts: frozenset[Node]


def arranged(plan: Plan, parameters: Sequence[str]) -> Arranged:
    """The step of a network."""
    updates = {str(eq.lhs.tensor): _update(eq) for eq in plan.program.gradients}
    mean = {u.mean for u in updates.values()}
    if len(mean) > 1:
        raise NotYet("gradients with 1/N beside gradients without it have no common step yet")
    rate = "rate / n" if mean.pop() else "rate"
    gradients = {name: _lowered(plan, name, u, rate) for name, u in updates.items()}
    nodes = _nodes(plan, [*gradients.values()], rate)
    nodes, gradients = _kept_apart(plan, nodes, gradients)
    joined = joins(plan, gradients, parameters)
    others = _others(plan, nodes, gradients, joined)
    units = _units(nodes, joined, others)
    halves = _doubled(nodes, joined, units, others)
    backward = [(step, halves.backward(step.name, item)) for step, item in nodes.backward]
    return Arranged(
        _forward(nodes, units, halves),
        nodes.objective,
        tuple((step, regrouped(units.widened(item, joined))) for step, item in backward),
        gradients,
        {name: u.decay for name, u in updates.items() if u.decay},
        joined,
        units,
        halves,
        nodes.free_shifts,
    )


@dataclass(frozen=True)
class Update:
    """A gradient as (1/N or 1) * data + decay * parameter."""

    data: Term
    mean: bool
    decay: Fraction


@dataclass(frozen=True)
class Nodes:
    """What a step computes, by few calls: the forward pass, the loss, the errors."""

    forward: tuple[tuple[Step, Node], ...]
    objective: Node
    backward: tuple[tuple[Step, Node], ...]  # times the learning rate
    free_shifts: frozenset[Node]


def _nodes(plan: Plan, gradients: Sequence[Node], rate: str) -> Nodes:
    inlined = {array("L", plan.loss.node.shape): plan.loss.node}
    exact, small = plan.program.exact, _exposed(plan)
    objective = faster(replace(plan.objective, inlined), everywhere=exact)
    wanted = [s.name for s in plan.gradients]
    needed = plan.needed(*wanted, beside=[objective, *gradients])
    quick = {s: faster(s.node, s.name in small, exact) for s in needed if s is not plan.loss}
    shifts = frozenset[Node]()
    if not exact:
        shifts = shiftable([*quick.values(), faster(plan.loss.node)])
    backward = [
        (step, faster(_scaled(plan, step.equation.rhs, step.node, rate), step.name in small, exact))
        for step in plan.needed(*wanted, beside=gradients)
        if step in plan.backward
    ]
    forward = [(step, node) for step, node in quick.items() if step in plan.forward]
    return Nodes(tuple(forward), objective, tuple(backward), shifts)


def _kept_apart(
    plan: Plan, nodes: Nodes, gradients: dict[str, Node]
) -> tuple[Nodes, dict[str, Node]]:
    """The same with convolutions before a maximum in their faster form."""
    named = [{step.name: item for step, item in part} for part in (nodes.forward, nodes.backward)]
    others = [nodes.objective, *(faster(step.node) for step in plan.updates)]
    samples = plan.program.training.batch_size
    forward, backward, gradients = kept_apart(named[0], named[1], gradients, others, samples)
    made = with_(
        nodes,
        forward=tuple((step, forward[step.name]) for step, _ in nodes.forward),
        backward=tuple((step, backward[step.name]) for step, _ in nodes.backward),
    )
    return made, gradients


def _others(
    plan: Plan, nodes: Nodes, gradients: Mapping[str, Node], joined: Sequence[Join]
) -> list[Node]:
    """What a step computes beside the results with a name."""
    replaced = {name for j in joined for name in (j.weight, j.bias)}
    rest = [item for name, item in gradients.items() if name not in replaced]
    return [nodes.objective, *(faster(step.node) for step in plan.updates), *rest]


def _units(nodes: Nodes, joined: Sequence[Join], others: Sequence[Node]) -> Units:
    """The layers with a unit that holds itself at 1."""
    made = {j.name for j in joined}
    named = {s.name: n for s, n in (*nodes.forward, *nodes.backward) if s.name not in made}
    return unit_columns(joined, named, others)


def _doubled(nodes: Nodes, joined: Sequence[Join], units: Units, others: Sequence[Node]) -> Doubled:
    """The sigmoid layers that keep 2 o."""
    forward, backward = (
        {step.name: item for step, item in part} for part in (nodes.forward, nodes.backward)
    )
    return doubled(joined, units, forward, backward, others)


def _exposed(plan: Plan) -> frozenset[str]:
    """The quantities of which some step needs the last digits also where they are small."""
    steps = {step.name: step.node for step in (*plan.steps, *plan.updates)}
    return exposed_names(steps, (plan.objective,))


def _lowered(plan: Plan, name: str, update: Update, rate: str) -> Node:
    """The part of a gradient that comes from the data, times the learning rate."""
    equation = next(e for e in plan.program.gradients if str(e.lhs.tensor) == name)
    node = lowered(stable(update.data), equation.lhs, plan.program, plan.last)
    return faster(_scaled(plan, update.data, node, rate))


def _forward(
    nodes: Nodes, units: Units, halves: Doubled
) -> tuple[tuple[Step, Node, Join | None], ...]:
    """The steps of the forward pass."""
    joined = {j.name: j for j in halves.joined}
    made: list[tuple[Step, Node, Join | None]] = []
    for step, item in nodes.forward:
        if (join := joined.get(step.name)) is None:
            result = units.widened(halves.forward(step.name, item), halves.joined)
            made.append((step, result, None))
            continue
        held = join.source in units.wide
        product = join.forward(join.source if held else join.wide, units.columns(join))
        made.append((step, product, None if held else join))
    return tuple(made)


def _scaled(plan: Plan, term: Term, node: Node, rate: str) -> Node:
    """What reads no error, times the learning rate; all else inherits it from the error."""
    if {step.equation.lhs.tensor for step in plan.backward} & set(tensors(term)):
        return node
    c, rest = _number_out(node)
    text = rate if c == 1 else f"{float(c)!r} * {rate}"
    return ufunc("mul", rest, scalar(text))


def _number_out(item: Node) -> tuple[Fraction, Node]:
    """item = number * rest."""
    if item.op != "mul":
        return Fraction(1), item
    left, right = item.args
    if (value := value_of(left)) is not None:
        return value, right
    c, rest = _number_out(left)
    return c, ufunc("mul", rest, right)


def _update(equation: Equation) -> Update:
    """The parts of a gradient: what comes from the data, and the decay of the parameter itself."""
    rhs = equation.rhs
    decay, data = Fraction(0), []
    for part in rhs.args if isinstance(rhs, Add) else (rhs,):
        own = part.args[1] if isinstance(part, Mul) and len(part.args) == 2 else part
        if isinstance(own, Ref) and str(own.tensor) == str(equation.lhs.tensor):
            factor = part.args[0] if isinstance(part, Mul) else ONE
            assert isinstance(factor, Num)
            decay += factor.value
        else:
            data.append(part)
    stripped = [_without_mean(part) for part in data]
    if len({m for _, m in stripped}) != 1:
        raise NotYet(f"the gradient {equation.lhs} has parts with and without 1/N")
    return Update(add(*(t for t, _ in stripped)), stripped[0][1], decay)


def _without_mean(term: Term) -> tuple[Term, bool]:
    """(t, True) for t/N, else (term, False)."""
    factors = factors_of(term)
    mean = Pow(Size("N"), Fraction(-1))
    if not any(f is mean for f in factors):
        return term, False
    return mul(ONE, *(f for f in factors if f is not mean)), True
