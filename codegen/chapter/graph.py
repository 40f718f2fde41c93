"""The graph of a tiny network with a value above each node and a derivative below it."""

from __future__ import annotations

from typing import Any

from codegen.chapter.figures import figure
from codegen.chapter.sheet import Sheet
from codegen.example_numbers import Numbers, value
from codegen.pages.diagrams import Node, value_graph
from codegen.pages.picture import Picture
from derive.adjoint import apart, carried
from derive.algebra.terms import Index, Partial, Ref, Tensor, Term
from derive.lemma_book import error
from derive.stages import Stage
from derive.writing import layout as lay
from derive.writing.layout import Layout

MOST_COLUMNS = 9


def graph(sheet: Sheet, numbers: Numbers) -> Picture | None:
    """Input, pre-activations, activations and loss; None where that would be too wide."""
    stages = sheet.derivation.forward_pass.stages
    columns = 2 + sum(len(stage.equations) for stage in stages)
    if columns > MOST_COLUMNS or not sheet.dense:
        return None
    return _Graph(sheet, numbers).picture()


class _Graph:
    def __init__(self, sheet: Sheet, numbers: Numbers) -> None:
        self.sheet, self.numbers = sheet, numbers
        self.nodes: list[Node] = []
        self.edges: list[tuple[int, int]] = []
        self.tallest = max(len(numbers.rows(t)) for t in self.tensors())

    def tensors(self) -> list[Tensor]:
        shapes = self.sheet.derivation.shapes
        inputs = [t for t in shapes if t.role == "input"]
        return inputs + [e.lhs.tensor for e in self.sheet.derivation.forward]

    def picture(self) -> Picture:
        forward = self.sheet.derivation.forward_pass
        x = self.tensors()[0]
        last = self.column(x, 0.0, self.of_input())
        place = 0.0
        for k, stage in enumerate(forward.stages):
            above = forward.stages[k + 1] if k + 1 < len(forward.stages) else None
            place += 1.15
            delta = Tensor("delta", "delta", stage.label)
            here = self.column(stage.s.tensor, place, self.numbers.rows(delta))
            self.edges += [(i, j) for i in last for j in here]
            last = here
            if stage.activation is not None:
                place += 1.0
                last = self.column(stage.output, place, self.of_output(stage, above))
                straight = stage.phi is not None
                pairs = zip(here, last, strict=True) if straight else (
                    (i, j) for i in here for j in last)  # fmt: skip
                self.edges += list(pairs)
        loss = self.sheet.derivation.loss.lhs
        middle = (self.tallest - 1) / 2
        name = _plain(self.sheet.write(loss))
        total = figure(self.numbers.rows(loss.tensor))
        self.nodes.append(Node(name, place + 1.0, middle, total, lay.number(1), boxed=True))
        self.edges += [(i, len(self.nodes) - 1) for i in last]
        alt = "Every quantity with its value and the derivative of the loss with respect to it"
        return value_graph(self.nodes, self.edges, alt)

    def column(self, tensor: Tensor, place: float, derivatives: list[Any]) -> range:
        """One node for every unit."""
        start = len(self.nodes)
        values = self.numbers.rows(tensor)
        top = (self.tallest - len(values)) / 2
        for k, number in enumerate(values):
            name = _plain(self.sheet.write(self.sheet.place(tensor, k)))
            below: Layout | str = figure(derivatives[k]) if derivatives else ""
            self.nodes.append(Node(name, place, top + k, figure(number), below))
        return range(start, len(self.nodes))

    def of_input(self) -> list[Any]:
        equation = self.sheet.derivation.backward_pass.input_gradient
        return self.entries(equation.lhs, equation.rhs)

    def of_output(self, stage: Stage, above: Stage | None) -> list[Any]:
        """dL/do of a layer with an activation."""
        if above is not None:
            term = carried(apart(above.main, stage.out), stage.out, error)
            return self.entries(stage.out, term)
        lemma = next(c for c in self.sheet.derivation.lemmas if c.kind == "loss slope")
        assert isinstance(lemma.lhs, Partial)
        return self.entries(lemma.lhs.by, lemma.result)

    def entries(self, place: Ref, term: Term) -> list[Any]:
        *_, axis = place.at
        assert isinstance(axis.index, Index)
        sample = {i: 0 for p in place.at if (i := p.index) is not None and i.sample}
        size = int(axis.index.size)
        return [value(self.numbers, term, {**sample, axis.index: k}) for k in range(size)]


def _plain(layout: Layout) -> Layout:
    return layout.body if isinstance(layout, lay.Tinted) else layout
