"""The step of the Trainer: one NumPy call a line, every result in memory that exists already."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

from codegen.emitting.arranged import Arranged, arranged
from codegen.emitting.calls import Calls
from codegen.emitting.exchange import exchanged
from codegen.emitting.faster import faster
from codegen.emitting.folding import folded
from codegen.emitting.layout import Layout
from codegen.emitting.makers import ARRAYS
from codegen.emitting.memory import placed
from codegen.emitting.plan import GRADIENT, NEXT, Plan
from codegen.emitting.program import Program
from codegen.emitting.python import literal
from codegen.emitting.sums import assign_loss
from codegen.emitting.together import groups
from codegen.lowering.nodes import array
from derive.algebra.terms import Tensor, refs


@dataclass(frozen=True)
class TrainerText:
    """The lines of the Trainer that depend on the network."""

    bind: tuple[str, ...]
    step: tuple[str, ...]
    split: tuple[str, ...]  # how the flat array is parted, where not one after the other
    held: tuple[str, ...]  # the weights in it that never change
    size: int  # of the flat array
    scales: tuple[str, ...]  # how many times each parameter is stored, where not once


def trainer_text(plan: Plan, parameters: Sequence[str]) -> TrainerText:
    """The Trainer of a network."""
    plan = exchanged(plan.samples_last(spatial(plan.program)))
    program = plan.program
    work = arranged(plan, parameters)
    joined, units = work.joined, work.units
    layout = Layout({p: program.parameters[p] for p in parameters}, joined, units)
    state, masks = map(str, program.state), {str(m): r for m, r in program.masks.items()}
    own = [*parameters, *state, *masks]
    calls = Calls(plan, [*own, *(n for j in joined for n in (j.both, j.rows, j.wide))], ARRAYS)
    calls.free_shifts = work.free_shifts
    calls.strided |= {n for j in joined if j.name in units.entries for n in (j.weight, j.bias)}
    _draw(calls, masks)
    calls.given.update(GRADIENT + j.both for j in joined)
    results = [(step.name, item) for step, item, _ in work.forward]
    errors = [item for _, item in work.backward]
    shared = groups(calls, results, errors)
    calls.given.update(str(leaf.detail) for group in shared for leaf in group.leaves)
    for step, item, join in work.forward:
        if join is not None:
            calls.copy(join.inner, array(join.source, ("N", join.shape[0])))
        calls.assign(step.name, item, step.number)
    assign_loss(calls, work.objective, plan.loss.number, results, errors)
    for group in shared:
        group.compute(calls)
    for step, item in work.backward:
        calls.assign(step.name, item, step.number)
    _gradients(calls, work)
    _renew(calls)
    _descend(calls, work.decay, parameters, program.training.momentum)
    views = [line for j in joined for line in layout.bound(j)]
    views += [line for group in shared for line in group.lines]
    kept = listed([str(t) for t in program.state], "self._state") if program.state else []
    bind = ["rate = self._rate", *_views(parameters), *views, *kept, *placed(calls), *calls.bound]
    used = [part for line in _used(bind, calls.lines) for part in folded(line)]
    step_lines, scales = tuple(calls.lines), work.halves.scales(parameters)
    return TrainerText(tuple(used), step_lines, layout.split, layout.held, layout.size, scales)


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
        scale = calls.constant(literal(1 / (1 - rate)))
        calls.line(f"draw(dtype=dtype, out={name})")
        limit = calls.constant(literal(rate))
        calls.call("greater_equal", f"{name}, {limit}, {name}")
        calls.call("multiply", f"{name}, {scale}, {name}")
    calls.bind("drawn", f"[{', '.join(masks)}]")
    calls.line("self._masks = drawn")


def _renew(calls: Calls) -> None:
    """The state after the batch."""
    for step in calls.plan.updates:
        calls.assign(step.name, faster(step.node), "running average")
    for step in calls.plan.updates:
        made = array(step.name, step.node.shape)  # which may lie under another name: m itself
        calls.copy(step.name.removeprefix(NEXT), made)


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


def _gradients(calls: Calls, work: Arranged) -> None:
    """The gradients into their places in the flat gradient."""
    together = {j.weight: j for j in work.joined}
    done = {j.bias for j in work.joined}
    for step in calls.plan.gradients:
        name = step.name.removeprefix(GRADIENT)
        if name in together:
            join = together[name]
            source = join.source if join.source in work.units.wide else join.wide
            item = join.backward(source, work.units.columns(join))
            calls.assign(GRADIENT + join.both, item, step.number)
        elif name not in done:
            calls.assign(step.name, work.gradients[name], step.number)


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


def _descend(
    calls: Calls, decay: Mapping[str, Fraction], parameters: Sequence[str], momentum: float
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
