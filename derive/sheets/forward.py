r"""The forward equations of a sheet, found by their form.

h = \tanh(W x + b) says that x is the input, W and b belong to layer 1 and h is what it hands on.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace

from derive.reading.cursor import ACCENTS, STYLES, Cursor
from derive.reading.latex_tokens import Token
from derive.reading.scope import FUNCTIONS
from derive.reading.words import FRACTIONS
from derive.sheets.statements import (
    EQUALS,
    Statement,
    Written,
    name_at,
    only_name,
    unsampled,
)
from derive.sheets.weighted_sums import WEIGHTS, Affine, affine, skip_scripts
from derive.writing.signs import Sign

OF_LAYERS = ("l", r"\ell", "l+1", "L")  # f_l, the function of a layer
_ACTIVATIONS = frozenset(("sigma", "phi", "varphi", "f", "g", "psi", "rho", "a", "theta", "S"))
_CALLED = _ACTIVATIONS | {"h"}  # h(a) as a whole side is no product
EXTENDED = ("tilde", "hat", "bar")  # accents of vectors with an entry 1 for the bias
_OTHERS = (
    *("exp", "log", "sqrt", "abs", "max", "min", "sign", "sin", "cos", "tan"),
    *("diag", "trace", "det", "inner", "vec"),
)
_NAMED = frozenset(FUNCTIONS.values()) - frozenset(_OTHERS)


@dataclass(frozen=True)
class Forward:
    """lhs = affine, lhs = f(arg) or lhs = f(affine)."""

    lhs: Written
    affine: Affine | None = None
    function: str = ""  # the name of the function, "?" for a letter
    letter: Sign | None = None  # of the function
    arg: Written | None = None
    called: bool = False  # h(x) = ...: the left side names what it depends on
    inline: bool = False  # in a line of prose

    @property
    def unextended(self) -> Forward:
        r"""The equation of x where it is one of \tilde x, which has an entry 1 more."""
        affine = self.affine
        if affine is None or affine.bias is not None or affine.below.sign.accent not in EXTENDED:
            return self
        below = replace(affine.below, sign=replace(affine.below.sign, accent=""))
        return replace(self, affine=replace(affine, below=below))


def forwards(made: Iterable[Statement]) -> list[Forward]:
    """The forward equations among the statements, in order."""
    found: list[Forward] = []
    for statement in made:
        if not statement.relations or statement.relations[0] not in EQUALS:
            continue
        lhs = only_name(statement.members[0])
        called = lhs is not None and statement.members[0][-1].text == ")" and not lhs.above
        if lhs is None or lhs.primes:
            continue
        if called and lhs.sign.letter in _ACTIVATIONS and affine(statement.members[1]) is None:
            continue
        if called and _is_function(statement):
            continue
        for relation, member in zip(statement.relations, statement.members[1:], strict=True):
            computed = {f.lhs.sign for f in found}
            one = _forward(lhs, member, computed) or _of_sum(lhs, member, found)
            if relation in EQUALS and one is not None:
                inline = not statement.formula.display
                found.append(replace(one, called=called, inline=inline))
    return _kept(found)


def backward(made: Iterable[Statement]) -> set[Sign]:
    r"""Signs that stand for derivatives: g_3 = \partial J/\partial z_3, so g_2 = W_3^T g_3 too."""
    found = set()
    for statement in made:
        name = only_name(statement.members[0])
        equation = bool(statement.relations) and statement.relations[0] in EQUALS
        derived = equation and any(t.text == r"\partial" for t in statement.members[1])
        if name is not None and derived:
            found.add(name.sign)
    return found


def _of_sum(lhs: Written, member: tuple[Token, ...], found: list[Forward]) -> Forward | None:
    """F(V_r), where V_r is a weighted sum: any letter is a function then."""
    fenced = len(member) > 3 and member[1].text == "(" and member[-1].text == ")"
    arg = only_name(member[2:-1]) if fenced and member[0].kind == "letter" else None
    if arg is None or not any(f.lhs == arg for f in found if f.affine is not None):
        return None
    return Forward(lhs, None, "?", Sign(member[0].text), arg)


def _kept(found: list[Forward]) -> list[Forward]:
    """Without talk of any function, y = f(x), and without sums that lead back."""
    summed = {f.lhs.key for f in found if f.affine is not None}
    ways: dict[Sign, tuple[int, bool]] = {}
    made = []
    for f in found:
        talk = f.inline and f.arg is not None and f.function == "?" and not f.arg.above
        if talk and summed and f.arg is not None and f.arg.key not in summed:
            continue
        if f.affine is not None and f.affine.bias is None:
            way = _way(f.lhs, f.affine)
            layered = any(n.above or n.below.isdigit() for n in (f.lhs, f.affine.below))
            if way != ways.setdefault(f.affine.weight.sign, way) and not layered:
                continue  # q_j = sum_k v_jk g_k, after r_k = sum_j v_jk h_j
        elif f.affine is not None:
            ways.setdefault(f.affine.weight.sign, _way(f.lhs, f.affine))
        made.append(f)
    return made


def _way(lhs: Written, affine: Affine) -> tuple[int, bool]:
    """In which place the weight bears the index of the sum, and whether it stands transposed."""
    own, indices = affine.weight.indices, lhs.indices
    place = own.index(indices[0]) if len(own) == 2 and indices and indices[0] in own else -1
    return place, affine.transposed


def named_functions(made: Iterable[Statement]) -> dict[Sign, str]:
    r"""Letters that the sheet says are functions that have a name: f(z) = \tanh(z)."""
    found: dict[Sign, str] = {}
    for statement in made:
        lhs = only_name(statement.members[0])
        if lhs is None or lhs.primes or lhs.below or statement.members[0][-1].text != ")":
            continue
        called = _called(statement.members[-1]) if statement.relations else None
        if called is not None and called[0] not in ("?", "softmax") and _is_function(statement):
            found.setdefault(lhs.sign, called[0])
    return found


def without_sample(made: Forward, letter: str, bare: bool = False) -> Forward:
    """The equation without the letter that counts the samples."""
    affine, arg = made.affine, made.arg
    if affine is not None:
        below = unsampled(affine.below, letter, bare)
        affine = replace(affine, below=below)
    arg = None if arg is None else unsampled(arg, letter, bare)
    return replace(made, lhs=unsampled(made.lhs, letter, bare), affine=affine, arg=arg)


def _is_function(statement: Statement) -> bool:
    """U(x) = f(x): both signs are functions of the same letter."""
    given = [t.text for t in statement.members[0]]
    called = _called(statement.members[-1])
    return called is not None and given[given.index("(") + 1 : -1] == [t.text for t in called[2]]


def _forward(lhs: Written, member: tuple[Token, ...], computed: Collection[Sign]) -> Forward | None:
    derived = any(t.text in (r"\partial", r"\nabla", r"\delta", r"\Delta") for t in member)
    errors = ("delta", "Delta", "varepsilon", "epsilon")
    if derived or lhs.sign.accent in ("bar", "tilde", "dot") or lhs.sign.letter in errors:
        return None
    summed = affine(member, computed)
    if summed is not None:
        return Forward(lhs, summed)
    called = _called(member)
    if called is None:
        return None
    function, letter, inside = called
    arg = only_name(inside)
    if arg is not None:
        return Forward(lhs, None, function, letter, arg)
    summed = affine(inside, computed)
    return None if summed is None else Forward(lhs, summed, function, letter)


# -------------------------------------------------------------------- functions


def _called(member: tuple[Token, ...]) -> tuple[str, Sign | None, tuple[Token, ...]] | None:
    """A function at one argument that is all of the member."""
    tokens = list(member)
    if not tokens:
        return None
    logistic = _logistic(tokens)
    if logistic is not None:
        return "sigmoid", None, logistic
    softmax = _softmax(tokens)
    if softmax is not None:
        return "softmax", None, softmax
    c = Cursor(tokens, tokens[-1].end)
    function, letter = _function_name(c)
    if not function:
        return _lone_call(tokens)
    if c.peek().text in ("(", "[") and tokens[-1].text in (")", "]"):
        inside = tuple(tokens[c.place + 1 : -1])
        if not _balanced(inside):
            return None
        if function == "max":
            texts = [t.text for t in inside]
            if texts[:2] == ["0", ","]:
                return "relu", None, inside[2:]
            return ("relu", None, inside[:-2]) if texts[-2:] == [",", "0"] else None
        return function, letter, inside
    rest = tuple(tokens[c.place :])
    return (function, letter, rest) if rest and only_name(rest) and function in _NAMED else None


def _lone_call(tokens: list[Token]) -> tuple[str, Sign, tuple[Token, ...]] | None:
    """s(net_j): a letter before a name in parentheses is a function, since a product has none."""
    letter, inside = tokens[0], tuple(tokens[2:-1])
    fenced = len(tokens) > 3 and tokens[1].text == "(" and tokens[-1].text == ")"
    if not fenced or letter.kind != "letter" or letter.text in WEIGHTS or letter.text.isupper():
        return None
    name = only_name(inside)
    if name is None and inside[0].text == r"\sum" and _balanced(inside):
        return "?", Sign(letter.text), inside
    if name is None or inside[-1].text == ")" or not (name.below or name.above):
        return None
    return "?", Sign(letter.text), inside


def _function_name(c: Cursor) -> tuple[str, Sign | None]:
    token = c.peek()
    if token.kind == "command" and token.text[1:] in ACCENTS:
        return "", None
    word = (token.raw.strip() if token.raw else token.text.lstrip("\\")).replace("\\_", "_")
    if word in FUNCTIONS and len(word) > 1:
        name = FUNCTIONS[word]
        c.next()
        skip_scripts(c)
        return (name, None) if name in _NAMED or name == "max" else ("", None)
    if token.text[1:] in STYLES and c.peek(1).text == "{" and (name := _set_upright(c)):
        skip_scripts(c)
        return (name, None) if name in _NAMED or name == "max" else ("", None)
    place = c.place
    found = name_at(c)
    layer = found is not None and found.below in OF_LAYERS
    plain = found is not None and (layer or not found.below) and not found.primes
    if found is None or found.sign.letter not in _CALLED or not plain:
        inside = found is not None and found.sign.letter.lower() in FUNCTIONS
        if not inside:
            c.place = place
            return "", None
        assert found is not None
        return FUNCTIONS[found.sign.letter.lower()], None
    return "?", found.sign


def _set_upright(c: Cursor) -> str:
    r"""The function whose name is set upright, which is taken: \mathrm{softmax}."""
    ahead = c.fork()
    ahead.next()
    inside = ahead.group()
    word = "".join(t.text for t in inside.tokens[inside.place :])
    if len(word) < 2 or word not in FUNCTIONS:
        return ""
    c.place = ahead.place
    return FUNCTIONS[word]


def _logistic(tokens: list[Token]) -> tuple[Token, ...] | None:
    r"""The z of \frac{1}{1 + e^{-z}}."""
    texts = [r"\frac" if t.text in FRACTIONS else t.text for t in tokens]
    if texts[:1] == [r"\frac"] and texts[1:6] in (["{", "1", "}", "{", "1"],):
        body = tokens[6:-1]
    elif texts[:4] == ["1", "/", "(", "1"] and texts[-1] == ")":
        body = tokens[4:-1]
    else:
        return None
    words = [t.text for t in body]
    for opening, closing in ((["+", "e", "^", "{", "-"], 1), (["+", r"\exp", "(", "-"], 1)):
        if words[: len(opening)] == opening:
            return tuple(body[len(opening) : -closing])
    return None


_SHARE = re.compile(
    r"(?:\\frac\{)?(?:e\^\{(?P<power>[^{}]*(?:\{[^{}]*\})?[^{}]*)\}|\\exp\((?P<called>[^()]*)\))"
    r"(?:\}\{|/)\(?\\sum.*(?:e\^|\\exp).*"
)


def _softmax(tokens: list[Token]) -> tuple[Token, ...] | None:
    r"""The z_i of e^{z_i} / \sum_k e^{z_k}."""
    texts = [r"\frac" if t.text in FRACTIONS else t.text for t in tokens]
    found = _SHARE.fullmatch("".join(texts))
    if found is None:
        return None
    inside = found["power"] if found["power"] is not None else found["called"]
    first = 3 if texts[0] != r"\frac" else 5
    first = first if found["power"] is not None else first - 1
    made: list[Token] = []
    for token in tokens[first:]:
        if len("".join(t.text for t in made)) >= len(inside):
            break
        made.append(token)
    return tuple(made)


def _balanced(tokens: tuple[Token, ...]) -> bool:
    depth = 0
    for token in tokens:
        depth += {"(": 1, "[": 1, ")": -1, "]": -1}.get(token.text, 0)
        if depth < 0:
            return False
    return depth == 0
