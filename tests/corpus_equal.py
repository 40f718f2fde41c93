r"""Right lines in other but equal forms: as people write the same thing in different ways.

Spellings are edits of the LaTeX text; forms are rules of algebra on the tree, printed again.  Each
rule keeps the value of what it is applied to, so that a right line stays right.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cache
from random import Random

from derive.claims.claim import Claim
from derive.claims.numbers import NoLayer, Outside
from derive.claims.places import NoValue
from derive.claims.world import World
from derive.profiles import profile
from derive.reading.reader import read
from derive.reading.scope import Scope
from derive.reading.tree import (
    Bound,
    Bracket,
    Derivative,
    Entry,
    Kronecker,
    Letter,
    Minus,
    Nabla,
    Node,
    Num,
    Over,
    Plus,
    Power,
    Times,
    Total,
    Transposed,
    children,
    rebuilt,
    walk,
)
from derive.rewriting.writing import Unwritable
from derive.spec import Network, load
from tests.claims import holds, replaced
from tests.corpus_slips import CHAPTERS, chapter_lines
from tests.test_lecture_notes import (
    ENTRIES,
    HOLDS,
    NETWORKS,
    RIGHT,
)
from tests.test_lecture_notes import scope as lecture_scope
from tests.test_lecture_notes import world as lecture_world


@dataclass(frozen=True)
class Line:
    """A right line of somebody, and what it is about."""

    where: str
    notation: str
    network: str  # the name of a network of the lecture notes, or of our chapters
    lhs: str
    rhs: str

    @property
    def text(self) -> str:
        """The formula."""
        return f"{self.lhs} = {self.rhs}"


@dataclass(frozen=True)
class Equal:
    """A line in another form; `how` names the changes."""

    line: Line
    how: str
    text: str


# ------------------------------------------------------------------ where the lines come from


def lines() -> list[Line]:
    """Right lines of the lecture notes and of our chapters."""
    return [line for line in (*lecture_lines(), *our_lines()) if is_right(line.text, line)]


def lecture_lines() -> Iterator[Line]:
    """The relations of the inventory that are right, with the network on which they are."""
    units = [(f"S3.{n}", networks[0]) for networks, keys in HOLDS for n in keys.split()]
    named = [(f"S4.{n}", "named_layers") for n in (3, 5, 6, 7, 10)]
    first = [(key, ENTRIES[key]["notation"]) for key in RIGHT]
    for key, network in (*first, *units, *named):
        text, notation = ENTRIES[key]["latex"], ENTRIES[key]["notation"]
        for claim in read(text, lecture_scope(notation)).claims:
            if claim.relation == "=" and claim.lhs is not None and claim.rhs is not None:
                sides = (text[slice(*side.span)] for side in (claim.lhs, claim.rhs))
                yield Line(key, notation, network, *sides)


def our_lines() -> Iterator[Line]:
    """A part of the relations of our chapters, in every notation."""
    networks = {load(spec): name for name, spec in CHAPTERS.items()}
    found = [line for line in chapter_lines() if "as arrays" not in line.where]
    for n, line in enumerate(found):
        if n % 9 == 0:
            yield Line(line.where, line.notation, networks[line.network], line.lhs, line.rhs)


@cache
def network_of(name: str) -> Network:
    """The network of a line."""
    return load(NETWORKS[name] if name in NETWORKS else CHAPTERS[name])


@cache
def scope_of_line(notation: str, network: str) -> Scope:
    """The scope in which a line is read."""
    if network in NETWORKS:
        return lecture_scope(notation)
    made = world_of(network)
    return Scope(profile(notation), made.passed.output.tensor.label, made.shapes, made.threshold)


@cache
def world_of(network: str) -> World:
    """Numbers for a network."""
    return lecture_world(network) if network in NETWORKS else World(network_of(network), seed=3)


def is_right(text: str, line: Line) -> bool:
    """Whether a text is read as one claim, and holds where the line does."""
    scope = scope_of_line(line.notation, line.network)
    made = read(text, scope)
    if made.problems or len(made.claims) != 1:
        return False
    try:
        return holds(made.claims[0], world_of(line.network), scope)
    except (NoValue, NoLayer, Outside, ZeroDivisionError):
        return False


# ------------------------------------------------------------------ other spellings

Respelling = Callable[[str], str]
GROUP = r"\{((?:[^{}]|\{(?:[^{}]|\{[^{}]*\})*\})*)\}"
FRACTION = re.compile(rf"\\frac\s*{GROUP}\s*{GROUP}")


def _fractions(text: str, write: Callable[[str, str], str]) -> str:
    """The fractions written anew; those with a point behind them stay."""

    def one(found: re.Match[str]) -> str:
        behind = text[found.end() :].lstrip()
        at = r"\partial" in found[1] and behind.startswith(("(", r"\left(", r"\bigl("))
        return found[0] if at else write(found[1], found[2])

    return FRACTION.sub(one, text)


def _slash(above: str, below: str) -> str:
    if re.match(r"d[\s\\]", above):
        return rf"\frac{{{above}}}{{{below}}}"
    if r"\partial" in above:
        single = all(re.fullmatch(r"\\partial\s*[^+\s-]+", part) for part in (above, below))
        return f"{above} / {below}" if single else rf"\frac{{{above}}}{{{below}}}"
    return rf"\left(({above})/({below})\right)"


def _with_d(above: str, below: str) -> str:
    if above.startswith(r"\partial") and "^" not in above.replace(r"\partial", "")[:2]:
        above, below = (part.replace(r"\partial", "d") for part in (above, below))
    return rf"\frac{{{above}}}{{{below}}}"


RESPELLINGS: dict[str, Respelling] = {
    "a slash for a fraction": lambda t: _fractions(t, _slash),
    "displayed fractions": lambda t: t.replace(r"\frac", r"\dfrac"),
    "d for partial": lambda t: _fractions(t, _with_d),
    "a prime for a dot": lambda t: re.sub(r"\\dot\s*(?:\{(\\?\w+)\}|(\\\w+))", r"\1\2'", t),
    "a dot for a prime": lambda t: re.sub(
        r"(?<![\w])(\\(?:var)?phi|\\sigma)(?:'|\^\{\\prime\})(?!')", r"\\dot{\1}", t
    ),
    "a raised prime": lambda t: re.sub(r"(\\(?:var)?phi|\\sigma)'", r"\1^{\\prime}", t),
    "T for a transpose": lambda t: t.replace(r"\top", "T"),
    "an upright T": lambda t: t.replace(r"\top", r"\mathrm{T}"),
    "another transpose": lambda t: t.replace(r"\top", r"\intercal"),
    "a circle for the entrywise product": lambda t: t.replace(r"\odot", r"\circ"),
    "a star for the entrywise product": lambda t: t.replace(r"\odot", "*"),
    "label before index": lambda t: re.sub(
        rf"(?<=[\w}}])_({GROUP}|\w)\^({GROUP}|\w)",
        lambda m: f"^{m[3]}_{m[1]}", t
    ),
    "commas between indices": lambda t: re.sub(r"_\{?([a-z])([a-z])\}?(?=\^)", r"_{\1,\2}", t),
    "sums without limits": lambda t: re.sub(
        r"\\sum_\{([a-z])\s*=\s*1\}\^(?:\{(?:[^{}]|\{[^{}]*\})*\}|\w)", r"\\sum_{\1}", t
    ),
    "limits above and below": lambda t: t.replace(r"\sum_", r"\sum\limits_"),
    "large parentheses": lambda t: _resized(t, r"\left", r"\right"),
    "big parentheses": lambda t: _resized(t, r"\bigl", r"\bigr"),
    "plain parentheses": lambda t: re.sub(r"\\(?:left|right|[bB]igg?[lr]?)(?=[()])\s*", "", t),
    "no dot": lambda t: re.sub(r"\s*\\cdot(?![a-z])\s*(?!\d)", " ", t),
    "times for a dot": lambda t: t.replace(r"\cdot", r"\times"),
    "another logarithm": lambda t: t.replace(r"\log", r"\LN").replace(r"\ln", r"\log").replace(
        r"\LN", r"\ln"
    ),
    "exp for a power of e": lambda t: re.sub(rf"(?<![\\\w])e\^(?:{GROUP}|(\w))",
                                             lambda m: rf"\exp({m[1] or m[2]})", t),
    "a decimal": lambda t: re.sub(r"(?<!\d)(?<!\d )\\frac\{1\}\{2\}", "0.5", t),
    "half without braces": lambda t: re.sub(r"\\frac\{1\}\{2\}", r"\\tfrac12", t),
    "Unicode": lambda t: _unicode(t),
    "spaces": lambda t: re.sub(r"\s*([+=])\s*", r" \\;\1\\; ", t),
    "no spaces": lambda t: re.sub(r"(?<![A-Za-z])\s+|\s+(?![A-Za-z])", "", t),
}  # fmt: skip
FRAMES: dict[str, Callable[[str], str]] = {
    "aligned": lambda t: rf"\begin{{aligned}} {t.replace(' = ', ' &= ', 1)} \end{{aligned}}",
    "boxed": lambda t: rf"\boxed{{{t}}}",
    "labelled": lambda t: rf"{t}, \label{{eq:one}} \tag{{3}}",
    "a full stop": lambda t: f"{t}.",
    "colours": lambda t: rf"{{\color{{blue}} {t}}}",
    "on two rows": lambda t: rf"\begin{{align*}} {t.replace(' = ', ' & = ', 1)} \\ \end{{align*}}",
}


def _resized(text: str, left: str, right: str) -> str:
    """Parentheses of a size; those of labels and arguments in scripts stay."""
    plain = RESPELLINGS["plain parentheses"](text)
    made, opened, depth = "", [], 0
    for sign in plain:
        depth += {"{": 1, "}": -1}.get(sign, 0)
        if sign == "(":
            opened.append(depth == 0)
        large = sign in "()" and opened[-1]
        made += ({"(": left, ")": right}[sign] if large else "") + sign
        if sign == ")":
            opened.pop()
    return made


def _unicode(text: str) -> str:
    for command, sign in (
        (r"\sum", "∑"), (r"\partial", "∂"), (r"\delta", "δ"), (r"\sigma", "\u03c3"),
        (r"\cdot", "·"), (r"\odot", "⊙"), (r"\eta", "η"), (r"\varphi", "φ"),
    ):  # fmt: skip
        text = re.sub(re.escape(command) + r"(?![A-Za-z])", sign, text)
    return re.sub(r"(?<=[\s)}\w])-(?=[\s(\\\w])", "−", text)  # noqa: RUF001


# ------------------------------------------------------------------ other forms

Reform = Callable[[Node, Random], Node | None]
SPARE = ("r", "q", "p", "u", "m")


def is_number(node: Node) -> bool:
    """Whether nothing in it is a whole array."""
    for part in walk(node):
        if isinstance(part, Entry):
            scalar = part.role in ("loss", "objective")
            alone = part.label is None and part.form == "entry" and part.role != "weight"
            if not (part.places or scalar or alone):
                return False
        if isinstance(part, Nabla | Transposed):
            return False
        if isinstance(part, Letter) and " " in part.name:
            return False
    return True


def flipped(node: Node) -> Node:
    """The negative."""
    return node.arg if isinstance(node, Minus) else Minus(node)


def renamed(node: Node, random: Random) -> Node | None:
    """Another letter for the index of a sum."""
    if not isinstance(node, Total) or len(node.bounds) != 1:
        return None
    bound = node.bounds[0]
    used = {n.name for n in walk(node) if isinstance(n, Letter)} | {bound.name}
    free = [name for name in SPARE if name not in used]

    def visit(part: Node) -> Node:
        if isinstance(part, Letter) and part.name == bound.name:
            return replace(part, name=free[0])
        if isinstance(part, Bound) and part.name == bound.name:
            return part
        return rebuilt(part, visit)

    inner = {b.name for n in walk(node.body) if isinstance(n, Total) for b in n.bounds}
    if not free or bound.name in inner:
        return None
    return replace(node, bounds=(replace(bound, name=free[0]),), body=visit(node.body))


def summands_moved(node: Node, random: Random) -> Node | None:
    """Summands in another order."""
    if not isinstance(node, Plus):
        return None
    return replace(node, args=node.args[::-1])


def factors_moved(node: Node, random: Random) -> Node | None:
    """Factors in another order: numbers, or all entry by entry."""
    if not isinstance(node, Times):
        return None
    if not is_number(node) and not all(s in ("odot", "circ") for s in node.signs):
        return None
    return replace(node, args=node.args[::-1], signs=node.signs[::-1])


def difference_turned(node: Node, random: Random) -> Node | None:
    """a - b as -(b - a)."""
    if not isinstance(node, Plus) or not any(isinstance(a, Minus) for a in node.args):
        return None
    return Minus(replace(node, args=tuple(map(flipped, reversed(node.args)))))


def multiplied_out(node: Node, random: Random) -> Node | None:
    """a (b + c) as a b + a c."""
    if not isinstance(node, Times) or not is_number(node):
        return None
    for k, arg in enumerate(node.args):
        if isinstance(arg, Plus):
            before, behind = node.args[:k], node.args[k + 1 :]
            return Plus(tuple(_product(before, part, behind) for part in arg.args))
    return None


def _product(before: tuple[Node, ...], part: Node, behind: tuple[Node, ...]) -> Node:
    inner = part.arg if isinstance(part, Minus) else part
    args = (*before, inner, *behind)
    made = Times(args, ("",) * (len(args) - 1))
    return Minus(made) if isinstance(part, Minus) else made


def common_factor(node: Node, random: Random) -> Node | None:
    """a b + a c as a (b + c)."""
    if not isinstance(node, Plus) or not is_number(node):
        return None
    parts = [arg.arg if isinstance(arg, Minus) else arg for arg in node.args]
    sets = [part.args if isinstance(part, Times) else (part,) for part in parts]
    shared = next((f for f in sets[0] if all(f in other for other in sets[1:])), None)
    if shared is None or isinstance(shared, Num):
        return None
    rest: list[Node] = []
    for arg, factors in zip(node.args, sets, strict=True):
        k = factors.index(shared)
        left = (*factors[:k], *factors[k + 1 :])
        made: Node = Num(Fraction(1)) if not left else left[0]
        if len(left) > 1:
            made = Times(left, ("",) * (len(left) - 1))
        rest.append(Minus(made) if isinstance(arg, Minus) else made)
    return Times((shared, Plus(tuple(rest))), ("",))


def out_of_the_sum(node: Node, random: Random) -> Node | None:
    """A factor without the index stands before the sum."""
    if not isinstance(node, Total) or node.kind != "sum" or not isinstance(node.body, Times):
        return None
    if not is_number(node):
        return None
    bound = {b.name for b in node.bounds}
    for k, arg in enumerate(node.body.args):
        if not bound & {n.name for n in walk(arg) if isinstance(n, Letter)}:
            left = (*node.body.args[:k], *node.body.args[k + 1 :])
            body = left[0] if len(left) == 1 else Times(left, ("",) * (len(left) - 1))
            if not bound & {n.name for n in walk(body) if isinstance(n, Letter)}:
                return None
            return Times((arg, replace(node, body=body)), ("",))
    return None


def into_the_sum(node: Node, random: Random) -> Node | None:
    """A factor before or behind a sum stands inside."""
    if not isinstance(node, Times) or not is_number(node):
        return None
    for k, arg in enumerate(node.args):
        if isinstance(arg, Total) and arg.kind == "sum":
            others = (*node.args[:k], *node.args[k + 1 :])
            bound = {b.name for b in arg.bounds}
            names_ = {n.name for o in others for n in walk(o) if isinstance(n, Letter)}
            names_ |= {
                b.name for o in others for n in walk(o) if isinstance(n, Total) for b in n.bounds
            }
            if bound & names_:
                return None
            inside = arg.body.args if isinstance(arg.body, Times) else (arg.body,)
            args = (*others, *inside)
            return replace(arg, body=Times(args, ("",) * (len(args) - 1)))
    return None


def sum_parted(node: Node, random: Random) -> Node | None:
    """The sum of a + b as two sums."""
    if not isinstance(node, Total) or node.kind != "sum" or not isinstance(node.body, Plus):
        return None
    parts = []
    for arg in node.body.args:
        inner = arg.arg if isinstance(arg, Minus) else arg
        made = replace(node, body=inner)
        if not {b.name for b in node.bounds} <= {
            n.name for n in walk(inner) if isinstance(n, Letter)
        }:
            return None
        parts.append(Minus(made) if isinstance(arg, Minus) else made)
    return Plus(tuple(parts))


def square_written_out(node: Node, random: Random) -> Node | None:
    """x^2 as x x."""
    if not isinstance(node, Power) or node.exponent != Num(Fraction(2)) or node.entrywise:
        return None
    return Times((node.base, node.base), ("",)) if is_number(node.base) else None


def square(node: Node, random: Random) -> Node | None:
    """1 - x^2 as (1 - x)(1 + x)."""
    match node:
        case Plus(args=(Num(value=one), Minus(arg=Power(base=x, exponent=Num(value=two))))):
            if one == 1 and two == 2 and is_number(x):
                return Times((Plus((Num(one), Minus(x))), Plus((Num(one), x))), ("",))
    return None


def quotient_as_product(node: Node, random: Random) -> Node | None:
    """a / b as (1 / b) a."""
    if not isinstance(node, Over) or not is_number(node) or node.above == Num(Fraction(1)):
        return None
    return Times((Over(Num(Fraction(1)), node.below), node.above), ("cdot",))


def transposed_product(node: Node, random: Random) -> Node | None:
    """A B as (B' A')'."""
    if not isinstance(node, Times) or node.signs != ("",):
        return None
    a, b = node.args
    whole = all(isinstance(x, Entry | Transposed) and not is_number(x) for x in (a, b))
    if not whole:
        return None
    turned = tuple(x.arg if isinstance(x, Transposed) else Transposed(x) for x in (b, a))
    return Transposed(Times(turned, ("",)))


