"""The catalogue of slips: every way in which a written claim may differ from a right one.

A row names the kind, the operation from a written node to repaired ones, and what it costs: the
likelier the slip, the less.  The operations give the likeliest repair first.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from derive.reading.tree import (
    Bound,
    Derivative,
    Entry,
    Grid,
    Listed,
    Minus,
    Node,
    Value,
    walk,
)
from derive.slips import arrays, domains, indices, jacobians, own, signs, slopes, sums, terms
from derive.slips.sites import Path, Site, sites
from derive.slips.view import View

Slip = Callable[[Site, View], Iterator[Node]]


@dataclass(frozen=True)
class Row:
    """One slip of the catalogue."""

    kind: str
    slip: Slip
    cost: float
    rare: bool = False  # not looked for beside others, but for the common ones


CATALOGUE = (
    Row("sign", signs.difference_reversed, 0.9),
    Row("sign", signs.sign_of_a_term, 0.95),
    Row("sign", signs.sign_of_a_product, 1.0),
    Row("sign", signs.sign_in_an_argument, 1.1),
    Row("exponent_sign", signs.minus_of_an_exponent, 0.94),
    Row("exponent_sign", signs.sign_in_an_exponent, 1.04),
    Row("index", indices.places_swapped, 1.0),
    Row("index", indices.other_place, 1.05),
    Row("index", indices.kronecker_place, 1.1),
    Row("index", indices.place_missing, 1.1),
    Row("index", indices.place_for_a_sample, 1.05),
    Row("index", indices.letters_exchanged, 1.25),
    Row("index", indices.letters_renamed, 1.4),
    Row("index", sums.index_of_two_sums, 1.15),
    Row("layer", indices.other_layer, 1.0),
    Row("layer", indices.range_of_another_layer, 1.0),
    Row("layer", indices.layers_together, 1.3),
    Row("variable", indices.other_quantity, 1.09),
    Row("variable", indices.derivative_of_another, 1.15),
    Row("variable", indices.other_letter, 1.15),
    Row("variable", indices.derivative_by_a_target, 0.85),
    Row("variable", own.own_quantity, 1.14, rare=True),
    Row("variable", own.quantities_exchanged, 1.2, rare=True),
    Row("variable", indices.far_quantity, 1.5, rare=True),
    Row("variable", indices.everywhere_another_quantity, 1.35),
    Row("index", indices.everywhere_another_place, 1.2),
    Row("layer", indices.everywhere_another_layer, 1.2),
    Row("variable", slopes.logarithm_of_a_loss, 0.88),
    Row("transpose", arrays.transposed, 1.02),
    Row("order", arrays.order_of_factors, 1.0),
    Row("hadamard", arrays.entrywise_for_inner, 1.0),
    Row("hadamard", arrays.entrywise_product, 1.02),
    Row("order", arrays.order_with_signs, 1.3),
    Row("factor", signs.number_extra, 1.05),
    Row("factor", signs.number_missing, 1.1),
    Row("factor", signs.number_of_a_factor, 1.08),
    Row("factor", signs.square, 1.25, rare=True),
    Row("factor", signs.inverse, 1.5, rare=True),
    Row("slope", slopes.slope_extra, 1.0),
    Row("slope", slopes.slope_of_another_form, 1.05),
    Row("slope", slopes.part_of_a_slope, 1.08),
    Row("slope", slopes.slope_of_another_unit, 1.05),
    Row("slope", slopes.order_of_a_derivative, 1.1),
    Row("slope", slopes.slope_missing, 1.1),
    Row("jacobian", jacobians.kronecker_for_one, 1.1),
    Row("jacobian", jacobians.kronecker_for_a_one, 1.1),
    Row("jacobian", jacobians.diagonal_missing, 1.1),
    Row("jacobian", jacobians.all_of_the_jacobian, 1.2),
    Row("jacobian", jacobians.all_of_a_derivative, 1.21),
    Row("sum", sums.sum_missing, 1.02),
    Row("sum", sums.sum_over_a_free_index, 1.4),
    Row("sum", sums.sum_over_the_samples, 1.3),
    Row("sum", sums.sum_extra, 1.1),
    Row("sum", sums.sum_over_another_index, 1.1),
    Row("sum", sums.kind_of_operator, 1.5, rare=True),
    Row("sum", sums.factor_of_a_sum, 1.4),
    Row("base", indices.range_off_by_one, 1.04),
    Row("base", sums.range_with_dots, 1.0),
    Row("base", sums.end_of_a_sum, 1.2),
    Row("base", indices.places_off_by_one, 1.06),
    Row("sample", indices.other_sample, 1.1),
    Row("parentheses", signs.product_of_a_sum, 1.05),
    Row("parentheses", signs.sum_of_a_product, 1.1),
    Row("parentheses", signs.part_of_a_fraction, 1.2, rare=True),
    Row("parentheses", signs.power_of_a_part, 1.2, rare=True),
    Row("parentheses", signs.argument_of_a_product, 1.2, rare=True),
    Row("entry", arrays.cell_of_another, 1.0),
    Row("relation", sums.list_for_a_sum, 1.0),
    Row("separator", sums.two_equations, 1.3, rare=True),
    Row("term", terms.term_extra, 1.2),
    Row("term", terms.factor_extra, 1.35, rare=True),
    Row("term", terms.term_like_another, 1.2, rare=True),
    Row("term", terms.other_way_round, 1.3, rare=True),
    Row("term", terms.term_missing, 1.3, rare=True),
    Row("term", terms.factor_missing, 1.6, rare=True),
    Row("constant", terms.constant_extra, 1.2),
    Row("constant", terms.constant_missing, 1.3, rare=True),
    Row("constant", terms.constant_wrong, 1.2),
    Row("domain", domains.comparison, 1.05),
    Row("domain", domains.other_threshold, 1.1, rare=True),
    Row("domain", domains.extremum, 1.05),
    Row("domain", domains.cases_exchanged, 1.1, rare=True),
    Row("shape", indices.entry_for_array, 1.3),
    Row("shape", arrays.ones_missing, 1.4, rare=True),
    Row("log", slopes.function_dropped, 1.3, rare=True),
    Row("log", slopes.function_extra, 1.3, rare=True),
    Row("variable", slopes.other_function, 1.3, rare=True),
)


#: Slips that are looked for on the left side too: what it speaks of, not what is said of it.
LEFT = (
    indices.places_swapped, indices.other_place, indices.place_missing,
    indices.place_for_a_sample, indices.letters_renamed, indices.letters_exchanged,
    indices.other_layer, indices.layers_together, indices.other_quantity,
    indices.derivative_of_another, indices.entry_for_array,
    indices.other_sample, arrays.transposed, slopes.logarithm_of_a_loss,
)  # fmt: skip


#: Slips of the range of a sum.
RANGES = (indices.range_off_by_one, indices.range_of_another_layer)
#: Slips of one symbol.
SYMBOL = (
    indices.places_swapped, indices.other_place, indices.other_layer, indices.other_quantity,
    indices.other_sample, arrays.transposed,
)  # fmt: skip
#: Slips that change a symbol wherever it stands.
EVERYWHERE = (
    indices.letters_renamed, indices.letters_exchanged, indices.layers_together,
    indices.everywhere_another_quantity,
    indices.everywhere_another_place, indices.everywhere_another_layer, indices.other_layer,
)  # fmt: skip


#: Slips that people make several at a time.
COMMON = (
    "sign", "factor", "index", "layer", "transpose", "order", "hadamard", "slope", "sample",
    "base", "ascent", "bias_sign", "exponent_sign",
)  # fmt: skip


@dataclass(frozen=True)
class Edit:
    """One step from what is written to what may be meant."""

    kind: str
    site: Site
    after: Node
    cost: float
    rare: bool = False


def edits(
    view: View, within: tuple[str, Path] | None = None, slips: tuple[Slip, ...] = ()
) -> list[Edit]:
    """All repairs by one slip, the likeliest first; each tree once.

    `within` is the only part looked at, `slips` the only operations tried.
    """
    found: dict[tuple[str, Path, Node], Edit] = {}
    for site in sites(view.claim):
        if within is not None and not _under(site, within):
            continue
        for row in CATALOGUE:
            if isinstance(site.node, Bound) != (row.slip in RANGES):
                continue
            if (site.side == "lhs" and row.slip not in LEFT) or (slips and row.slip not in slips):
                continue
            for k, after in enumerate(row.slip(site, view)):
                if after == site.node or not site.takes(after):
                    continue
                made = _edit(row, site, after, k, view)
                key = (site.side, site.path, after)
                if key not in found or made.cost < found[key].cost:
                    found[key] = made
    return sorted(found.values(), key=lambda e: e.cost)


def _under(site: Site, within: tuple[str, Path]) -> bool:
    side, path = within
    return site.side == side and site.path[: len(path)] == path


def _edit(row: Row, site: Site, after: Node, k: int, view: View) -> Edit:
    after = replace(after, span=site.node.span)
    cost = row.cost + 0.002 * min(k, 50) + (0.3 if site.side == "lhs" else 0.0)
    return Edit(kind_there(row.kind, site, after, view), site, after, cost, row.rare)


# ------------------------------------------------------------------ kinds by their surroundings


def kind_there(kind: str, site: Site, after: Node, view: View) -> str:
    """The kind of the slip, as it is called at its place."""
    if kind in ("index", "layer", "variable", "sample", "term") and site.inside(Grid, Listed):
        return "entry"
    if kind == "index" and isinstance(site.node, Entry) and isinstance(after, Entry):
        alone = site.node.places == after.places and site.node.sample != after.sample
        return "sample" if alone else kind
    if kind == "sign":
        return _sign_there(site, after, view)
    if kind == "sum" and view.of_shared:
        return "sharing"
    return kind


def _sign_there(site: Site, after: Node, view: View) -> str:
    changed = after.arg if isinstance(after, Minus) else after
    if any(_has_rate(side) for side in view.claim.sides):
        return "ascent"
    if view.scope.threshold and _biased(site.node, changed, view):
        return "bias_sign"
    return "sign"


def _has_rate(node: Node) -> bool:
    return any(isinstance(n, Value) and n.name == "learning_rate" for n in walk(node))


def _biased(before: Node, after: Node, view: View) -> bool:
    """Whether the sign is that of a bias, or of a derivative by one."""
    of_side = isinstance(view.claim.lhs, Derivative) and any(
        isinstance(b, Entry) and b.role == "bias" for b in view.claim.lhs.by
    )
    old = {n.arg for n in walk(before) if isinstance(n, Minus)}
    new = {n.arg for n in walk(after) if isinstance(n, Minus)}
    return of_side or any(isinstance(n, Entry) and n.role == "bias" for n in old ^ new)
