r"""A formula in another notation: the same statement with other names, orders and labels.

>>> from derive.profiles import profile
>>> from derive.reading.reader import read
>>> from derive.rewriting.writing import latex
>>> here, there = Scope(profile("units")), Scope(profile("columns"))
>>> (claim,) = read(r"\delta_i^l w_{ji}^l o_j^{l-1}", here).claims
>>> made = Translator(here, there).node(claim.lhs)
>>> latex(made, there)
'\\delta_{i}^{(\\ell)} w_{ij}^{(\\ell)} a_{j}^{(\\ell-1)}'

A profile only writes; what is true of the network does not change.  Where the other notation keeps
weight matrices the other way round, they are transposed; a sum that begins with the fixed input of
a unit is split into the sum and the bias or threshold, whichever the network has.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from fractions import Fraction

from derive.algebra.symbols import Label
from derive.claims.samples_summed import is_bare_loss, sums_samples
from derive.reading.own import Own
from derive.reading.scope import LABELLED, WORD_FUNCTIONS, Scope
from derive.reading.tree import (
    Bracket,
    Change,
    Derivative,
    Entry,
    Function,
    Kronecker,
    Letter,
    Listed,
    Minus,
    Nabla,
    Node,
    Num,
    Plus,
    Size,
    Times,
    Total,
    rebuilt,
    walk,
)
from derive.rewriting.arrays import fewest, is_matrix, simplified, transposed
from derive.rewriting.letters import Letters, letters_of

ZERO, ONE = Num(Fraction(0)), Num(Fraction(1))


def scope_there(here: Scope, there: Scope) -> Scope:
    """The scope of the translation: what is known of the network, and the writer's own symbols."""
    own = here.own
    kept = {k: b for k, b in own.signs.items() if b.role in ("user", "letter", "function")}
    return replace(
        here,
        profile=there.profile,
        conventions=replace(here.conventions, swapped=False, transposed=False),
        own=Own(signs=kept, beyond=own.beyond, fitting=own.fitting, outer=own.outer),
    )


Thresholds = bool | Mapping[Label, bool] | None  # for all layers, or for each


