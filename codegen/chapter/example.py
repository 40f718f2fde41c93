"""One example with every number: the given ones, the picture, the way forth and the way back."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from codegen.chapter import words
from codegen.chapter.errors import error_equation
from codegen.chapter.figures import Figures, figure, whole
from codegen.chapter.graph import graph
from codegen.chapter.opening_words import loss_words
from codegen.chapter.sheet import Sheet
from codegen.example_numbers import Numbers, numbers_of
from codegen.pages.document import (
    Block,
    Display,
    EquationRow,
    Equations,
    Figure,
    Inline,
    Line,
    Math,
    Paragraph,
    Section,
    Tint,
)
from codegen.pages.document import Equation as Shown
from codegen.pages.measure import width
from derive.algebra.equation import Equation
from derive.algebra.terms import Add, Ref, Sum, Term, add, walk
from derive.network.layers import Dense
from derive.writing.layout import Layout, listed, paren, row

ROW = 34.0  # ems on a line


@dataclass(frozen=True)
class Example:
    """Numbers for a network, or for a smaller one in its place."""

    numbers: Numbers
    sheet: Sheet
    stands_for_itself: bool


def example_of(sheet: Sheet, notation: str) -> Example | None:
    """The example of a chapter, where one can be had."""
    numbers = numbers_of(sheet.derivation)
    if numbers is None:
        return None
    same = numbers.derivation is sheet.derivation
    return Example(numbers, sheet if same else Sheet.of(numbers.derivation, notation), same)


def section(sheet: Sheet, example: Example) -> Section:
    """Everything about the example."""
    own, numbers = example.sheet, example.numbers
    blocks: list[Block] = [Paragraph(_intro(sheet, example))]
    blocks += _rows([_given(own, numbers, t) for t in _parameters(own)])
    picture = graph(own, numbers)
    if picture is not None:
        caption = ("Values going ", Tint(("forward",), "forward"),
                   " (above each node) and derivatives of the loss coming ",
                   Tint(("back",), "backward"), " (below).")  # fmt: skip
        blocks.append(Figure(picture, caption, "fig:values"))
    blocks.append(Paragraph(("The way forth, layer by layer:",)))
    blocks += _rows(_forward(own, numbers))
    blocks.append(Paragraph(("The way back, last layer first:",)))
    blocks.append(Display(tuple(_backward(own, numbers))))
    blocks.append(Paragraph(_gradient_words(own)))
    blocks.append(Display(tuple(_gradients(own, numbers))))
    return Section(("One example, with every number",), tuple(blocks), "sec:example")


# ------------------------------------------------------------------ what is given


def _intro(sheet: Sheet, example: Example) -> tuple[Inline, ...]:
    own, numbers = example.sheet, example.numbers
    shapes = own.derivation.shapes
    x = next(t for t in shapes if t.role == "input")
    y = next(t for t in shapes if t.role == "target")
    given: list[Inline] = []
    for tensor, word in ((x, ""), (y, ", ")):
        values = [figure(v) for v in numbers.rows(tensor)]
        shown = values[0] if len(values) == 1 else paren(listed(*values))
        given += [word, Math(row(own.writer.tensor(tensor), "=", shown))]
    start: list[Inline] = list(_instead(sheet, example))
    return (*start, " Take one sample, " if start else "Take one sample, ", *given[1:], ", and")


def _instead(sheet: Sheet, example: Example) -> tuple[Inline, ...]:
    """Which smaller network stands for the one of the chapter."""
    if example.stands_for_itself:
        return ()
    network = example.numbers.derivation.network
    dense = [layer for layer in network.layers if isinstance(layer, Dense)]
    widths = [network.input[-1], *(layer.units for layer in dense)]
    kinds = [layer.activation.name.replace("_", " ") for layer in dense]
    kinds = [("the formula" if k == "formula" else k) for k in kinds]
    numeric = sheet.derivation.network.numeric
    why = "so many numbers would fill pages" if numeric else "letters have no values"
    shape = "\u2013".join(map(str, widths))
    return (f"Since {why}, a {shape} network of the same kind stands in here, with"
            f" {words.joined(list(dict.fromkeys(kinds)))} units and {loss_words(network)}; its"
            f" layers"
            " have numbers of their own.",)  # fmt: skip


def _parameters(own: Sheet) -> list[Ref]:
    return [g.parameter for group in own.groups for g in group.gradients]


def _given(own: Sheet, numbers: Numbers, entry: Ref) -> Shown:
    values = whole(entry.tensor, numbers, own.writer.profile.out_first)
    return Shown(own.writer.tensor(entry.tensor), "=", values)


def _rows(equations: Sequence[Shown]) -> list[Block]:
    """Equations side by side on as few lines as will do, the lines of like width."""
    wide = [width(e.lhs) + width(e.rhs) + 3.4 for e in equations]
    fewest = len(_filled(wide, ROW))
    room = next(r for r in _rooms(sum(wide) / fewest) if len(_filled(wide, r)) == fewest)
    return [Equations((EquationRow(tuple(equations[a:b])),)) for a, b in _filled(wide, room)]


def _rooms(least: float) -> Iterator[float]:
    """Widths of a line from the smallest that could do to the whole line."""
    room = least
    while room < ROW:
        yield room
        room += 1.0
    yield ROW


def _filled(wide: Sequence[float], room: float) -> list[tuple[int, int]]:
    """Where each line begins and ends when as much as fits is put on each."""
    made: list[tuple[int, int]] = []
    start, used = 0, 0.0
    for k, one in enumerate(wide):
        if k > start and used + one > room:
            made.append((start, k))
            start, used = k, 0.0
        used += one
    return [*made, (start, len(wide))]


# ------------------------------------------------------------------ what is computed


def _forward(own: Sheet, numbers: Numbers) -> list[Shown]:
    made = []
    for equation in own.derivation.forward:
        tensor = equation.lhs.tensor
        made.append(Shown(own.writer.tensor(tensor), "=", whole(tensor, numbers, False)))
    loss = own.derivation.loss.lhs
    made.append(Shown(own.write(loss), "=", figure(numbers.rows(loss.tensor))))
    return made


def _figures(own: Sheet, numbers: Numbers) -> Figures:
    context = replace(own.writer.context, mixed=False)
    return Figures(own.writer.profile, context, numbers=numbers)


def _backward(own: Sheet, numbers: Numbers) -> list[Line]:
    made = []
    for group in reversed(own.groups):
        for chain in group.errors:
            equation = error_equation(chain)
            if equation is not None and chain.kind == "delta":
                made.append(_substituted(own, numbers, equation))
    return made


def _substituted(own: Sheet, numbers: Numbers, equation: Equation) -> Line:
    """lhs = the right side with its numbers = the result."""
    writer = _figures(own, numbers)
    form = own.writer.matrix_form(equation)
    result = whole(equation.lhs.tensor, numbers, own.writer.profile.out_first)
    lhs = own.writer.tensor(equation.lhs.tensor)
    if form is None:
        return Line(lhs, "=", result)
    inserted = writer.matrix(form.rhs)
    rhs: Layout = result if inserted == result else row(inserted, "=", result)
    return Line(lhs, "=", rhs)


def _gradient_words(own: Sheet) -> tuple[Inline, ...]:
    network = own.derivation.network
    made: list[Inline] = ["Error times input gives the gradients"]
    if network.weight_decay:
        made.append(", to which weight decay adds its share")
    results = [g.chain.result for group in own.groups for g in group.gradients
               if g.parameter.tensor.role == "bias"]  # fmt: skip
    plain = [isinstance(result, Ref) for result in results]
    if any(plain):
        biases = "the biases" if all(plain) else "biases that are added"
        made.append(f"; those of {biases} are the errors themselves")
    return (*made, ":")


def _gradients(own: Sheet, numbers: Numbers) -> list[Line]:
    made = []
    for group in reversed(own.groups):
        for gradient in group.gradients:
            bias = gradient.parameter.tensor.role == "bias"
            if bias and isinstance(gradient.chain.result, Ref):
                continue
            equation = Equation(
                gradient.equation.lhs, _one_sample(gradient.equation.rhs, gradient.chain.result)
            )
            made.append(_substituted(own, numbers, equation))
    return made


def _one_sample(rhs: Term, result: Term) -> Term:
    """The gradient of the objective where there is one sample: its product, and the decay."""
    rest = [a for a in rhs.args if not _sums_samples(a)] if isinstance(rhs, Add) else []
    return add(result, *rest)


def _sums_samples(term: Term) -> bool:
    return any(isinstance(n, Sum) and any(i.sample for i in n.indices) for n in walk(term))
