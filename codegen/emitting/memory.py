"""Memory for the results of a step: one that is read no more gives its place to the next."""

from __future__ import annotations

from codegen.emitting.calls import Calls, Op


def placed(calls: Calls) -> list[str]:
    """The assignments that give every result its array."""
    last = _last_reads(calls.ops)
    memory: dict[str, str] = {}
    unused: dict[tuple[object, ...], list[str]] = {}
    lines: list[str] = []
    for k, op in enumerate(calls.ops):
        if op.shape is not None:
            found = _inherited(op, k, last, memory, calls)
            free = unused.setdefault(op.kind, [])
            if found is None:
                found = free.pop() if free else f"{len(lines)}"
            memory[op.target] = found
            lines.append(_line(op, found))
        for name in dict.fromkeys(op.reads):  # a product of an array with itself frees it once
            owner = memory.get(name)
            if owner is not None and last[name] == k and memory.get(op.target) != owner:
                unused.setdefault(calls.kinds[name], []).append(owner)
    return lines


def _last_reads(ops: list[Op]) -> dict[str, int]:
    return {name: k for k, op in enumerate(ops) for name in (*op.reads, op.target)}


def _inherited(
    op: Op, k: int, last: dict[str, int], memory: dict[str, str], calls: Calls
) -> str | None:
    """The memory of an operand that an elementwise result may overwrite."""
    for name in op.overwrites:
        if name in memory and last[name] == k and calls.kinds[name] == op.kind:
            return memory[name]
    return None


def _line(op: Op, memory: str) -> str:
    assert op.shape is not None
    sizes = ", ".join("n" if s == "N" else str(s) for s in op.shape)
    kind = ", dtype=bool" if op.boolean else ""
    return f'{op.target} = self._array("{memory}", {sizes}{kind})'
