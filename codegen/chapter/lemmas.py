"""The facts that the backward pass rests on, each with its proof."""

from __future__ import annotations

import mpmath

from codegen.chapter import words
from codegen.chapter.legend import legend
from codegen.chapter.sheet import Sheet, single
from codegen.chapter.statements import lemma
from codegen.pages.document import (
    Block,
    CrossRef,
    Display,
    Equation,
    Inline,
    Inlines,
    Lemma,
    Math,
    Paragraph,
    Section,
)
from derive.algebra.canon import normal, to_term
from derive.algebra.evaluate import Digits
from derive.algebra.terms import Apply, Index, Partial, Piecewise, Ref, Sum, Term, refs, walk
from derive.forward import Y
from derive.identities import O, S
from derive.matrices.expressions import Identity, Mat, Plus, Product, Scale, scaled
from derive.matrices.form import form
from derive.steps import Chain
from derive.writing.layout import row

FAR = 40  # a pre-activation, or an error, that is far out


def section(sheet: Sheet) -> Section | None:
    """Lemmas and facts about the data, the likelihood first."""
    blocks: list[Block] = []
    said: set[Block] = set()
    for chain in sheet.derivation.lemmas:
        for block in _PARTS[chain.kind](sheet.of_each, chain):
            if block not in said:
                blocks.append(block)
                said.add(block)
    facts = [_fact(sheet, k) for k in range(len(sheet.derivation.facts))]
    many = len(facts) + len(sheet.derivation.lemmas)
    if not many:
        return None
    title = f"{words.capital(words.count(many, 'fact'))} we need"
    return Section((title,), (*legend(sheet), *blocks, *facts), "sec:facts")


def _fact(sheet: Sheet, k: int) -> Lemma:
    fact = sheet.derivation.facts[k]
    formula = Math(row(sheet.write(fact.lhs), "=", sheet.write(fact.rhs)))
    statement = ("By assumption ", fact.sentence, ": ", formula, ".")
    return Lemma(statement, (), fact.key, "Fact")


# ------------------------------------------------------------------ likelihood


_DENSITIES = {
    "gaussian": "a normal density around the output, with variance 1, for every component of the"
    " target",
    "bernoulli": "a coin for every output, which shows 1 with the probability that the output"
    " names",
    "categorical": "a die whose faces have the probabilities that the outputs name",
}


def _likelihood(sheet: Sheet, chain: Chain) -> list[Block]:
    density = _DENSITIES[sheet.derivation.network.loss.likelihood or "gaussian"]
    statement: Inlines = (
        "Let the probability of a target be ", density, ". Minus its logarithm is the loss ",
        CrossRef("loss"), ".",
    )  # fmt: skip
    proof = (
        Paragraph(("Samples that are likely shall cost little. The logarithm turns the product over"
                   " the outputs into a sum:",)),
        Display(sheet.lines(chain), qed=True),
    )  # fmt: skip
    comment = Paragraph(
        ("So the loss is not a matter of taste: minimising it makes the observed targets as likely"
         " as the network can make them.",)
    )  # fmt: skip
    return [Lemma(statement, proof, "lemma.likelihood"), comment]


# ------------------------------------------------------------------ slopes


def _slope(sheet: Sheet, chain: Chain) -> list[Block]:
    definition = chain.steps[0].rhs
    assert isinstance(definition, Partial)
    assert isinstance(chain.lhs, Apply)
    phi = definition.of
    value = sheet.write(Apply(chain.lhs.function, S))
    uses = any(r is O for r in refs(chain.result))
    start = row(sheet.write(O), "=", value) if uses else value
    given = Equation(start, "=", sheet.write(phi))
    claim = Equation(sheet.write(chain.lhs), "=", sheet.write(chain.result))
    proof = (Paragraph((_proof_words(chain, uses),)), Display(sheet.lines(chain), qed=True))
    blocks: list[Block] = [lemma(("For",), given, claim, proof, chain.key)]
    comment = _slope_words(sheet, chain, phi, uses)
    return [*blocks, Paragraph(comment)] if comment else blocks


def _proof_words(chain: Chain, uses: bool) -> str:
    if any(isinstance(node, Piecewise) for node in walk(chain.result)):
        return "Away from the kinks every branch has its own derivative:"
    if uses:
        return "Differentiate, then look for the value itself in what comes out:"
    return "Differentiate, one rule a line:"


def _slope_words(sheet: Sheet, chain: Chain, phi: Term, uses: bool) -> Inlines:
    """What the slope is like, as far as its values tell."""
    slope = chain.result
    made: list[Inline] = []
    if any(node is S for node in walk(slope)) or not uses:
        pass
    else:
        made.append("The forward pass has computed ")
        made += [sheet.math(O), " already, so the slope costs next to nothing."]
    above, below = (_value(slope, phi, s) for s in (FAR, -FAR))
    if above is None or below is None:
        return tuple(made)
    near_one, near_zero = abs(above - 1) < 1e-6, abs(below) < 1e-6
    if abs(above) < 1e-6 and near_zero:
        made.append(" Far from 0, on either side, the slope tends to 0: a saturated unit passes"
                    " hardly any error back.")  # fmt: skip
    elif _is_switch(slope):
        made.append(" Such a unit is a switch: where its pre-activation is positive the error"
                    " passes"
                    " unchanged, elsewhere it stops.")  # fmt: skip
    elif near_one and near_zero:
        made.append(" For large pre-activations the slope is almost 1, so the error passes nearly"
                    " unchanged; for very negative ones it is almost 0, and the error"
                    " stops.")  # fmt: skip
    elif near_one and below > 0:
        made.append(" Some of the error always gets through, also where the pre-activation is"
                    " negative.")  # fmt: skip
    if made and isinstance(made[0], str):
        made[0] = made[0].lstrip()
    return tuple(made)


