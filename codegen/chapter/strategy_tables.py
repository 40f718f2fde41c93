"""The recursions on the derivatives by the outputs: as a table, and as the apparent error."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from codegen.chapter import words
from codegen.chapter.sheet import Sheet
from codegen.chapter.strategy_blocks import (
    chains,
    display,
    parts,
    result,
    side_by_side,
    vector_line,
    vectors,
)
from codegen.chapter.validity import alike, restricted
from codegen.pages.document import (
    Block,
    Display,
    Equation,
    EquationRow,
    Equations,
    Inline,
    Inlines,
    Math,
    Paragraph,
    Table,
)
from derive.algebra.terms import Label, Partial, Ref, Tensor, Term, refs, walk
from derive.lemma_book import of_loss
from derive.steps import Chain
from derive.strategies.ways import Part, Told
from derive.writing.layout import row

MOST = 3  # layers whose instances are shown one by one


def activations(sheet: Sheet, told: Told) -> list[Block]:
    """Factors, gradients, the recursion, the table from its first row to its last."""
    generic = list(parts(told, "generic gradient"))
    recursion = chains(told, "generic recursion")
    loss = sheet.math(of_loss(sheet.output))
    blocks: list[Block] = []
    if generic:
        blocks += [
            *_factors(sheet, told),
            Paragraph(("By the chain rule they give the gradients of its parameters, once the"
                       " derivative of the loss by its outputs is known:",), ("The parameters.",)),
        ]  # fmt: skip
        for part in generic:
            blocks += _gradients(sheet, part)
    if recursion:
        blocks += [
            Paragraph(("An output of the layer below is seen by every unit of this layer, so what"
                       " comes back adds up:",), ("The layer below.",)),
            *(Display((*sheet.lines(c), *vector_line(sheet, c))) for c in recursion),
        ]  # fmt: skip
    many = len(sheet.derivation.network.layers) > 1 or bool(recursion)
    blocks.append(Paragraph(_table_words(many, loss), ("The table.",)))
    blocks += _rows(sheet, told, short=bool(generic))
    return blocks


_BIASES = {
    "added": "Where the bias is added:",
    "threshold": "Where the bias is subtracted:",
    "absent": "Where there is no bias:",
}


def _factors(sheet: Sheet, told: Told) -> list[Block]:
    """The derivatives of one layer; those by the bias with the layers that have such a bias."""
    plain: list[Equation] = []
    rows: list[EquationRow] = []
    for part in parts(told, "factors"):
        for chain in part.chains:
            assert isinstance(chain.lhs, Partial)
            made = result(sheet, chain)
            where = alike(sheet, part.bias) if part.bias else None
            if where is None or chain.lhs.by.tensor.role != "bias":
                plain.append(made)
            else:
                rows.append(EquationRow((made, where)))
    many = words.capital(words.number(len(plain) + len(rows)))
    return [
        Paragraph((f"{many} derivatives are all that is needed of a layer:",)),
        side_by_side(plain),
        *(Equations((made,)) for made in rows),
    ]


def _gradients(sheet: Sheet, part: Part) -> Iterator[Block]:
    """The gradients of layer l; where layers differ in the form of the bias, for one of them."""
    where = alike(sheet, part.bias) if part.bias else None
    if part.bias:
        yield Paragraph((_BIASES[part.bias],))
    for chain in part.chains:
        yield Display(restricted((*sheet.lines(chain), *vector_line(sheet, chain)), where))


def _table_words(many: bool, loss: Inline) -> Inlines:
    if not many:
        return ("All starts with the derivative of the loss by the outputs:",)
    return ("Keep the derivatives ", loss, " in a table, one row for every layer. The first row"
            " is that of the last layer; every other row needs only the row before it, and each"
            " is computed once: this is dynamic programming. Row by row:",)  # fmt: skip


def _rows(sheet: Sheet, told: Told, short: bool) -> list[Block]:
    """The base case, then the other rows; in short where layer l was told line by line."""
    blocks: list[Block] = [
        Display((*sheet.lines(base), *vector_line(sheet, base))) for base in chains(told, "base")
    ]
    for part in list(parts(told, "instance"))[: MOST + 1]:
        found = sorted((c for c in part.chains if c.steps), key=_of_parameter)
        if short:
            shown = [vectors(sheet, c.lhs, c.result) or result(sheet, c) for c in found]
            rows = [(e, *_of_layers(sheet, c)) for e, c in zip(shown, found, strict=True)]
            blocks.append(Equations(tuple(map(EquationRow, rows))))
        else:
            blocks += [Display((*sheet.lines(c), *vector_line(sheet, c))) for c in found]
    return blocks


def _of_layers(sheet: Sheet, chain: Chain) -> Iterator[Equation]:
    """The layers of a run that have another one of it above, where a row is about all of them."""
    run = next((group for group in sheet.groups if group.run), None)
    if run is not None and any(r.tensor.label == run.label for r in refs(chain.lhs)):
        yield Equation(*sheet.spanned(run, 1))


def _of_parameter(chain: Chain) -> bool:
    return isinstance(chain.lhs, Partial) and not chain.lhs.by.tensor.batched


# ------------------------------------------------------------------ the apparent error


def apparent_error(sheet: Sheet, told: Told) -> list[Block]:
    """The recursion on e = dL/do, and beside it the one on delta."""
    (base,) = chains(told, "base")
    raw = chains(told, "generic recursion")
    generic = chains(told, "generic gradient")
    links = chains(told, "link")
    error = Math(sheet.write(_apparent(links[0] if links else base)))
    blocks: list[Block] = [
        Paragraph(("Instead of the derivative by the weighted sum one can carry the derivative by"
                   " the output itself, which in the last layer is the plain slope of the loss,"
                   " and in the others looks like one: the apparent error, ",
                   Math(sheet.writer.tensor(_error(sheet, base))), " for a whole layer.")),
        display(sheet, base),
    ]  # fmt: skip
    if raw:
        blocks.append(Paragraph(("All outputs of a layer see an output of the layer below:",),
                                ("The recursion.",)))  # fmt: skip
        blocks += [display(sheet, c) for c in raw[:-1]]
        blocks.append(Display((*sheet.lines(raw[-1]), *vector_line(sheet, raw[-1]))))
    if generic:
        blocks.append(Paragraph(("The gradient of a weight is error times slope times input:",)))
        blocks += [display(sheet, c) for c in generic[:1]]
    else:
        blocks += _instances(sheet, told)
    blocks += _below(sheet, told)
    if links:
        blocks.append(Paragraph(("The two errors of a unit differ by the slope of its activation,"
                                 " which ", error, " leaves to the next step:"),
                                ("Side by side.",)))  # fmt: skip
        blocks += [display(sheet, c) for c in links]
    return [*blocks, *_beside(sheet, told)]


def _instances(sheet: Sheet, told: Told) -> list[Block]:
    """The layers one by one, where not every activation acts on each unit by itself."""
    found = list(parts(told, "instance"))[: MOST + 1]
    return [
        Paragraph(("From the last layer to the first:",)),
        *(display(sheet, c) for part in found for c in part.chains),
    ]


def _apparent(chain: Chain) -> Term:
    """The apparent error that stands in a chain."""
    found = (n for t in (chain.lhs, chain.result) for n in walk(t))
    return next(n for n in found if isinstance(n, Ref) and n.tensor.role == "error")


def _error(sheet: Sheet, base: Chain) -> Tensor:
    """The array of the apparent errors of layer l, or of the only layer."""
    assert isinstance(base.lhs, Ref)
    if len(sheet.groups) == 1 and not sheet.groups[0].open:
        return base.lhs.tensor
    return replace(base.lhs.tensor, label=Label(0, "l"))


def _below(sheet: Sheet, told: Told) -> list[Block]:
    found = chains(told, "below")
    if not found:
        return []
    return [
        Paragraph(("One layer further down the recursion stands in the place of the error:",)),
        *(display(sheet, c) for c in found),
    ]


def _beside(sheet: Sheet, told: Told) -> list[Block]:
    """A table: every quantity of the backward pass in both ways."""
    generic = {c.key: c for c in sheet.derivation.generic}
    recursion = chains(told, "generic recursion")
    if "generic.delta" not in generic or not recursion:
        return []
    (base,) = chains(told, "base")
    last = sheet.last.delta
    rows: list[tuple[Inlines, ...]] = []
    if last is not None:
        rows.append((("last layer",), _cell(sheet, last), _cell(sheet, base)))
    rows.append((("layer below",), _cell(sheet, generic["generic.delta"]),
                 _cell(sheet, recursion[-1])))  # fmt: skip
    gradient = chains(told, "generic gradient")[0]
    rows.append((("weights",), _cell(sheet, generic["generic.W"]), _cell(sheet, gradient)))
    columns: tuple[Inlines, ...] = ((), ("with the error",), ("with the apparent error",))
    return [Table(columns, tuple(rows), ("Two recursions for the same gradients.",),
                  "tab:recursions")]  # fmt: skip


def _cell(sheet: Sheet, chain: Chain) -> Inlines:
    made = result(sheet, chain)
    assert made.lhs is not None
    return (Math(row(made.lhs, "=", made.rhs)),)
