"""Functions by their signs: known ones, the activations of layers, and any other of the sheet."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

from derive.algebra.symbols import Label
from derive.reading.bound import BoundNames, script
from derive.reading.cursor import Cursor
from derive.reading.labels import Above, fenced, split, top_level
from derive.reading.latex_tokens import Token
from derive.reading.names import Name
from derive.reading.scope import FUNCTIONS, Meaning
from derive.reading.tree import Applied, Entry, Function, Letter, Minus, Node, Num, walk
from derive.reading.words import RELATIONS

CLOSING = {"(": ")", "[": "]", r"\{": r"\}"}
UNKNOWN_FUNCTIONS = frozenset((*"fghpquvFGH", "phi", "varphi", "psi"))
PRIMED = UNKNOWN_FUNCTIONS - frozenset("hpquv")  # a prime makes other numbers of the rest
LOSSES = frozenset("CEJL")  # letters of what depends on all parameters
INDEX_LETTERS = frozenset("ijkmn")  # alone they are numbers, whatever else a profile makes of them
INVERSES = {"sin": "asin", "cos": "acos", "tan": "atan", "sinh": "asinh", "cosh": "acosh",
            "tanh": "atanh", "exp": "log", "log": "exp"}  # fmt: skip


class Functions(BoundNames):
    """Says which function a sign is, and reads its arguments."""

    def _function(self, name: Name, chosen: list[Meaning]) -> Function | None:
        """The function that the name stands for, or None."""
        sign, named = name.sign, self.scope.profile.functions
        own = next((k for k, s in named.items() if s == sign), None)
        role = any(m.role == "activation_function" for m in chosen)
        if own is None and not role:
            own_letter = sign.letter in self.scope.functions and sign.style == "italic"
            if own_letter and (not chosen or name.below_tokens is None):
                return Function(sign.letter)
            if sign.style == "italic" and sign.letter == "sigma" and not chosen:
                return Function("sigmoid")
            if (
                sign.style in ("roman", "italic", "text", "sans")
                and sign.letter in FUNCTIONS
                and len(sign.letter) > 1
            ):
                return Function(FUNCTIONS[sign.letter])
            return None
        if own is not None and not role and [m for m in chosen if m.role != "activation_function"]:
            return None
        told = self.scope.own.signs.get((sign, ""))
        of_layer = told is not None and told.role == "activation_function"
        return Function(own or "", role, told.label if told is not None and of_layer else None)

    def _applied(self, c: Cursor, name: Name, function: Function) -> Node:
        """The function at its arguments; without them, the function itself."""
        labelled = function.activation or function.name in self.scope.functions
        above = self._above(name, labelled)
        called = c.peek().text in ("(", "[")
        if (
            called
            and name.below_tokens is not None
            and self._is_of_unit(function, name.below_tokens)
        ):
            name.below_tokens = None
        if name.below_tokens is not None and name.sign.style != "text":
            number = not (called or name.order or above.primes or name.raised[1:])
            if number and not above.label and self._is_own(name.below_tokens):
                text = f"{name.sign}_{script(name.below_tokens)}"  # a standard deviation, sigma_B
                return self._raised(
                    Letter(text, span=(name.start, name.end)), above, (name.start, name.end)
                )
            raise name.below_tokens.wrong("a function without an index")
        order = name.order + above.primes
        label = above.label if above.label is not None else function.label
        made = replace(function, label=label, span=(name.start, name.end))
        place = c.place
        own = not (function.activation or function.name in FUNCTIONS.values() or order)
        args = self.arguments(c, events=own)
        if args and self._stands_alone(made, args):  # sigma (1 - sigma) is a product
            c.place, args = place, None
        span = (name.start, c.last_end)
        if (
            args is None
            and name.sign.letter in self.scope.layer_letters
            and not function.activation
        ):
            return Letter(name.sign.letter, span=span)
        plain = name.sign.style in ("roman", "sans", "text") and name.sign.letter in FUNCTIONS
        if args is None and plain and not function.activation and self.starts(c):
            args = (self.bare_argument(c),)
        span = (name.start, c.last_end)
        return self.of_power(c, Applied(made, args or (), order, span=span), above)

    def of_power(self, c: Cursor, made: Applied, above: Above) -> Node:
        """The function under the exponent that stands at its sign; -1 is the inverse function."""
        exponent = above.exponent
        if made.args and exponent in (Minus(Num(Fraction(1))), Num(Fraction(-1))):
            inverse = INVERSES.get(made.function.name)
            if inverse is None or made.order:
                token = Token("mark", "-1", made.function.span[1], made.function.span[1])
                raise c.wrong("a name for the inverse function, or a fraction", token)
            function = replace(made.function, name=inverse, activation=False)
            made, above = replace(made, function=function), replace(above, exponent=None)
        return self._raised(made, above, made.span)

    def _is_own(self, below: Cursor) -> bool:
        """Whether a subscript is no unit and no layer: sigma_B is a number, and no function."""
        texts = [t.text for t in below.tokens[below.place :] if t.text not in ("{", "}")]
        lone = len(texts) == 1 and (texts[0] in INDEX_LETTERS or texts[0].isdigit())
        return not lone and self.label(below.fork()) is None

    def _is_of_unit(self, function: Function, below: Cursor) -> bool:
        """Whether the subscript is the unit: f_j, since all units of a layer have one function."""
        alone = len(below.tokens) == 1 and below.peek().text in INDEX_LETTERS | {"l", "h"}
        return function.activation and alone

    def _stands_alone(self, function: Function, args: tuple[Node, ...]) -> bool:
        """Whether the function stands in its own parentheses without an argument."""
        return any(
            isinstance(part, Applied)
            and not part.args
            and (part.function.name, part.function.activation)
            == (function.name, function.activation)
            for arg in args
            for part in walk(arg)
        )

    def starts(self, c: Cursor) -> bool:
        """Whether a factor can begin here."""
        raise NotImplementedError

    def bare_argument(self, c: Cursor) -> Node:
        """The argument without parentheses."""
        raise NotImplementedError

    # ---------------------------------------------------------------- functions of the sheet

    def _called(self, c: Cursor, name: Name) -> bool:
        """Whether a sign without a role has arguments behind it: a factor would not be one symbol.

        So do the usual letters for functions, and words, before any parentheses.
        """
        opening = c.peek().text
        if opening not in ("(", "[", r"\{"):
            return False
        sign = name.sign
        if sign.letter in UNKNOWN_FUNCTIONS and opening != r"\{":
            return not self._is_factor(c, name)
        if sign.style == "blackboard":
            return True
        word = len(sign.letter) > 1 and sign.style in ("roman", "text", "sans")
        if word and sign.letter.isalnum() and opening == "(":
            inside = fenced(c.fork(), "(", ")")
            return all(t.raw != sign.letter for t in inside.tokens)
        if opening == r"\{" or sign.letter in INDEX_LETTERS or sign.style == "text":
            return False
        inside = fenced(c.fork(), opening, CLOSING[opening])
        parts = split(inside, ",", ";", "|", r"\mid")
        if opening == "[":
            return len(parts) > 1 or (sign.letter == "E" and sign.style in ("italic", "roman"))
        event = sign.letter == "P" and any(t.text in RELATIONS for t in top_level(inside))
        moved = sign.letter in LOSSES and self._is_moved_parameter(parts[0])
        return len(parts) > 1 or event or moved or self._is_symbol(parts[0])

    def _is_moved_parameter(self, c: Cursor) -> bool:
        """Whether a parameter with something added stands there: E(w + h)."""
        ahead = c.fork()
        name = self.name(ahead)
        if name is None or ahead.peek().text not in ("+", "-"):
            return False
        own = self.bound(name)
        roles = {own.role} if own else {m.role for m in self.scope.meanings(name.sign)}
        return bool(roles & {"weight", "bias"}) or name.sign.letter.lower() == "theta"

    def _is_factor(self, c: Cursor, name: Name) -> bool:
        """Whether the letter is a number beside: p_j (1 - p_j), where p_j is one inside as well."""
        opening = c.peek().text
        inside = fenced(c.fork(), opening, CLOSING[opening]).tokens
        bare = [k for k, t in enumerate(inside) if t.text.lstrip("\\") == name.sign.letter]
        numbers = [k for k in bare if not self._has_arguments(Cursor(inside[k:], c.stop.start))]
        return bool(numbers)

    def _has_arguments(self, c: Cursor) -> bool:
        """Whether parentheses stand behind the name that comes next."""
        return self.name(c) is not None and c.peek().text in ("(", "[")

    def _is_symbol(self, c: Cursor) -> bool:
        """Whether a symbol with its scripts stands there, or its negative, and nothing else."""
        ahead = c.fork()
        ahead.take("-")
        return self.name(ahead) is not None and ahead.done

    def _of_layer_or_order(self, c: Cursor, name: Name, text: str) -> Node:
        """f^{(2)}(z^{(2)}) is the function of a layer, f^{(2)}(x) a derivative; f^L and f^{[1]}."""
        function, order = Function(text), name.order
        label, numbered = self._label_at(name)
        if label is not None:
            args = self.arguments(c.fork()) or ()
            parts = [part for arg in args for part in walk(arg) if isinstance(part, Entry)]
            alone = len(args) == 1 and isinstance(args[0], Letter | Entry)
            if numbered and alone and label.offset > 1 and all(p.label is None for p in parts):
                order += label.offset
            else:
                function = replace(function, label=label)
            name = replace(name, raised=[])
        return self._applied(c, replace(name, below_tokens=None, order=order), function)

    def _label_at(self, name: Name) -> tuple[Label | None, bool]:
        """The layer above a function, and whether it may be the order of a derivative."""
        if len(name.raised) != 1:
            return None, False
        c = _unbraced(Cursor(*name.raised[0]))
        opening = c.peek().text
        if opening in ("(", "["):
            label = self.label(fenced(c, opening, ")" if opening == "(" else "]"))
            numbered = opening == "(" and label is not None and not label.base
            return (label if c.done else None), numbered
        label = self.label(c, numbers=False)
        return (label if label is not None and label.base else None), False


def _unbraced(c: Cursor) -> Cursor:
    """Without one pair of braces around everything."""
    if c.peek().text == "{":
        inside = c.fork().group()
        if len(inside.tokens) == len(c.tokens) - c.place - 2:
            return inside
    return c
