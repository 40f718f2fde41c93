"""Names under a notation: entries with their labels and indices, sizes, whole arrays, functions."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from derive.algebra.terms import Affine, Extent, Function, Index, Label, Ref, Tensor
from derive.writing import layout as lay
from derive.writing.layout import Ident, Layout, Script, Symbol, row
from derive.writing.marks import GREEK
from derive.writing.profile import Profile, Role
from derive.writing.signs import Sign
from derive.writing.size_names import LAYER_SIZE, names_of_sizes, written_sizes

#: The letter that the calculus gives to each role; an array of another letter keeps its own.
LETTERS = {
    "input": "x", "target": "y", "preactivation": "s", "activation": "o", "weight": "W",
    "bias": "b", "delta": "delta", "loss": "L", "error": "error", "mask": "mask",
}  # fmt: skip
ROLE_OF = {letter: role for role, letter in LETTERS.items()}
TINTS = {"preactivation": "forward", "activation": "forward", "delta": "backward",
         "error": "backward"}  # fmt: skip
_MARKED = re.compile(r"([A-Za-z0-9_]+)('*)")
TOTAL = "Sigma"  # below the sign of a loss: the sum over the samples of a batch


@dataclass(frozen=True)
class Context:
    """What a writer knows of the network, and how much it is asked to show."""

    last: Label | None = None  # the label of the output layer
    shapes: Mapping[Tensor, tuple[Extent, ...]] = field(default_factory=dict)
    samples: bool = False  # show the sample index also where it is free
    mixed: bool = False  # samples depend on one another: derivatives are of the sum of their losses
    tints: bool = True
    activations: frozenset[str] | None = None  # those of the layers by name; None: not known


@dataclass(frozen=True)
class Names:
    """Writes names under a profile."""

    profile: Profile
    context: Context = field(default_factory=Context)

    # -------------------------------------------------------------------- indices and sizes

    def letter(self, name: str) -> Layout:
        """The name of an index: the profile's letter, primes kept."""
        found = _MARKED.fullmatch(name)
        if found is None or name[0] in "_0123456789":
            return Ident("i_" + re.sub(r"\W", "_", name))
        base, primes = found.groups()
        ident = Ident(self.profile.indices.get(base, base))
        return lay.prime(ident, len(primes)) if primes else ident

    def place(self, place: Affine) -> Layout:
        """An affine place, counted from the first index of the profile.

        An index with one value only is written as that value.
        """
        place = Affine(place.offset, tuple((i, c) for i, c in place.terms if i.size != 1))
        offset = place.offset + self.profile.base * (1 - sum(c for _, c in place.terms))
        parts: list[lay.Part] = []
        for index, coef in place.terms:
            if parts or coef < 0:
                parts.append("-" if coef < 0 else "+")
            if abs(coef) != 1:
                parts.append(lay.number(abs(coef)))
            parts.append(self.letter(index.name))
        if offset or not parts:
            if parts:
                parts.append("-" if offset < 0 else "+")
            parts.append(lay.number(abs(offset) if parts else offset))
        return row(*parts)

    def size(self, extent: Extent) -> Layout:
        """A size: a number, a letter, or the width of a layer."""
        if isinstance(extent, int):
            return lay.number(extent)
        found = LAYER_SIZE.fullmatch(extent)
        if found is None:
            written = written_sizes(self.profile, names_of_sizes(self.context.shapes))
            name = written.get(extent, self.profile.sizes.get(extent, extent))
            return _letter(name) if lay.NAME.fullmatch(name) else lay.Text(extent)
        sign, where = self.profile.layer_size
        label = Label(int(found[3] or 0), found[2] or "")
        if where == "subscript":
            return lay.sub(sign.base, self.bare_label(label))
        return Script(sign.base, None, self.label(label))

    # -------------------------------------------------------------------- layer labels

    def bare_label(self, label: Label) -> Layout:
        """A layer label without parentheses: 2, l - 1, out."""
        labels, last = self.profile.labels, self.context.last
        if labels.output and label == last:
            return Ident(labels.output)
        if labels.input and label == Label(0):
            return Ident(labels.input)
        if labels.hidden and not label.base:
            alone = last is not None and last == Label(2)
            return Ident(labels.hidden if alone else f"{labels.hidden}{label.offset}")
        if not label.base:
            return lay.number(label.offset)
        base = Sign(labels.letters.get(label.base, label.base)).base
        if not label.offset:
            return base
        return row(base, "+" if label.offset > 0 else "-", lay.number(abs(label.offset)))

    def label(self, label: Label) -> Layout:
        """A layer label as a superscript."""
        bare = self.bare_label(label)
        return lay.paren(bare) if self.profile.labels.form == "parentheses" else bare

    # -------------------------------------------------------------------- entries and arrays

    def role(self, tensor: Tensor) -> tuple[str, Role | None]:
        """The role under which an array is written; None for an array with a letter of its own."""
        name = tensor.role
        if name == "parameter" and tensor.letter in "Wb":  # a layer of one's own that says W and b
            name = ROLE_OF[tensor.letter]
        if name not in self.profile.roles or LETTERS.get(name) != tensor.letter:
            return name, None
        if name == "activation" and tensor.label is not None and tensor.label == self.context.last:
            return name, self.profile.roles["output"]
        return name, self.profile.roles[name]

    def own(self, tensor: Tensor) -> Sign:
        """The sign of an array outside the roles, set apart where the profile uses its letter."""
        letter = re.sub(r"\W", "_", tensor.letter)
        return Sign(letter, "sans" if self.profile.taken(letter) else "italic")

    def own_whole(self, tensor: Tensor, batch: bool) -> Sign:
        """The whole of such an array, in the style of the profile's own wholes."""
        sign, like = self.own(tensor), self.profile.roles["preactivation"]
        matrix = not tensor.batched and len(self.context.shapes.get(tensor, ())) == 2
        if matrix or (batch and tensor.batched):
            capital = sign.letter.upper()
            free = not any(other.letter == capital for other in self.context.shapes)
            if len(capital) == 1 and capital != sign.letter and sign.style == "italic" and free:
                made = replace(sign, letter=capital, style=like.batch.style)
                if not self.profile.drawn(made) and made != self.profile.layer_size[0]:
                    return made
        if batch and tensor.batched:
            return replace(sign, style="typewriter")
        if sign.style != "italic":
            return sign
        accent = sign.accent or like.whole.accent
        return replace(sign, style=like.whole.style, accent=accent)

    def label_of(self, tensor: Tensor, role: Role | None) -> Label | None:
        """The label that is written: that of the tensor, 0 for an input among activations."""
        if role is None or tensor.label is not None:
            output = self.profile.roles["output"]
            return None if role is output and not output.like else tensor.label
        first = Tensor("o", "activation", Label(0))  # of layers before the first with parameters
        among = tensor.role == "input" and role.like == "activation"
        return Label(0) if among and first not in self.context.shapes else None

    def entry(self, ref: Ref, bound: frozenset[Index] = frozenset()) -> Layout:
        """tensor[places] with the profile's index order; `bound` are the indices of sums around."""
        tensor, barred = unbarred(ref.tensor)
        name, role = self.role(tensor)
        sample, places = self._split(ref, role, bound)
        shape = self.context.shapes.get(ref.tensor)
        if role is None:
            sign = self.own(tensor)
        else:
            whole = shape is not None and len(places) < len(shape)
            sign = role.whole if whole else role.entry
            if self.profile.out_first and tensor.turns and len(places) == 2:
                places.reverse()
            if role.scalar == "bare" and shape and all(e == 1 for e in shape):
                places = []
        if barred:
            name, sign = "delta", with_bar(sign)
        indices = [self.place(p) for p in places]
        if role is not None and role.fixed is not None:
            indices.insert(1 if self.profile.out_first else 0, lay.number(role.fixed))
        made = self._scripted(sign, indices, sample, self.label_of(tensor, role))
        if role is not None and role.arguments:
            made = lay.apply(made, *(a.base for a in role.arguments))
        return self.tinted(made, name if role or barred else "")

    def _split(
        self, ref: Ref, role: Role | None, bound: frozenset[Index]
    ) -> tuple[Layout | None, list[Affine]]:
        """The sample as it is shown, or None, and the other places."""
        if not ref.tensor.batched or not ref.at:
            return None, list(ref.at)
        sample, *rest = ref.at
        index = sample.index
        understood = index is not None and index.sample and index not in bound
        always = self.context.samples or (role is not None and role.sample == "always")
        return (None if understood and not always else self.place(sample)), rest

    @property
    def total(self) -> Layout:
        """The sum of the losses of a batch: the sign of the loss with a Sigma below."""
        role = self.profile.roles["loss"]
        made = self._scripted(role.entry, [Ident(TOTAL)], None, None)
        return lay.apply(made, *(a.base for a in role.arguments)) if role.arguments else made

    def _scripted(
        self, sign: Sign, indices: list[Layout], sample: Layout | None, label: Label | None
    ) -> Layout:
        """The sign with everything around it, each in its place."""
        where = self.profile.writing["sample"]
        above = [*sign.superscripts]
        if label is not None:
            above.append(self.label(label))
        if sample is not None and where == "bracket":
            above.append(lay.bracket(sample))
        below = self.joined(indices)
        if sample is not None and where == "subscript":
            numbered = any(isinstance(i, lay.Number) for i in indices)  # n, 1, 1 and not n, 11
            rest = indices if below is None or numbered else [below]
            below = lay.listed(sample, *rest)
        made: Layout = sign.base
        if below is not None or above:
            made = Script(made, below, row(*above) if above else None)
        return row(made, lay.paren(sample)) if sample is not None and where == "argument" else made

    def joined(self, indices: list[Layout]) -> Layout | None:
        """Indices side by side, with commas where they would run together."""
        if not indices:
            return None
        plain = all(isinstance(i, Ident | lay.Number) and len(i.text) == 1 for i in indices)
        if plain and self.profile.writing["separator"] == "auto":
            return row(*indices)
        return lay.listed(*indices)

    def whole(self, tensor: Tensor, batch: bool = False, sample: Index | None = None) -> Layout:
        """The whole array: of one sample, or of all samples where `batch` and it has any."""
        tensor, barred = unbarred(tensor)
        name, role = self.role(tensor)
        if role is None:
            sign = self.own_whole(tensor, batch)
        else:
            sign = role.batch if batch and tensor.batched else role.whole
        if barred:
            same = role is not None and with_bar(role.whole) == with_bar(role.batch)
            style = "typewriter" if batch and same and tensor.batched else ""
            name, sign = "delta", with_bar(sign)
            sign = replace(sign, style=style or sign.style)  # apart from that of one sample
        fixed = [] if role is None or role.fixed is None else [lay.number(role.fixed)]
        always = role is not None and role.sample == "always" and not batch
        shown = None if sample is None else self.letter(sample.name)
        if always and sample is None and tensor.batched:
            shown = self.letter("n")
        made = self._scripted(sign, fixed, shown, self.label_of(tensor, role))
        return self.tinted(made, name if role or barred else "")

    def tinted(self, layout: Layout, role: str) -> Layout:
        """In the colour of the role, where colours are wanted."""
        tint = TINTS.get(role)
        return lay.Tinted(layout, tint) if tint and self.context.tints else layout

    # -------------------------------------------------------------------- functions and constants

    def function(self, function: Function, arg: object = None) -> Layout:
        """The name of a function, without its argument."""
        role = self.profile.roles["activation_function"]
        if function.label is not None:
            hidden = isinstance(arg, Ref) and arg.tensor.label == function.label
            base = role.entry.base
            return (
                base
                if role.label == "hidden" and hidden
                else lay.sup(base, self.label(function.label))
            )
        sign = self.profile.functions.get(function.name)
        known = self.context.activations
        other = sign == role.entry and known is not None and function.name not in known
        if sign is not None and not other:  # else sigma is the activation of a layer
            return sign.base
        if function.name == "phi" and role.entry not in self.profile.functions.values():
            return role.entry.base
        name = {"log": self.profile.writing["log"]}.get(function.name, function.name)
        return Ident(name) if name in GREEK else lay.Function(re.sub(r"\W", "_", name))

    def constant(self, name: str) -> Layout:
        """A named constant: pi, or the learning rate."""
        if name in ("eta", "learning_rate"):
            return self.profile.roles["learning_rate"].entry.base
        return _letter(re.sub(r"\W", "_", name))

    @property
    def transpose(self) -> Layout:
        """The mark of a transpose."""
        return Symbol("top") if self.profile.writing["transpose"] == "top" else Ident("T", "sans")


def unbarred(tensor: Tensor) -> tuple[Tensor, bool]:
    """The array h of its derivative dh, which is written as h with a bar, and whether it is one."""
    if tensor.role != "adjoint" or len(tensor.letter) < 2:
        return tensor, False
    letter = tensor.letter[1:]
    return replace(tensor, letter=letter, role=ROLE_OF.get(letter, "quantity")), True


def with_bar(sign: Sign) -> Sign:
    """The sign under a bar; one that has an accent already becomes bold."""
    return replace(sign, accent="bar", style="bold" if sign.accent else sign.style)


def _letter(name: str) -> Layout:
    """A name with trailing digits or a tail as its subscript: n_h, d1."""
    found = re.fullmatch(r"([A-Za-z]+)_?([A-Za-z0-9]*)", name)
    if found is None or name in GREEK or not found[2] or not re.search(r"[_\d]", name):
        return Ident(name) if lay.NAME.fullmatch(name) else lay.Text(name)
    tail = lay.number(int(found[2])) if found[2].isdigit() else Ident(found[2])
    return lay.sub(Ident(found[1]), tail)
