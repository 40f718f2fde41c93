"""The backward pass: layer l first, then every layer from the last to the first."""

from __future__ import annotations

from codegen.chapter import strategies
from codegen.chapter.errors import cancels, error_equation, gap
from codegen.chapter.generic import generic_section
from codegen.chapter.gradients import batch, parameters
from codegen.chapter.groups import Group
from codegen.chapter.keys import error_key
from codegen.chapter.reach import by_place
from codegen.chapter.sheet import Sheet
from codegen.chapter.stage_backward import Seen, carriers
from codegen.chapter.summary import summary, update
from codegen.pages.document import (
    Block,
    CrossRef,
    Display,
    Inline,
    Inlines,
    Line,
    Paragraph,
    Section,
)
from derive.algebra.canon import equal
from derive.algebra.prove import PROVED
from derive.algebra.terms import (
    ONE,
    ZERO,
    Apply,
    Partial,
    Piecewise,
    free_indices,
    walk,
)
from derive.steps import Chain


def section(sheet: Sheet) -> Section:
    """Generic layer, instances, gradient of the input, parameters, batch."""
    blocks: list[Block] = strategies.before(sheet)
    if sheet.derivation.generic:
        blocks.append(generic_section(sheet))
    blocks.append(Section(("Layer by layer",), tuple(_layers(sheet)), "sec:layers"))
    blocks.append(parameters(sheet))
    blocks += strategies.after(sheet)
    blocks.append(batch(sheet))
    blocks.append(Section(("Summary and update",), (summary(sheet), *update(sheet))))
    return Section(("Backward pass",), tuple(blocks), "sec:backward")


def _layers(sheet: Sheet) -> list[Block]:
    blocks: list[Block] = []
    seen = Seen(sheet)
    for group in reversed(sheet.groups):
        for chain in group.errors:
            lead = _lead(sheet, group) if chain is group.errors[0] else ()
            blocks += [*_error(sheet, group, chain, lead), *seen.after(chain)]
    return [*blocks, *_input(sheet), *seen.after(_input_chain(sheet))]


def _lead(sheet: Sheet, group: Group) -> Inlines:
    return (*layer_name(sheet, group, capital=True), ".")


def layer_name(sheet: Sheet, group: Group, capital: bool = False) -> Inlines:
    """the output layer, the hidden layer, layer 3, the layers l = 2, ..., 19."""
    the = "The" if capital else "the"
    if len(sheet.derivation.network.layers) == 1 and not group.run and not group.label.base:
        return (f"{the} layer",)
    if group is sheet.last:
        return (f"{the} output layer",)
    if group.run:
        return (f"{the} layers ", sheet.span(group, less=1 if group.open else 0))
    if len(sheet.groups) == 2 and len(sheet.derivation.network.layers) == 2:
        return (f"{the} hidden layer",)
    return ("Layer " if capital else "layer ", sheet.label(group.label))


def _error(sheet: Sheet, group: Group, chain: Chain, lead: Inlines) -> list[Block]:
    output = group is sheet.last and chain.kind == "delta"
    before = _before_output(sheet, chain) if output else _before(sheet, group, chain)
    blocks: list[Block] = [Paragraph(before, lead)]
    shown = by_place(sheet, chain, carriers(sheet, chain))
    blocks.append(Display((*sheet.lines(shown, error_key(chain)), *_arrays(sheet, chain))))
    after = _after(sheet, group, chain) if chain.kind == "delta" else ()
    if after:
        blocks.append(Paragraph(after))
    return blocks


def _arrays(sheet: Sheet, chain: Chain) -> tuple[Line, ...]:
    """The same between whole arrays, unless it is about a single number."""
    equation = error_equation(chain)
    if equation is None or all(i.size == 1 for i in free_indices(equation.lhs) if not i.sample):
        return ()
    made = sheet.arrays(equation)
    if made is None:
        return ()
    return (Line(made.lhs, "=", made.rhs, ("as vectors",), PROVED, detail="entry by entry"),)


def _before_output(sheet: Sheet, chain: Chain) -> Inlines:
    s = sheet.math(_partial(chain).by)
    activation = sheet.output_activation
    if activation is None:
        return ("There is no activation after ", s, ", so its error is the slope of the loss:")
    if _jacobian(chain):
        return ("Every output depends on ", s, ", so the chain rule adds up over all of them:")
    return ("The loss sees ", s, " only through ", sheet.math(activation.lhs), ":")


