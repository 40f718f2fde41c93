"""From equations to assignments: the array that each makes, and which ones a function needs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from codegen.arrays import lower
from codegen.nodes import Node, names
from codegen.program import Program, free
from codegen.python import Statement
from codegen.seed import stable_delta
from codegen.stable import stable, stable_form
from derive.equation import Equation
from derive.text import plain

GRADIENT = "d"  # dW1 is the gradient of W1


@dataclass(frozen=True)
class Step:
    """One equation as an assignment."""

    name: str
    node: Node
    equation: Equation
    number: str

    @property
    def statement(self) -> Statement:
        """The assignment as a line with the number of its equation."""
        return Statement(self.name, self.node, self.number)


@dataclass(frozen=True)
class Plan:
    """All assignments of a network, in an order in which each follows what it reads."""

    program: Program
    forward: tuple[Step, ...]
    loss: Step
    objective: Node
    backward: tuple[Step, ...]
    gradients: tuple[Step, ...]

    @property
    def steps(self) -> tuple[Step, ...]:
        """Every assignment."""
        return (*self.forward, self.loss, *self.backward, *self.gradients)

    def needed(self, *wanted: str, beside: Sequence[Node] = ()) -> tuple[Step, ...]:
        """The assignments on which the wanted names and expressions rest."""
        need = {*wanted, *names(*beside)}
        kept: list[Step] = []
        for step in reversed(self.steps):
            if step.name in need:
                kept.append(step)
                need.update(names(step.node))
        return tuple(reversed(kept))


def plan_of(program: Program) -> Plan:
    """Every equation in its stable form, as an array."""
    definitions = {eq.lhs.tensor: eq for eq in program.forward}

    def step(equation: Equation, name: str) -> Step:
        if equation in program.backward:
            term = stable_delta(equation, program.loss, definitions)
        else:
            term = stable_form(equation.rhs, definitions)
        node = lower(term, free(equation.lhs), program.shapes)
        return Step(name, node, equation, program.number(equation))

    def named(equations: Sequence[Equation], prefix: str = "") -> tuple[Step, ...]:
        return tuple(step(eq, f"{prefix}{eq.lhs.tensor}") for eq in equations)

    return Plan(
        program,
        named(program.forward),
        step(program.loss, str(program.loss.lhs.tensor)),
        lower(stable(program.objective), (), program.shapes),
        named(program.backward),
        named(program.gradients, GRADIENT),
    )


def equation_lines(program: Program) -> list[str]:
    """The numbered equations as plain text, for the docstring."""
    every = (*program.forward, program.loss, *program.backward, *program.gradients)
    lines = []
    for eq in every:
        name = plain(eq.lhs)
        if eq.lhs.tensor.role == "gradient":
            name = f"dL/d{name}"
        lines.append(f"{program.number(eq)}  {name} = {plain(eq.rhs)}")
    return lines
