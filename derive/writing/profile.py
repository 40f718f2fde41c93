"""Notations as data: how every role is written, and which derivation goes with it.

Printing and reading take the same `Profile`; the mathematics never depends on it.  Profiles are
TOML files, loaded by `derive.profiles`; every role must be present and no two written alike.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

from derive.errors import shown, suggestion
from derive.writing.marks import GREEK
from derive.writing.signs import Sign

#: Roles that a profile must write; those in BATCHED have one entry for every sample.
BATCHED = ("input", "output", "preactivation", "activation", "delta", "error", "target", "mask")
ROLES = (*BATCHED, "weight", "bias", "loss", "objective", "activation_function", "learning_rate")
STRATEGIES = {
    "weight_by_weight": "weight by weight, then generalised",
    "delta": "recursion on the derivative by the pre-activation",
    "activations": "recursion on the derivative by the activation (dynamic programming)",
    "three_factors": "product of three factors",
    "paths": "explicit sums over paths",
    "apparent_error": 'recursion on the "apparent error"',
}
#: The choices of the section [writing]; the first word of each is the default.
CHOICES: Mapping[str, tuple[str, ...]] = {
    "order": ("in out", "out in"),  # of the indices of a weight, and so of the rows of its matrix
    "bounds": ("symbolic", "always", "never"),  # limits of sums: over symbolic ranges, ...
    "slope": ("prime", "dot"),
    "log": ("ln", "log"),
    "exponential": ("power", "name"),  # e^x or exp(x)
    "chain": ("none", "times", "cdot"),  # the sign between the factors of a chain rule
    "hadamard": ("odot", "circ", "ast", "otimes"),
    "transpose": ("top", "sans"),
    "gradient": ("partial", "nabla"),  # of a whole array
    "kronecker": ("bracket", "delta"),  # [i = j] or delta_{i,j}
    "separator": ("auto", "comma"),  # between indices; auto: only where they would run together
    "sample": ("subscript", "bracket", "argument"),  # x_{n,i}, x_i^{[n]}, x_i(n)
    "ones": ("shown", "implied"),  # the column of ones that hands a bias to every sample
    "update": (
        "arrow",
        "assign",
        "iterations",
    ),  # w <- ..., w := ..., w(tau + 1) = ...
    "first": ("1", "0"),  # the first value of an index
}
LABEL_FORMS = ("parentheses", "bare")
INDICES = ("i", "j", "k", "n")  # letters of the calculus that stand as indices everywhere
_FUNCTION_WORDS = frozenset((
    "exp", "log", "ln", "sqrt", "abs", "max", "min", "sin", "cos", "tan", "sinh", "cosh", "tanh",
    "erf", "sign", "sgn", "diag", "tr", "Tr", "trace", "det", "vec", "softmax", "sigmoid", "relu",
    "ReLU", "softplus", "argmax", "argmin",
))  # fmt: skip
RESERVED = {"e": "Euler's number", "pi": "the number pi"}


@dataclass(frozen=True)
class Role:
    """How one quantity is written: an entry, the whole of one sample, the whole of a batch."""

    entry: Sign
    whole: Sign
    batch: Sign
    aliases: tuple[Sign, ...] = ()  # further signs that a reader takes for it
    like: str = ""  # written like this other role (an input as the activation of layer 0)
    fixed: int | None = None  # with this constant in place of the index that the role has not
    sample: str = "auto"  # "always": the sample is written even where it is understood
    label: str = "shown"  # "hidden": a function's label is left out where its argument has it
    scalar: str = "indexed"  # "bare": no index where there is one unit only
    arguments: tuple[Sign, ...] = ()  # what a function of everything is a function of: L(W, b)

    @property
    def drawn(self) -> tuple[Sign, str]:
        """What tells an entry from others: the sign, and what always stands with it."""
        extra = "a sample" if self.sample == "always" else "arguments" if self.arguments else ""
        return self.entry, extra


@dataclass(frozen=True)
class Labels:
    """How layers are named: the generic layer, the last, and names in place of numbers."""

    form: str = "parentheses"
    letters: Mapping[str, str] = field(default_factory=dict)
    input: str = ""
    hidden: str = ""
    output: str = ""


@dataclass(frozen=True)
class Profile:
    """One notation."""

    name: str
    title: str
    strategies: tuple[str, ...]
    roles: Mapping[str, Role]
    labels: Labels
    writing: Mapping[str, str]
    indices: Mapping[str, str]  # permutation of index letters, completed
    sizes: Mapping[str, str]  # permutation of size names, completed
    layer_size: tuple[Sign, str]  # its letter, and "superscript" or "subscript"
    functions: Mapping[str, Sign]  # named functions that have a letter: sigmoid
    lecture: str = ""

    @property
    def out_first(self) -> bool:
        """Whether the first index of a weight is the unit it leads to."""
        return self.writing["order"] == "out in"

    @property
    def base(self) -> int:
        """The first value of an index as written."""
        return int(self.writing["first"])

    def taken(self, letter: str) -> bool:
        """Whether a letter of somebody's own would look like one of the notation's."""
        sign = Sign(letter)
        return letter in RESERVED or self.drawn(sign) or sign == self.layer_size[0]

    def drawn(self, sign: Sign) -> bool:
        """Whether the sign stands for one of the roles."""
        return any(sign in signs_of(role) for role in self.roles.values())


def signs_of(role: Role) -> set[Sign]:
    """Every sign that can stand for the role."""
    return {role.entry, role.whole, role.batch, *role.aliases}


def _written(made: Profile) -> Iterator[tuple[str, str, Sign, str]]:
    """(role, where, sign, what stands with it) for everything that the profile writes."""
    for name, role in made.roles.items():
        if role.like:
            continue
        sign, extra = role.drawn
        yield name, "entry", sign, extra
        if role.whole != role.entry:
            yield name, "whole", role.whole, ""
        if name in BATCHED:
            yield name, "batch", role.batch, ""
    for name, sign in made.functions.items():
        yield name, "function", sign, ""


def clashing(made: Profile) -> Iterator[str]:
    """What two readers could take for each other, one line each."""
    yield from _like_indices(made)
    yield from _misspelt(made)
    seen: dict[tuple[Sign, str], str] = {}
    for name, where, sign, extra in _written(made):
        own = f"roles.{name}.{where}" if where != "function" else f"functions.{name}"
        if sign.style == "italic" and not sign.marks and sign.letter in RESERVED:
            yield f"{own}: {sign} is {RESERVED[sign.letter]}; take another sign"
        if where != "function" and (meant := _means_otherwise(sign, made)):
            yield f"{own}: {sign} is {meant}; take another sign"
        key = (sign, extra or ("a layer" if name == "activation_function" else ""))
        if key in seen:
            yield f"{own}: {sign} is written like {seen[key]}; take another sign"
        seen[key] = own
    function = made.roles["activation_function"].entry
    for name, role in made.roles.items():
        if name != "activation_function" and not role.like and role.entry == function:
            yield f"roles.activation_function.entry: {function} is roles.{name}.entry already"
    if made.base == 0 and made.roles["bias"].fixed is not None:
        yield 'roles.bias.fixed: 0 is the first unit where writing.first is "0"'
    for name, role in made.roles.items():
        for alias in role.aliases:
            other = seen.setdefault((alias, ""), f"roles.{name}.aliases")
            if not other.startswith(f"roles.{name}."):
                yield f"roles.{name}.aliases: {alias} is already {other}"


def _means_otherwise(sign: Sign, made: Profile) -> str:
    """What a reader takes a sign for in every notation, as a profile cannot change it."""
    if sign.style == "blackboard":
        return "the sign of a space or of an expected value"
    if sign.style in ("text", "roman", "sans") and sign.letter in _FUNCTION_WORDS:
        return "a function"
    plain = replace(sign, accent="")
    for name in ("input", "activation"):
        role = made.roles[name]
        if sign.accent == "hat" and plain in (role.entry, role.whole, role.batch):
            return f"a part of roles.{name}, the window of a kernel"
    return ""


def _like_indices(made: Profile) -> Iterator[str]:
    """Quantities and layers that are written like an index, sizes that are like a quantity."""
    indices = {made.indices.get(letter, letter) for letter in INDICES}
    seen: set[str] = set()
    for name, where, sign, _ in _written(made):
        if sign.style == "italic" and not sign.accent and sign.letter in indices - seen:
            seen.add(sign.letter)
            yield f"roles.{name}.{where}: {sign} is an index; take another sign"
    for base, letter in made.labels.letters.items():
        key = "layer" if base == "l" else "last"
        if letter in indices or (base == "l" and _as_l(letter) & indices):
            yield f"labels.{key}: {letter} is an index; rename the index under [indices]"
        if base == "l" and made.drawn(Sign(letter)):
            yield f"labels.{key}: {letter} is one of the roles; take another letter"
    yield from _sizes(made, indices)
    if made.drawn(made.layer_size[0]):
        yield f"layer_size.sign: {made.layer_size[0]} is one of the roles; take another sign"


def _as_l(letter: str) -> set[str]:
    """The letters that are read as the generic layer."""
    return {letter, "l", "ell"}


def _sizes(made: Profile, indices: set[str]) -> Iterator[str]:
    """Sizes that are written like an index, a layer or a quantity."""
    layers = set(made.labels.letters.values())
    for name, letter in made.sizes.items():
        if letter in {*indices, *made.indices.values(), *layers}:
            yield f"sizes.{name}: {letter} is an index or a layer; take another letter"
        elif made.drawn(Sign(letter)):
            yield f"sizes.{name}: {letter} is one of the roles; take another letter"
    sign = made.layer_size[0]
    samples = made.indices.get("n", "n")
    if sign.style == "italic" and sign.letter in (indices | layers) - {samples}:
        yield f"layer_size.sign: {sign} is an index or a layer; take another sign"


def _misspelt(made: Profile) -> Iterator[str]:
    """Words in the style of letters: a Greek letter that is misspelt."""
    for name, where, sign, _ in _written(made):
        if sign.style == "italic" and len(sign.letter) > 1 and sign.letter not in (*GREEK, "ell"):
            hint = suggestion(sign.letter, tuple(GREEK))
            wanted = 'a letter, or a word in a style such as "roman net"'
            yield f"roles.{name}.{where}: found {shown(sign.letter)}, expected {wanted}{hint}"
            return