def _is_switch(slope: Term) -> bool:
    if not isinstance(slope, Piecewise):
        return False
    values = [_value(slope, S, s) for s in (-2, -1, 1, 2)]
    return values == [0, 0, 1, 1]


def _value(slope: Term, phi: Term, s: int) -> mpmath.mpf | None:
    """The slope at a number, its O by phi."""

    def entry(node: Term) -> mpmath.mpf:
        if node is S:
            return mpmath.mpf(s)
        if node is O:
            return Digits(entry)(phi)
        raise TypeError

    try:
        with mpmath.workdps(40):
            return Digits(entry)(slope)
    except (TypeError, ValueError, ZeroDivisionError, OverflowError):
        return None


# ------------------------------------------------------------------ Jacobian and loss


def _jacobian(sheet: Sheet, chain: Chain) -> list[Block]:
    assert isinstance(chain.lhs, Partial)
    definition = chain.steps[0].rhs
    assert isinstance(definition, Partial)
    o, s = chain.lhs.of, chain.lhs.by
    assert isinstance(o, Ref)
    claim = Equation(sheet.write(chain.lhs), "=", sheet.write(chain.result))
    given = Equation(sheet.write(o), "=", sheet.write(definition.of))
    proof = (
        Paragraph(("Numerator and denominator both depend on ", sheet.math(s),
                   ", so the quotient rule gives two terms:")),
        Display(sheet.lines(chain), qed=True),
    )  # fmt: skip
    words_: list[Inline] = [
        "All outputs share the denominator: raising one pre-activation raises its own output and"
        " lowers all the others, which is why one error later depends on every output.",
    ]
    expanded = to_term(normal(chain.result))
    out_first, shapes = sheet.writer.profile.out_first, sheet.derivation.shapes
    matrix = form(expanded, _plain(o), _plain(s), batch=False, out_first=out_first, shapes=shapes)
    if matrix is not None:
        words_ += [" As a matrix the slopes are ", Math(sheet.writer.matrix(_plainly(matrix))), "."]
    return [lemma(("For",), given, claim, proof, chain.key), Paragraph(tuple(words_))]


def _plainly(mat: Mat) -> Mat:
    """Without identity matrices as factors."""
    if isinstance(mat, Plus):
        return Plus(tuple(map(_plainly, mat.args)))
    if isinstance(mat, Scale):
        return scaled(mat.factor, _plainly(mat.arg))
    if isinstance(mat, Product):
        kept = tuple(arg for arg in mat.args if not isinstance(arg, Identity))
        return Product(kept) if len(kept) > 1 else kept[0]
    return mat


def _plain(entry: Ref) -> Index | None:
    return entry.at[-1].index


def _loss_slope(sheet: Sheet, chain: Chain) -> list[Block]:
    claim = Equation(sheet.write(chain.lhs), "=", sheet.write(chain.result))
    assert isinstance(chain.lhs, Partial)
    sums = [n for n in walk(chain.steps[0].rhs) if isinstance(n, Sum) and n.indices[0].size != 1]
    why = "Only the term of this output depends on it:" if sums else "Differentiate:"
    proof = (Paragraph((why,)), Display(sheet.lines(chain), qed=True))
    made = lemma(("For the loss ", CrossRef("loss")), None, claim, proof, chain.key)
    comment = _pull(chain)
    return [made, Paragraph((comment,))] if comment else [made]


def _pull(chain: Chain) -> str:
    """How hard the loss pulls at an output, as far as its values tell."""
    near, far, farther = (_pulled(chain, o, 0) for o in (1, FAR, 2 * FAR))
    sure = _pulled(chain, mpmath.mpf("1e-9"), 1)
    if sure is not None and abs(sure) > 1e6:
        return ("The slope has no bound: the nearer the output comes to 0 where the target is 1,"
                " the"
                " harder the loss pulls, so a confident mistake costs most.")  # fmt: skip
    if near is None or far is None or farther is None or not near:
        return ""
    if abs(far - FAR * near) < 1e-6 * FAR:
        return "The slope is proportional to the error: the further off, the stronger the pull."
    if abs(farther - far) < 1e-6:
        return ("Far from the target the slope no longer grows, so an outlier pulls no harder"
                " than any"
                " other large error.")  # fmt: skip
    return ""


def _pulled(chain: Chain, o: object, y: object) -> mpmath.mpf | None:
    """The slope of the loss at an output and a target, where it depends on nothing else."""
    assert isinstance(chain.lhs, Partial)
    by = chain.lhs.by

    def entry(node: Term) -> mpmath.mpf:
        if node is by:
            return mpmath.mpf(o)
        if isinstance(node, Ref) and node.tensor == Y and node.at == by.at:
            return mpmath.mpf(y)
        raise TypeError

    try:
        with mpmath.workdps(40):
            return Digits(entry)(single(chain.result))
    except (TypeError, ValueError, ZeroDivisionError, OverflowError):
        return None


_PARTS = {
    "likelihood": _likelihood,
    "slope": _slope,
    "jacobian": _jacobian,
    "loss slope": _loss_slope,
}
