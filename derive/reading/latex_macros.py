r"""Macros that only put their arguments in place: \newcommand, \renewcommand, \def and the like.

Definitions are taken out of the text; calls are expanded in the tokens, within bounds.  A macro
that calls itself is refused.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from derive.reading.latex_tokens import MOST_TOKENS, Refused, Token, Unreadable, tokens

MOST_CALLS = 2_000
MOST_KEPT = 1_000  # expanded formulas that are kept for the next reading
_DEFINITION = re.compile(
    r"\\(?:(?P<kind>newcommand|renewcommand|providecommand|DeclareMathOperator)\*?"
    r"\s*(?:\{\s*\\(?P<braced>[A-Za-z]+)\s*\}|\\(?P<plain>[A-Za-z]+))\s*(?:\[(?P<count>\d)\])?"
    r"\s*(?P<default>\[[^\]]*\])?"
    r"|DeclarePairedDelimiter\s*(?:\{\s*)?\\(?P<fences>[A-Za-z]+)\s*\}?"
    r"|def\s*\\(?P<defined>[A-Za-z]+)\s*(?P<marks>(?:#\d)*))\s*\{"
)
_LET = re.compile(r"\\let\s*\\(?P<name>[A-Za-z]+)\s*=?\s*\\(?P<same>[A-Za-z]+)")


@dataclass(frozen=True)
class Macro:
    """A macro: how many arguments, the value of an optional first one, and the tokens."""

    count: int
    body: tuple[Token, ...]
    default: tuple[Token, ...] | None = None


_DERIVATIVES = {"pdv": r"\partial", "dv": "d", "pd": r"\partial", "od": "d"}


def _physics() -> dict[str, Macro]:
    """The commands of packages that many sheets use."""
    made = {
        "norm": Macro(1, tuple(tokens(r"\left\| #1 \right\|"))),
        "dd": Macro(0, tuple(tokens("d"))),
    }
    for name, sign in _DERIVATIVES.items():
        made[name] = Macro(2, tuple(tokens(rf"\frac{{{sign} #1}}{{{sign} #2}}")))
    return made


_PHYSICS = _physics()


@dataclass(frozen=True)
class Macros:
    """The macros of a sheet."""

    known: Mapping[str, Macro] = field(default_factory=lambda: dict(_PHYSICS))
    _made: dict[str, tuple[Token, ...]] = field(default_factory=dict, compare=False, repr=False)

    def expanded(self, text: str) -> list[Token]:
        """The tokens of a formula with every call expanded; a call's tokens stand at the call."""
        if text not in self._made:
            if len(self._made) > MOST_KEPT:
                self._made.clear()
            self._made[text] = tuple(_Expander(self.known).run(tokens(text)))
        return list(self._made[text])


def definitions(
    text: str, macros: Macros | None = None, lenient: bool = False
) -> tuple[str, Macros]:
    """The text with its definitions blanked out (places stay the same), and the macros.

    `lenient`: a macro whose body is no mathematics, as those of a preamble, stays unknown.
    """
    known = dict((macros or Macros()).known)
    pieces, done, at = [], 0, 0
    while found := _DEFINITION.search(text, at):
        name = found["braced"] or found["plain"] or found["defined"] or found["fences"]
        try:
            end = _end_of_group(text, found.end() - 1)
            body = text[found.end() : end]
            if found["fences"]:
                body, end = _between_fences(text, body, end)
            known[name] = _macro(found, body)
        except (Refused, Unreadable):
            if not lenient:
                raise
            at = found.end()
            continue
        if any(t.text == "\\" + name for t in known[name].body):
            raise Refused(f"the macro \\{name} calls itself; expected a macro without recursion")
        gone = re.sub(r"[^\n]", " ", text[found.start() : end + 1])
        pieces += [text[done : found.start()], gone]
        done = at = end + 1
    text = "".join([*pieces, text[done:]])
    return _aliased(text, known)


def _between_fences(text: str, left: str, end: int) -> tuple[str, int]:
    """What a pair of fences puts around its argument, and where its definition ends."""
    opening = re.compile(r"\s*\{").match(text, end + 1)
    if opening is None:
        raise Unreadable(end, "one fence", "a pair of fences")
    stop = _end_of_group(text, opening.end() - 1)
    return f"{left} #1 {text[opening.end() : stop]}", stop


def _aliased(text: str, known: dict[str, Macro]) -> tuple[str, Macros]:
    r"""Names given with \let; one that would lead back to itself changes nothing."""
    for found in _LET.finditer(text):
        name, same = found["name"], found["same"]
        trial = {**known, name: known.get(same, Macro(0, tuple(tokens("\\" + same))))}
        if same not in known or not _leads_to(same, name, known):
            known.update(trial)
    text = _LET.sub(lambda found: " " * len(found.group()), text)
    for name in known:
        if _leads_to(name, name, known):
            raise Refused(f"the macro \\{name} calls itself; expected a macro without recursion")
    return text, Macros(known)


def _leads_to(start: str, goal: str, known: Mapping[str, Macro]) -> bool:
    """Whether expanding one macro can come to the other."""
    seen, waiting = set(), [start]
    while waiting:
        macro = known.get(waiting.pop())
        for token in macro.body if macro else ():
            name = token.text[1:]
            if token.kind != "command" or name in seen:
                continue
            if name == goal:
                return True
            seen.add(name)
            waiting.append(name)
    return False


