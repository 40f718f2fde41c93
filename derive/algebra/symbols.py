"""What a term speaks of: indices with their ranges, tensors, functions, and places in a tensor."""

from __future__ import annotations

from dataclasses import dataclass

Extent = int | str  # the size of an index range: a number, or the name of a symbolic size


@dataclass(frozen=True, order=True)
class Index:
    """A bound or free index with the range 0 .. size - 1.  `sample` marks the index of samples."""

    name: str
    size: Extent
    sample: bool = False

    def __str__(self) -> str:
        return self.name


@dataclass(frozen=True, order=True)
class Label:
    """A layer number: `Label(2)` is 2, `Label(-1, "l")` is l - 1, `Label(0, "L")` is L."""

    offset: int
    base: str = ""

    def __str__(self) -> str:
        if not self.base:
            return str(self.offset)
        return self.base + (f"{self.offset:+d}" if self.offset else "")

    def shifted(self, by: int) -> Label:
        """The label `by` layers further on."""
        return Label(self.offset + by, self.base)


@dataclass(frozen=True)
class Tensor:
    """A named array.  `role` tells a notation how to write it, `letter` is its name in code.

    Roles: input, preactivation, activation, weight, bias, delta, target, loss, mask, parameter
    (any other trained array), quantity (any other named intermediate).
    """

    letter: str
    role: str
    label: Label | None = None
    batched: bool = True  # the first index is the sample
    fixed_order: bool = False  # its indices stand as declared, whatever a notation does to weights

    @property
    def turns(self) -> bool:
        """Whether a notation may write the unit that the weight leads to first."""
        weight = self.letter == "W" and self.role in ("weight", "gradient", "parameter")
        return weight and not self.fixed_order

    def __str__(self) -> str:
        return self.letter + ("" if self.label is None else str(self.label))


@dataclass(frozen=True)
class Function:
    """A function of one real variable known by name: sigma, or the generic phi of layer l."""

    name: str
    label: Label | None = None

    def __str__(self) -> str:
        return self.name + ("" if self.label is None else str(self.label))


@dataclass(frozen=True)
class Affine:
    """offset + sum of coef * index, in the order of first use; coefficients are never 0."""

    offset: int = 0
    terms: tuple[tuple[Index, int], ...] = ()

    @staticmethod
    def of(value: Affine | Index | int) -> Affine:
        """Lift an index or a number."""
        if isinstance(value, Affine):
            return value
        return Affine(0, ((value, 1),)) if isinstance(value, Index) else Affine(value)

    def __add__(self, other: Affine | Index | int) -> Affine:
        other = Affine.of(other)
        coef = dict(self.terms)
        for index, c in other.terms:
            coef[index] = coef.get(index, 0) + c
        return Affine(self.offset + other.offset, tuple((i, c) for i, c in coef.items() if c))

    def __mul__(self, factor: int) -> Affine:
        return Affine(self.offset * factor, tuple((i, c * factor) for i, c in self.terms if factor))

    def __sub__(self, other: Affine | Index | int) -> Affine:
        return self + Affine.of(other) * -1

    @property
    def index(self) -> Index | None:
        """The index, where the expression is nothing but one index."""
        if self.offset == 0 and len(self.terms) == 1 and self.terms[0][1] == 1:
            return self.terms[0][0]
        return None

    def coefficient(self, index: Index) -> int:
        """The factor of `index`, 0 where it does not occur."""
        return dict(self.terms).get(index, 0)

    def __str__(self) -> str:
        parts = [(f"{c}*" if abs(c) != 1 else "-" * (c < 0)) + str(i) for i, c in self.terms]
        if self.offset or not parts:
            parts.append(str(self.offset))
        return "+".join(parts).replace("+-", "-")
