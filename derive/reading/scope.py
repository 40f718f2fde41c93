"""What the signs of a sheet can mean: the roles of a profile, and the arrays of a network."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property

from derive.algebra.symbols import Extent, Label, Tensor
from derive.marking.conventions import PLAIN, Conventions
from derive.reading.own import PLAIN as NOTHING
from derive.reading.own import Own
from derive.writing.naming import LETTERS, Context, Names
from derive.writing.profile import BATCHED, Profile
from derive.writing.signs import Sign
from derive.writing.size_names import names_of_sizes, written_sizes

#: Functions by their written names; the value is the name in the formula language.
FUNCTIONS = {
    "tanh": "tanh", "sinh": "sinh", "cosh": "cosh", "exp": "exp", "log": "log", "ln": "log",
    "sin": "sin", "cos": "cos", "tan": "tan", "arcsin": "asin", "arccos": "acos",
    "arctan": "atan", "erf": "erf", "sigmoid": "sigmoid", "relu": "relu", "ReLU": "relu",
    "softplus": "softplus", "softmax": "softmax", "sqrt": "sqrt", "abs": "abs", "diag": "diag",
    "logistic": "sigmoid", "sign": "sign", "max": "max", "min": "min", "asin": "asin",
    "acos": "acos", "atan": "atan", "trace": "trace", "tr": "trace",
    "leaky_relu": "leaky_relu", "elu": "elu", "gelu": "gelu", "silu": "silu", "mish": "mish",
    "softsign": "softsign", "linear": "linear", "Tr": "trace", "sgn": "sign", "vec": "vec",
    "inner": "inner", "det": "det", "LeakyReLU": "leaky_relu", "LReLU": "leaky_relu",
    "ELU": "elu", "GELU": "gelu", "SiLU": "silu", "Softmax": "softmax", "Sigmoid": "sigmoid",
    "Softplus": "softplus", "Tanh": "tanh", "sech": "sech", "csch": "csch", "coth": "coth",
    "sec": "sec", "csc": "csc", "cot": "cot", "asinh": "asinh", "acosh": "acosh",
    "atanh": "atanh", "arsinh": "asinh", "arcosh": "acosh", "artanh": "atanh",
    "arctanh": "atanh", "arcsinh": "asinh", "arccosh": "acosh",
}  # fmt: skip
#: Words for functions of a unit's output, used where a sheet names quantities by words.
WORD_FUNCTIONS = {"derivative": "slope", "deriv": "slope", "output": "output"}
LOSS_WORDS = ("loss", "cost")
LABELLED = ("preactivation", "activation", "weight", "bias", "delta", "error", "mask",
            "activation_function", "own")  # fmt: skip
UNDER_WINDOWS = ("input", "activation", "preactivation", "own")
RANKS = {"weight": 2, "loss": 0, "objective": 0, "learning_rate": 0}


@dataclass(frozen=True)
class Meaning:
    """One thing that a sign can stand for."""

    role: str
    form: str  # entry, whole, batch
    letter: str = ""  # of the calculus, for an array outside the roles
    marks: tuple[str, ...] = ()
    fixed: int | None = None
    samples: bool = False  # the sample always stands with it
    label: Label | None = None  # the layer of an array outside the roles


@dataclass(frozen=True)
class Scope:
    """A profile, and what is known of the network that the sheet speaks of."""

    profile: Profile
    last: Label | None = None
    shapes: Mapping[Tensor, tuple[Extent, ...]] = field(default_factory=dict)
    threshold: bool = False  # whether the fixed input of a unit is -1
    formulas: Mapping[Label, tuple[str, ...]] = field(default_factory=dict)  # layer -> letters
    conventions: Conventions = PLAIN
    own: Own = NOTHING  # what the sheet binds itself

    @property
    def out_first(self) -> bool:
        """Whether the first index of a weight is the unit it leads to."""
        return self.profile.out_first != self.conventions.swapped

    @property
    def rows_out(self) -> bool:
        """Whether a row of a weight matrix belongs to the unit that the weights lead to."""
        return self.out_first != self.conventions.transposed

    def rows_out_of(self, label: Label | None) -> bool:
        """The same for the weights of one layer, which a sheet may write the other way round."""
        if label is not None and label.base == "L" and self.last is not None:
            label = self.last.shifted(label.offset)
        turned = label is not None and not label.base and label.offset in self.own.turned
        return (self.out_first_of(label) != self.conventions.transposed) != turned

    def out_first_of(self, label: Label | None) -> bool:
        """The first index of the weights of one layer; a layer of one's own may fix its order."""
        if label is not None and label.base == "L" and self.last is not None:
            label = self.last.shifted(label.offset)
        fixed = self._fixed_orders
        return self.out_first and not (fixed.get(label) if label else all(fixed.values()) and fixed)

    @cached_property
    def _fixed_orders(self) -> Mapping[Label | None, bool]:
        """Of every layer with weights, whether they are written as declared."""
        weights = [t for t in self.shapes if t.role in ("weight", "parameter") and t.letter in "Ww"]
        turning = {tensor.label for tensor in weights if tensor.turns}
        return {tensor.label: tensor.label not in turning for tensor in weights}

    @cached_property
    def entrywise(self) -> tuple[str, ...]:
        """The signs of the product entry by entry."""
        return ("odot", "circ", "ast", self.profile.writing["hadamard"])

    @cached_property
    def windows(self) -> bool:
        """Whether layers move windows over arrays: some of these have channels and places."""
        return any(t.batched and len(shape) > 1 for t, shape in self.shapes.items())

    def _has(self, role: str, label: Label | None) -> bool:
        return any(t.role == role and t.label == label for t in self.shapes)

    @cached_property
    def last_role(self) -> str:
        """What the output is: the activation of the last layer, or what comes before it."""
        return "activation" if self._has("activation", self.last) else "preactivation"

    @cached_property
    def input_bare(self) -> bool:
        """Whether the input is written as an activation without a label, since 0 is another."""
        like = self.profile.roles["input"].like == "activation"
        return like and self._has("activation", Label(0))

    @cached_property
    def functions(self) -> frozenset[str]:
        """The letters of the network's own activation formulas."""
        return frozenset(letter for letters in self.formulas.values() for letter in letters)

    # ---------------------------------------------------------------- signs

    @cached_property
    def table(self) -> dict[tuple[str, str, str], list[Meaning]]:
        """(letter, style, accent) -> what it can mean, the likeliest first."""
        found: dict[tuple[str, str, str], list[Meaning]] = {}

        def put(sign: Sign, meaning: Meaning) -> None:
            found.setdefault((sign.letter, sign.style, sign.accent), []).append(meaning)

        for name, role in self.profile.roles.items():
            shared = {"fixed": role.fixed, "samples": role.sample == "always"}
            for sign, form in ((role.entry, "entry"), (role.whole, "whole"), (role.batch, "batch")):
                if form == "batch" and name not in BATCHED:
                    continue
                put(sign, Meaning(name, form, "", sign.marks, **shared))  # type: ignore[arg-type]
            for sign in role.aliases:
                form = "whole" if sign.style == "bold" or sign.accent else "entry"
                put(sign, Meaning(name, form, "", sign.marks, **shared))  # type: ignore[arg-type]
        for tensor in self.shapes:
            if not self.has_role(tensor):
                self._put_own(put, tensor)
        return found

    def has_role(self, tensor: Tensor) -> bool:
        """Whether the profile has a sign of its own for an array."""
        return tensor.role in self.profile.roles and LETTERS.get(tensor.role) == tensor.letter

    def _put_own(self, put: Callable[[Sign, Meaning], None], tensor: Tensor) -> None:
        names = Names(self.profile, Context(shapes=self.shapes))
        meaning = Meaning("own", "entry", tensor.letter, label=tensor.label)
        put(names.own(tensor), meaning)
        put(names.own_whole(tensor, False), replace(meaning, form="whole"))
        put(names.own_whole(tensor, True), replace(meaning, form="batch"))

    def barred(self, sign: Sign) -> list[Meaning]:
        """What a sign under a bar is the derivative by.

        Bold stands for another accent, typewriter for the bold of a batch, as they are printed.
        """
        if sign.style == "typewriter":
            own = self.table.get((sign.letter, sign.style, ""))
            return own or self.meanings(replace(sign, accent="", style="bold"))
        vec = Sign(sign.letter, "italic", "vec")
        dressed = self.table.get((vec.letter, vec.style, vec.accent), [])
        return (dressed if sign.style == "bold" else []) or self.meanings(replace(sign, accent=""))

    def meanings(self, sign: Sign) -> list[Meaning]:
        """What the sign can mean; another dress of an entry's letter is the whole array."""
        found = self.table.get((sign.letter, sign.style, sign.accent))
        if found:
            return found
        if sign.style in ("text", "roman") and sign.letter.lower() in LOSS_WORDS:
            found = self.meanings(self.profile.roles["loss"].entry)
            return [m for m in found if m.role in ("loss", "objective")]
        if sign.accent == "hat" and self.windows:
            plain = self.meanings(replace(sign, accent=""))
            return [replace(m, form="window") for m in plain if m.role in UNDER_WINDOWS]
        if sign.style in ("bold", "italic", "roman") and (sign.accent in ("", "vec")):
            plain = self.table.get((sign.letter, "italic", ""), [])
            dressed = sign.style == "bold" or sign.accent == "vec"
            return [
                replace(m, form="whole" if dressed else m.form, samples=False)
                for m in plain
                if dressed and m.role not in ("loss", "objective", "activation_function")
            ]
        return []

    # ---------------------------------------------------------------- labels and sizes

    @cached_property
    def layer_letters(self) -> dict[str, str]:
        """Letter -> base of a label: the generic layer and the last one."""
        letters = self.profile.labels.letters
        made = {"l": "l", "ell": "l"}
        made[letters["l"]] = "l"
        made.setdefault("L", "L")
        made[letters["L"]] = "L"
        made.update(dict.fromkeys(self.own.layers, "l"))
        made.update(dict.fromkeys(self.own.last, "L"))
        return made

    def word_label(self, word: str) -> Label | None:
        """The layer of a name: in, h, h2, out."""
        labels = self.profile.labels
        if word in self.own.layer_names:
            return Label(self.own.layer_names[word])
        if labels.output and word == labels.output:
            return self.last or Label(0, "L")
        if labels.input and word == labels.input:
            return Label(0)
        if labels.hidden and word == labels.hidden:
            return Label(1)
        if labels.hidden and re.fullmatch(re.escape(labels.hidden) + r"\d+", word):
            return Label(int(word[len(labels.hidden) :]))
        return None

    @cached_property
    def sample(self) -> str:
        """The letter of the sample index."""
        return self.profile.indices.get("n", "n")

    @cached_property
    def samples(self) -> str:
        """The letter of the number of samples."""
        return self.profile.sizes.get("N", "N")

    @cached_property
    def size_names(self) -> dict[str, str]:
        """Written letter -> symbolic size of the network."""
        written = written_sizes(self.profile, names_of_sizes(self.shapes))
        return {sign: name for name, sign in written.items()}

    def named_size(self, letter: str, below: str) -> str | None:
        """The symbolic size of the network that is written with a number or a word below it."""
        names = (letter + below, f"{letter}_{below}") if below.isalnum() else ()
        return next((self.size_names[name] for name in names if name in self.size_names), None)

    def rank(self, meaning: Meaning, label: Label | None) -> int:
        """The number of places of an entry, samples not counted."""
        shape = self.shape(meaning, label)
        if shape is not None:
            return len(shape)
        alike = {len(s) for t, s in self.shapes.items() if t.role == meaning.role}
        if label is None and len(alike) == 1 and not meaning.letter:  # of any layer
            return alike.pop()
        return RANKS.get(meaning.role, 1)

    def shape(self, meaning: Meaning, label: Label | None) -> tuple[Extent, ...] | None:
        """The sizes along the places of an entry; None where the network does not say them."""
        role = meaning.role
        if role == "output":
            role, label = self.last_role, self.last
        if role == "activation" and not self._has(role, label):
            role = "input" if label == Label(0) else "preactivation"
        for tensor, shape in self.shapes.items():
            same = tensor.letter == meaning.letter if meaning.letter else tensor.role == role
            if same and (tensor.label == label or role in ("input", "target")):
                return shape
        return None

    def batched(self, meaning: Meaning) -> bool:
        """Whether there is one for every sample."""
        if meaning.role == "own":
            own = (t for t in self.shapes if t.letter == meaning.letter)
            return any(t.batched for t in own if t.label == meaning.label)
        return meaning.role in BATCHED or meaning.role == "loss"
