"""Which quantity a sign with its indices is, and what stands in parentheses behind it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from fractions import Fraction

from derive.reading.cursor import Cursor
from derive.reading.labels import Above, fenced, split, step_of, top_level
from derive.reading.latex_tokens import Token
from derive.reading.names import Name, Names
from derive.reading.scope import LABELLED, Meaning
from derive.reading.tree import (
    AtPoint,
    ClassOf,
    Entry,
    Letter,
    Node,
    Num,
    Words,
    walk,
)
from derive.reading.words import RELATIONS
from derive.writing.naming import TOTAL
from derive.writing.signs import Sign

PARAMETERS = ("weight", "bias")
ALL_SAMPLES = ("in", "train", "training", "total", "tot")  # E_{in}: of all samples
UNITS = ("activation", "output", "preactivation", "target")  # that may name what they depend on


class Quantities(Names):
    """Says which quantity a sign with its indices is."""

    updated: bool = False  # whether a prime says that a parameter is the one after a step

    def arguments(self, c: Cursor, events: bool = False) -> tuple[Node, ...] | None:
        """What stands in parentheses or brackets behind a function, or None.

        `events`: relations may stand there, as in P(y = 1 | x).
        """
        right = {"(": ")", "[": "]", r"\{": r"\}"}.get(c.peek().text)
        if right is None:
            return None
        inside = _single_bars(fenced(c, c.peek().text, right))
        parts = split(inside, *separators(inside))
        return tuple(
            self.bracket(part) if events and _is_event(part) else self.argument(part)
            for part in parts
        )

    def bracket(self, c: Cursor, indicator: bool = False) -> Node:
        """An indicator where a relation stands inside, else parentheses."""
        raise NotImplementedError

    def argument(self, c: Cursor) -> Node:
        """One argument; a dot stands for any."""
        if [t.text for t in c.tokens[c.place :]] == [r"\cdot"]:
            return Words("any", span=(c.next().start, c.last_end))
        return self.whole(c)

    # ---------------------------------------------------------------- quantities

    def _quantity(
        self, c: Cursor, name: Name, meanings: list[Meaning], barred: bool = False
    ) -> Node:
        labelled = any(m.role in LABELLED for m in meanings)
        above = self._above(name, labelled)
        if self.updated and above.primes == 1 and not name.order:
            above.primes, above.step = 0, 1
        if name.order or above.primes:
            raise c.wrong(
                "a quantity without dots or primes", Token("mark", "'", name.start, name.end)
            )
        span = (name.start, name.end)
        if is_total(name) and any(m.role == "loss" for m in meanings):
            return self._raised(Entry("loss", "", None, form="batch", span=span), above, span)
        places = [] if name.below_tokens is None else self.below(name.below_tokens)
        units = any(m.role in UNITS for m in meanings)
        if self._counts_sample(above, meanings):
            above.sample, above.exponent = above.exponent, None
        places = self.classes(places, alone=units)
        made = replace(self.entry(meanings, above, places, name, c), barred=barred)
        whole = self._behind(c, made, meanings)
        return self._raised(whole, above, (span[0], c.last_end))

    def _is_argument(self, made: Entry, inside: Cursor) -> bool:
        """Whether a sample stands in the parentheses, in a notation that writes it there."""
        plain = all(t.kind in ("letter", "digit") or t.text == "'" for t in inside.tokens)
        return (
            self.scope.profile.writing["sample"] == "argument"
            and plain
            and made.role not in PARAMETERS
            and made.sample is None
        )

    def _counts_sample(self, above: Above, meanings: list[Meaning]) -> bool:
        """Whether the sample that a sum counts stands as an exponent: sum_n E^n."""
        letter, summed = above.exponent, self.scope.sample in self.summed
        sampled = any(m.role in (*UNITS, "input", "loss") for m in meanings)
        return summed and sampled and letter == Letter(self.scope.sample) and above.sample is None

    def classes(self, places: list[Node], alone: bool = False) -> list[Node]:
        """The places, with the class that is wanted where the sign of a target is an index.

        It bears its sample, p_{y_i}; without one it counts only where it stands `alone`.
        """
        return [self.class_of(place, alone and len(places) == 1) or place for place in places]

    def class_of(self, place: Node, alone: bool = False) -> ClassOf | None:
        """The class that the target of this sign names."""
        if not isinstance(place, Letter) or place.name in self.summed:
            return None
        root, line, below = place.name.partition("_")
        bound = self.scope.own.signs.get((Sign(root), ""))
        known = self.scope.meanings(Sign(root))
        target = bound.role == "target" if bound else any(m.role == "target" for m in known)
        if not target or not (line or (alone and not self.scope.windows)):
            return None
        sample: Node | None = None
        if line:
            number = below.isdigit()
            sample = Num(Fraction(below)) if number else Letter(below, span=place.span)
        whole = Entry("target", "", None, (), sample, "whole", span=place.span)
        return ClassOf(whole, span=place.span)

    def entry(
        self, meanings: list[Meaning], above: Above, places: list[Node], name: Name, c: Cursor
    ) -> Entry:
        """The entry or array that the sign with these places is."""
        meaning = self._meant(meanings, places, above)
        unlabelled = meaning.role == "activation" and above.label is None
        if unlabelled and self.scope.input_bare and (places or meaning.form != "entry"):
            meaning = replace(meaning, role="input")
        rank = self.scope.rank(meaning, above.label)
        sample = above.sample
        whole = meaning.form != "entry"
        if (
            rank == 1
            and len(places) > 1
            and _digits(name)
            and self._is_unit(meaning, above, places)
        ):
            places = self._merged(places)  # unit 12
        if sample is None and places and self._sample_first(meaning, places, rank, whole):
            sample, *places = places
        if meaning.role == "loss" and isinstance(sample, Letter) and sample.name in ALL_SAMPLES:
            meaning = next((m for m in meanings if m.role == "objective"), meaning)
            sample = None
        fixed = meaning.fixed
        if fixed is not None and whole and meaning.role == "bias" and places:
            places = []
        short = rank > 1 and len(places) == 1 and _digits(name) and not whole
        short = short and not (self.scope.windows and self.scope.batched(meaning))  # a place
        if short and not (meaning.role == "weight" and self._one_unit()):
            raise c.wrong(f"{rank} indices", Token("mark", "_", name.start, name.end))
        beside = fixed is not None and len(places) == 2  # w_{01}: the threshold of unit 1
        if rank == 1 and len(places) > 1 and _digits(name) and not beside:
            places = self._merged(places)
        form = meaning.form
        if form == "entry" and not places and rank and self._has_whole(meaning):
            form = "whole"
        return Entry(
            meaning.role, meaning.letter, above.label, tuple(places), sample, form, above.step,
            span=(name.start, name.end), fixed=fixed if meaning.role == "bias" else None,
        )  # fmt: skip

    def _meant(self, meanings: list[Meaning], places: list[Node], above: Above) -> Meaning:
        """The role among several that share a sign."""
        of_layer = [m for m in meanings if m.role != "own" or m.label == above.label]
        meanings = of_layer or meanings
        if len(meanings) == 1:
            return meanings[0]
        by_role = {m.role: m for m in reversed(meanings)}  # the first of each role
        if "bias" in by_role and by_role["bias"].fixed is not None and "weight" in by_role:
            bias = by_role["bias"]
            where = 1 if self.scope.out_first else 0
            fixed = len(places) == 2 and _is_number(places[where], bias.fixed)
            alone = len(places) == 1 and _is_number(places[0], bias.fixed)
            return bias if fixed or alone else by_role["weight"]
        if "loss" in by_role and "objective" in by_role:
            loss = by_role["loss"]
            sampled = bool(places) or above.sample is not None
            return by_role["objective"] if loss.samples and not sampled else loss
        entries = [m for m in meanings if m.form == "entry"]
        if places and entries:
            meanings = entries
        for role in ("activation", "preactivation"):
            if role in by_role and any(m.role == role for m in meanings):
                return next(m for m in meanings if m.role == role)
        return meanings[0]

    def _sample_first(self, m: Meaning, places: list[Node], rank: int, whole: bool) -> bool:
        if not self.scope.batched(m):
            return False
        if m.role == "loss":
            return True
        if self.scope.profile.writing["sample"] != "subscript":
            return False
        first = places[0]
        sample = isinstance(first, Letter) and first.name.rstrip("'") == self.scope.sample
        if m.form == "window":  # a single index is its place
            return sample or len(places) == rank + 1
        if whole:  # of channels and places, a single index is a place
            return len(places) == 1 and (sample or rank < 2 or not self.scope.windows)
        return len(places) == rank + 1 or (len(places) == 1 and sample)

    def _has_whole(self, m: Meaning) -> bool:
        if m.letter:
            return False
        role = self.scope.profile.roles[m.role]
        return role.whole == role.entry and m.role not in LABELLED

    def _is_unit(self, meaning: Meaning, above: Above, places: list[Node]) -> bool:
        """Whether the digits together are a unit that the layer has."""
        (size,) = self.scope.shape(meaning, above.label) or (0,)
        (number,) = self._merged(places)
        beside = meaning.fixed is not None and len(places) == 2
        inside = isinstance(size, int) and isinstance(number, Num) and number.value <= size
        return inside and not beside

    def _one_unit(self) -> bool:
        """Whether some layer has one unit, or reads one: its weights may bear one index."""
        weights = (shape for t, shape in self.scope.shapes.items() if t.role == "weight")
        return any(len(shape) == 2 and 1 in shape for shape in weights)

    def _merged(self, places: list[Node]) -> list[Node]:
        text = "".join(str(p.value) for p in places if isinstance(p, Num))
        return [Num(Fraction(int(text)), span=(places[0].span[0], places[-1].span[1]))]

    def depends(self, c: Cursor) -> Dependence | None:
        """The input and the parameters, in parentheses behind a unit: y_k(x, w), a^L(x_n)."""
        place = c.place
        parts = split(fenced(c, "(", ")"), ",", ";", "|")
        found = [self._dependence(part) for part in parts]
        if not parts or None in found:
            c.place = place
            return None
        samples = [one.sample for one in found if one is not None and one.sample is not None]
        return Dependence(samples[0] if samples else None)

    def _dependence(self, c: Cursor) -> Dependence | None:
        """One of them: the input, of one sample, or weights."""
        token = c.peek()
        alone = len(c.tokens) == 1
        if alone and token.text in ("w", "W", "b", r"\theta", r"\Theta", "x", "X"):
            return Dependence(Letter(token.text) if token.text in self.summed else None)
        name = self.name(c)
        if name is None or not c.done or name.primes or name.order:
            return None
        letter = name.sign.letter
        if letter in ("w", "W", "b", "theta", "Theta") and name.below_tokens is None:
            return None if name.raised else Dependence()
        if letter not in ("x", "X"):
            return None
        above = self._above(name, False)
        places = [] if name.below_tokens is None else self.below(name.below_tokens)
        if above.exponent is not None or len(places) + (above.sample is not None) > 1:
            return None
        return Dependence(above.sample or (places[0] if places else None))

    def _is_moved(self, args: tuple[Node, ...]) -> bool:
        """Whether a loss is taken at other values of what it depends on: C(w + h)."""
        entries = [part for part in walk(args[0]) if isinstance(part, Entry)]
        losses = any(part.role in ("loss", "objective") for part in entries)
        return len(args) == 1 and bool(entries) and not losses

    def _behind(self, c: Cursor, made: Entry, meanings: list[Meaning]) -> Node:
        """A sample or iteration in parentheses, or the arguments of a loss."""
        if c.peek().text != "(":
            return made
        if made.role in UNITS and (of := self.depends(c)) is not None:
            sample = of.sample if made.sample is None else made.sample
            return replace(made, sample=sample, span=(made.span[0], c.last_end))
        place = c.place
        inside = fenced(c, "(", ")")
        if self._is_argument(made, inside):  # s_i(n)
            sampled = made.role == "objective" and any(m.role == "loss" for m in meanings)
            role = "loss" if sampled else made.role
            sample = self.place(inside)
            return replace(made, role=role, sample=sample, span=(made.span[0], c.last_end))
        step = step_of(inside)
        if step is not None:
            letter, shift = step
            timed = made.role in ("weight", "bias") or shift or letter is None
            steps = isinstance(letter, Letter) and letter.name in ("n", "tau")
            if timed or (made.role not in ("loss",) and steps):
                return replace(made, step=shift, span=(made.span[0], c.last_end))
            return replace(made, sample=letter, span=(made.span[0], c.last_end))
        parts = split(inside, ",", ";")
        roles = {m.role for m in meanings}
        if len(parts) > 1 or roles & {"loss", "objective", "error"}:
            args = tuple(self.argument(part) for part in parts)
            arrays = all(isinstance(a, Entry) for a in args)
            if made.role != "error" and not arrays and self._is_moved(args):
                return AtPoint(made, args, span=(made.span[0], c.last_end))
            if len(parts) > 1 or arrays:
                if "objective" in roles and self.scope.profile.roles["objective"].arguments:
                    made = replace(made, role="objective")
                span = (made.span[0], c.last_end)
                if made.role in ("loss", "objective"):
                    return replace(made, span=span)
                return AtPoint(made, args, span=span)
        c.place = place
        return made


def _is_event(c: Cursor) -> bool:
    return any(t.text in RELATIONS for t in top_level(c))


def separators(inside: Cursor) -> tuple[str, ...]:
    """What stands between arguments; a bar alone does, and bars in pairs are those of a value."""
    bars = _bars_in(inside)
    return (",", ";", *(t.text for t in bars if len(bars) == 1))


def _bars_in(inside: Cursor) -> list[Token]:
    return [t for t in top_level(inside) if t.text in ("|", r"\|", r"\mid")]


def _single_bars(inside: Cursor) -> Cursor:
    """With one bar in place of two side by side, if there are no others: KL(p || q)."""
    bars = _bars_in(inside)
    if len(bars) == 2 and bars[0].end == bars[1].start:
        return Cursor([t for t in inside.tokens if t is not bars[1]], inside.stop.start)
    return inside


@dataclass(frozen=True)
class Dependence:
    """What stands in parentheses behind a unit that depends on it; the sample, if it says so."""

    sample: Node | None = None


def is_total(name: Name) -> bool:
    """Whether a sign has a Sigma below, and nothing else: a sum over the samples."""
    tokens = name.below_tokens.tokens[name.below_tokens.place :] if name.below_tokens else []
    return [t.text for t in tokens if t.text not in ("{", "}")] == [f"\\{TOTAL}"]


def _digits(name: Name) -> bool:
    tokens = name.below_tokens.tokens if name.below_tokens is not None else []
    return len(tokens) > 0 and all(t.kind == "digit" for t in tokens)


def _is_number(node: Node, value: int | None) -> bool:
    return isinstance(node, Num) and node.value == value
