"""Any layer l between two others: the chain rule line by line, and whence the transpose."""

from __future__ import annotations

from dataclasses import replace

from codegen.chapter.groups import place_of
from codegen.chapter.sheet import Sheet, braced
from codegen.chapter.validity import (
    alike,
    alone,
    at_layer,
    between,
    condition,
    entrywise,
    everywhere,
    forms,
    restricted,
    weighted,
)
from codegen.pages.document import (
    Block,
    Display,
    EquationRow,
    Equations,
    Inline,
    Inlines,
    Line,
    Math,
    Paragraph,
    Section,
)
from codegen.pages.document import Equation as EquationOnPage
from derive.algebra.equation import Equation
from derive.algebra.terms import (
    Affine,
    Label,
    Partial,
    Ref,
    Sum,
    Tensor,
    Term,
    factors_of,
    mul,
    walk,
)
from derive.generic import instance
from derive.matrices.expressions import Hadamard, Product
from derive.network.layers import Dense
from derive.stages import SAMPLE
from derive.steps import Chain
from derive.writing.layout import row


def generic_section(sheet: Sheet) -> Section:
    """The error of layer l, then the gradients of its parameters."""
    chains = {chain.key: chain for chain in sheet.derivation.generic}
    shown = forms(sheet)
    label = Label(0, "l")
    behind = "with any activation. " if entrywise(sheet) else "whatever its activation. "
    if (only := alone(sheet)) is not None:  # shown at the layer itself
        moved = instance(only)
        chains = {key: at_layer(chain, moved) for key, chain in chains.items()}
        shown = [((only.main,), None)]
        label, behind = only.label, "whatever its activation. "
    rows = [
        EquationRow((*map(sheet.equation, made), *([where] if where else [])))
        for made, where in shown
    ]
    blocks: list[Block] = [
        Paragraph((*_which(sheet), Math(sheet.writer.label(label)), ", which computes")),
        Equations((replace(rows[0], key="generic.s"),)),
        *(Equations((other,)) for other in rows[1:]),
        Paragraph((behind, *_define(sheet, chains))),
    ]  # fmt: skip
    if "generic.delta" in chains:
        blocks += _delta(sheet, chains["generic.delta"])
    blocks += _weights(sheet, chains)
    return Section(("Any layer",), tuple(blocks), "sec:generic")


def _weighted(sheet: Sheet) -> EquationOnPage | None:
    """The layers that compute so, where the network has others."""
    return condition(sheet, weighted(sheet.derivation.forward_pass.stages))


def _which(sheet: Sheet) -> Inlines:
    """Which layer is looked at."""
    stages = sheet.derivation.forward_pass.stages
    many = sum(isinstance(stage.layer, Dense) for stage in stages)
    if many == 1 and not any(stage.repeat for stage in stages):
        kind = "" if len(stages) == 1 else " fully connected"
        return (f"There is one{kind} layer, number ",)
    if everywhere(sheet):
        return ("All layers do the same, so we look at one of them, number ",)
    first = next(s for s in stages if isinstance(s.layer, Dense))
    one = "the first" if alone(sheet) is first else "one"
    return (f"Fully connected layers do the same, so we look at {one} of them, number ",)


def _define(sheet: Sheet, chains: dict[str, Chain]) -> tuple[Inline, ...]:
    first = next(iter(chains.values()))
    if "generic.delta" not in chains:
        delta = next(
            n for n in walk(first.result) if isinstance(n, Ref) and n.tensor.role == "delta"
        )
        return ("Its error is ", sheet.math(delta), ".")
    definition = first.steps[0].rhs
    assert isinstance(definition, Partial)
    return (
        "Its error is ", Math(row(sheet.write(first.lhs), "=", sheet.write(definition))),
        ": how much the loss rises when ", sheet.math(definition.by), " rises a little.",
    )  # fmt: skip


# ------------------------------------------------------------------ the error


def _delta(sheet: Sheet, chain: Chain) -> list[Block]:
    k = sheet.index("k")
    lines = sheet.lines(chain, chain.key)
    where = condition(sheet, between(sheet))
    blocks: list[Block] = [
        Paragraph(
            ("The unit's output goes to every unit ", k, " of the next layer, and each of them"
             " has an error of its own. The loss depends on the output by all these ways, and"
             " the chain"
             " rule"
             " adds up what comes back on each:"),
            ("The error.",),
        ),
        Display(restricted(_with_braces(sheet, chain, lines), where)),
    ]  # fmt: skip
    arrays = sheet.arrays(Equation(place_of(chain), chain.result))
    if arrays is not None:
        blocks.append(
            Paragraph(_transpose_words(sheet, chain), ("Where the transpose comes from.",))
        )
        blocks.append(Equations((EquationRow((arrays, *([where] if where else []))),)))
    return blocks