def bracket_for_delta(node: Node, random: Random) -> Node | None:
    """Kronecker's delta as a bracket."""
    if isinstance(node, Kronecker):
        return Bracket((node.left, node.right), ("=",))
    return None


def product_with_dots(node: Node, random: Random) -> Node | None:
    """Dots between numbers."""
    if not isinstance(node, Times) or not is_number(node):
        return None
    return replace(node, signs=("cdot",) * len(node.signs))


REFORMS: dict[str, Reform] = {
    "another index": renamed,
    "summands moved": summands_moved,
    "factors moved": factors_moved,
    "difference turned": difference_turned,
    "multiplied out": multiplied_out,
    "common factor": common_factor,
    "out of the sum": out_of_the_sum,
    "into the sum": into_the_sum,
    "sum parted": sum_parted,
    "square written out": square_written_out,
    "product of sum and difference": square,
    "quotient as product": quotient_as_product,
    "transposed product": transposed_product,
    "bracket for delta": bracket_for_delta,
    "dots": product_with_dots,
}


def reformed(node: Node, reform: Reform, random: Random) -> Iterator[Node]:
    """The tree with the rule used at one place, for every place where it can be."""
    made = reform(node, random)
    if made is not None:
        yield made
    if isinstance(node, Derivative | Nabla | Entry):
        return
    for k, child in enumerate(children(node)):
        for inner in reformed(child, reform, random):
            yield _put(node, k, inner)


