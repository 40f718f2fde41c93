"""Calls for windows and for scattered sums.

A window's taps are few, so what is done for each of them is a line in a loop over views that are
bound beforehand; what is done for each position is inside NumPy.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

from codegen.emitting.calls import Calls, Op
from codegen.emitting.matrices import sizes, whole
from codegen.lowering.nodes import Node, node, transpose, ufunc
from codegen.lowering.placing import Target

MOST_TAPS = 64
LETTERS = "uvwabcdefgh"


# ------------------------------------------------------------------ padding


def pad(calls: Calls, item: Node, name: str | None) -> str:
    """The array inside of a larger one whose border never changes."""
    (arg,) = item.args
    if arg.op == "copy":  # straight to its place
        (arg,) = arg.args
    assert isinstance(item.detail, tuple)
    widths, lowest = item.detail
    of = calls.array(arg)
    fill = "np.full(({}), -np.inf, dtype)" if lowest else "np.zeros(({}), dtype)"
    made = calls.bind(calls.fresh(f"{of}_pad"), fill.format(sizes(item.shape) + ","))
    cuts = [
        f"{a or ''}:{-b if b else ''}" if isinstance(s, int) else ":"
        for (a, b), s in zip(widths, item.shape, strict=True)
    ]
    inner = calls.bind(calls.fresh(f"{made}_in"), f"{made}[{', '.join(cuts)}]")
    calls.ops.append(Op(made, calls.bases(of)))
    calls.line(f"{inner}[...] = {of}")
    return made


# ------------------------------------------------------------------ over the taps


def over_taps(item: Node) -> bool:
    """Whether a reduction is over the few taps of many windows."""
    (arg,) = item.args
    assert isinstance(item.detail, tuple)
    taps = [arg.shape[k] for k in item.detail]
    inner = arg
    while inner.op in ("transpose", "slice"):
        (inner,) = inner.args
    few = all(isinstance(t, int) for t in taps) and whole(taps) <= MOST_TAPS
    blocks = item.op == "max" and arg.rank - item.detail[-1] > 2 and item.detail[0] == 1
    apart = inner.op in ("windows", "split") or (inner.op == "array" and blocks)
    return apart and few and whole(item.shape) >= 4 * whole(taps)


def reduced(calls: Calls, item: Node, name: str | None, function: str) -> str:
    """maximum, minimum or add over the taps, one after the other."""
    (arg,) = item.args
    assert isinstance(item.detail, tuple)
    of = calls.array(arg)
    cuts, loops = [":"] * arg.rank, []
    for letter, axis in zip(LETTERS, item.detail, strict=False):
        cuts[axis] = letter
        loops.append(f"for {letter} in range({arg.shape[axis]})")
    target = calls.record(item, name, (of,), inplace=False)
    parts = f"[{of}[{', '.join(cuts)}] {' '.join(loops)}]"
    if calls.passing(of):
        taps = calls.fresh(f"{of}_taps")
        calls.line(f"{taps} = {parts}")
    else:
        taps = calls.bind(calls.fresh(f"{of}_taps"), parts)
    call = calls.bind(function, f"np.{function}")
    if whole([arg.shape[k] for k in item.detail]) == 1:
        calls.line(f"{target}[...] = {taps}[0]")
        return target
    calls.line(f"{call}({taps}[0], {taps}[1], out={target})")
    if whole([arg.shape[k] for k in item.detail]) > 2:
        calls.line(f"for tap in {taps}[2:]:")
        calls.line(f"    {call}({target}, tap, out={target})")
    return target


def spread(calls: Calls, item: Node, name: str | None) -> str:
    """Every tap's values added at their places."""
    (values,) = item.args
    targets = item.detail
    assert isinstance(targets, tuple)
    if (chosen := first_choice(values, len(targets))) is not None:
        return _to_first(calls, item, name, *chosen)
    inner = values
    while inner.op == "transpose":
        (inner,) = inner.args
    calls.apart.add(inner)
    of = calls.array(values)
    room, result = _room(calls, item, name)
    parts = f"[{of}[..., {_source(targets, values)}] {_loops(targets)}]"
    pairs = _paired(calls, room, item.rank, parts, targets)
    calls.ops.append(Op(room, calls.bases(of)))
    add = calls.bind("add", "np.add")
    calls.line(f"for place, part in {pairs}:")
    apart = all(t.apart for t in targets)
    calls.line("    place[...] = part" if apart else f"    {add}(place, part, place)")
    return result