def _macro(found: re.Match[str], body: str) -> Macro:
    if found["kind"] == "DeclareMathOperator":
        return Macro(0, tuple(tokens(rf"\operatorname{{{body}}}")))
    if found["fences"]:
        return Macro(1, tuple(tokens(body)))
    marks = found["marks"]
    count = int(found["count"] or 0) if marks is None else len(marks) // 2
    default = found["default"]
    given = None if default is None else tuple(tokens(default[1:-1]))
    return Macro(count, tuple(tokens(body)), given)


def _end_of_group(text: str, at: int) -> int:
    depth = 0
    for k in range(at, len(text)):
        if text[k - 1] != "\\":
            depth += {"{": 1, "}": -1}.get(text[k], 0)
        if not depth:
            return k
    raise Unreadable(at, '"{"', 'a "}" that closes the definition')


class _Expander:
    """Expands calls, innermost last, within bounds."""

    def __init__(self, known: Mapping[str, Macro]) -> None:
        self.known = known
        self.calls = 0

    def run(self, given: list[Token], inside: tuple[str, ...] = ()) -> list[Token]:
        made: list[Token] = []
        at = 0
        while at < len(given):
            token = given[at]
            macro = self.known.get(token.text[1:]) if token.kind == "command" else None
            if macro is None:
                made.append(token)
                at += 1
                continue
            self._count(token, inside, len(made))
            if macro.count == 2 and macro is _PHYSICS.get(token.text[1:]):
                parts, at = self._derivative(given, at + 1, token)
            else:
                args, at = self._arguments(given, at + 1, macro, token)
                parts = self._filled(macro, args)
            end = given[at - 1].end
            body = [t for part in parts for t in part]
            body = [t.at(token.start, end) for t in body]
            made += self.run(body, (*inside, token.text))
        return made

    def _derivative(
        self, given: list[Token], at: int, call: Token
    ) -> tuple[list[list[Token]], int]:
        r"""\dv{f}{x}, \dv{x} before what it acts on, \dv[2]{f}{x}, \pdv{f}{x}{y}."""
        order: list[Token] = []
        if at < len(given) and given[at].text == "[":
            end = next((k for k in range(at, len(given)) if given[k].text == "]"), at)
            order, at = given[at + 1 : end], end + 1
        args: list[list[Token]] = []
        while len(args) < 3 and at < len(given) and (not args or given[at].text == "{"):
            part, at = _argument(given, at)
            args.append(part)
        if not args:
            raise Unreadable(call.end, "the end", f"an argument of {call.text}")
        of, *by = args if len(args) > 1 else ([], *args)
        sign = tokens(_DERIVATIVES[call.text[1:]])
        power = tokens("^{2}") if len(by) == 2 else []
        below = [t for variable in by for t in (*sign, *variable)]
        if order:
            left, right = tokens("^{ }")[:2], tokens("{}")[1:]
            power = [*left, *order, *right]
            below = [*sign, *by[0], *power]
        opening, closing = tokens("{}")
        frac = tokens(r"\frac")
        return [frac, [opening, *sign, *power, *of, closing], [opening, *below, closing]], at

    def _count(self, token: Token, inside: tuple[str, ...], length: int) -> None:
        self.calls += 1
        if token.text in inside:
            raise Refused(f"the macro {token.text} calls itself; expected one without recursion")
        if self.calls > MOST_CALLS or length > MOST_TOKENS:
            raise Refused(f"found more than {MOST_CALLS} calls of macros, expected fewer")

    def _arguments(
        self, given: list[Token], at: int, macro: Macro, call: Token
    ) -> tuple[list[list[Token]], int]:
        args: list[list[Token]] = []
        if macro.default is not None:
            if at < len(given) and given[at].text == "[":
                end = next((k for k in range(at, len(given)) if given[k].text == "]"), at)
                args.append(given[at + 1 : end])
                at = end + 1
            else:
                args.append(list(macro.default))
        while len(args) < macro.count:
            if at >= len(given):
                raise Unreadable(call.end, "the end", f"an argument of {call.text}")
            part, at = _argument(given, at)
            args.append(part)
        return args, at

    def _filled(self, macro: Macro, args: list[list[Token]]) -> list[list[Token]]:
        parts: list[list[Token]] = []
        body = macro.body
        k = 0
        while k < len(body):
            if body[k].text == "#" and k + 1 < len(body) and body[k + 1].kind == "digit":
                number = int(body[k + 1].text)
                parts.append(args[number - 1] if number <= len(args) else [])
                k += 2
            else:
                parts.append([body[k]])
                k += 1
        return parts


def _argument(given: list[Token], at: int) -> tuple[list[Token], int]:
    """One argument: a group without its braces, or a single token."""
    if given[at].text != "{":
        return [given[at]], at + 1
    depth = 0
    for k in range(at, len(given)):
        depth += {"{": 1, "}": -1}.get(given[k].text, 0)
        if not depth:
            return given[at + 1 : k], k + 1
    raise Unreadable(given[at].start, '"{"', 'a "}" that closes it')
