"""What a sheet brings itself: signs that it binds, names of layers, products, a style of Python."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from derive.algebra.symbols import Label
from derive.reading.tree import Node
from derive.writing.signs import Sign


@dataclass(frozen=True)
class Bound:
    """What a sign of the sheet's own stands for.

    Besides the roles of a notation: `user`, a symbol that the sheet defines; `size`; `letter`, a
    number; `function`, whose name is `form`.
    """

    role: str
    label: Label | None = None  # the layer that the sign itself says
    form: str = ""  # batch, or "" for an entry with indices and the whole array without
    places: tuple[int, ...] = ()  # of the unit that the sign itself says: net_{h1}
    letter: str = ""  # of a symbol whose subscript belongs to it
    called: bool = False  # what it depends on may stand behind it: h(x)


@dataclass(frozen=True)
class Definition:
    """What the sheet says that a symbol of its own is, for its indices and its layer."""

    places: tuple[str, ...]  # the letters of its indices
    label: Label | None
    rhs: Node


@dataclass(frozen=True)
class Behind:
    """What stands in fences behind a name as others write it above: z[l], x_i(n)."""

    opening: str  # ( or [
    sample: str = ""  # the letter of the samples; "" where it is the layer


@dataclass(frozen=True)
class NameReading:
    """What a name of a Python sheet stands for where its spelling says something else."""

    role: str
    label: Label | None = None
    derived: bool = False  # the derivative of the loss by it
    minus: bool = False  # its negative: the way down
    mean: bool = (
        False  # of the mean over the samples, where others are of their sum, or the reverse
    )


@dataclass(frozen=True)
class PythonStyle:
    """How a Python sheet keeps its arrays."""

    batch: bool = True  # arrays of units have a row for every sample
    columns: bool = False  # ... a column for every sample; without `batch`: one sample is a column
    vectors: bool = False  # the weights of one unit are a vector, and what it gives is a number
    matrices: bool = False  # `*` is the product of matrices, as SymPy has it
    from_zero: frozenset[str] = frozenset()  # names whose first number is 0: W0, syn0, weights[0]
    rate_free: bool = False  # steps of training have the rate 1
    down: bool = False  # derivatives by units are negative: steps go along them
    mean: bool = False  # derivatives by units are those of the objective, not of the sum
    inner: bool = False  # da1 holds the derivative by z1 in the end
    above: bool = False  # the deltas of layer l are called delta(l+1), since the input is layer 1


@dataclass(frozen=True)
class Own:
    """The sheet's own part of a scope; the text of a subscript may belong to the sign: W_{xh}."""

    signs: Mapping[tuple[Sign, str], Bound] = field(default_factory=dict)
    last: frozenset[str] = frozenset()  # letters for the last layer
    beyond: bool = False  # layers behind layer L are named, as a network of any depth has them
    layers: frozenset[str] = frozenset()  # letters for any layer
    layer_names: Mapping[str, int] = field(default_factory=dict)  # h and o above: W^h, delta^o
    turned: frozenset[int] = frozenset()  # layers whose weights stand the other way: w_2^T h
    index_layers: Mapping[str, int] = field(default_factory=dict)  # letter -> number of its layer
    input_apart: bool = False  # the input has a sign of its own: that of units above is another's
    absorbed: bool = False  # biases are weights, from a unit behind the last that is always 1
    unit_weights: bool = False  # with one index, weights are the vector of those of one unit
    lone_unit: bool = False  # signs without an index are those of one unit, not of a vector
    one_channel: bool = False  # arrays under windows have one channel, which bears no index
    places: bool = False  # a delta with two indices is an error signal, as under windows
    below: bool = False  # a lone subscript is the layer: W_1, a_{l-1}
    brackets: bool = False  # layers stand in square brackets: W^{[1]}
    bare: bool = False  # layers stand above a sign without parentheses: z^l, W^2
    sample: str = ""  # the letter that counts the samples: x_i, x^{(i)}
    bare_sample: bool = False  # it stands above a sign without parentheses: x^i
    always_sample: bool = False  # it counts them wherever it stands, and is never an index
    behind: Behind | None = None  # layers or samples that stand behind their signs
    steps: str = ""  # the letter of iterations below a parameter: W_{t+1}
    differentials: bool = False  # dW stands for the derivative of the loss by W
    gradient_of: str = "loss"  # or "objective": of what a gradient is that names no function
    objective: str = ""  # the symbol on which steps descend, where it is not the loss
    unit_means: bool = False  # dZ of a batch is the derivative of the mean, not of the sum
    fitting: frozenset[str] = frozenset()  # entry by entry where no matrix product fits
    outer: frozenset[str] = frozenset()  # signs of the outer product
    definitions: Mapping[str, Definition] = field(default_factory=dict)  # of `user` symbols
    functions: Mapping[str, Definition] = field(default_factory=dict)  # of one number
    words: frozenset[str] = frozenset()  # written without braces: net, out, target
    python: PythonStyle = PythonStyle()
    names: Mapping[str, str] = field(default_factory=dict)  # of Python -> text of its definition
    readings: Mapping[str, NameReading] = field(default_factory=dict)  # of names of Python
    decays: bool = False  # the network has a regulariser, so a letter may be its strength


def defined(known: Mapping[str, Definition], letter: str, label: Label | None) -> Definition | None:
    """What the sheet says that a symbol is; D_1 and D_2 have definitions of their own."""
    found = known.get(numbered(letter, label))
    plain = known.get(letter)
    if found is None and plain is not None and numbered(letter, plain.label) != letter:
        return plain if label is None or label.base else None
    return found or plain


def symbol(sign: Sign, below: str = "") -> str:
    """The name of a symbol of the sheet's own; a subscript may belong to it: E_{o1}."""
    return f"{sign}_{below}" if below else str(sign)


def numbered(letter: str, label: Label | None) -> str:
    """The name of the definition of a symbol in one layer."""
    return letter if label is None or label.base else f"{letter} {label.offset}"


PLAIN = Own()