def _before(sheet: Sheet, group: Group, chain: Chain) -> Inlines:
    cites = {cite for step in chain.steps for cite in step.cites}
    if chain.kind == "adjoint":
        return ("What reaches the loss through ", sheet.math(_partial(chain).by), ":")
    if "generic.delta" in cites:
        if len(sheet.groups) > 2 or group.run:
            return ("This is ", CrossRef("generic.delta"), " with the slope of this layer:")
        return ("This is ", CrossRef("generic.delta"), " with the numbers of this network:")
    return ("By the chain rule:",)


def _partial(chain: Chain) -> Partial:
    """The derivative that the chain is about."""
    if isinstance(chain.lhs, Partial):
        return chain.lhs
    first = chain.steps[0].rhs
    if isinstance(first, Partial):
        return first
    raise TypeError(f"{chain.key} does not begin with the definition of an error")


def _jacobian(chain: Chain) -> bool:
    return any(c.startswith("jacobian.") for step in chain.steps for c in step.cites)


# ------------------------------------------------------------------ what one sees


def _after(sheet: Sheet, group: Group, chain: Chain) -> Inlines:
    if group is sheet.last:
        return _after_output(sheet, chain)
    return _after_hidden(group, chain)


def _after_output(sheet: Sheet, chain: Chain) -> Inlines:
    delta = sheet.math(chain.lhs)
    used = [c for step in chain.steps for c in step.cites if c.startswith("fact.")]
    if cancels(sheet):
        made: list[Inline] = ["The cancellation is the reason for pairing this loss with this"
                              " activation: "]  # fmt: skip
        if _jacobian(chain):
            made += ["of the whole Jacobian nothing is left but output minus target"]
        else:
            made += ["the slope of the activation, which is tiny where the unit is saturated,"
                     " stands"
                     " in the denominator of the slope of the loss and drops out"]  # fmt: skip
        made.append(", so a confident mistake still learns.")
        if used:
            made += [" Without ", CrossRef(used[0]), " the first term would keep the sum of the"
                     " targets as a factor."]  # fmt: skip
        return tuple(made)
    if sheet.output_activation is None:
        linear = equal(chain.result, gap(_partial(chain).by))
        return ("The error is what is left to learn: output minus target.",) if linear else ()
    if any(isinstance(n, Apply) and n.order for n in walk(chain.result)):
        return ("The slope of the activation stays a symbol: the result holds for every smooth"
                " activation.",)  # fmt: skip
    if _jacobian(chain):
        return ("The Jacobian does not cancel here: where one output is close to 1 all its entries"
                " are small, and a confident mistake learns slowly.",)  # fmt: skip
    return ("The slope of the activation stays in ", delta, ", so how fast the network learns"
            " from a mistake depends on where on its curve the output unit stands.")  # fmt: skip


def _after_hidden(group: Group, chain: Chain) -> Inlines:
    result = chain.result
    factors = [n for n in walk(result) if isinstance(n, Piecewise)]
    switch = any([v for v, _ in f.branches] == [ONE, ZERO] for f in factors)
    if switch:
        return ("The bracket is 1 where the condition holds and 0 elsewhere: it lets the error of"
                " an active unit through unchanged and stops that of the others.",)  # fmt: skip
    if group.run:
        return ("Each of these layers multiplies the error by its weights and its slopes once more;"
                " where these are mostly smaller than 1 the error fades on its way down, where they"
                " are mostly larger it grows.",)  # fmt: skip
    return ()


def _input(sheet: Sheet) -> list[Block]:
    chain = _input_chain(sheet)
    before = ("Nobody trains the input, but the same step once more tells how the loss depends on"
              " it, as one needs it when another network stands below:",)  # fmt: skip
    blocks: list[Block] = [Paragraph(before, ("The input.",))]
    shown = by_place(sheet, chain, carriers(sheet, chain))
    blocks.append(Display(sheet.lines(shown, "gradient.x")))
    return blocks


def _input_chain(sheet: Sheet) -> Chain:
    return next(c for c in sheet.derivation.layers if c.kind == "input")
