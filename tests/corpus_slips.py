"""Wrong lines made from right ones by changing their text: the inverse of the search for slips.

Nothing here knows the reader's tree or the repairs; a mutation is an edit of LaTeX.  A line that
the small networks do not refute is dropped.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from random import Random

from derive.claims.claim import Claim
from derive.claims.numbers import Outside
from derive.derivation import derive
from derive.marking.judging import Assumptions, Judge
from derive.profiles import names, profile
from derive.reading.network import scope_of
from derive.reading.reader import read
from derive.reading.scope import Scope
from derive.spec import Network, load
from tests.notations import printed, writer_of
from tests.test_lecture_notes import ENTRIES, HOLDS, NETWORKS, RIGHT

BINARY = re.compile(r"(?<=[\w})|\]]) ?([+-]) ?(?=[\w\\({])")
SUM = re.compile(r"\\sum_\{?(\w)(?: ?= ?\w+)?\}?(\^(?:\{(?:[^{}]|\{[^{}]*\})*\}|\w))?")
OPEN, CLOSE = ("(", r"\bigl(", r"\left("), (")", r"\bigr)", r"\right)")


@dataclass(frozen=True)
class Line:
    """One written relation and what it is about."""

    where: str
    notation: str
    network: Network
    lhs: str
    relation: str
    rhs: str

    @property
    def text(self) -> str:
        """The formula."""
        return f"{self.lhs} {self.relation} {self.rhs}"


@dataclass(frozen=True)
class Wrong:
    """A line with a slip; `kinds` are the names that fit it, the first the best."""

    line: Line
    rhs: str
    kinds: tuple[str, ...]

    @property
    def text(self) -> str:
        """The formula."""
        return f"{self.line.lhs} {self.line.relation} {self.rhs}"


# ------------------------------------------------------------------ text


def closing(text: str, start: int, pair: str = "{}") -> int:
    """The place behind the bracket that closes the one at `start`."""
    depth = 0
    for k in range(start, len(text)):
        depth += (text[k] == pair[0]) - (text[k] == pair[1])
        if depth == 0:
            return k + 1
    return len(text)


def scripts(text: str, mark: str) -> Iterator[tuple[int, int, str]]:
    """Start, end and content of every script; those of large operators and frames left out."""
    for k, char in enumerate(text):
        if char != mark or k + 1 >= len(text):
            continue
        head = re.search(r"\\?[A-Za-z]+(?:_\{[^{}]*\}|_\w)?$|[})\]]$", text[:k])
        if head is None or head[0].startswith((r"\sum", r"\frac", r"\prod")):
            continue
        end = closing(text, k + 1) if text[k + 1] == "{" else k + 2
        yield k + 1, end, text[k + 1 : end].removeprefix("{").removesuffix("}")


def put(text: str, start: int, end: int, new: str) -> str:
    """The text with another piece at a place."""
    return text[:start] + new + text[end:]


def outside(text: str, at: int) -> bool:
    """Whether a place is in no script and no argument of a command."""
    return text[:at].count("{") == text[:at].count("}")


def index_letters(text: str) -> list[str]:
    """The letters used as indices."""
    found: dict[str, None] = {}
    for _, _, inside in scripts(text, "_"):
        found.update((x, None) for x in re.findall(r"(?<![\\A-Za-z])[a-z](?![A-Za-z]{2})", inside))
    return [x for x in found if x in "ijkmpq"]


def terms(text: str) -> list[str]:
    """The summands on the top level, each with its sign."""
    cuts, depth = [0], 0
    for k, char in enumerate(text):
        depth += (char in "({[") - (char in ")}]")
        if depth == 0 and char in "+-" and BINARY.search(text[max(0, k - 2) : k + 3]):
            cuts.append(k)
    return [text[a:b].strip() for a, b in zip(cuts, [*cuts[1:], len(text)], strict=True)]


# ------------------------------------------------------------------ mutations

Mutation = Callable[[str, "Line"], Iterator[tuple[tuple[str, ...], str]]]


def signs(text: str, line: Line) -> Iterator[tuple[tuple[str, ...], str]]:
    """Another sign of a term, of a product, in an exponent."""
    for match in BINARY.finditer(text):
        start, end = match.span(1)
        if _in_script(text, start):
            continue
        other = "-" if match[1] == "+" else "+"
        yield _signs(line, text, end), put(text, start, end, other)
    for match in re.finditer(r"(e\^\{|exp\(|exp\\bigl\()-", text):
        yield ("exponent_sign",), put(text, match.end() - 1, match.end(), "")
    if text.startswith("-"):
        yield _signs(line, text, 0), text[1:].strip()
    elif len(terms(text)) == 1:
        yield _signs(line, text, 0), "-" + text


def _signs(line: Line, text: str, at: int) -> tuple[str, ...]:
    rate = bool(re.search(r"\\(eta|alpha)\b", text))
    bias = r"\partial b" in line.lhs or "b" in text[at : at + 3]
    first = "ascent" if rate else "bias_sign" if bias and _threshold(line) else "sign"
    return tuple(dict.fromkeys((first, "sign")))


def _threshold(line: Line) -> bool:
    return any(getattr(layer, "bias", "") == "threshold" for layer in line.network.layers)


def _in_script(text: str, at: int) -> bool:
    """Whether the place is in an index or exponent of more than one sign."""
    depth = 0
    for k in range(at - 1, -1, -1):
        depth += (text[k] == "}") - (text[k] == "{")
        if depth < 0:
            return k > 0 and text[k - 1] in "_^"
    return False


def factors(text: str, line: Line) -> Iterator[tuple[tuple[str, ...], str]]:
    """A number too much or lost."""
    for number in (r"\frac{1}{2}", r"\tfrac{1}{2}", r"\frac{1}{N}", r"\frac{1}{n}", "2 "):
        at = text.find(number)
        if at >= 0 and not re.search(r"[\w^_{]$", text[:at]) and text[at + len(number) :].strip():
            yield ("factor",), put(text, at, at + len(number), "").strip()
    if len(terms(text)) == 1:
        sign, rest = ("-", text[1:]) if text.startswith("-") else ("", text)
        for number in ("2 ", r"\frac{1}{2} ", r"\frac{1}{N} "):
            dot = r"\cdot " if rest[:1].isdigit() else ""  # 2 2 is read as 22
            yield ("factor",), sign + number + dot + rest


def indices(text: str, line: Line) -> Iterator[tuple[tuple[str, ...], str]]:
    """Two indices swapped, or one letter for another."""
    letters = index_letters(text + line.lhs)
    for start, end, inside in scripts(text, "_"):
        found = re.fullmatch(r"([ijkmpq]),? ?([ijkmpq])", inside)
        if found:
            swapped = inside.replace(found[1], "#").replace(found[2], found[1])
            swapped = swapped.replace("#", found[2])
            yield ("index",), put(text, start, end, "{" + swapped + "}")
        for match in re.finditer(r"(?<![\\A-Za-z])[ijkmpq](?![A-Za-z]{2})", inside):
            for other in letters:
                if other != match[0]:
                    new = put(inside, match.start(), match.end(), other)
                    yield ("index",), put(text, start, end, "{" + new + "}")


def labels(text: str, line: Line) -> Iterator[tuple[tuple[str, ...], str]]:
    """A layer for another, on one quantity or on two at once."""
    places = [(a, b, i) for a, b, i in scripts(text, "^") if _label(i)]
    for start, end, inside in places:
        for other in _other_labels(inside):
            yield ("layer",), put(text, start, end, "{" + other + "}")
    for label in dict.fromkeys(i for _, _, i in places):
        same = [(a, b) for a, b, i in places if i == label]
        if len(same) == 2:
            for other in _other_labels(label):
                new = "{" + other + "}"
                yield ("layer",), put(put(text, *same[1], new), *same[0], new)


def _label(inside: str) -> bool:
    core = inside.strip("()").replace(" ", "")
    return bool(re.fullmatch(r"(\\ell|[lhkL]|\d)([+-]1)?|\\mathit\{(in|out)\}|h\d?", core)) and (
        inside.startswith("(") or not core.isdigit()
    )


def _other_labels(inside: str) -> list[str]:
    core = inside.strip("()").replace(" ", "")
    bare = not inside.startswith("(")
    if r"\mathit" in core or (re.fullmatch(r"h\d?", core) and not bare):
        made = [x for x in (r"\mathit{in}", "h", r"\mathit{out}") if x != core]
    elif core.isdigit():
        made = [str(int(core) + by) for by in (1, -1) if int(core) + by > 0]
    else:
        base = re.sub(r"[+-]1$", "", core)
        made = [x for x in (base, f"{base} + 1", f"{base} - 1") if x.replace(" ", "") != core]
    return made if bare else [f"({x})" for x in made]


#: Letters that stand for one another: outputs, inputs, targets of units.
PAIRS = {
    "columns": ("az", "za", "ay", "ya"),
    "named_layers": ("az", "za"),
    "signals": ("xS", "Sx", "yt", "ty"),
    "units": ("os", "so"),
    "neurons": ("xs", "sx", "xy"),
    "rows": ("az", "za", "hz"),
}


def variables(text: str, line: Line) -> Iterator[tuple[tuple[str, ...], str]]:
    """One quantity for another."""
    for old, new in map(tuple, PAIRS[line.notation]):
        pattern = rf"(?<![\\A-Za-z]){old}(?=[_^])|(?<=\{{){old}(?=\}})"
        for match in re.finditer(pattern, text):
            made = put(text, *match.span(), new)
            below = r"\partial" in text[max(0, match.start() - 12) : match.start()]
            slope = _in_slope(text, match.start()) or below
            yield (("slope", "variable") if slope else ("variable",)), made


def _in_slope(text: str, at: int) -> bool:
    """Whether the place is the argument of a slope, or in o (1 - o)."""
    before = text[:at].replace(r"\bigl", "")
    return (
        bool(re.search(r"(prime[ \w{}()]*|dot\{\\sigma\}\S*|'\S*)\($", before))
        or bool(re.search(r"\(1 - [{(]*(\\mathbf\{|\\vec\{)?$", before))
        or bool(re.match(r"[^()]*\((?:\\bigl)?1 - ", text[at:].replace(r"\bigl", "")))
    )


def slopes(text: str, line: Line) -> Iterator[tuple[tuple[str, ...], str]]:
    """A slope dropped, doubled, or of another form."""
    for start, end in _slope_factors(text):
        rest = put(text, start, end, "").strip().removeprefix(r"\cdot ").removeprefix(r"\odot ")
        if rest and not rest.startswith(("^", "_", "+")):
            yield ("slope",), rest
            yield ("slope",), put(text, end, end, " " + text[start:end])
    for match in re.finditer(r"\^\{\\prime\}|'|\\prime(?= )", text):
        yield ("slope",), put(text, *match.span(), "")
    pair = r"(\{?[a-z]_\{?\w\}?(?:\^\{[^{}]*\})?\}?) ?\((?:1) - \1\)"
    for match in re.finditer(pair, text.replace(r"\bigl", "").replace(r"\bigr", "")):
        plain = text.replace(r"\bigl", "").replace(r"\bigr", "")
        yield ("slope",), put(plain, *match.span(), f"(1 - ({match[1]})^2)")
        yield ("slope",), put(plain, *match.span(), "")


def _slope_factors(text: str) -> Iterator[tuple[int, int]]:
    """Factors that are a named slope at an argument."""
    head = r"(\\dot\{\\sigma\}|\{\\dot\{\\sigma\}\}|\\[a-z]+|[a-z])(\^\{[^{}]*\}|')*(\\bigl)?\("
    for match in re.finditer(head, text):
        if "prime" in match[0] or "dot" in match[0] or "'" in match[0]:
            end = closing(text, match.end() - 1, "()")
            if outside(text, match.start()):
                yield match.start(), end


def sums(text: str, line: Line) -> Iterator[tuple[tuple[str, ...], str]]:
    """A sum dropped, or over another index; a range off by one."""
    for match in SUM.finditer(text):
        rest = put(text, *match.span(), "").strip()
        if rest:
            yield ("sum",), rest
        for other in index_letters(text + line.lhs):
            if other != match[1]:
                new = (
                    match[0]
                    .replace(f"{{{match[1]}", f"{{{other}")
                    .replace(f"_{match[1]}", f"_{other}")
                )
                yield ("sum", "index"), put(text, *match.span(), new)
        for old, new in (("= 1", "= 0"), ("=1", "=0"), ("= 1", "= 2"), ("=1", "=2")):
            if old in match[0]:
                yield ("base",), put(text, *match.span(), match[0].replace(old, new))
        if match[2] and match[2].endswith("}"):
            yield ("base",), put(text, *match.span(), match[0][:-1] + " - 1}")


def dropped_terms(text: str, line: Line) -> Iterator[tuple[tuple[str, ...], str]]:
    """A summand left out."""
    found = terms(text)
    if len(found) > 1:
        for k in range(len(found)):
            rest = " ".join(found[:k] + found[k + 1 :]).strip()
            number = re.fullmatch(r"[+-]? ?\d+", found[k])
            bias = found[k].strip("+ ").lstrip("{").startswith(("b", r"w_{0", r"\vec{b}"))
            kinds = ("constant",) if number else ("term", "base") if bias else ("term",)
            yield kinds, rest.removeprefix("+").strip()


def arrays(text: str, line: Line) -> Iterator[tuple[tuple[str, ...], str]]:
    """Transposes, orders and kinds of products."""
    for match in re.finditer(r"\\odot(?! ?\d)(?!\})", text):
        yield ("hadamard",), put(text, *match.span(), "")
    for match in re.finditer(r" ?\\top(?=\})|\^\{\\top\}|\^T", text):
        yield ("transpose",), put(text, *match.span(), "").replace("^{}", "")
    if line.notation in ("columns", "named_layers", "rows", "signals"):
        for match in re.finditer(r"(?:W|\\mathbf\{W\})\^\{\((?:[^{}]|\{[^{}]*\})*\)\}", text):
            yield ("transpose",), put(text, match.end() - 1, match.end(), r" \top}")
    sign = r"(?:\\mathbf\{\w\}|\\boldsymbol\{\\\w+\}|W|X|A|Z|\\Delta|\\delta|x|a)"
    one = rf"({sign}(?:_\{{?n\}}?)?(?:\^\{{(?:[^{{}}]|\{{[^{{}}]*\}})*\}})?)"
    for match in re.finditer(rf"{one} {one}(?![_^\w])", text):
        yield ("order",), put(text, *match.span(), f"{match[2]} {match[1]}")
        yield ("hadamard",), put(text, *match.span(), rf"{match[1]} \odot {match[2]}")


def parentheses(text: str, line: Line) -> Iterator[tuple[tuple[str, ...], str]]:
    """A pair of parentheses around a sum left out."""
    plain = re.sub(r"\\(bigl|bigr|left|right)(?=[()])", "", text)
    for k, char in enumerate(plain):
        if char != "(" or not outside(plain, k):
            continue
        end = closing(plain, k, "()")
        inside = plain[k + 1 : end - 1]
        function = re.search(
            r"(tanh|exp|log|ln|sigma\}?|phi|prime\}?|'|\})(\^\{[^{}]*\})?$", plain[:k]
        )
        if len(terms(inside)) > 1 and not function:
            yield ("parentheses",), put(plain, k, end, " " + inside + " ")


def functions(text: str, line: Line) -> Iterator[tuple[tuple[str, ...], str]]:
    """A logarithm or another function left out."""
    for match in re.finditer(r"\\(log|ln|tanh|exp|sigma)(?=\\bigl\(|\(| )", text):
        loss = bool(re.match(r" ?[LE][_(]", text[match.end() :]))  # L for log L
        yield ("variable", "log") if loss else ("log",), put(text, *match.span(), "")


def samples(text: str, line: Line) -> Iterator[tuple[tuple[str, ...], str]]:
    """The index of the sample left out."""
    for start, end, inside in scripts(text, "_"):
        if inside.startswith("n, "):
            yield ("sample",), put(text, start, end, "{" + inside[3:] + "}")


def constants(text: str, line: Line) -> Iterator[tuple[tuple[str, ...], str]]:
    """The 1 of 1 - o lost, or another number for it."""
    for match in re.finditer(r"(?<=\()1 - ", text):
        yield ("constant", "slope"), put(text, *match.span(), "")
        yield ("constant", "slope"), put(text, *match.span(), "2 - ")


def kroneckers(text: str, line: Line) -> Iterator[tuple[tuple[str, ...], str]]:
    """All of a Jacobian reduced to its diagonal."""
    for match in re.finditer(r"\[\w = \w\](?= - )|\\delta_\{\w,? ?\w\}(?= - )", text):
        yield ("jacobian", "constant"), put(text, *match.span(), "1")


def cells(text: str, line: Line) -> Iterator[tuple[tuple[str, ...], str]]:
    """An entry of a matrix in the place of another."""
    for match in re.finditer(r"\\begin\{[pb]?matrix\}(.*?)\\end", text, re.S):
        parts = re.split(r"(&|\\\\)", match[1])
        for k in range(0, len(parts) - 2, 2):
            if parts[k].strip() and parts[k + 2].strip() and "dots" not in parts[k] + parts[k + 2]:
                made = [*parts[: k + 2], parts[k], *parts[k + 3 :]]
                yield ("entry",), put(text, *match.span(1), "".join(made))


MUTATIONS: tuple[Mutation, ...] = (
    signs, factors, indices, labels, variables, slopes, sums, dropped_terms, arrays, parentheses,
    functions, samples, constants, kroneckers, cells,
)  # fmt: skip


# ------------------------------------------------------------------ right lines

CHAPTERS = {
    "two layers": "3 > 4 tanh > 2 sigmoid : squared_error",
    "three layers": "2 > 3 tanh > 4 sigmoid > 2 linear : half_squared_error",
    "softmax": "3 > 4 relu > 3 softmax : cross_entropy",
    "generic": "2 > 3 generic > 2 generic : squared_error",
}


@cache
def judge(network: Network) -> Judge:
    return Judge(network)


def plain(text: str) -> str:
    """Without the marks of values of the forward and backward pass."""
    made = re.sub(r"\\(fwd|bwd)(?=\{)", "", text)
    return re.sub(r"\{(\\?[A-Za-z]+(?:_\{[^{}]*\})?(?:\^\{(?:[^{}]|\{[^{}]*\})*\})?)\}(?![_^])",
                  lambda m: m[1] if _sign_alone(made, m) else m[0], made)  # fmt: skip


def _sign_alone(text: str, match: re.Match[str]) -> bool:
    """Whether the group is one symbol that stands by itself, not an argument."""
    before = text[: match.start()]
    return (not re.search(r"([_^]|\\[A-Za-z]+|\})$", before) and "_" in match[1]) or (
        not re.search(r"([_^]|\\[A-Za-z]+|\})$", before) and "^" in match[1]
    )


def chapter_lines(networks: Iterable[str] = tuple(CHAPTERS)) -> Iterator[Line]:
    """The formulas of our own chapters, in every notation."""
    for name in networks:
        spec = CHAPTERS[name]
        derived, network = derive(spec), load(spec)
        for notation in names():
            writer = writer_of(derived, notation)
            for what, text, _ in printed(derived, writer):
                members = plain(text).split(" = ")
                sides = _members(plain(text)) if len(members) > 1 else []
                for k, side in enumerate(sides[1:], 1):
                    yield Line(f"{name}, {notation}, {what}, {k}", notation, network,
                               sides[0], "=", side)  # fmt: skip


def notes_lines() -> Iterator[Line]:
    """The right equations of the lecture notes, each on a network that fits."""
    keys = [(key, ENTRIES[key]["notation"]) for key in RIGHT]
    keys += [(f"S3.{n}", networks[0]) for networks, numbers in HOLDS for n in numbers.split()]
    keys += [(f"S4.{n}", "named_layers") for n in (1, 3, 5, 6, 7, 10, 11)]
    for key, name in keys:
        sides = _members(ENTRIES[key]["latex"])
        for k, side in enumerate(sides[1:], 1):
            yield Line(f"{key}, {k}", ENTRIES[key]["notation"], load(NETWORKS[name]),
                       sides[0], "=", side)  # fmt: skip


def _members(text: str) -> list[str]:
    """The members of a chain: pieces between signs of equality outside all brackets."""
    made, depth, start = [], 0, 0
    for k, char in enumerate(text):
        depth += (char in "({[") - (char in ")}]")
        if char == "=" and depth == 0:
            made.append(text[start:k].strip())
            start = k + 1
    return [*made, text[start:].strip()]


def claim_of(text: str, line: Line) -> Claim | None:
    """The claim that the text is read as; None where it is none."""
    made = read(text, scope_for(line))
    if made.problems or len(made.claims) != 1 or not made.claims[0].complete:
        return None
    return made.claims[0]


def scope_for(line: Line) -> Scope:
    return _scope(line.notation, line.network)


@cache
def _scope(notation: str, network: Network) -> Scope:
    return scope_of(derive(network), profile(notation))


def wrong_lines(line: Line) -> Iterator[Wrong]:
    """Every mutation of a line, each text once."""
    seen = {line.rhs}
    for mutation in MUTATIONS:
        for kinds, rhs in mutation(line.rhs, line):
            if rhs not in seen and rhs.strip():
                seen.add(rhs)
                yield Wrong(line, rhs, kinds)


def holds(claim: Claim, line: Line) -> bool:
    """Whether the claim holds on the small relatives of its network, targets that sum to 1."""
    try:
        return judge(line.network).holds(claim, scope_for(line), Assumptions(normalised=True))
    except (Outside, ArithmeticError, ValueError, AssertionError, StopIteration):
        return False


def drawn(lines: list[Wrong], many: int, seed: int) -> list[Wrong]:
    """A sample in which every kind is present."""
    random = Random(seed)
    by_kind: dict[str, list[Wrong]] = {}
    for line in lines:
        by_kind.setdefault(line.kinds[0], []).append(line)
    made: list[Wrong] = []
    for group in by_kind.values():
        made += random.sample(group, min(len(group), max(1, many // len(by_kind))))
    return made