def _room(calls: Calls, item: Node, name: str | None) -> tuple[str, str]:
    """Where values are added, and what of it counts: all, or the part inside of the sizes."""
    targets = item.detail
    assert isinstance(targets, tuple)
    complete = all(
        t.apart and t.inside and t.start == 0 and t.gap * t.taps == t.step * t.gap
        and t.gap == 1 and t.count * t.step == t.size
        for t in targets
    )  # fmt: skip
    apart, inside = all(t.apart for t in targets), all(t.inside for t in targets)
    if inside and (complete or not apart):
        room = result = calls.record(item, name, (), inplace=False)
    else:  # what is written nowhere stays 0 for good
        shape = list(item.shape)
        for t in targets:
            shape[t.axis] = t.width
        room = calls.bind(
            calls.fresh(f"{name or 'sum'}_room"), f"np.zeros(({sizes(shape)},), dtype)"
        )
        cuts = [":"] * item.rank
        for t in targets:
            cuts[t.axis] = f"{t.before}:{t.before + t.size}"
        result = calls.bind(calls.fresh(f"{room}_in"), f"{room}[{', '.join(cuts)}]")
        calls.base[result] = room
        calls.strided.add(result)
    if not apart:
        calls.line(f"{calls.bind(f'{room}_fill', f'{room}.fill')}(0)")
    return room, result


def _loops(targets: Sequence[Target]) -> str:
    letters = LETTERS[: len(targets)]
    return " ".join(f"for {u} in range({t.taps})" for u, t in zip(letters, targets, strict=True))


def _source(targets: Sequence[Target], values: Node) -> str:
    given = values.shape[-len(targets) :]
    letters = LETTERS[: len(targets)]
    return ", ".join("0" if s == 1 else u for u, s in zip(letters, given, strict=True))


def _places(room: str, rank: int, targets: Sequence[Target]) -> str:
    cuts = [":"] * rank
    for u, t in zip(LETTERS, targets, strict=False):
        first, length = t.before + t.start, t.step * (t.count - 1) + 1
        tap = f"{t.gap} * {u}" if t.gap > 1 else u
        start = f"{first} + {tap}" if first else tap
        every = f":{t.step}" if t.step > 1 else ""
        cuts[t.axis] = f"{start}:{start} + {length}{every}"
    return f"[{room}[{', '.join(cuts)}] {_loops(targets)}]"


def _paired(calls: Calls, room: str, rank: int, parts: str, targets: Sequence[Target]) -> str:
    """Where each tap goes, and what of the values."""
    return calls.bind(
        calls.fresh(f"{room}_taps"), f"list(zip({_places(room, rank, targets)}, {parts}))"
    )


# ------------------------------------------------------------------ to the first place of a maximum

Axes = tuple[int | None, ...]


def _factors(item: Node, axes: Axes) -> list[tuple[Node, Axes]]:
    """The factors of a product, and which axis of it each of their axes is."""
    if item.op == "transpose":
        assert isinstance(item.detail, tuple)
        inner: list[int | None] = [None] * item.rank
        for k, source in enumerate(item.detail):
            inner[source] = axes[k]
        return _factors(item.args[0], tuple(inner))
    if item.op == "expand":
        assert isinstance(item.detail, tuple)
        return _factors(item.args[0], tuple(a for k, a in enumerate(axes) if k not in item.detail))
    if item.op == "mul":
        return [found for arg in item.args for found in _factors(arg, axes[len(axes) - arg.rank :])]
    return [(item, axes)]


def first_choice(values: Node, count: int) -> tuple[Node, Axes, Node] | None:
    """(the choice of the first extremum, its axes, the other factors), where no other has taps."""
    rank = values.rank
    found = _factors(values, tuple(range(rank)))
    firsts = [f for f in found if f[0].op == "first"]
    taps = set(range(rank - count, rank))
    if len(firsts) != 1:
        return None
    (first, axes), others = firsts[0], [f for f in found if f not in firsts]
    lead = first.args[1].rank
    own = [a for k, a in enumerate(axes) if k >= lead and first.shape[k] != 1]
    if any(a not in taps for a in own) or any(a in taps for a in axes[:lead]):
        return None
    rest: Node | None = None
    for item, places in others:
        if any(a in taps and s != 1 for a, s in zip(places, item.shape, strict=True)):
            return None
        item = _on(item, places, rank - count)
        rest = item if rest is None else ufunc("mul", rest, item)
    return None if rest is None else (first, axes, rest)


