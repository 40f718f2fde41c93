"""A convolution with a maximum over adjoining windows behind it as one product of matrices.

What the maximum compares, s[c, 2p+u, 2q+v], is kept apart by u and v:

    s[c, u, v, p, q] = Sum of V[c, k, u, v, i, j] x[k, 2p+i, 2q+j],   V = w[c, k, i-u, j-v]

where w is 0 outside of its taps.  The product has as many rows more as windows have entries, and
as many columns less: fewer copies of x, a better shape for BLAS, a maximum of whole blocks.  The
bias, the same in a whole window, is added behind the maximum.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from dataclasses import replace as with_
from math import prod

from codegen.emitting.windowed import first_choice
from codegen.lowering.affine import Window
from codegen.lowering.nodes import (
    Node,
    Shape,
    array,
    node,
    reduce,
    replace,
    transpose,
    ufunc,
    walk,
)
from codegen.lowering.placing import Target

MOST_ZEROS = 2.25  # entries of V for each of w, above which the zeros cost more than they spare
SHARE = 16  # so many times fewer than the entries of s are those of V, which is made in every step

Sizes = tuple[int, ...]
Parts = tuple[dict[str, Node], dict[str, Node], dict[str, Node]]


@dataclass(frozen=True)
class Pooled:
    """The nodes of s = w * x + b, of the maximum over windows of s, and of the error of s."""

    name: str  # of s
    error: str  # the name of its error
    root: Node  # s
    product: Node  # w * x
    pool: Node
    rest: Node  # what the error is where the maximum was taken
    sizes: Sizes  # of the windows of the maximum
    counts: Sizes  # how many there are along each axis

    @property
    def weights(self) -> Node:
        """w."""
        return self.product.args[0]

    @property
    def read(self) -> Node:
        """x through the windows of the convolution."""
        return self.product.args[1]

    @property
    def axes(self) -> Sizes:
        """The places of the axes with positions in s."""
        return tuple(range(1, len(self.sizes) + 1))

    @property
    def taps(self) -> Sizes:
        """Of the convolution, along each axis."""
        return tuple(window.taps for window in _windows(self.read))

    @property
    def wide(self) -> Sizes:
        """The taps of V."""
        return tuple(k + q - 1 for k, q in zip(self.taps, self.sizes, strict=True))


def kept_apart(
    forward: Mapping[str, Node],
    backward: Mapping[str, Node],
    gradients: Mapping[str, Node],
    others: Sequence[Node],
    samples: int,
) -> Parts:
    """The nodes of a step, by name, with such convolutions in their new form.

    `others` are the further expressions of the step, `samples` those of a usual batch.
    """
    parts = dict(forward), dict(backward), dict(gradients)
    for name in forward:
        found = _pooled(name, parts[0], parts[1])
        if found is not None and _worthwhile(found, samples):
            parts = _changed(found, others, *parts) or parts
    return parts


def _worthwhile(found: Pooled, samples: int) -> bool:
    """As measured on images and signals of many sizes, in batches of 1 to 128."""
    zeros = prod(found.wide) / prod(found.taps)
    entries = prod(_whole(_weights(found).shape))
    return zeros <= MOST_ZEROS and SHARE * entries <= samples * prod(_whole(found.root.shape))


# ------------------------------------------------------------------ finding


def _windows(item: Node) -> tuple[Window, ...]:
    assert isinstance(item.detail, tuple)
    return item.detail


def _pooled(name: str, forward: Mapping[str, Node], backward: Mapping[str, Node]) -> Pooled | None:
    """The convolution whose result has this name, and its maximum, where there are these."""
    root = forward[name]
    product = root.args[0] if root.op in ("add", "sub") else root
    if not _is_convolution(product, root.rank - 2):
        return None
    if product is not root and root.args[1].shape != (root.shape[0], *(1,) * (root.rank - 1)):
        return None
    s = array(name, root.shape)
    pools = {item for n in forward.values() for item in walk(n) if _pool(item, s)}
    errors = [k for k, n in backward.items() if s in set(walk(n))]
    if len(pools) != 1 or len(errors) != 1:
        return None
    (pool,), (error,) = pools, errors
    windows, spread = _pool(pool, s), backward[error]
    if windows is None or spread.op != "spread" or spread.shape != root.shape:
        return None
    rest = _rest(spread, s, pool, windows, forward)
    return None if rest is None else Pooled(name, error, root, product, pool, rest, *windows)


def _is_convolution(item: Node, rank: int) -> bool:
    """w * x over all of w but the first axis, x moving by one place."""
    if item.op != "tensordot" or item.args[0].op != "array" or item.args[1].op != "windows":
        return False
    taps = tuple(range(rank + 2, 2 * rank + 2))
    if item.detail != (tuple(range(1, rank + 2)), (0, *taps)):
        return False
    windows = _windows(item.args[1])
    plain = all(w.step == w.gap == 1 for w in windows)
    return plain and [w.axis for w in windows] == list(range(1, rank + 1))


def _pool(item: Node, s: Node) -> tuple[Sizes, Sizes] | None:
    """(sizes, counts) of the adjoining windows of s, where the node is the maximum over them."""
    if item.op != "max":
        return None
    assert isinstance(item.detail, tuple)
    (inner,) = item.args
    order = (*(k for k in range(inner.rank) if k not in item.detail), *item.detail)
    return _adjoining(transpose(inner, order), s)


def _adjoining(item: Node, s: Node) -> tuple[Sizes, Sizes] | None:
    """(sizes, counts), where the node is s in adjoining windows, whose places come last."""
    found = _reading(item, s)
    positions = tuple(range(1, s.rank - 1))
    if found is None or item.rank != s.rank + len(positions):
        return None
    offsets, axes = found
    sizes = _whole(item.shape[s.rank :])
    due = [(0, 1), *zip(positions, sizes, strict=True), (s.rank - 1, 1)]
    due += [(k, 1) for k in positions]
    if any(offsets) or axes != due or 1 in sizes:
        return None
    return sizes, _whole(item.shape[1 : s.rank - 1])


def _whole(shape: Shape) -> Sizes:
    return tuple(size for size in shape if isinstance(size, int))


def _reading(item: Node, s: Node) -> tuple[list[int], list[tuple[int, int]]] | None:
    """Where the views of s begin along each of its axes, and (axis of s, step) of their axes."""
    if item is s:
        return [0] * s.rank, [(k, 1) for k in range(s.rank)]
    if item.op not in ("transpose", "split", "slice", "windows"):
        return None
    found = _reading(item.args[0], s)
    if found is None:
        return None
    offsets, axes = found
    assert isinstance(item.detail, tuple)
    if item.op == "transpose":
        return offsets, [axes[k] for k in item.detail]
    if item.op == "split":
        place, sizes = item.detail
        axis, step = axes[place]
        parts = [(axis, step * prod(sizes[k + 1 :])) for k in range(len(sizes))]
        return offsets, [*axes[:place], *parts, *axes[place + 1 :]]
    cuts = [(w.axis, w.start, w.step) for w in item.detail if isinstance(w, Window)]
    if item.op == "slice":
        cuts = [(k, cut[0], cut[1]) for k, cut in enumerate(item.detail) if cut is not None]
    behind = [(axes[w.axis][0], axes[w.axis][1] * w.gap) for w in item.detail if item.op != "slice"]
    for place, start, by in cuts:
        axis, step = axes[place]
        offsets[axis] += step * start
        axes[place] = (axis, step * by)
    return offsets, [*axes, *behind]


def _rest(
    spread: Node, s: Node, pool: Node, windows: tuple[Sizes, Sizes], forward: Mapping[str, Node]
) -> Node | None:
    """What the error of s is where its maximum was taken; it is 0 elsewhere."""
    sizes, counts = windows
    assert isinstance(spread.detail, tuple)
    chosen = first_choice(spread.args[0], len(sizes))
    due = [(k, 0, q, 1, q) for k, q in enumerate(sizes, 1)]
    if chosen is None or [(t.axis, t.start, t.step, t.gap, t.taps) for t in spread.detail] != due:
        return None
    first, axes, rest = chosen
    read, top = first.args
    best = {pool}
    for name, item in forward.items():  # max(pool, c), where c has no slope
        if item.op == "maximum" and item.args[0] is pool:
            best.add(array(name, item.shape))
    same = _adjoining(read, s) == windows and axes == tuple(range(read.rank))
    fits = rest.shape == (s.shape[0], *counts, s.shape[-1]) and s not in set(walk(rest))
    return rest if same and fits and top in best else None


# ------------------------------------------------------------------ the new form


def _changed(found: Pooled, others: Sequence[Node], *parts: dict[str, Node]) -> Parts | None:
    """The nodes with the convolution kept apart; None where more reads s or its error."""
    s, error = (array(name, found.root.shape) for name in (found.name, found.error))
    apart, error_apart = (array(str(a.detail), _apart(found, a)) for a in (s, error))
    best = reduce("max", apart, found.axes)
    by = {found.pool: best}
    if found.product is not found.root:
        by[found.pool] = ufunc(found.root.op, best, found.root.args[1])
    for item in {i for nodes in parts for n in nodes.values() for i in walk(n)}:
        new = _new(item, found, error, error_apart)
        if new is not None:
            by[item] = new
    forward, backward, gradients = (
        {k: replace(n, by) for k, n in nodes.items()} for nodes in parts
    )
    own = node("chosen", apart, best, replace(found.rest, by), shape=apart.shape)
    forward[found.name], backward[found.error] = _product(found), own
    made = (forward, backward, gradients)
    left = {i for nodes in made for n in nodes.values() for i in walk(n)} | {*walk(*others)}
    return None if {s, error} & left else made


def _apart(found: Pooled, item: Node) -> Shape:
    """The shape with the places of a window as axes of their own."""
    return (item.shape[0], *found.sizes, *found.counts, item.shape[-1])


def _new(item: Node, found: Pooled, error: Node, error_apart: Node) -> Node | None:
    """What stands for an expression of the error of s."""
    d = len(found.sizes)
    if item.op == "sum" and item.args[0] is error:
        assert isinstance(item.detail, tuple)  # the one place of each window is among those
        return reduce("sum", found.rest, item.detail) if {*found.axes} <= {*item.detail} else None
    if item.op == "tensordot" and item.args == (error, found.read):
        return _for_weights(item, found, error_apart)
    if item.op != "spread" or not isinstance(item.detail, tuple):
        return None
    order = (0, *range(d + 1, 2 * d + 2), *range(1, d + 1))
    back = node(
        "tensordot",
        found.weights,
        error,
        detail=((0,), (0,)),
        shape=(*found.weights.shape[1:], *error.shape[1:]),
    )
    if item.args[0] is not transpose(back, order) or any(t.step != 1 for t in item.detail):
        return None
    targets = tuple(
        with_(t, count=p, step=q, taps=m)
        for t, p, q, m in zip(item.detail, found.counts, found.sizes, found.wide, strict=True)
    )
    over = ((0, *range(2, d + 2)), tuple(range(d + 1)))
    weights = _weights(found)
    shape = (weights.shape[1], *found.wide, *found.counts, error.shape[-1])
    product = node("tensordot", weights, error_apart, detail=over, shape=shape)
    return node("spread", transpose(product, order), detail=targets, shape=item.shape)


def _all(d: int) -> Sizes:
    """The axes of s with positions and that of the samples."""
    return tuple(range(1, d + 2))


def _weights(found: Pooled) -> Node:
    """V[c, k, u, v, i, j]: w in a frame of zeros, through windows that move backwards."""
    w, sizes = found.weights, found.sizes
    frame = ((0, 0), (0, 0), *((q - 1, q - 1) for q in sizes))
    framed = (m + q - 1 for m, q in zip(found.wide, sizes, strict=True))
    padded = node("pad", w, detail=(frame, False), shape=(*w.shape[:2], *framed))
    windows = tuple(
        Window(axis=k, start=q - 1, count=q, step=-1, taps=m, gap=1)
        for k, (q, m) in enumerate(zip(sizes, found.wide, strict=True), 2)
    )
    return node("windows", padded, detail=windows, shape=(*w.shape[:2], *sizes, *found.wide))


def _read(found: Pooled) -> Node:
    """x[k, 2p+i, 2q+j]."""
    sizes = zip(_windows(found.read), found.counts, found.sizes, found.wide, strict=True)
    windows = tuple(with_(w, count=p, step=q, taps=m) for w, p, q, m in sizes)
    channels, samples = found.read.shape[0], found.root.shape[-1]
    shape = (channels, *found.counts, samples, *found.wide)
    return node("windows", found.read.args[0], detail=windows, shape=shape)


def _product(found: Pooled) -> Node:
    """s, kept apart, without the bias."""
    d = len(found.sizes)
    taps = tuple(range(d + 2, 2 * d + 2))
    detail, shape = ((1, *taps), (0, *taps)), _apart(found, found.root)
    return node("tensordot", _weights(found), _read(found), detail=detail, shape=shape)


def _for_weights(item: Node, found: Pooled, error_apart: Node) -> Node | None:
    """The gradient of w: that of V, added up where V holds the same entry."""
    d, w = len(found.sizes), found.weights
    assert isinstance(item.detail, tuple)
    left, right = item.detail
    if left != right or set(left) != set(_all(d)):
        return None
    read = _read(found)
    of_all = node(
        "tensordot",
        error_apart,
        read,
        detail=(tuple(k + d for k in left), right),
        shape=(w.shape[0], *found.sizes, w.shape[1], *found.wide),
    )
    cuts = (None, *((q - 1, -1, q) for q in found.sizes), *(None,) * (d + 1))
    backwards = node("slice", of_all, detail=cuts, shape=of_all.shape)
    order = (0, *range(d + 1, 2 * d + 2), *range(1, d + 1))
    sizes = zip(found.taps, found.wide, found.sizes, strict=True)
    targets = tuple(
        Target(axis=a, size=k, start=1 - q, count=m, step=1, taps=q, gap=1)
        for a, (k, m, q) in enumerate(sizes, 2)
    )
    return node("spread", transpose(backwards, order), detail=targets, shape=w.shape)
