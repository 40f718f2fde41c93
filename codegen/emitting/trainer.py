"""The step of the Trainer: one NumPy call a line, every result in memory that exists already.

The backward pass is linear in the last delta, so the learning rate and 1/N are multiplied into it
once; every gradient then is what has to be subtracted from the parameters.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from dataclasses import replace as with_
from fractions import Fraction

from codegen.emitting.calls import Calls, Op
from codegen.emitting.doubled import Doubled, doubled
from codegen.emitting.faster import faster
from codegen.emitting.folding import folded
from codegen.emitting.joined import Join, joins
from codegen.emitting.layout import Layout
from codegen.emitting.makers import ARRAYS
from codegen.emitting.memory import placed
from codegen.emitting.phases import kept_apart
from codegen.emitting.plan import GRADIENT, NEXT, Plan, Step, lowered
from codegen.emitting.program import Program
from codegen.emitting.python import literal
from codegen.emitting.sums import assign_loss
from codegen.emitting.together import groups, regrouped
from codegen.emitting.unit_columns import Units, unit_columns
from codegen.lowering.nodes import Node, array, node, replace, ufunc, value_of
from codegen.stability.exchange import exchanged
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
    Tensor,
    Term,
    add,
    mul,
    refs,
    tensors,
)
from derive.errors import NotYet


@dataclass(frozen=True)
class TrainerText:
    """The lines of the Trainer that depend on the network."""

    bind: tuple[str, ...]
    step: tuple[str, ...]
    split: tuple[str, ...]  # how the flat array is parted, where not one after the other
    held: tuple[str, ...]  # the weights in it that never change
    size: int  # of the flat array
    scales: tuple[str, ...]  # how many times each parameter is stored, where not once


@dataclass(frozen=True)
class Update:
    """A gradient as (1/N or 1) * data + decay * parameter."""

    data: Term
    mean: bool
    decay: Fraction


def trainer_text(plan: Plan, parameters: Sequence[str]) -> TrainerText:
    """The Trainer of a network."""
    plan = exchanged(plan.samples_last(spatial(plan.program)))
    program = plan.program
    updates = {eq.lhs.tensor: _update(eq) for eq in program.gradients}
    mean = {u.mean for u in updates.values()}
    if len(mean) > 1:
        raise NotYet("gradients with 1/N beside gradients without it have no common step yet")
    rate = "rate / n" if mean.pop() else "rate"
    gradients = {str(tensor): _lowered(plan, tensor, u) for tensor, u in updates.items()}
    nodes = _nodes(plan, [*gradients.values()], rate)
    nodes, gradients = _kept_apart(plan, nodes, gradients)
    joined = joins(plan, gradients, parameters)
    others = _others(plan, nodes, gradients, joined)
    units = _units(nodes, joined, others)
    halves = _doubled(nodes, joined, units, others)
    nodes = with_(
        nodes,
        forward=tuple((s, halves.forward(s.name, item)) for s, item in nodes.forward),
        backward=tuple((s, halves.backward(s.name, item)) for s, item in nodes.backward),
    )
    layout = Layout({p: program.parameters[p] for p in parameters}, joined, units)
    state, masks = map(str, program.state), {str(m): r for m, r in program.masks.items()}
    own = [*parameters, *state, *masks]
    calls = Calls(plan, [*own, *(n for j in joined for n in (j.both, j.rows, j.wide))], ARRAYS)
    calls.free_shifts = nodes.free_shifts
    calls.strided |= {n for j in joined if j.name in units.entries for n in (j.weight, j.bias)}
    _draw(calls, masks)
    calls.given.update(GRADIENT + j.both for j in joined)
    forward = _forward(nodes, units, {j.name: j for j in joined})
    backward = [(step, regrouped(units.widened(item, joined))) for step, item in nodes.backward]
    results = [(step.name, item) for step, item, _ in forward]
    errors = [item for _, item in backward]
    shared = groups(calls, results, errors)
    calls.given.update(str(leaf.detail) for group in shared for leaf in group.leaves)
    for step, item, join in forward:
        if join is not None:
            calls.copy(join.inner, array(join.source, ("N", join.shape[0])))
        calls.assign(step.name, item, step.number)
    assign_loss(calls, nodes.objective, plan.loss.number, results, errors)
    for group in shared:
        group.compute(calls)
    for step, item in backward:
        calls.assign(step.name, item, step.number)
    _gradients(calls, gradients, units, joined)
    _renew(calls)
    decay = {str(t): u.decay for t, u in updates.items() if u.decay}
    _descend(calls, decay, parameters, program.training.momentum)
    views = [line for j in joined for line in layout.bound(j)]
    views += [line for group in shared for line in group.lines]
    kept = listed([str(t) for t in program.state], "self._state") if program.state else []
    bind = ["rate = self._rate", *_views(parameters), *views, *kept, *placed(calls), *calls.bound]
    used = [part for line in _used(bind, calls.lines) for part in folded(line)]
    step_lines, scales = tuple(calls.lines), halves.scales(parameters)
    return TrainerText(tuple(used), step_lines, layout.split, layout.held, layout.size, scales)


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
    errors = {step.equation.lhs.tensor for step in plan.backward}
    backward = [
        (step, faster(_scaled(step, errors, rate), step.name in small, exact))
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


def spatial(program: Program) -> frozenset[Tensor]:
    """The tensors with positions, where windows are read: they have the samples last.

    Neighbours then lie one after the other, whatever the window and the stride.
    """
    entries = [r for eq in program.forward for r in refs(eq.rhs)]
    if not any(len(p.terms) > 1 for r in entries for p in r.at):
        return frozenset()
    return frozenset(
        tensor
        for tensor, shape in program.shapes.items()
        if tensor.batched and len(shape) > 1 and tensor.role not in ("mask", "target")
    )


def _draw(calls: Calls, masks: Mapping[str, Fraction]) -> None:
    """Masks of dropout: 0 with the probability `rate`, else 1/(1 - rate)."""
    if not masks:
        return
    calls.bind("draw", "self._random.random")
    for tensor, rate in calls.plan.program.masks.items():
        name, shape = str(tensor), calls.plan.program.shapes[tensor]
        sizes = ", ".join(map(str, ("n", *shape)))
        calls.bind(name, f'self._array("{name}", {sizes})')
        scale = calls.constant("", literal(1 / (1 - rate)))
        calls.line(f"draw(dtype=dtype, out={name})")
        limit = calls.constant("", literal(rate))
        calls.call("greater_equal", f"{name}, {limit}, {name}")
        calls.call("multiply", f"{name}, {scale}, {name}")
    calls.bind("drawn", f"[{', '.join(masks)}]")
    calls.line("self._masks = drawn")


def _renew(calls: Calls) -> None:
    """The state after the batch."""
    for step in calls.plan.updates:
        calls.assign(step.name, faster(step.node), "running average")
    for step in calls.plan.updates:
        target = step.name.removeprefix(NEXT)
        calls.line(f"{calls.bind('copyto', 'np.copyto')}({target}, {step.name})")
        calls.ops.append(Op(target, (step.name,)))


def _used(bind: Sequence[str], step: Sequence[str]) -> list[str]:
    """The lines of `bind` without names that nothing reads."""
    kept: list[str] = []
    read = set(re.findall(r"\w+", "\n".join(step)))
    for line in reversed(bind):
        target = line.partition(" = ")[0]
        if re.fullmatch(r"\w+", target) and target not in read:
            continue
        kept.append(line)
        read.update(re.findall(r"\w+", line))
    return kept[::-1]


def _lowered(plan: Plan, tensor: Tensor, update: Update) -> Node:
    """The part of a gradient that comes from the data."""
    equation = next(e for e in plan.program.gradients if e.lhs.tensor == tensor)
    return faster(lowered(stable(update.data), equation.lhs, plan.program, plan.last))


def _gradients(
    calls: Calls, gradients: Mapping[str, Node], units: Units, joined: Sequence[Join]
) -> None:
    """The gradients into their places in the flat gradient."""
    together = {j.weight: j for j in joined}
    done = {j.bias for j in joined}
    for step in calls.plan.gradients:
        name = step.name.removeprefix(GRADIENT)
        if name in together:
            join = together[name]
            source = join.source if join.source in units.wide else join.wide
            node = join.backward(source, units.columns(join))
            calls.assign(GRADIENT + join.both, node, step.number)
        elif name not in done:
            calls.assign(step.name, gradients[name], step.number)


def _views(parameters: Sequence[str]) -> list[str]:
    grads = [GRADIENT + p for p in parameters]
    return [
        *listed(parameters, "self._views"),
        *listed(grads, "_split(self._gradient)"),
        "flat, gradient = self._flat, self._gradient",
    ]


def listed(targets: Sequence[str], value: str) -> list[str]:
    """targets = value, over as many lines as it takes."""
    if len(targets) == 1:
        return [f"({targets[0]},) = {value}"]
    text = f"{', '.join(targets)} = {value}"
    if len(text) <= 92:
        return [text]
    rows: list[str] = [""]
    for target in targets:
        if len(rows[-1]) + len(target) > 80:
            rows.append("")
        rows[-1] += f"{' ' if rows[-1] else ''}{target},"
    return ["(", *("    " + row for row in rows), f") = {value}"]


def _forward(
    nodes: Nodes, units: Units, joined: Mapping[str, Join]
) -> list[tuple[Step, Node, Join | None]]:
    """The steps of the forward pass, with the join whose source is to be copied before."""
    made: list[tuple[Step, Node, Join | None]] = []
    for step, item in nodes.forward:
        if (join := joined.get(step.name)) is None:
            made.append((step, units.widened(item, [*joined.values()]), None))
            continue
        held = join.source in units.wide
        product = join.forward(join.source if held else join.wide, units.columns(join))
        made.append((step, product, None if held else join))
    return made


def _scaled(step: Step, errors: set[Tensor], rate: str) -> Node:
    """An error that reads no other error, times the learning rate; the others inherit it."""
    if errors & set(tensors(step.equation.rhs)):
        return step.node
    c, rest = _number_out(step.node)
    text = rate if c == 1 else f"{float(c)!r} * {rate}"
    return ufunc("mul", rest, node("scalar", detail=text))


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
    factors = term.args if isinstance(term, Mul) else (term,)
    mean = Pow(Size("N"), Fraction(-1))
    if not any(f is mean for f in factors):
        return term, False
    return mul(ONE, *(f for f in factors if f is not mean)), True


def _descend(
    calls: Calls, decay: dict[str, Fraction], parameters: Sequence[str], momentum: float
) -> None:
    """parameters -= rate * gradient, for all of them in one go."""
    if decay:
        calls.bound.append("shrink, grown = np.zeros_like(flat), np.empty_like(flat)")
        for name, c in decay.items():
            place = list(parameters).index(name)
            calls.bound.append(f"_split(shrink)[{place}][...] = rate * {float(c)!r}")
        calls.call("multiply", "flat, shrink, grown", "weight decay")
        calls.call("add", "gradient, grown, gradient")
    if momentum:
        calls.bound.append("velocity, momentum = self._velocity, np.array(self._momentum, dtype)")
        calls.call("multiply", "velocity, momentum, velocity", "momentum")
        calls.call("add", "velocity, gradient, velocity")
    calls.call("subtract", f"flat, {'velocity' if momentum else 'gradient'}, flat")
    calls.lines.append("return loss")