@dataclass(frozen=True)
class Translator:
    """Takes trees from the scope of a sheet to another one."""

    here: Scope
    there: Scope
    threshold: Thresholds = None  # whether the fixed input is -1; None: nobody says
    generic: bool = True  # whether the network leaves its activation functions open
    notes: dict[str, None] = field(default_factory=dict)  # what the translation took for granted

    def chain(self, members: tuple[Node, ...], beside: tuple[Node, ...] = ()) -> tuple[Node, ...]:
        """The members of a chain of equations; `beside`: of the others of the formula."""
        if any(map(sums_samples, members[1:])):
            members = (self._of_all(members[0]), *members[1:])
        letters = letters_of(self.here, self.there, (*members, *beside))
        made = tuple(simplified(self._node(m, letters, frozenset())) for m in members)
        return fewest(made, self.there)

    def _of_all(self, node: Node) -> Node:
        """With the loss of all samples, where the other notation names the sample of the others."""
        if self.there.profile.roles["loss"].sample != "always":
            return node
        if isinstance(node, Entry) and is_bare_loss(node):
            return replace(node, role="objective")
        return rebuilt(node, self._of_all)

    def node(self, node: Node) -> Node:
        """One expression."""
        letters = letters_of(self.here, self.there, (node,))
        return simplified(self._node(node, letters, frozenset()))

    # ---------------------------------------------------------------- nodes

    def _node(self, node: Node, letters: Letters, bound: frozenset[str]) -> Node:
        def visit(part: Node) -> Node:
            return self._node(part, letters, bound)

        match node:
            case Entry():
                return self._turned(node, self._entry(node, letters, bound))
            case Function():
                return self._function(node)
            case Letter():
                made = letters.letter(node)
                if made.name != node.name and letters.is_taken(node.name):
                    self.notes[f"{node.name} stands as {made.name}: {node.name} means something "
                               f"else in {self.there.profile.name}"] = None  # fmt: skip
                return made
            case Size():
                return replace(node, label=self._layer(node.label))
            case Kronecker():
                left, right = letters.place(node.left), letters.place(node.right)
                return replace(node, left=left, right=right)
            case Bracket():
                return replace(
                    node, members=tuple(self._member(m, letters, bound) for m in node.members)
                )
            case Total():
                return self._total(node, letters, bound)
            case Derivative() | Nabla() | Change():
                return self._turned(node, self._slope(node, letters, bound))
            case Plus():
                return self._joined(_flat(node, rebuilt(node, visit)))
        return rebuilt(node, visit)

    def _turned(self, node: Node, made: Node) -> Node:
        """Transposed where the other notation keeps the matrix the other way round."""
        other = self.here.rows_out != self.there.rows_out and not self._stays(node)
        return transposed(made) if other and is_matrix(node, self.here) else made

    def _stays(self, node: Node) -> bool:
        """Whether every notation keeps the weights alike: kernels, a row for each channel, and
        arrays of a layer of one's own in the order in which they are declared."""
        named = [n.label for n in walk(node) if isinstance(n, Entry) and n.role == "weight"]
        return any(
            (tensor.fixed_order or (tensor.role == "weight" and len(shape) > 2))
            and tensor.label in named
            for tensor, shape in self.here.shapes.items()
        )

    def _slope(self, node: Node, letters: Letters, bound: frozenset[str]) -> Node:
        """A derivative: what it is taken by is named, and never transposed."""

        def named(part: Node) -> Node:
            if isinstance(part, Entry):
                return self._entry(part, letters, bound)
            return self._node(part, letters, bound)

        return rebuilt(node, named)

    def _member(self, node: Node, letters: Letters, bound: frozenset[str]) -> Node:
        """A side of a comparison."""
        if isinstance(node, Listed):
            return replace(node, items=tuple(self._member(i, letters, bound) for i in node.items))
        if all(isinstance(n, Letter | Num | Plus | Minus | Times | Size) for n in walk(node)):
            return letters.place(node)
        return self._node(node, letters, bound)

    def _layer(self, label: Label | None) -> Label | None:
        """The layer: L by its number, where the other notation has a name for the last one."""
        last = self.here.last
        named = self.there.profile.labels.output and last is not None and not last.base
        if label is None or label.base != "L" or not named:
            return label
        return Label(last.offset + label.offset) if last is not None else label

    def _function(self, node: Function) -> Function:
        """The activation function under the name by which the other notation knows its sign."""
        if not node.activation or node.name in WORD_FUNCTIONS.values():
            return node
        if node.name and (node.label is None or (node.assumed and not self.generic)):
            return replace(node, activation=False, label=None, assumed=False)  # meant by its name
        sign = self.there.profile.roles["activation_function"].entry
        names = [name for name, s in self.there.profile.functions.items() if s == sign]
        if not names:
            return replace(node, name="", label=self._layer(node.label))
        label = self._layer(node.label) or Label(
            0, "l"
        )  # with its layer the sign is no function by name
        return replace(node, name=names[0], label=label, assumed=node.assumed and bool(node.name))

    # ---------------------------------------------------------------- entries

    def _entry(self, node: Entry, letters: Letters, bound: frozenset[str]) -> Entry:
        places = tuple(map(letters.place, node.places))
        sample = None if node.sample is None else letters.place(node.sample)
        made = replace(node, places=places, sample=sample, label=self._layer(node.label))
        if made.role == "weight" and len(places) == 2:
            before, after = (s.out_first_of(node.label) for s in (self.here, self.there))
            made = replace(made, places=places[::-1]) if before != after else made
        made = self._formed(node, self._fixed(self._named(made)))
        return self._sampled(made, bound)

    def _formed(self, before: Entry, node: Entry) -> Entry:
        """A whole array in the form in which the other notation reads it."""
        here, there = self.here.profile.roles, self.there.profile.roles
        if node.places or node.form == "batch":
            return node
        if node.role == "own" and self._alike(self.here) != self._alike(self.there):
            return replace(node, form="entry" if self._alike(self.there) else "whole")
        if before.role not in here:
            return node
        alone = before.role in ("preactivation", "activation") and before.label is None
        if alone or before.role in ("loss", "objective"):
            return node
        if there[node.role].whole == there[node.role].entry:  # the reader cannot tell them apart
            return replace(node, form="entry" if node.role in LABELLED else "whole")
        whole = before.form == "whole" or here[before.role].whole == here[before.role].entry
        return replace(node, form="whole") if whole else node

    @staticmethod
    def _alike(scope: Scope) -> bool:
        """Whether a vector is written like its entries, by its letter alone."""
        role = scope.profile.roles["activation"]
        return role.whole == role.entry

    def _named(self, node: Entry) -> Entry:
        """The input and the output, where a notation has a sign of their own for them."""
        last = self.here.last or Label(0, "L")
        there = self.there.profile.roles
        if node.role == "input" and there["input"].like == "activation":
            return replace(node, role="activation", label=Label(0))
        if node.role == "activation" and node.label == Label(0) and not there["input"].like:
            return replace(node, role="input", label=None, assumed=False)
        if node.role == "output" and there["output"].like == "activation":
            return replace(node, role="activation", label=last)
        return node

    def _fixed(self, node: Entry) -> Entry:
        """A bias as the weight of a fixed input, or with one index."""
        fixed = self.there.profile.roles["bias"].fixed
        if node.role == "weight" and fixed is not None and len(node.places) == 2:
            into = node.places[1 if self.there.out_first else 0]
            if into == Num(Fraction(fixed)):
                return replace(node, role="bias", fixed=fixed)
        if node.role != "bias":
            return node
        if fixed == node.fixed and self.here.out_first == self.there.out_first:
            return node
        places = node.places
        if node.fixed is not None and len(places) == 2:
            places = places[:1] if self.here.out_first else places[1:]
        if fixed is not None and places:
            zero = Num(Fraction(fixed))
            places = (*places, zero) if self.there.out_first else (zero, *places)
        return replace(node, places=places, fixed=fixed)

    def _sampled(self, node: Entry, bound: frozenset[str]) -> Entry:
        """The sample, shown where the notation always shows it."""
        if node.role != "loss":
            return node
        always = self.there.profile.roles["loss"].sample == "always"
        letter = Letter(self.there.sample)
        if always and node.sample is None:
            return replace(node, sample=letter)
        understood = node.sample == letter and letter.name not in bound
        return replace(node, sample=None) if understood and not always else node

    # ---------------------------------------------------------------- sums from 0

    def _total(self, node: Total, letters: Letters, bound: frozenset[str]) -> Node:
        inner = bound | {letters.index(b.name) for b in node.bounds}
        bounds = tuple(letters.bound(b, node.body) for b in node.bounds)
        high = [None if b.high is None else self._node(b.high, letters, bound) for b in bounds]
        bounds = tuple(replace(b, high=h) for b, h in zip(bounds, high, strict=True))
        made = replace(node, bounds=bounds, body=self._node(node.body, letters, inner))
        if self.there.profile.roles["bias"].fixed is None:
            return self._split(made)
        return made

    def _split(self, node: Total) -> Node:
        """A sum from the fixed input on, as the sum and the bias."""
        if node.kind != "sum" or len(node.bounds) != 1 or node.bounds[0].low != ZERO:
            return node
        if self.there.profile.base != 1 or not isinstance(node.body, Times):
            return node
        weight, others = self._weighted(node.body, node.bounds[0].name)
        if weight is None:
            return node
        rest = replace(node, bounds=(replace(node.bounds[0], low=ONE),))
        out = weight.places[0] if self.there.out_first else weight.places[1]
        bias: Node = Entry("bias", "", weight.label, (out,), form="entry", assumed=weight.assumed)
        if others:
            bias = Times((*others, bias), ("",) * len(others))
        return Plus((rest, Minus(bias) if self._subtracted(weight.label) else bias), span=node.span)

    def _subtracted(self, label: Label | None) -> bool:
        """Whether the fixed input of a layer is -1: the network says so, else the notation."""
        if self.threshold is None:
            self.notes["thresholds: taken as x_0 = -1, so that they are subtracted; with SPEC the "
                       "network decides"] = None  # fmt: skip
            return True
        if isinstance(self.threshold, bool):
            return self.threshold
        every = self.threshold.values()
        return self.threshold.get(label, any(every)) if label is not None else any(every)

    def _weighted(self, body: Times, name: str) -> tuple[Entry | None, tuple[Node, ...]]:
        """The weight from an input and its other factors besides the input, in w_ij x_i."""
        weight = None
        others: list[Node] = []
        seen = False
        for arg in body.args:
            if isinstance(arg, Entry) and arg.role == "weight" and self._into(arg, name):
                weight = arg
            elif isinstance(arg, Entry) and arg.role in ("activation", "input"):
                if arg.places != (Letter(name),):
                    return None, ()
                seen = True
            else:
                others.append(arg)
        return (weight if seen else None), tuple(others)

    def _into(self, weight: Entry, name: str) -> bool:
        """Whether the weight's input is the index of that name."""
        if len(weight.places) != 2:
            return False
        return weight.places[1 if self.there.out_first else 0] == Letter(name)

    def _joined(self, node: Node) -> Node:
        """A sum and its bias, as a sum from the fixed input on; only where the network is known."""
        fixed = self.there.profile.roles["bias"].fixed
        if fixed is None or self.threshold is None or not isinstance(node, Plus):
            return node
        for k, arg in enumerate(node.args):
            if not isinstance(arg, Total) or not isinstance(arg.body, Times):
                continue
            found = self._bias_beside(node, arg)
            if found is not None:
                bound = arg.bounds[0]
                bound = replace(
                    bound, low=Num(Fraction(fixed)), high=bound.high or self._units(arg)
                )
                whole = replace(arg, bounds=(bound,))
                args = [whole if n == k else a for n, a in enumerate(node.args) if n != found]
                return args[0] if len(args) == 1 else replace(node, args=tuple(args))
        return node

    def _bias_beside(self, node: Plus, total: Total) -> int | None:
        """Where the bias of a weighted sum stands, with the sign of the fixed input."""
        if total.kind != "sum" or len(total.bounds) != 1 or total.bounds[0].low not in (None, ONE):
            return None
        assert isinstance(total.body, Times)
        weight, others = self._weighted(total.body, total.bounds[0].name)
        if weight is None or others:
            return None
        out = weight.places[0 if self.there.out_first else 1]
        for k, arg in enumerate(node.args):
            minus = isinstance(arg, Minus)
            bias = arg.arg if isinstance(arg, Minus) else arg
            if (
                isinstance(bias, Entry)
                and bias.role == "bias"
                and bias.label == weight.label
                and minus == self._subtracted(weight.label)
                and out in bias.places
            ):
                return k
        return None

    def _units(self, total: Total) -> Node:
        """The number of inputs of the layer of the weights."""
        assert isinstance(total.body, Times)
        weight, _ = self._weighted(total.body, total.bounds[0].name)
        assert weight is not None
        label = weight.label or self.here.last or Label(0, "L")
        return Size(label.shifted(-1))


def _flat(before: Plus, after: Node) -> Node:
    """Summands that were split stand beside the others."""
    assert isinstance(after, Plus)
    args: list[Node] = []
    for old, new in zip(before.args, after.args, strict=True):
        grown = isinstance(new, Plus) and not isinstance(old, Plus)
        args += new.args if grown and isinstance(new, Plus) else (new,)
    return replace(after, args=tuple(args))
