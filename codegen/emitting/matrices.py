"""Calls for sums over several axes: products of two matrices, copied only where they must be."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

from codegen.emitting.calls import Calls
from codegen.lowering.contract import NOMINAL
from codegen.lowering.nodes import Node, Shape, node, transpose
from derive.algebra.terms import Extent

MANY_ROWS = 16  # so many rows of a matrix disturb each other in the cache
LONG = 4  # so much longer than wide a product is when it is turned round


def sizes(shape: Sequence[Extent]) -> str:
    """A shape as the arguments of reshape, n for the number of samples."""
    return ", ".join("n" if s == "N" else str(s) for s in shape)


def whole(shape: Sequence[Extent]) -> int:
    """The number of entries, for comparisons."""
    return prod(s if isinstance(s, int) else NOMINAL for s in shape)


def product_text(shape: Sequence[Extent]) -> str:
    """The number of entries as text."""
    number = prod(s for s in shape if isinstance(s, int))
    samples = ["n"] * sum(not isinstance(s, int) for s in shape)
    return " * ".join([*samples, str(number)] if number != 1 or not samples else samples)


def tensordot(calls: Calls, item: Node, name: str | None) -> str:
    """a[A, S] times b[S, B] as a product of two matrices."""
    assert isinstance(item.detail, tuple)
    (left, right), (over_left, over_right) = item.args, item.detail
    free_left = tuple(k for k in range(left.rank) if k not in over_left)
    free_right = tuple(k for k in range(right.rank) if k not in over_right)
    heavier = over_right if whole(right.shape) >= whole(left.shape) else over_left
    order = sorted(range(len(heavier)), key=lambda k: heavier[k])  # as it lies there
    over_left, over_right = (tuple(over[k] for k in order) for over in (over_left, over_right))
    a = matrix(calls, left, free_left, over_left)
    b = matrix(calls, right, over_right, free_right)
    rows, columns = _picked(left, free_left), _picked(right, free_right)
    if whole(rows) < whole(columns) < whole(_picked(left, over_left)) / LONG:
        return _turned(calls, item, name, (a, rows), (b, columns))
    if item in calls.apart and whole(rows) >= MANY_ROWS:
        made = calls.record(node("matrix", shape=()), None, (a, b), inplace=False, bound=True)
        wide = _spaced(calls, made, rows, columns)
        times(calls, a, b, made)
        return wide
    target = calls.record(item, name, (a, b), inplace=False)
    times(calls, a, b, as_matrix(calls, target, rows, columns))
    return target


def times(calls: Calls, a: str, b: str, into: str) -> None:
    """The product of two matrices; `dot` would copy one with room between its rows."""
    if {calls.base.get(m, m) for m in (a, b, into)} & calls.spaced:
        calls.line(f"{calls.bind('matmul', 'np.matmul')}({a}, {b}, {into})")
    else:
        calls.line(f"{calls.method(a, 'dot')}({b}, {into})")


def _turned(
    calls: Calls, item: Node, name: str | None, left: tuple[str, Shape], right: tuple[str, Shape]
) -> str:
    """(b' a')' in place of a b: BLAS is faster with many rows than with many columns."""
    (a, rows), (b, columns) = left, right
    turned = node("turned", item, shape=(*columns, *rows))
    target = calls.record(turned, None, (a, b), inplace=False)
    flat = as_matrix(calls, target, columns, rows)
    times(calls, transposed(calls, b), transposed(calls, a), flat)
    result = calls.record(item, name, (target,), inplace=False)
    into = as_matrix(calls, result, rows, columns)
    calls.line(f"{into}[...] = {transposed(calls, flat)}")
    return result


def as_matrix(calls: Calls, name: str, rows: Sequence[Extent], columns: Sequence[Extent]) -> str:
    """A contiguous array as a matrix."""
    if len(rows) == len(columns) == 1:
        return name
    shape = f"{product_text(rows)}, {product_text(columns)}"
    return calls.view(name, f"m{len(rows)}", f".reshape({shape})")


def matrix(calls: Calls, item: Node, rows: tuple[int, ...], columns: tuple[int, ...]) -> str:
    """The array as a matrix with these axes as rows and columns; copied only where it must be."""
    while item.op == "transpose":
        assert isinstance(item.detail, tuple)
        order = item.detail
        rows, columns = (tuple(order[k] for k in ks) for ks in (rows, columns))
        (item,) = item.args
    plain = tuple(range(item.rank))
    if item.op not in ("windows", "slice"):
        name = calls.array(item)
        if name not in calls.strided:
            shapes = [item.shape[k] for k in rows], [item.shape[k] for k in columns]
            if (*rows, *columns) == plain:
                return as_matrix(calls, name, *shapes)
            if (*columns, *rows) == plain:
                return transposed(calls, as_matrix(calls, name, *shapes[::-1]))
    if whole([item.shape[k] for k in rows]) > whole([item.shape[k] for k in columns]):
        return transposed(calls, matrix(calls, item, columns, rows))
    copied = node("matrix", item, detail=(rows, columns), shape=_picked(item, (*rows, *columns)))
    return _moved(calls, copied)


def _picked(item: Node, axes: Sequence[int]) -> Shape:
    return tuple(item.shape[k] for k in axes)


def _moved(calls: Calls, copied: Node) -> str:
    """The copy of an array with its axes in the order of a matrix."""
    if copied in calls.known:
        return calls.known[copied]
    (item,) = copied.args
    assert isinstance(copied.detail, tuple)
    rows, columns = copied.detail
    order = (*rows, *columns)
    of = calls.array(item if order == tuple(range(item.rank)) else transpose(item, order))
    made = calls.record(node("matrix", shape=()), None, (of,), inplace=False, bound=True)
    target = _spaced(calls, made, _picked(item, rows), _picked(item, columns))
    calls.line(f"{target}[...] = {of}")
    calls.known[copied] = made
    return made


def _spaced(calls: Calls, name: str, rows: Shape, columns: Shape) -> str:
    """A matrix under that name, and the name of the same with one axis for each index.

    Rows that begin a power of two apart would push each other out of the cache.
    """
    size = f"{product_text(rows)}, {product_text(columns)}"
    calls.bind(name, f'self._rows("{name}", {size})')
    wide = calls.bind(calls.fresh(f"{name}_all"), f"{name}.reshape({sizes((*rows, *columns))})")
    calls.base[wide] = name
    calls.strided |= {name, wide}
    calls.spaced.add(name)
    return wide


def transposed(calls: Calls, name: str) -> str:
    """The transpose of a matrix."""
    if name in calls.turned:
        return calls.turned[name]
    made = calls.view(name, "T", ".T")
    calls.strided.add(made)
    calls.turned[made] = name
    return made