def _put(node: Node, k: int, new: Node) -> Node:
    place = iter(range(len(children(node))))
    return rebuilt(node, lambda part: new if next(place) == k else part)


# ------------------------------------------------------------------ the corpus


def equal_lines(line: Line, random: Random) -> Iterator[Equal]:
    """A right line in other forms."""
    seen = {line.text}
    scope = scope_of_line(line.notation, line.network)
    claim = read(line.text, scope).claims[0]
    assert claim.lhs is not None
    assert claim.rhs is not None
    for how, text in (*_respelt(line, random), *_reformed(line, claim, scope, random)):
        if text not in seen:
            seen.add(text)
            yield Equal(line, how, text)


def _respelt(line: Line, random: Random) -> Iterator[tuple[str, str]]:
    for how, respelling in RESPELLINGS.items():
        yield how, f"{respelling(line.lhs)} = {respelling(line.rhs)}"
    chosen = random.sample(list(RESPELLINGS), 4)
    lhs, rhs = line.lhs, line.rhs
    for how in chosen:
        lhs, rhs = RESPELLINGS[how](lhs), RESPELLINGS[how](rhs)
    yield " and ".join(chosen), f"{lhs} = {rhs}"
    frame = random.choice(list(FRAMES))
    yield frame, FRAMES[frame](line.text)


def _reformed(line: Line, claim: Claim, scope: Scope, random: Random) -> Iterator[tuple[str, str]]:
    assert claim.rhs is not None
    yield "sides exchanged", f"{line.rhs} = {line.lhs}"
    for how, reform in REFORMS.items():
        found = list(reformed(claim.rhs, reform, random))
        for node in random.sample(found, min(2, len(found))):
            yield from _printed(line, how, node, scope)
        if found:
            node = random.choice(found)
            other = random.choice(list(REFORMS))
            for again in list(reformed(node, REFORMS[other], random))[:1]:
                yield from _printed(line, f"{how}, then {other}", again, scope)


def _printed(line: Line, how: str, node: Node, scope: Scope) -> Iterator[tuple[str, str]]:
    """The line with another right side, in the writer's own notation."""
    rhs = read(line.text, scope).claims[0].rhs
    assert rhs is not None
    try:
        yield how, replaced(line.text, rhs, node, scope)
    except Unwritable:
        return


@cache
def corpus(seed: int = 0) -> tuple[Equal, ...]:
    """Every right line in every other form that is found for it."""
    random = Random(seed)
    return tuple(made for line in lines() for made in equal_lines(line, random))
