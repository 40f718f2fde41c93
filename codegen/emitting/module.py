"""The emitted NumPy module: a derivation in, the text of one Python file out."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from textwrap import wrap
from typing import Any

from codegen.emitting.guarded import checked, in_docstring
from codegen.emitting.kernels import kernel_sources
from codegen.emitting.plan import GRADIENT, Plan, Step, equation_lines, plan_of
from codegen.emitting.program import Program, Start, parameter_order, program_of, whole
from codegen.emitting.python import Printer, commented, source
from codegen.emitting.trainer import listed, trainer_text
from codegen.lowering.arrays import KERNELS
from codegen.lowering.nodes import Node, names, walk
from codegen.render import render
from derive.algebra.terms import Add, Num, Pow, Size, mul
from derive.algebra.terms import walk as walk_terms
from derive.errors import NotYet

WIDTH = 96
IMPORTS = {"math", "numpy", "numpy.lib.stride_tricks", "sys"}


@dataclass(frozen=True)
class ModulePage:
    """Everything module.py.j2 prints, already as text."""

    sha256: str
    command: str
    title: str
    name: str
    mathematics: bool  # whether the functions of math are used
    windows: bool  # whether sliding windows are
    dtype: str
    input_shape: str
    target_shape: str
    input_shape_text: str
    target_shape_text: str
    labels: bool
    or_labels: str
    conventions: tuple[str, ...]
    equations: tuple[str, ...]
    accuracy: str
    parameters: tuple[str, ...]
    state: tuple[str, ...]
    masks: tuple[str, ...]
    state_init: tuple[str, ...]
    kernels: tuple[str, ...]
    init: tuple[str, ...]
    forward: tuple[str, ...]
    loss: tuple[str, ...]
    loss_and_gradients: tuple[str, ...]
    trace: tuple[str, ...]
    targets: tuple[str, ...]
    target_sums: tuple[str, ...]
    example_targets: str
    optimizer: str
    trainer_start: tuple[str, ...]
    velocity: tuple[str, ...]
    least: str  # the smallest batch whose running variance exists, where that is not 1
    rows: bool  # whether the step has matrices with room between their rows
    bind: tuple[str, ...]
    step: tuple[str, ...]
    split: tuple[str, ...]  # how the flat parameters are parted, where not one after the other
    held: tuple[str, ...]  # what sets the weights of units that stay at 1
    size: int  # of the flat parameters
    scales: str  # how many times each of them is stored, where not once
    epochs: str
    batch_size: str
    rate: str
    momentum: str
    momentum_passed: str


@dataclass(frozen=True)
class TestPage:
    """Everything test_module.py.j2 prints."""

    __test__ = False  # for pytest: a page, not a test

    name: str
    module: str
    masks: bool
    state: bool


def emit(derivation: Any, numbers: Mapping[tuple[str, str], str] | None = None) -> str:
    """The module of a derivation, as Python source text.

    `numbers` maps (role, name) of a left side, ("gradient", "W1"), to its equation number "(7)" in
    the notes; what it leaves out keeps its place in the sequence of equations.
    """
    return emit_program(replace(program_of(derivation), numbers=numbers or {}))


def emit_test(derivation: Any, module: str | None = None) -> str:
    """A test file for the module of a derivation, imported as `module` or by its own name."""
    name = derivation.network.name
    program = program_of(derivation)
    page = TestPage(name, module or name, bool(program.masks), bool(program.state))
    return checked(render("test_module.py.j2", page), {"numpy", "pytest", page.module})


def emit_program(program: Program) -> str:
    """The module of a program."""
    return checked(render("module.py.j2", page_of(program)), IMPORTS)


# ------------------------------------------------------------------ the page


def page_of(program: Program) -> ModulePage:
    """Every piece of text of the module."""
    if not program.parameters:
        raise NotYet(f"{program.name} has no parameters: there is nothing to train")
    plan = plan_of(program)
    order = parameter_order(list(program.parameters))
    parameters = {name: program.parameters[name] for name in order}
    trainer = trainer_text(plan, order)
    inputs, targets = (program.shapes[t] for t in (program.input, program.target))
    training = program.training
    momentum = f", momentum={training.momentum!r}" if training.momentum else ""
    functions = {
        "forward": _forward(plan, order),
        "loss": _loss(plan, order),
        "loss_and_gradients": _gradients(plan, order),
        "trace": _trace(plan, order),
    }
    printed = [*trainer.bind, *trainer.step, *(line for f in functions.values() for line in f)]
    state = {str(t): whole(program.shapes[t]) for t in program.state}
    return ModulePage(
        sha256=program.sha256,
        command=f"gradwright code {program.name}.toml",
        title=in_docstring(program.title or f"The network {program.name}") + ".",
        name=json.dumps(program.name),
        mathematics=any("math." in line for line in printed),
        windows=any("sliding_window_view(" in line for line in printed),
        dtype=program.dtype,
        input_shape=_tuple(inputs),
        target_shape=_tuple(targets),
        input_shape_text=", ".join(map(str, inputs)),
        target_shape_text=", ".join(map(str, targets)),
        labels=program.labels,
        or_labels=" or integer labels" if program.labels else "",
        conventions=tuple(
            part for line in program.conventions for part in wrap(in_docstring(line), WIDTH)
        ),
        equations=tuple(part for line in equation_lines(program) for part in _wrapped(line)),
        accuracy=EXACT if program.exact else ACCURACY,
        parameters=tuple(f'"{name}": {_tuple(shape)},' for name, shape in parameters.items()),
        state=tuple(f'"{name}": {_tuple(shape)},' for name, shape in state.items()),
        masks=tuple(f'"{t}": {_tuple(program.shapes[t])},' for t in program.masks),
        state_init=tuple(
            _start(name, shape, program.starts, "state") for name, shape in state.items()
        ),
        kernels=tuple(kernel_sources(_kernels(plan))),
        init=tuple(_start(name, shape, program.starts) for name, shape in parameters.items()),
        forward=tuple(functions["forward"]),
        loss=tuple(functions["loss"]),
        loss_and_gradients=tuple(functions["loss_and_gradients"]),
        trace=tuple(functions["trace"]),
        targets=_label_lines(program),
        target_sums=_sum_lines(program),
        example_targets=_example(program),
        optimizer=" by gradient descent" + (" with momentum" if momentum else ""),
        trainer_start=_trainer_start(program),
        velocity=("self._velocity = np.zeros_like(self._flat)",) if momentum else (),
        least=_least(program),
        rows=any("self._rows(" in line for line in trainer.bind),
        bind=trainer.bind,
        step=trainer.step,
        split=trainer.split,
        held=trainer.held,
        size=trainer.size,
        scales=_tuple(trainer.scales) if trainer.scales else "",
        epochs=str(training.epochs),
        batch_size=str(training.batch_size),
        rate=repr(training.learning_rate),
        momentum=momentum,
        momentum_passed=", momentum=momentum" if momentum else "",
    )


ACCURACY = (
    "Loss and deltas are computed in forms that neither overflow nor cancel: for finite input the\n"
    "error is at most 4 eps max(1, |value|) for each sample, given the pre-activations."
)

EXACT = (
    f"{ACCURACY}\n"
    "The differences 1 - o and o - y are computed without cancellation: for targets 0 and 1 loss\n"
    "and delta of an output layer that has such a form are right to 12 units in the last place,\n"
    "given the pre-activations (of softmax: their differences)."
)


def _tuple(shape: Sequence[object]) -> str:
    inside = ", ".join(map(str, shape))
    return f"({inside},)" if len(shape) == 1 else f"({inside})"


def _wrapped(line: str) -> list[str]:
    """A long equation over several lines, cut at spaces."""
    lines, indent = [], " " * 6
    while len(line) > WIDTH - 4 and " " in line[len(indent) + 10 : WIDTH - 4]:
        cut = line.rindex(" ", 0, WIDTH - 4)
        if not line[:cut].strip():
            break
        lines.append(line[:cut])
        line = indent + line[cut + 1 :]
    return [*lines, line]


def _kernels(plan: Plan) -> list[str]:
    steps = (*plan.steps, *plan.inference)
    nodes = walk(*(step.node for step in steps), plan.objective)
    return [item.op for item in nodes if item.op in KERNELS]


#: The text of each scheme.
SCHEMES = {
    "glorot": "rng.uniform(-1, 1, {shape}) * np.sqrt(6 / ({fan_in} + {fan_out}))",
    "he": "rng.normal(0, 1, {shape}) * np.sqrt(2 / {fan_in})",
    "normal": "rng.normal(0, {sigma}, {shape})",
    "zeros": "np.zeros({shape})",
    "ones": "np.ones({shape})",
}


def _start(
    name: str, shape: tuple[int, ...], starts: Mapping[str, Start], into: str = "params"
) -> str:
    start = starts.get(name, Start("zeros"))
    fan_in, fan_out = start.fans
    value = SCHEMES[start.scheme].format(
        shape=_tuple(shape), fan_in=fan_in, fan_out=fan_out, sigma=repr(start.sigma)
    )
    note = start.scheme if start.scheme in ("glorot", "he") else ""
    return commented(f'{into}["{name}"] = {value}', note)


def _least(program: Program) -> str:
    """The smallest number of samples for which the variance of the running averages exists."""
    for equation in program.updates:
        for node in walk_terms(equation.rhs):
            if isinstance(node, Pow) and node.exponent == -1 and isinstance(node.base, Add):
                count = mul(*(a for a in node.base.args if not isinstance(a, Num)))
                sizes = [f for f in walk_terms(count) if isinstance(f, Size)]
                if all(f.extent in ("N", 1) for f in sizes):
                    return "2"
    return ""


# ------------------------------------------------------------------ functions


def _opening(plan: Plan, order: Sequence[str], targets: bool) -> list[str]:
    state, masks = map(str, plan.program.state), [str(m) for m in plan.program.masks]
    lines = list(listed(order, "_parameters(params)"))
    dtype = f"{order[0]}.dtype"
    lines.append(f"x = _samples(x, {dtype})")
    if plan.program.state and not targets:
        lines += listed(list(state), f"_state(state, {dtype})")
    if targets and masks:
        lines += listed(masks, f"_masks(masks, len(x), {dtype})")
    elif targets:
        lines.append("_no_masks(masks)")
    if targets:
        lines.append(f"y = _targets(y, len(x), {dtype})")
    return lines


def _forward(plan: Plan, order: Sequence[str]) -> list[str]:
    steps = plan.inferred()
    lines = [*_opening(plan, order, False), *_count(steps), *_code(steps)]
    return [*lines, f"return {plan.program.output}"]


def _loss(plan: Plan, order: Sequence[str]) -> list[str]:
    steps = plan.needed(beside=[plan.objective])
    return [
        *_opening(plan, order, True),
        *_count(steps, plan.objective),
        *_code(steps),
        f"return float({Printer({}).inside(plan.objective)})",
    ]


def _gradients(plan: Plan, order: Sequence[str]) -> list[str]:
    steps = plan.needed(*(GRADIENT + p for p in order), beside=[plan.objective])
    named = [f'"{p}": {GRADIENT}{p}' for p in order]
    lines = [*_opening(plan, order, True), *_count(steps, plan.objective), *_code(steps)]
    lines.append(f"value = float({Printer({}).inside(plan.objective)})")
    return [*lines, *_returned("return value, {", named, "}")]


def _trace(plan: Plan, order: Sequence[str]) -> list[str]:
    steps = (*plan.forward, plan.loss, *plan.backward)
    kept = plan.needed(*(s.name for s in steps))
    named = [f'"{s.name}": {s.name}' for s in steps]
    lines = [*_opening(plan, order, True), *_count(kept), *_code(kept)]
    return [*lines, *_returned("return {", named, "}")]


def _returned(start: str, parts: Sequence[str], end: str) -> list[str]:
    text = start + ", ".join(parts) + end
    if len(text) <= WIDTH - 4:
        return [text]
    return [start, *(f"    {part}," for part in parts), end]


def _code(steps: Sequence[Step]) -> list[str]:
    """The assignments, with a blank line between the parts of the computation."""
    taken = {n for s in steps for n in names(s.node)}
    return source([s.statement for s in steps], taken)


def _count(steps: Sequence[Step], *others: Node) -> list[str]:
    nodes: list[Node] = [*(s.node for s in steps), *others]
    return ["n = len(x)"] if any(item.op == "size" for item in walk(*nodes)) else []


# ------------------------------------------------------------------ targets


def _label_lines(program: Program) -> tuple[str, ...]:
    if not program.labels:
        return ()
    return ('if y.shape == (n,) and y.dtype.kind in "iu":', "    y = _one_hot(y)")


def _sum_lines(program: Program) -> tuple[str, ...]:
    if not program.sum_to_one:
        return ()
    rows = len(program.shapes[program.target]) == 1
    return (
        f"sums = y.sum(axis={1 if rows else -1})" + ("" if rows else ".ravel()"),
        "worst = int(np.abs(sums - 1).argmax())",
        "if abs(sums[worst] - 1) > np.sqrt(np.finfo(dtype).eps):",
        '    found = f"y: found targets that sum to {sums[worst]:.6g} in row {worst}"',
        '    raise ValueError(f"{found}, expected rows that sum to 1")',
    )


def _example(program: Program) -> str:
    if program.labels:
        return "y = rng.integers(0, TARGET_SHAPE[0], n)"
    if program.sum_to_one:
        return "y = rng.dirichlet(np.ones(TARGET_SHAPE[-1]), (n, *TARGET_SHAPE[:-1]))"
    return "y = rng.uniform(0.05, 0.95, (n, *TARGET_SHAPE))"


def _trainer_start(program: Program) -> tuple[str, ...]:
    if not program.training.momentum:
        return ()
    return ('self._momentum = _number("momentum", momentum)',)
