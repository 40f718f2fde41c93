r"""The network that a sheet itself describes, where nobody names one.

z = w^\top x + b, p = \sigma(z) and \ell = -y \log p - (1 - y) \log(1 - p) say n > 1 sigmoid :
binary_cross_entropy.  The forward equations give the layers, the formula of the loss gives the
loss; the network is taken only if these equations hold of it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace

from derive.algebra.symbols import Label
from derive.claims.claim import Claim
from derive.errors import SpecError
from derive.marking.judging import GENERAL, Assumptions, Judge
from derive.network.choices import LOSSES
from derive.network.layers import Dense
from derive.reading.latex_tokens import Refused, Token, Unreadable
from derive.reading.scope import Scope
from derive.reading.tree import Applied, Entry, Node, walk
from derive.sheets.agreements import quickly_holds
from derive.sheets.door import claims_of
from derive.sheets.environment import environment, is_forward
from derive.sheets.findings import Signs, signs_of
from derive.sheets.forward import Forward
from derive.sheets.hypotheses import PLAIN, Hypothesis
from derive.sheets.loss_formulas import loss_formula
from derive.sheets.objective import is_loss
from derive.sheets.own_model import LOGISTIC, OwnModel, own_model
from derive.sheets.sheet import Formula, Heading, Prose, Sheet
from derive.sheets.statements import EQUALS, INDICES, LOSS_LETTERS, Written, names_as, texts
from derive.spec import Network, load
from derive.writing.signs import Sign

SIZES = ("n", "d", "m", "h", "q", "r", "k", "u", "v", "g", "c")  # the letters of free sizes
MOST_LAYERS = 6
_EXACTLY, _SUMMED, _OTHERWISE, _FAILS = "exactly", "as a sum", "up to a factor", "not"
_OWN_LOSS, _ANOTHER = "with a loss of its own", "with another loss"
_USUAL = (GENERAL, Assumptions(normalised=True))

_Name = tuple[Sign, str, str]


@dataclass(frozen=True)
class _Layer:
    """A dense layer as the equations say it; the activation of a mere letter is the letter."""

    one: bool  # one unit
    plain: bool  # a number times a number: w x + b
    activation: str | Sign
    biased: bool


@dataclass(frozen=True)
class Described:
    """A network with the line that says it."""

    network: Network
    line: str
    own_loss: bool = False  # whether the loss is a formula of the sheet's own
    hypothesis: Hypothesis = PLAIN  # under which the sheet was found to say so
    model: OwnModel | None = None  # where it is no chain of layers


@dataclass(frozen=True)
class _Found:
    """How the equations of a sheet hold, and what they say of the loss."""

    how: str
    loss: Node | None = None
    last: Label | None = None


def described(sheet: Sheet, notation: str | None = None) -> Described | None:
    """The network that the forward equations and the loss of a sheet are about, if there is one."""
    if any(f.language != "latex" for f in sheet.formulas) or not sheet.formulas:
        return None
    signs = signs_of(sheet.parts, sheet.macros)
    for hypothesis in (PLAIN, *_samples_below(signs)):
        if (made := _chain(sheet, notation, hypothesis)) is not None:
            return made
    with names_as(INDICES, numbered=True):
        model = own_model(sheet, signs_of(sheet.parts, sheet.macros))
    if model is None:
        return None
    return Described(model.network, "", hypothesis=model.hypothesis, model=model)


def _samples_below(signs: Signs) -> Iterator[Hypothesis]:
    r"""Letters of sums that stand alone below several signs: \sum_n (\hat y_n - y_n)^2."""
    below: dict[str, set[Sign]] = {}
    for name in signs.names:
        below.setdefault(name.below, set()).add(name.sign)
    for letter in dict.fromkeys(k for s in signs.statements for m in s.members for k in _summed(m)):
        if len(below.get(letter, ())) > 1:
            yield replace(PLAIN, sample=letter, front=letter)


def _summed(tokens: tuple[Token, ...]) -> list[str]:
    return re.findall(r"\\sum_\{?([a-z])(?![a-z])", texts(tokens))


def _chain(sheet: Sheet, notation: str | None, hypothesis: Hypothesis) -> Described | None:
    """The chain of dense layers that the equations are about under a hypothesis."""
    made = hypothesis
    with names_as(made.letters, made.behind, made.front, made.numbered):
        signs = signs_of(sheet.parts, sheet.macros, made.sample, made.bare)
        layers = _layers(signs.forwards)
    if not layers:
        return None
    lines = dict.fromkeys(_lines(sheet, signs, layers))
    found = _first(sheet, notation, hypothesis, lines)
    return found and replace(found, hypothesis=hypothesis)


def _first(
    sheet: Sheet, notation: str | None, hypothesis: Hypothesis, lines: Iterable[str]
) -> Described | None:
    """The first of some networks of which the equations hold."""
    alike: list[Described] = []
    for line in lines:
        with suppress(SpecError, Refused, RecursionError):
            made = Described(load(line), line)
            found = _found(sheet, made.network, notation, hypothesis)
            if found.how == _EXACTLY:
                return made
            if found.how == _SUMMED:
                line += " reduction=sum"
                return Described(load(line), line)
            if found.how == _OTHERWISE:
                alike.append(made)
            elif made.network.loss.name == "generic" and found.how != _FAILS:
                return (
                    alike[0] if alike else _with_formula(sheet, notation, made, found, hypothesis)
                )
    return alike[0] if alike else None


def _with_formula(
    sheet: Sheet, notation: str | None, made: Described, found: _Found, hypothesis: Hypothesis
) -> Described | None:
    """The network with the formula of the sheet as its loss."""
    last = made.network.layers[-1]
    plain = isinstance(last, Dense) and last.activation.name == "linear"
    formula = found.loss and loss_formula(found.loss, found.last, plain)
    if formula:
        line = f"{made.line.rpartition(' : ')[0]} : {formula}"
        with suppress(SpecError, Refused, RecursionError):
            network = load(line)
            if _found(sheet, network, notation, hypothesis).how == _EXACTLY:
                return Described(network, line)
    return replace(made, own_loss=True) if found.how == _OWN_LOSS else None


# -------------------------------------------------------------------- layers


def _name(made: Written) -> _Name:
    return made.sign, made.below if made.below.isdigit() else made.key[1], made.number


def _layers(found: list[Forward]) -> list[_Layer]:
    """The layers along the equations, from what nothing computes on; none where they fork."""
    steps: dict[_Name, Forward] = {}
    for forward in found:
        names = [forward.lhs, *([forward.affine.below] if forward.affine else [])]
        if any(n.number and not n.number.isdigit() for n in names):
            return []  # about any layer
        steps.setdefault(_name(forward.lhs), forward)
    above: dict[_Name, list[_Name]] = {}
    for lhs, forward in steps.items():
        below = forward.affine.below if forward.affine else forward.arg
        if below is not None:
            above.setdefault(_name(below), []).append(lhs)
    inputs = [name for name in above if name not in steps]
    if len(inputs) != 1 or any(len(names) > 1 for names in above.values()):
        return []
    made: list[_Layer] = []
    (here,) = inputs
    for _ in range(len(steps)):
        if here not in above:
            return []
        (here,) = above[here]
        forward = steps[here]
        function: str | Sign = "linear"
        if forward.function:
            function = forward.letter or "generic" if forward.function == "?" else forward.function
        if forward.affine is not None:
            one = _is_one(forward)
            plain = one and _is_plain(forward.affine.weight) and _is_plain(forward.affine.below)
            made.append(_Layer(one, plain, function, forward.affine.bias is not None))
        elif made and made[-1].activation == "linear":
            made[-1] = replace(made[-1], activation=function)
        else:
            return []
    return made if len(made) <= MOST_LAYERS else []


def _is_one(forward: Forward) -> bool:
    r"""Whether a weighted sum is one number: w^\top x, and not W x or w_k^\top x."""
    assert forward.affine is not None
    weight = forward.affine.weight
    several = weight.sign.letter[:1].isupper() or len(_letters(weight)) > 1
    return not several and not _letters(forward.lhs)


def _is_plain(name: Written) -> bool:
    """Whether a name looks like that of a number: neither set bold nor transposed nor indexed."""
    sign = name.sign
    letter = sign.letter.islower() and sign.style not in ("bold", "cal") and not sign.accent
    return letter and "T" not in name.above and r"\top" not in name.above and not _letters(name)


def _letters(name: Written) -> list[str]:
    return [i for i in name.indices if not i.isdigit()]


def _lines(sheet: Sheet, signs: Signs, layers: list[_Layer]) -> Iterator[str]:
    """The networks that may be meant, those with a loss that has a name before others."""
    written = {n.sign.letter for n in signs.names} | {i for n in signs.names for i in n.indices}
    sizes = [size for size in SIZES if size not in written]
    if len(sizes) <= len(layers):
        return
    entries = any(_letters(n) for n in signs.names)
    first = "1" if layers[0].plain and not entries else sizes[0]
    words = " ".join(p.text for p in sheet.parts if isinstance(p, Prose | Heading))
    logarithms = any(t in f.text for f in _formulas(sheet) for t in ("log", "ln"))
    losses = sorted(LOSSES, key=lambda name: ("entropy" in name) != logarithms)
    losses = [name for name in losses if name != "generic"]
    for loss in (*losses, "generic"):
        logistic = bool(LOGISTIC.search(words)) or loss == "binary_cross_entropy"
        for single in dict.fromkeys((layers[-1].one, True)):
            made = [first]
            for k, (size, layer) in enumerate(zip(sizes[1:], layers, strict=False)):
                last = k == len(layers) - 1
                units = "1" if layer.one or (last and single) else size
                if units == "1" and layer.activation == "softmax":
                    break
                function = _function(layer.activation, signs, logistic)
                bias = "" if layer.biased else " bias=false"
                made.append(f"{units} {function}{bias}".replace(" linear", ""))
            else:
                yield f"{' > '.join(made)} : {loss}"


def _function(activation: str | Sign, signs: Signs, logistic: bool) -> str:
    """The name of an activation; a letter of which nothing is said is any."""
    if isinstance(activation, str):
        return activation
    if activation in signs.functions:
        return signs.functions[activation]
    return "sigmoid" if logistic and activation.letter == "sigma" else "generic"


# -------------------------------------------------------------------- whether it is meant


def _formulas(sheet: Sheet) -> Iterator[Formula]:
    return (p for p in sheet.parts if isinstance(p, Formula) and p.language == "latex")


def _found(sheet: Sheet, network: Network, notation: str | None, hypothesis: Hypothesis) -> _Found:
    """How the equations of a sheet hold of a network."""
    judge = Judge(network)
    scope = environment(sheet, network, notation, hypothesis, judge).scopes[0]
    if any(_computes_given(claim) for claim in _claims(sheet, scope)):
        return _Found(_FAILS)
    defining = _defining(sheet, scope)
    forward = [c for c in defining if is_forward(c.lhs)]
    losses = [c for c in defining if not is_forward(c.lhs)]
    if not forward or not all(_usually(judge, c, scope) for c in forward):
        return _Found(_FAILS)
    is_any = network.loss.name == "generic"
    own = scope.own.definitions.get(scope.own.objective)
    if own is not None:
        return _Found(_OWN_LOSS if is_any else _FAILS, own.rhs, scope.last)
    if not losses:
        open_ = is_any and not any(_is_formula_of_loss(c) for c in _claims(sheet, scope))
        return _Found(_EXACTLY if open_ else _FAILS)
    for reduction in ("", "sum"):
        reduced = replace(scope, conventions=replace(scope.conventions, reduction=reduction))
        if _usually(judge, losses[0], reduced):
            return _Found(_SUMMED if reduction else _EXACTLY)
    if not is_any and is_loss(judge, losses[0], scope):
        return _Found(_OTHERWISE)
    return _Found(_ANOTHER if is_any else _FAILS, losses[0].rhs, scope.last)


def stated(sheet: Sheet, scopes: tuple[Scope, ...]) -> tuple[tuple[Claim, Scope], ...]:
    """The equations by which a sheet defines what it speaks of, without those of any layer."""
    if not scopes or any(f.language != "latex" for f in sheet.formulas):
        return ()
    scope = scopes[0]
    losses = [c for c in _claims(sheet, scope) if _is_formula_of_loss(c)]
    made = [c for c in (*_defining(sheet, scope), *losses) if not _of_any_layer(c)]
    return tuple((c, scope) for c in (*made, *_of_parameters(sheet, scope)))


def _of_parameters(sheet: Sheet, scope: Scope) -> Iterator[Claim]:
    """Formulas for a loss as a function of its parameters that is read as no loss: J(w) = ..."""
    for formula in _formulas(sheet):
        with suppress(Refused, Unreadable):
            for claim in claims_of(formula, scope, sheet.macros).claims:
                lhs = claim.lhs
                if isinstance(lhs, Applied) and lhs.function.name in LOSS_LETTERS:
                    yield claim


def _of_any_layer(claim: Claim) -> bool:
    labels = [n.label for side in claim.sides for n in walk(side) if isinstance(n, Entry)]
    return any(label is not None and label.base for label in labels)


def _usually(judge: Judge, claim: Claim, scope: Scope) -> bool:
    return any(quickly_holds(judge, claim, scope, given) for given in _USUAL)


def _claims(sheet: Sheet, scope: Scope) -> Iterator[Claim]:
    """Every equation of a single quantity, in lines of prose as well."""
    for formula in _formulas(sheet):
        with suppress(Refused, Unreadable):
            for claim in claims_of(formula, scope, sheet.macros).claims:
                if isinstance(claim.lhs, Entry) and claim.relation in EQUALS and claim.complete:
                    yield claim


def _computes_given(claim: Claim) -> bool:
    """Whether a target or an input is computed from what the network computes: it is none then."""
    assert isinstance(claim.lhs, Entry)
    nodes = walk(claim.rhs) if claim.rhs is not None else ()
    known = ("input", "weight", "preactivation", "activation", "output")
    return claim.lhs.role in ("target", "input") and any(
        isinstance(n, Entry) and n.role in known and n.role != claim.lhs.role for n in nodes
    )


def _defining(sheet: Sheet, scope: Scope) -> list[Claim]:
    """The first equation for everything that is computed forward."""
    found: dict[tuple[object, ...], Claim] = {}
    for claim in _claims(sheet, scope):
        lhs = claim.lhs
        assert isinstance(lhs, Entry)
        if is_forward(lhs) or (lhs.role in ("loss", "objective") and _says_loss(claim)):
            role = "loss" if lhs.role == "objective" else lhs.role
            found.setdefault((role, lhs.label), claim)
    return list(found.values())


def _is_formula_of_loss(claim: Claim) -> bool:
    """Whether a claim says what the loss is, be it without a target."""
    assert isinstance(claim.lhs, Entry)
    nodes = list(walk(claim.rhs)) if claim.rhs is not None else []
    again = any(isinstance(n, Entry) and n.role in ("loss", "objective") for n in nodes)
    return claim.lhs.role in ("loss", "objective") and any(map(is_forward, nodes)) and not again


def _says_loss(claim: Claim) -> bool:
    """Whether the right side is made of outputs and targets, and not of losses again."""
    nodes = list(walk(claim.rhs)) if claim.rhs is not None else []
    roles = {n.role for n in nodes if isinstance(n, Entry)}
    return "target" in roles and not roles & {"loss", "objective"}
