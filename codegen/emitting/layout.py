"""Where the parameters lie in the flat array: one after the other, joined ones in one matrix."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import prod

from codegen.emitting.joined import Join
from codegen.emitting.plan import GRADIENT
from codegen.emitting.unit_columns import Units


@dataclass(frozen=True)
class Layout:
    """The parameters in their order, and which of them are joined, with how many columns."""

    parameters: Mapping[str, tuple[int, ...]]
    joined: tuple[Join, ...]
    units: Units

    @property
    def _blocks(self) -> list[tuple[int, int, str, Join | None]]:
        """(start, end, first parameter, the join) of every block."""
        first = {j.weight: j for j in self.joined}
        inside = {j.bias for j in self.joined}
        blocks: list[tuple[int, int, str, Join | None]] = []
        place = 0
        for name, shape in self.parameters.items():
            if name in inside:
                continue
            join = first.get(name)
            size = prod(self._both(join)) if join else prod(shape)
            blocks.append((place, place + size, name, join))
            place += size
        return blocks

    def _both(self, join: Join) -> tuple[int, int]:
        return join.shape[0] + 1, self.units.columns(join)

    @property
    def size(self) -> int:
        """The length of the flat array."""
        return self._blocks[-1][1]

    @property
    def split(self) -> tuple[str, ...]:
        """The lines that part the flat array; none where the parameters fill it one by one."""
        if not self.units.entries:
            return ()
        lines, parts = [], dict[str, str]()
        for start, end, name, join in self._blocks:
            place = f"flat[{start}:{end}]"
            if join is None:
                sizes = ", ".join(map(str, self.parameters[name]))
                parts[name] = f"{place}.reshape({sizes})" if sizes else f"{place}.reshape(())"
                continue
            rows, columns = join.shape
            wide = ", ".join(map(str, self._both(join)))
            lines.append(f"{join.both} = {place}.reshape({wide})")
            cut = f", :{columns}" if self.units.columns(join) > columns else ""
            parts[name] = f"{join.both}[:{rows}{cut}]"
            parts[join.bias] = f"{join.both}[{rows}{cut}]"
        return (*lines, "return [", *(f"    {parts[p]}," for p in self.parameters), "]")

    @property
    def held(self) -> tuple[str, ...]:
        """The lines that set the weights of units that hold themselves at 1."""
        return tuple(
            f"self._flat[{end - 1}] = {self.units.entries[join.name]!r}"
            for _, end, _, join in self._blocks
            if join is not None and join.name in self.units.entries
        )

    def bound(self, join: Join) -> tuple[str, ...]:
        """What is bound before the step for one join."""
        start, end = next((a, b) for a, b, _, j in self._blocks if j is join)
        rows, columns = self._both(join)
        place = f"[{start}:{end}].reshape({rows}, {columns})"
        lines = [f"{join.both} = flat{place}", f"{GRADIENT}{join.both} = gradient{place}"]
        if columns > join.shape[1]:
            lines.append(f"{join.rows} = {join.both}[:{rows - 1}]")
        return (*lines, *(() if join.source in self.units.wide else join.ones))
