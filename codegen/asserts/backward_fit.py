"""What went wrong in a backward pass: its gradients against those of the catalogue of slips."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from codegen.asserts.line_slips import lines
from codegen.asserts.numeric_slips import (
    Case,
    Gradients,
    NumericSlip,
    of_every_gradient,
    of_single_gradients,
    reductions,
)
from codegen.asserts.numeric_slips_layers import layers, losses
from codegen.asserts.slope_slips import activations
from codegen.backprop import Backprop
from codegen.referee.draws import Floats

DOUBLE, SINGLE = 1e-6, 2e-3  # what a gradient may differ by, in units of the size of its terms
MOST_PAIRS = 600
#: What a slip raises that nobody can have made: shapes that do not fit, a quantity not yet known.
IMPOSSIBLE = (ValueError, KeyError, IndexError, NameError)


@dataclass(frozen=True)
class Observed:
    """A case, the gradients that a function gave on it, and how exact they can be."""

    case: Case
    gradients: Gradients
    tolerance: float = DOUBLE
    decayed: bool = True
    loss: float | None = None

    def right(self, name: str) -> Floats:
        """The right gradient."""
        return self.expected(self.case.right, name)

    def expected(self, gradients: Mapping[str, Floats], name: str) -> Floats:
        """A gradient of a pass as the function should give it."""
        return gradients[name] if self.decayed else gradients[name] - self.case.decay(name)

    def agrees(self, name: str, with_these: Mapping[str, Floats]) -> bool:
        """Whether the function's gradient is the one of `with_these`."""
        return self.near(name, self.gradients[name], self.expected(with_these, name))

    def near(self, name: str, one: Floats, other: Floats) -> bool:
        """Whether two gradients of a parameter are the same, up to rounding."""
        if one.shape != other.shape or not np.isfinite(one).all():
            return False
        sizes = self.case.sizes
        room = sizes[name] if name in sizes else np.abs(other) + np.abs(one)
        scale = float(np.max(room, initial=0.0)) * 1e-3
        return bool((np.abs(one - other) <= self.tolerance * (room + scale)).all())

    @property
    def wrong(self) -> list[str]:
        """The parameters whose gradient is not right."""
        return [name for name in self.gradients if not self.agrees(name, self.case.right)]


def catalogue(case: Case) -> list[NumericSlip]:
    """Every slip that is possible in this network, the likeliest first."""
    net = Backprop(case.network)
    return [
        *reductions(case),
        *of_every_gradient(case),
        *activations(net),
        *layers(net, case),
        *losses(net),
        *of_single_gradients(case),
    ]


@dataclass(frozen=True)
class Explanation:
    """Slips that together give what the function gave, and for which parameters."""

    slips: tuple[NumericSlip, ...]
    parameters: tuple[str, ...]
    factor: str = ""  # in place of slips: the number that the right gradient is multiplied by


def explained(observed: Sequence[Observed]) -> list[Explanation]:
    """Why the gradients are wrong: one slip or two for all, or reasons parameter by parameter.

    `observed` are answers on a few batches of one network; the first is wrong.
    """
    first = observed[0]
    wrong = tuple(first.wrong)
    known = _effective(first, catalogue(first.case))
    whole = _whole(observed, known)
    if whole is not None:
        return [Explanation((whole,), wrong)]
    by_line = _effective(first, list(lines(first.case)))
    whole = _whole(observed, by_line)
    if whole is not None:
        return [Explanation((whole,), wrong)]
    alone = [_alone(observed, [*known, *by_line], name) for name in wrong]
    if not all(made.slips for made in alone):
        pair = _pair(observed, known, wrong)
        if pair is not None:
            return [Explanation(pair, wrong)]
    return _joined(alone)


def _whole(
    observed: Sequence[Observed], known: Sequence[tuple[NumericSlip, Gradients]]
) -> NumericSlip | None:
    """The first slip that by itself gives all that the function gave."""
    first = observed[0]
    fitting = [slip for slip, made in known if all(first.agrees(n, made) for n in first.gradients)]
    return next((s for s in fitting if all(_explains(o, (s,)) for o in observed[1:])), None)


def _joined(made: Sequence[Explanation]) -> list[Explanation]:
    """Parameters that the same slip explains, together."""
    found: dict[tuple[NumericSlip, ...] | str, Explanation] = {}
    for each in made:
        key = each.slips or f"{each.factor} {'' if each.factor else each.parameters}"
        known = found.get(key)
        names = each.parameters if known is None else (*known.parameters, *each.parameters)
        found[key] = Explanation(each.slips, names, each.factor)
    return list(found.values())


def _effective(at: Observed, slips: Sequence[NumericSlip]) -> list[tuple[NumericSlip, Gradients]]:
    """The slips that change anything, with the gradients that they lead to."""
    made = []
    for slip in slips:
        with np.errstate(all="ignore"):
            try:
                gradients = at.case.gradients((slip,))
            except IMPOSSIBLE:
                continue
        right = at.case.right
        if any(not at.near(n, gradients[n], right[n]) for n in right):
            made.append((slip, gradients))
    return made


def _explains(at: Observed, slips: Sequence[NumericSlip], names: Sequence[str] = ()) -> bool:
    try:
        with np.errstate(all="ignore"):
            made = at.case.gradients(slips)
    except IMPOSSIBLE:
        return False
    return all(at.agrees(name, made) for name in names or at.gradients)


def _pair(
    observed: Sequence[Observed],
    known: Sequence[tuple[NumericSlip, Gradients]],
    wrong: Sequence[str],
) -> tuple[NumericSlip, ...] | None:
    """Two slips that together explain everything.

    A pair can only explain it if one of them is enough for some parameter, or both touch it.
    """
    first = observed[0]
    helpful = [s for s, made in known if any(first.agrees(n, made) for n in wrong)]
    others = [s for s, _ in known if s not in helpful]
    tried = [*combinations(helpful, 2), *((a, b) for a in helpful for b in others)]
    tried += list(combinations(others, 2))
    for pair in tried[:MOST_PAIRS]:
        if all(_explains(o, pair) for o in observed):
            return pair
    return None


def _alone(
    observed: Sequence[Observed], known: Sequence[tuple[NumericSlip, Gradients]], name: str
) -> Explanation:
    """What explains the gradient of one parameter."""
    first = observed[0]
    fitting = [(slip, made) for slip, made in known if first.agrees(name, made)]
    fine = [other for other in first.gradients if other not in first.wrong]
    gentle = [s for s, made in fitting if all(first.agrees(other, made) for other in fine)]
    for slip in (*gentle, *(s for s, _ in fitting)):
        if all(_explains(o, (slip,), [name]) for o in observed[1:]):
            return Explanation((slip,), (name,))
    return Explanation((), (name,), _factor(observed, name))


def _factor(observed: Sequence[Observed], name: str) -> str:
    """The one number that the right gradient is multiplied by, if there is one."""
    found = []
    for at in observed:
        one, other = at.gradients[name], at.right(name)
        if one.shape != other.shape or not np.isfinite(one).all():
            return ""
        size = float((other * other).sum())
        ratio = float((one * other).sum()) / size if size else 0.0
        if not at.near(name, one, ratio * other):
            return ""
        found.append(ratio)
    if max(found) - min(found) > 1e-4 * max(map(abs, found)):
        return f"{found[0]:.6g} for {observed[0].case.samples} samples"
    return f"{found[0]:.6g}"