def _with_braces(sheet: Sheet, chain: Chain, lines: tuple[Line, ...]) -> tuple[Line, ...]:
    """Below the derivative that the next line carries out stands what it will be."""
    made = list(lines)
    for line, (step, after) in enumerate(zip(chain.steps, chain.steps[1:], strict=False)):
        now, then = _sum(step.rhs), _sum(after.rhs)
        if now is None or then is None or len(lines) != len(chain.steps):
            continue
        inner = [f for f in factors_of(now.body) if isinstance(f, Partial)]
        new = [f for f in factors_of(then.body) if f not in factors_of(now.body)]
        if len(inner) == 1 and new:
            target, label = sheet.write(inner[0]), sheet.write(mul(*new))
            made[line] = replace(made[line], rhs=braced(made[line].rhs, target, label))
    return tuple(made)


def _sum(term: Term) -> Sum | None:
    return next((f for f in factors_of(term) if isinstance(f, Sum)), None)


def _transpose_words(sheet: Sheet, chain: Chain) -> tuple[Inline, ...]:
    found = _sum(chain.result)
    assert found is not None
    weight = next(
        f for f in factors_of(found.body) if isinstance(f, Ref) and f.tensor.role == "weight"
    )
    (k,) = found.indices
    j = next(i for place in weight.at if (i := place.index) is not None and i != k)
    matrix = sheet.writer.tensor(weight.tensor)
    shown = sheet.write(found)
    out_first = sheet.writer.profile.out_first
    first = (weight.at[1] if out_first else weight.at[0]).index == k
    unit = sheet.index(j.name)
    form = sheet.writer.matrix_form(Equation(place_of(chain), chain.result))
    assert form is not None
    factors = form.rhs.args if isinstance(form.rhs, Hadamard) else (form.rhs,)
    product = Math(sheet.writer.matrix(next(m for m in factors if isinstance(m, Product))))
    if first:
        return (
            "In ", Math(shown), " the sum runs over the first index of the weight, down a column"
            " of ", Math(matrix), "; a matrix times a vector runs along a row. So it is entry ",
            unit, " of ", product, ": the way back uses the matrix of the way forth, rows and"
            " columns exchanged:",
        )  # fmt: skip
    return (
        "In ", Math(shown), " the sum runs over the second index of the weight, along a row of ",
        Math(matrix), ", so it is entry ", unit, " of ", product, ". On the way forth the sum runs"
        " down a column, which is why the transpose stands there:",
    )  # fmt: skip


# ------------------------------------------------------------------ the parameters


def _weights(sheet: Sheet, chains: dict[str, Chain]) -> list[Block]:
    blocks: list[Block] = []
    for key, chain in chains.items():
        if key == "generic.delta":
            continue
        assert isinstance(chain.lhs, Partial)
        is_weight = chain.lhs.by.tensor.role == "weight"
        where = _weighted(sheet) if is_weight else alike(sheet, key.removeprefix("generic.b."))
        blocks += [
            Paragraph(_parameter_words(sheet, chain), (_lead(chain),)),
            Display(restricted(sheet.lines(_over_samples(sheet, chain), key), where)),
        ]
        if is_weight:
            blocks += _outer(sheet, chain)
    return blocks


def _lead(chain: Chain) -> str:
    assert isinstance(chain.lhs, Partial)
    if chain.lhs.by.tensor.role == "weight":
        return "The weights."
    return "The thresholds." if chain.key.endswith("threshold") else "The biases."


def _parameter_words(sheet: Sheet, chain: Chain) -> tuple[Inline, ...]:
    assert isinstance(chain.lhs, Partial)
    by = sheet.math(chain.lhs.by)
    if chain.lhs.by.tensor.role == "weight":
        return ("The weight ", by, " stands in the weighted sum of one unit only, so of the"
                                   " chain rule's"
                " sum one term remains:")  # fmt: skip
    if chain.key.endswith("threshold"):
        return ("So does the threshold ", by, ", which is subtracted; hence the minus sign:")
    return ("So does the bias ", by, ", with the factor 1:")


def _over_samples(sheet: Sheet, chain: Chain) -> Chain:
    """A parameter acts on the losses through every sample, where these are mixed."""
    steps = tuple(replace(step, rhs=sheet.over_samples(step.rhs)) for step in chain.steps)
    return replace(chain, steps=steps) if sheet.mixed else chain


def _outer(sheet: Sheet, chain: Chain) -> list[Block]:
    """Error times input, as an outer product."""
    assert isinstance(chain.lhs, Partial)
    by = chain.lhs.by
    gradient = Tensor(by.tensor.letter, "gradient", by.tensor.label)
    lhs = Ref(gradient, (Affine.of(SAMPLE), *by.at))
    arrays = sheet.arrays(Equation(lhs, chain.result))
    if arrays is None or sheet.mixed:  # then the form for the batch says it
        return []
    text = ("Error times input. Each entry is a product of a number of the unit and a number of the"
            " input, so the whole matrix is a column times a row:")  # fmt: skip
    where = _weighted(sheet)
    shown = (arrays,) if where is None else (arrays, where)
    return [Paragraph((text,)), Equations((EquationRow(shown),))]
