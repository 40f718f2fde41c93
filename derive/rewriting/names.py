"""Names of a reading tree as LaTeX: entries with their scripts, sizes, functions, indices.

Many names can be written in several ways; each way is read again, and the first that gives the same
node is taken.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import replace

from derive.algebra.symbols import Label
from derive.reading.own import Bound, symbol
from derive.reading.scope import FUNCTIONS, WORD_FUNCTIONS, Scope
from derive.reading.tree import (
    ClassOf,
    Entry,
    Function,
    Letter,
    Minus,
    Node,
    Num,
    Over,
    Plus,
    Size,
    Times,
)
from derive.rewriting.filled import unfilled
from derive.rewriting.signs import COMMANDS, MARKS, letter_text, number_text, sign_text, spaced
from derive.rewriting.spelling import Spelling
from derive.writing.naming import TOTAL, with_bar
from derive.writing.signs import Sign

Reads = Callable[[str, Node], bool]


class NameWriter:
    """Writes names under a scope, as the spelling has them."""

    def __init__(self, scope: Scope, spelling: Spelling, reads: Reads) -> None:
        """`reads` says whether a text is read as a node."""
        self.scope, self.spelling, self.reads = scope, spelling, reads
        self.profile = scope.profile
        self.known: dict[tuple[Node, str], str] = {}

    # ---------------------------------------------------------------- layers and indices

    def bare_label(self, label: Label) -> str:
        """A layer without parentheses: 2, l - 1, out."""
        labels, last = self.profile.labels, self.scope.last
        if labels.output and label in (last, Label(0, "L")):
            return self._word(labels.output)
        if labels.input and label == Label(0):
            return self._word(labels.input)
        if labels.hidden and not label.base and label.offset > 0:
            alone = label == Label(1) and last in (None, Label(2))
            return self._word(labels.hidden if alone else f"{labels.hidden}{label.offset}")
        if not label.base:
            return str(label.offset)
        letter = self.spelling.layers.get(label.base, labels.letters.get(label.base, label.base))
        base = sign_text(Sign(letter))
        return base + (f"{label.offset:+d}" if label.offset else "")

    def _word(self, word: str) -> str:
        style = self.spelling.word if len(word) > 1 else ""
        return f"{style}{{{word}}}" if style else word

    def label(self, label: Label) -> str:
        """A layer as a superscript."""
        made = self.bare_label(label)
        return f"({made})" if self.spelling.labels_in_parentheses else made

    def place(self, node: Node) -> str:
        """An index expression."""
        match node:
            case Letter():
                return letter_text(node.name, place=True)
            case Num():
                return number_text(node.value)
            case Size():
                return self.size(node)
            case Minus():
                return "-" + self.place(node.arg)
            case Plus():
                parts = [self.place(arg) for arg in node.args]
                return parts[0] + "".join(p if p[0] == "-" else "+" + p for p in parts[1:])
            case Times():
                first, *rest = (self.place(arg) for arg in node.args)
                for one in rest:
                    first += ("" if first.isdigit() and one[0].isalpha() else r" \cdot ") + one
                return first
            case Over():
                return f"{self.place(node.above)}/{self.place(node.below)}"
            case ClassOf():
                return self.class_of(node)
        raise TypeError(f"{type(node).__name__} is no index")

    def class_of(self, node: ClassOf) -> str:
        """The sign of the target as an index, with its sample."""
        sample = "" if node.target.sample is None else self.place(node.target.sample)
        made = next(self._signs(node.target))[0]
        return made + (f"_{{{sample}}}" if sample else "")

    def size(self, node: Size) -> str:
        """The units of a layer, the number of samples, or a size by its name."""
        for own, bound in self._bound("size"):
            if node.label is not None and bound.label == node.label:
                return own
        if node.label is None:
            name = node.name or "N"
            written = {v: k for k, v in self.scope.size_names.items()}
            made = written.get(node.name, self.profile.sizes.get(name, name))
            return letter_text(re.sub(r"^([A-Za-z])(\d+)$", r"\1_\2", made))
        sign, where = self.profile.layer_size
        if where == "subscript":
            return f"{sign_text(sign)}_{{{self.bare_label(node.label)}}}"
        return f"{sign_text(sign)}^{{{self.label(node.label)}}}"

    def rate(self) -> str:
        """The learning rate."""
        own = next((sign for sign, _ in self._bound("learning_rate")), None)
        return own or sign_text(self.profile.roles["learning_rate"].entry)

    def _bound(self, role: str) -> Iterator[tuple[str, Bound]]:
        """The signs of the sheet's own for a role, with what they stand for."""
        for (sign, below), bound in self.scope.own.signs.items():
            if bound.role == role:
                script = self.script("_", spaced(below)) if below else ""
                yield sign_text(sign) + script, bound

    # ---------------------------------------------------------------- entries

    def entry(self, node: Entry, above: str = "", outer: Node | None = None) -> str:
        """An entry or array; `above` is added to its superscript, which makes `outer` of it."""
        meant: Node = outer or node
        key = unfilled(meant), above  # a layer that is left out is another text
        if key not in self.known:
            first = ""
            for made in self._ways(node, above):
                first = first or made
                if self.reads(made, meant):
                    self.known[key] = made
                    break
            else:
                self.known[key] = first
        return self.known[key]

    def _ways(self, node: Entry, above: str) -> Iterator[str]:
        """The ways to write it, the writer's own first."""
        yield from self._bound_ways(node, above)
        commas = self.spelling.commas or (node.sample is not None and self.spelling.sampled)
        joins = ("commas", "side by side") if commas else ("side by side", "commas")
        wheres = dict.fromkeys((self.profile.writing["sample"], "subscript", "bracket", "argument"))
        if node.sample is None:
            wheres = {"subscript": None}
        args = self.profile.roles[node.role].arguments if node.role in self.profile.roles else ()
        if args:
            inside = ", ".join(map(sign_text, args))
            for sign, marks in self._signs(node):
                yield (
                    self._scripted(node, sign, marks, above, "subscript", "commas") + f"({inside})"
                )
        for sign, marks in self._signs(node):
            for where in wheres:
                for join in (*joins, "braces"):
                    if len(node.places) + (node.sample is not None) < 2 and join == "commas":
                        continue
                    yield self._scripted(node, sign, marks, above, where, join)

    def _bound_ways(self, node: Entry, above: str) -> Iterator[str]:
        """The ways with signs that the sheet binds, and with its layers below the sign."""
        own = self.scope.own
        if own.differentials and node.barred:
            yield "d" + self.entry(replace(node, barred=False), above)
        for (sign, below), bound in own.signs.items():
            named = (
                symbol(sign, below) == node.letter
                if bound.role == "user"
                else bound.role == node.role
            )
            if not named or bound.label not in (None, node.label):
                continue
            bare = replace(node, label=None) if bound.label is not None else node
            text = sign_text(sign)
            if below:
                text += self.script("_", spaced(below))
                bare = replace(bare, places=())
            yield self._scripted(bare, text, "", above, "subscript", "side by side")
            yield self._scripted(bare, text, "", above, "subscript", "commas")
        if own.below and node.label is not None and not node.places:
            place = self.script("_", self.bare_label(node.label))
            for sign_tex, _ in self._signs(node):
                yield sign_tex + place + self.script("^", above)

    def _signs(self, node: Entry) -> Iterator[tuple[str, str]]:
        """(sign, marks) that can stand for it."""
        own = self.spelling.signs.get((node.role, node.form))
        if own is not None and not node.barred:
            for role in (node.role, "output" if node.role == "activation" else ""):
                if role in self.profile.roles:
                    for sign in (self.profile.roles[role].entry, *self.profile.roles[role].aliases):
                        if sign_text(sign) == own:
                            yield own, self._marks(sign)
            yield own, ""
        for sign in dict.fromkeys(self._profile_signs(node)):
            if not node.barred:
                yield sign_text(sign), self._marks(sign)
                continue
            barred = with_bar(sign)
            for one in (barred, replace(barred, style="typewriter")):
                yield sign_text(one), self._marks(sign)

    def _marks(self, sign: Sign) -> str:
        return "".join(MARKS[mark] for mark in sign.marks)

    def _profile_signs(self, node: Entry) -> Iterator[Sign]:
        if node.role == "own":
            for key, meanings in self.scope.table.items():
                if any(m.letter == node.letter and m.form == node.form for m in meanings):
                    yield Sign(*key)
            yield Sign(node.letter)
            return
        if node.role not in self.profile.roles:
            return
        role = self.profile.roles[node.role]
        if node.form == "window":
            yield from (replace(s, accent="hat") for s in (role.batch, role.whole, role.entry))
            return
        yield {"entry": role.entry, "whole": role.whole, "batch": role.batch}[node.form]
        yield from (role.entry, role.whole, role.batch, *role.aliases)

    def _scripted(
        self, node: Entry, sign: str, marks: str, above: str, where: str, join: str
    ) -> str:
        sample = None if node.sample is None else self.place(node.sample)
        over = marks + ("" if node.label is None or node.assumed else self.label(node.label))
        behind = ""
        apart = node.role == "loss" and where == "subscript"  # E_n(n+1)
        if node.step is not None and sample is not None and not apart:
            over, sample = over + f"({_stepped(sample, node.step)})", None
        elif node.step is not None:
            letter = "n" if node.step and self.spelling.step == "0" else self.spelling.step
            behind = f"({_stepped(letter, node.step)})"
        below = [self.place(p) for p in node.places]
        if node.role == "loss" and node.form == "batch":
            below = [f"\\{TOTAL}"]
        if node.fixed is not None and node.form != "entry" and not below:
            below = [str(node.fixed)]
        if sample is not None and where == "subscript":
            below = [sample, *below]
        elif sample is not None and where == "bracket":
            over += f"[{sample}]"
        elif sample is not None:
            behind = f"({sample})"
        return (
            sign
            + self.script("_", self._joined(below, join))
            + self.script("^", over + above)
            + behind
        )

    def _joined(self, below: list[str], join: str) -> str:
        if join == "braces":
            return "".join(one if len(one) == 1 else f"{{{one}}}" for one in below)
        if join == "commas" or any(not _single(one) for one in below):
            return ",".join(below)
        return _gapless(below)

    def script(self, sign: str, text: str) -> str:
        """A script, with braces unless the writer leaves them out around one sign."""
        if not text:
            return ""
        bare = not self.spelling.braces and len(text) == 1
        return sign + (text if bare else f"{{{text}}}")

    # ---------------------------------------------------------------- functions

    def function_ways(self, function: Function, order: int) -> Iterator[str]:
        """The ways to write the name of a function or of its derivative, the likeliest first."""
        label = None if function.assumed else function.label
        above = "" if label is None else self.label(label)
        for sign in dict.fromkeys(self._function_signs(function)):
            if self.spelling.dotted and 0 < order <= 2:
                dot = "dot" if order == 1 else "ddot"
                yield rf"\{dot}{{{sign}}}" + self.script("^", above)
            yield sign + "'" * order + self.script("^", above)

    def _function_signs(self, function: Function) -> Iterator[str]:
        name = function.name
        if function.activation and name in WORD_FUNCTIONS.values():
            yield from (rf"\text{{{w}}}" for w, n in WORD_FUNCTIONS.items() if n == name)
        if name in self.spelling.functions:
            yield self.spelling.functions[name]
        own = "activation_function" if function.activation else "function"
        for text, bound in self._bound(own):
            if function.activation or bound.form == name:
                yield text
        if function.activation:
            role = self.profile.roles["activation_function"]
            yield from map(sign_text, (role.entry, *role.aliases))
        if name in self.profile.functions:
            yield sign_text(self.profile.functions[name])
        if name == "sigmoid":
            yield r"\sigma"
        if name in COMMANDS:
            yield COMMANDS[name]
        if name:
            if name in FUNCTIONS:
                yield rf"\operatorname{{{name}}}"
            yield letter_text(name)
            yield rf"\operatorname{{{name}}}"
            yield from (rf"\operatorname{{{word}}}" for word, n in FUNCTIONS.items() if n == name)


def _stepped(letter: str, step: int) -> str:
    return f"{letter}{step:+d}" if step else letter


def _single(text: str) -> bool:
    """One letter or digit, or a Greek letter, with primes."""
    plain = text.rstrip("'")
    return len(plain) == 1 or (plain.startswith("\\") and plain[1:].isalpha())


def _gapless(parts: list[str]) -> str:
    made = ""
    for part in parts:
        gap = " " if made.startswith("\\") and made[1:].isalpha() and part[:1].isalpha() else ""
        gap = gap or (" " if _open(made) and part[:1].isalpha() else "")
        made += gap + part
    return made


def _open(text: str) -> bool:
    """Whether the text ends in a command that a letter would lengthen."""
    name = text.rstrip("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz")
    return name.endswith("\\") and len(name) < len(text)
