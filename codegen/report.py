"""What verification found: the worst number of every comparison."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

GENERIC, COMPLEX, DIGITS, CONTRACT = "generic backprop", "complex step", "60 digits", "contract"
_ORDER = (GENERIC, COMPLEX, DIGITS, CONTRACT)


@dataclass(frozen=True)
class Row:
    """One quantity against one referee: the largest |difference| / (eps * size) that was seen."""

    referee: str
    quantity: str
    precision: str
    worst: float
    limit: float
    detail: str = ""

    @property
    def ok(self) -> bool:
        """Whether the worst is within the limit (a NaN is not)."""
        return self.worst <= self.limit


@dataclass(frozen=True)
class LastPlaces:
    """The largest errors of the output layer in units in the last place, in one precision."""

    loss: float
    delta: float
    numbers: int  # how many were compared


@dataclass(frozen=True)
class Exactness:
    """What accuracy = "exact" comes to: the largest error of loss and delta for targets 0 and 1."""

    domain: str
    promised: int | None  # of this activation and this loss
    found: Mapping[str, LastPlaces]  # by precision

    @property
    def ok(self) -> bool:
        """Whether a promise is kept, if there is one."""
        if self.promised is None:
            return True
        return all(max(f.loss, f.delta) <= self.promised for f in self.found.values())

    def lines(self) -> list[str]:
        """The same for a terminal."""
        figures = [
            f"{precision}: loss {_short(f.loss)}, delta {_short(f.delta)} of {f.numbers} numbers"
            for precision, f in self.found.items()
        ]
        allowed = "none is promised" if self.promised is None else f"allowed: {self.promised}"
        return [f"last places, {self.domain}; {allowed}", *(f"  {line}" for line in figures)]

    def data(self) -> dict[str, Any]:
        """The same for JSON."""
        return {
            precision: {"loss": _rounded(f.loss), "delta": _rounded(f.delta), "numbers": f.numbers}
            for precision, f in self.found.items()
        }


@dataclass(frozen=True)
class Report:
    """Every comparison of one emitted module with its referees."""

    name: str
    spec_sha256: str
    rows: tuple[Row, ...]
    exactness: Exactness | None = None

    @property
    def ok(self) -> bool:
        """Whether every comparison is within its limit."""
        kept = self.exactness is None or self.exactness.ok
        return bool(self.rows) and all(row.ok for row in self.rows) and kept

    @property
    def worst(self) -> Row:
        """The row that comes nearest to its limit, or is farthest beyond it."""
        return max(self.rows, key=lambda row: math.inf if math.isnan(row.worst) else row.worst)

    @property
    def failures(self) -> tuple[Row, ...]:
        """The comparisons beyond their limits."""
        return tuple(row for row in self.rows if not row.ok)

    def table(self) -> str:
        """The comparisons as a plain table, one line for both precisions; broken promises below."""
        measured = [row for row in self.rows if row.limit]
        promises = [row for row in self.rows if not row.limit]
        precisions = tuple(dict.fromkeys(row.precision for row in measured))
        lines = _aligned([("referee", "quantity", *precisions, ""), *_cells(measured, precisions)])
        kept = sum(row.ok for row in promises)
        lines.append(f"contract: {kept} of {len(promises)} promises kept")
        lines += [
            f"  {row.quantity}, {row.precision}: {row.detail}" for row in promises if not row.ok
        ]
        allowed = " and ".join(_short(limit) for limit in sorted({row.limit for row in measured}))
        lines.append(f"numbers: |difference| / (eps * size of the terms); allowed: {allowed or 0}")
        if self.exactness is not None:
            lines += self.exactness.lines()
        agree = all(row.ok for row in self.rows)
        verdict = "every referee agrees" if agree else "SOME REFEREE DISAGREES"
        if self.exactness is not None and not self.exactness.ok:
            verdict += "; MORE LAST PLACES ARE LOST THAN PROMISED"
        worst = self.worst
        where = f"{worst.quantity}, {worst.referee}, {worst.precision}"
        return "\n".join([*lines, f"{self.name}: {verdict}; worst {_short(worst.worst)} ({where})"])

    def to_json(self) -> str:
        """The report as JSON, with the worst numbers rounded to three digits."""
        rows = [
            {
                "referee": row.referee,
                "quantity": row.quantity,
                "precision": row.precision,
                "worst": _rounded(row.worst),
                "limit": row.limit,
                "ok": row.ok,
                **({"detail": row.detail} if row.detail else {}),
            }
            for row in self.rows
        ]
        data: dict[str, Any] = {
            "schema": 1,
            "name": self.name,
            "spec_sha256": self.spec_sha256,
            "ok": self.ok,
            "unit": "eps * size of the terms",
            "rows": rows,
        }
        if self.exactness is not None:
            data["last_places"] = {
                "domain": self.exactness.domain,
                "promised": self.exactness.promised,
                **self.exactness.data(),
            }
        return json.dumps(data, indent=2) + "\n"


def _cells(rows: Iterable[Row], precisions: tuple[str, ...]) -> list[tuple[str, ...]]:
    """Referee, quantity, the worst in every precision, verdict."""
    found: dict[tuple[str, str], dict[str, Row]] = {}
    for row in rows:
        found.setdefault((row.referee, row.quantity), {})[row.precision] = row
    return [
        (
            *names,
            *(_short(known[p].worst) if p in known else "" for p in precisions),
            "ok" if all(row.ok for row in known.values()) else "WRONG",
        )
        for names, known in sorted(found.items(), key=lambda item: _ORDER.index(item[0][0]))
    ]


def _aligned(rows: Iterable[tuple[str, ...]]) -> list[str]:
    """Rows of cells as lines with columns of equal width."""
    rows = list(rows)
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    pairs = ([cell.ljust(w) for cell, w in zip(row, widths, strict=True)] for row in rows)
    return ["  ".join(cells).rstrip() for cells in pairs]


def _short(number: float) -> str:
    return "0" if number == 0 else f"{number:.3g}"


def _rounded(number: float) -> float | str:
    """Three digits; JSON has no infinity and no NaN."""
    return float(f"{number:.3g}") if math.isfinite(number) else str(number)