def _on(item: Node, axes: Axes, rank: int) -> Node:
    """The array with its axes in order, as it broadcasts to that many axes."""
    kept = [k for k, a in enumerate(axes) if a is not None and a < rank]
    for k in reversed(range(item.rank)):
        if k not in kept:
            shape = tuple(s for m, s in enumerate(item.shape) if m != k)
            item = node("take", item, detail=(k, 0), shape=shape)
    own = [axes[k] for k in kept]
    order = tuple(sorted(range(len(own)), key=lambda k: own[k] or 0))
    item = transpose(item, order)
    missing = tuple(k for k in range(rank) if k not in own)
    if not missing:
        return item
    sizes = iter(item.shape)
    shape = tuple(1 if k in missing else next(sizes) for k in range(rank))
    return node("expand", item, detail=missing, shape=shape)


def _to_first(
    calls: Calls, item: Node, name: str | None, first: Node, axes: Axes, rest: Node
) -> str:
    """Each value to the first tap that holds the extremum: what is left goes on to the next."""
    targets = item.detail
    assert isinstance(targets, tuple)
    windows, top = first.args
    rank, lead = item.rank, top.rank
    of = calls.array(windows)
    best = calls.array(_on(top, axes[:lead], rank))
    given = calls.array(rest)
    shape = tuple(item.args[0].shape[:rank])
    left = calls.record(node("left", shape=shape), None, (given,), inplace=False)
    mask = calls.record(node("==", shape=shape), None, (of, best), inplace=False)
    calls.line(f"{left}[...] = {given}")
    room, result = _room(calls, item, name)
    cuts = [":"] * lead
    for place, size in zip(axes[lead:], windows.shape[lead:], strict=True):
        cuts.append("0" if place is None or size == 1 else LETTERS[place - rank])
    order = tuple(sorted(range(lead), key=lambda k: axes[k] or 0))
    turned = "" if order == tuple(range(lead)) else f".transpose{order}"
    parts = f"[{of}[{', '.join(cuts)}]{turned} {_loops(targets)}]"
    pairs = _paired(calls, room, item.rank, parts, targets)
    names = {f: calls.bind(f, f"np.{f}") for f in ("equal", "multiply", "subtract", "add")}
    apart = all(t.apart for t in targets)
    part = "place"
    if not apart:
        part = calls.record(node("part", shape=shape), None, (), inplace=False)
    total = prod(t.taps for t in targets)
    calls.line(f"for place, tap in {pairs}{'[:-1]' if apart and total > 1 else ''}:")
    calls.line(f"    {names['equal']}(tap, {best}, {mask})")
    calls.line(f"    {names['multiply']}({left}, {mask}, {part})")
    if not apart:
        calls.line(f"    {names['add']}(place, {part}, place)")
    calls.line(f"    {names['subtract']}({left}, {part}, {left})")
    if apart and total > 1:
        calls.line(f"{pairs}[-1][0][...] = {left}")
    reads = (left, mask, *calls.bases(of, best, given), *(() if apart else (part,)))
    calls.ops.append(Op(room, reads))
    return result


def chosen(calls: Calls, item: Node, name: str | None) -> str:
    """Each value to the first of the blocks, along the axes behind the first, with the extremum."""
    taps, top, rest = item.args
    of, best, given = (calls.array(a) for a in item.args)
    target = calls.record(item, name, (of, best, given), inplace=False)
    mask = calls.record(node("==", shape=rest.shape), None, (of, best), inplace=False)
    letters = LETTERS[: taps.rank - top.rank]
    loops = " ".join(f"for {u} in range({taps.shape[k]})" for k, u in enumerate(letters, 1))
    block = f"[:, {', '.join(letters)}]"
    places = calls.bind(calls.fresh(f"{target}_blocks"), f"[{target}{block} {loops}]")
    pairs = calls.bind(
        calls.fresh(f"{target}_taps"), f"list(zip({places}, [{of}{block} {loops}]))[:-1]"
    )
    left = calls.bind(calls.fresh(f"{target}_left"), f"{places}[-1]")
    names = {f: calls.bind(f, f"np.{f}") for f in ("equal", "multiply", "subtract")}
    calls.line(f"{left}[...] = {given}")
    calls.line(f"for place, tap in {pairs}:")
    calls.line(f"    {names['equal']}(tap, {best}, {mask})")
    calls.line(f"    {names['multiply']}({left}, {mask}, place)")
    calls.line(f"    {names['subtract']}({left}, place, {left})")
    calls.ops.append(Op(target, (target, mask, *calls.bases(of, best, given))))
    return target
