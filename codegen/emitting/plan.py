"""From equations to assignments: the array that each makes, and which ones a function needs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from codegen.emitting.program import Program, free
from codegen.emitting.python import Statement
from codegen.lowering.arrays import lower
from codegen.lowering.nodes import Node, names
from codegen.lowering.placing import merged
from codegen.stability.exact import exact_form
from codegen.stability.seed import stable_delta
from codegen.stability.stable import stable, stable_form
from derive.algebra.equation import Equation
from derive.algebra.terms import Ref, Tensor, Term
from derive.algebra.text import plain

GRADIENT = "d"  # dW1 is the gradient of W1
NEXT = "next_"  # next_mean2 is the running average after the batch


@dataclass(frozen=True)
class Step:
    """One equation as an assignment."""

    name: str
    node: Node
    equation: Equation
    number: str
    term: Term  # the right side in its stable form

    @property
    def statement(self) -> Statement:
        """The assignment as a line with the number of its equation."""
        return Statement(self.name, self.node, self.number)


@dataclass(frozen=True)
class Plan:
    """All assignments of a network, in an order in which each follows what it reads."""

    program: Program
    forward: tuple[Step, ...]
    inference: tuple[Step, ...]
    loss: Step
    objective: Node
    backward: tuple[Step, ...]
    gradients: tuple[Step, ...]
    updates: tuple[Step, ...]
    last: frozenset[Tensor]

    def samples_last(self, last: frozenset[Tensor]) -> Plan:
        """The same with the samples as the last axis of some tensors."""
        if last == self.last:
            return self

        def moved(steps: Sequence[Step]) -> tuple[Step, ...]:
            program = self.program
            return tuple(
                replace(s, node=lowered(s.term, s.equation.lhs, program, last)) for s in steps
            )

        return Plan(
            self.program,
            moved(self.forward),
            self.inference,
            moved([self.loss])[0],
            lower(stable(self.program.objective), (), self.program.shapes, last),
            moved(self.backward),
            moved(self.gradients),
            moved(self.updates),
            last,
        )

    @property
    def steps(self) -> tuple[Step, ...]:
        """Every assignment of a training step."""
        return (*self.forward, self.loss, *self.backward, *self.gradients)

    def needed(self, *wanted: str, beside: Sequence[Node] = ()) -> tuple[Step, ...]:
        """The assignments on which the wanted names and expressions rest."""
        return _needed(self.steps, {*wanted, *names(*beside)})

    def inferred(self) -> tuple[Step, ...]:
        """The assignments that lead to the output outside training."""
        return _needed(self.inference, {str(self.program.output)})


def _needed(steps: Sequence[Step], need: set[str]) -> tuple[Step, ...]:
    kept: list[Step] = []
    for step in reversed(steps):
        if step.name in need:
            kept.append(step)
            need.update(names(step.node))
    return tuple(reversed(kept))


def plan_of(program: Program) -> Plan:
    """Every equation in its stable form, as an array."""
    last: frozenset[Tensor] = frozenset()
    definitions = {eq.lhs.tensor: eq for eq in program.forward}

    def step(equation: Equation, name: str) -> Step:
        if equation in program.backward:
            term = stable_delta(equation, program.loss, definitions)
        else:
            term = stable_form(equation.rhs, definitions)
        if program.exact:
            term = exact_form(term, definitions)
        node = lowered(term, equation.lhs, program, last)
        return Step(name, node, equation, program.number(equation), term)

    def named(equations: Sequence[Equation], prefix: str = "") -> tuple[Step, ...]:
        return tuple(step(eq, f"{prefix}{eq.lhs.tensor}") for eq in equations)

    forward = named(program.forward)
    same = {s.equation: s for s in forward}
    return Plan(
        program,
        forward,
        tuple(same.get(eq) or step(eq, str(eq.lhs.tensor)) for eq in program.inference),
        step(program.loss, str(program.loss.lhs.tensor)),
        lower(stable(program.objective), (), program.shapes, last),
        named(program.backward),
        named(program.gradients, GRADIENT),
        named(program.updates, NEXT),
        last,
    )


def lowered(term: Term, lhs: Ref, program: Program, last: frozenset[Tensor]) -> Node:
    """The array of all entries of a left side."""
    order, places = free(lhs), lhs.at
    if lhs.tensor in last:
        order, places = (*order[1:], order[0]), (*places[1:], places[0])
    return merged(lower(term, order, program.shapes, last), places)


def equation_lines(program: Program) -> list[str]:
    """The numbered equations as plain text, for the docstring."""
    lines = []
    for eq in (*program.derived, *program.beside):
        name, note = plain(eq.lhs), ""
        if eq.lhs.tensor.role == "gradient":
            name = f"dL/d{name}"
        elif eq in program.updates:
            name = f"new {name}"
        elif eq in program.beside:
            note = " outside training"
        lines.append(f"{program.number(eq)}  {name} = {plain(eq.rhs)}{note}")
    return lines
