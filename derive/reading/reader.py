r"""Formulas as people write them, under a profile, as claims.

>>> from derive.profiles import profile
>>> text = r"\delta_j^{(l)} = \frac{\partial E_n}{\partial s_j^{(l)}}"
>>> made = read(text, Scope(profile("neurons")))
>>> [claim.relation for claim in made.claims], made.problems
(['='], ())

Rows that begin with a relation go on with the chain above; "and", commas and wide spaces stand
between equations.  What cannot be read is a problem with its place and what was expected; the other
statements of the formula are read.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from derive.claims.claim import Claim
from derive.reading.cursor import Cursor
from derive.reading.defaults import filled
from derive.reading.grammar import Grammar
from derive.reading.latex_macros import Macros
from derive.reading.latex_tokens import Token, Unreadable
from derive.reading.layout import prepared
from derive.reading.numerals import pointed
from derive.reading.scope import Scope
from derive.reading.spelling import spelled
from derive.reading.tree import (
    Change,
    Differential,
    Dots,
    Entry,
    Letter,
    Listed,
    Minus,
    Node,
    Num,
    Plus,
    Size,
    Words,
    rebuilt,
    walk,
)
from derive.reading.words import FUNCTION_WORDS, RELATIONS, STOPS, conjunction

LINKS = {
    r"\implies": "implies", r"\Rightarrow": "implies", r"\Longrightarrow": "implies",
    r"\iff": "iff", r"\Leftrightarrow": "iff", r"\Longleftrightarrow": "iff",
    r"\therefore": "therefore", r"\because": "because",
}  # fmt: skip
NESTED = {"{": 1, "(": 1, r"\begin": 1, "}": -1, ")": -1, r"\end": -1}
UPDATES = ("plus", "minus")  # +=, -=
ARROWS = (r"\to", r"\rightarrow", r"\longrightarrow")  # between equations as well as in one


@dataclass(frozen=True)
class Reading:
    """The claims of one formula, and what could not be read."""

    claims: tuple[Claim, ...]
    problems: tuple[Unreadable, ...] = ()


def read(latex: str, scope: Scope, macros: Macros | None = None) -> Reading:
    """The claims of a formula; TeX programming and texts beyond the limits raise `Refused`."""
    try:
        given = (macros or Macros()).expanded(latex)
        tokens = pointed(prepared(spelled(given, scope.own.words, FUNCTION_WORDS)))
    except Unreadable as problem:
        return Reading((), (problem,))
    return _Statements(scope, Cursor(tokens, len(latex))).run()


class _Statements:
    """Reads statement after statement."""

    def __init__(self, scope: Scope, c: Cursor) -> None:
        self.scope, self.c = scope, c
        self.grammar = Grammar(scope)
        self.claims: list[Claim] = []
        self.problems: list[Unreadable] = []
        self.chain = 0

    def run(self) -> Reading:
        while True:
            link = self._between()
            if self.c.done:
                break
            start = self.c.place
            try:
                self._statement(link)
            except Unreadable as problem:
                self.problems.append(problem)
                self._recover(start)
            except RecursionError:
                self.problems.append(self.c.wrong("less nesting"))
                break
        return Reading(tuple(self.claims), tuple(self.problems))

    def _between(self) -> str:
        """Take what stands between statements; the link to the one before."""
        link = ""
        while not self.c.done:
            token = self.c.peek()
            if token.text in LINKS or token.text in ARROWS:
                link = LINKS.get(token.text, "implies")
            elif token.raw and conjunction(token):
                if token.raw.strip().lower() in ("for", "where", "when", "if", "with", "for all"):
                    link = "where"
            elif token.text == r"\forall":
                link = "where"
            elif not self._separates(token):
                break
            self.c.next()
        return link

    def _separates(self, token: Token) -> bool:
        """Whether a sign stands between statements; the point of .5 does not."""
        digit = self.c.peek(1)
        if token.text == "." and digit.kind == "digit" and digit.start == token.end:
            return False
        return token.text in (",", ".", ";", "\\\\", "&", ":") or token.text in STOPS

    def _recover(self, start: int) -> None:
        """Go on behind the statement that could not be read."""
        self.c.place = max(self.c.place, start + 1)
        depth = 0
        while not self.c.done:
            token = self.c.peek()
            if depth <= 0 and (token.text in STOPS or (token.raw and conjunction(token))):
                return
            depth += NESTED.get(token.text, 0)
            self.c.next()

    # ---------------------------------------------------------------- one statement

    def _statement(self, link: str) -> None:
        start = self.c.peek().start
        members: list[Node | None] = []
        relations: list[tuple[str, Token]] = []
        opened = self.c.peek().text in RELATIONS
        if opened:
            members.append(None)
        else:
            members.append(self._side())
        self._skip_gap()
        while self.c.peek().text in RELATIONS and not self._leads_on(relations, members):
            token = self.c.next()
            relations.append((RELATIONS[token.text], token))
            members.append(self._side() if self._has_side() else None)
            self._skip_gap()
        self._list_behind(members)
        self._count_layers(members)
        if not self._ended():
            raise self.c.wrong('a relation, ",", or the end of the equation')
        self._keep(members, relations, link, (start, self.c.last_end))

    def _skip_gap(self) -> None:
        r"""Take a gap before a sign of equality, which goes on with the chain: A \quad = B."""
        ahead = self.c.fork()
        while ahead.take(r"\quad", r"\qquad"):
            pass
        if RELATIONS.get(ahead.peek().text) == "=":
            self.c.place = ahead.place

    def _leads_on(self, relations: list[tuple[str, Token]], members: list[Node | None]) -> bool:
        """Whether an arrow leads from an equation, or a unit, to the next one: x -> z = W x."""
        first = members[0]
        unit = isinstance(first, Entry) and first.role in ("input", "activation", "preactivation")
        if self.c.peek().text not in ARROWS or not (unit or any(r == "=" for r, _ in relations)):
            return False
        rest = self.c.fork()
        rest.next()
        while not (rest.done or rest.peek().text in STOPS):
            if RELATIONS.get(rest.next().text) == "=":
                return True
        return False

    def _side(self) -> Node:
        self.grammar.updated = self._is_updated()
        try:
            return self.grammar.expression(self.c)
        finally:
            self.grammar.updated = False

    def _is_updated(self) -> bool:
        """Whether a parameter under a prime stands on its side alone: w' = w - ..."""
        ahead = self.c.fork()
        name = self.grammar.name(ahead)
        if name is None or RELATIONS.get(ahead.peek().text) not in ("=", ":=", "gets"):
            return False
        roles = {meaning.role for meaning in self.scope.meanings(name.sign)}
        return bool(roles & {"weight", "bias"})

    def _has_side(self) -> bool:
        token = self.c.peek()
        return not (self.c.done or (self._separates(token) and token.text not in ("&", ":")))

    def _ended(self) -> bool:
        token = self.c.peek()
        return (
            self.c.done
            or token.text in STOPS
            or token.text in (",", ".", ";", "&")
            or token.text in ARROWS
            or (bool(token.raw) and conjunction(token))
        )

    def _list_behind(self, members: list[Node | None]) -> None:
        """What stands behind commas without a relation belongs to the last member."""
        while self.c.peek().text == "," and members[-1] is not None:
            ahead = self.c.fork()
            ahead.next()
            try:
                item = self.grammar.expression(ahead)
            except Unreadable:
                return
            behind = ahead.peek()
            alone = ahead.done or behind.text in (",", ".", ";") or behind.text in STOPS
            alone = alone or (bool(behind.raw) and conjunction(behind))
            if not alone or isinstance(item, Words):
                return
            last = members[-1]
            items = (*(last.items if isinstance(last, Listed) else (last,)), item)
            members[-1] = Listed(items, span=(items[0].span[0], item.span[1]))
            self.c.place = ahead.place

    def _count_layers(self, members: list[Node | None]) -> None:
        """In l = 1, ..., L the last layer is a number, also where L is the sign of the loss."""
        first = members[0]
        if not isinstance(first, Letter | Num) or len(members) < 2:
            return
        letters = [m.name for m in members if isinstance(m, Letter)]
        if not any(self.scope.layer_letters.get(name) == "l" for name in letters):
            return
        members[1:] = [None if m is None else self._last_layer(m) for m in members[1:]]

    def _last_layer(self, node: Node) -> Node:
        """The sign of the last layer as a letter."""
        if isinstance(node, Entry) and not node.places and node.label is None:
            text = self.c.text(node.span).strip()
            if self.scope.layer_letters.get(text) == "L":
                return Letter(text, span=node.span)
        return rebuilt(node, self._last_layer) if isinstance(node, Listed | Plus | Minus) else node

    # ---------------------------------------------------------------- claims

    def _keep(
        self,
        members: list[Node | None],
        relations: list[tuple[str, Token]],
        link: str,
        span: tuple[int, int],
    ) -> None:
        if self._condition_inside(members, relations, link, span):
            return
        if link == "where" and not relations and self.claims:
            return  # for all j; if j is an output: no claim of its own
        members, relations = _updates(members, relations)
        self.chain += 1
        if len(relations) == 2 and [r for r, _ in relations] == ["colon", "to"]:
            spaces = tuple(m for m in members[1:] if m is not None)
            whole = (spaces[0].span[0], spaces[-1].span[1]) if spaces else span
            maps = Listed(spaces, span=whole)
            members, relations = [members[0], maps], [("maps", relations[0][1])]
        made = self._chain(members, relations, link, span)
        if _is_condition(members, link) and self.claims and relations:
            owner = self.claims[-1].chain
            of_layers = isinstance(members[0], Letter) and members[0].name in self._layers
            self.claims = [
                replace(claim, conditions=(*claim.conditions, *made))
                if claim.chain == owner or of_layers
                else claim
                for claim in self.claims
            ]
            return
        self.claims += made

    def _condition_inside(
        self,
        members: list[Node | None],
        relations: list[tuple[str, Token]],
        link: str,
        span: tuple[int, int],
    ) -> bool:
        """A condition at the end of a row, before one that goes on: A = B, i != j; = C."""
        inside = len(relations) > 1 and _is_condition(members[:2], link)
        if not inside or _is_condition(members, link) or not self.claims:
            return False
        self._keep(members[:2], relations[:1], link, span)
        last = self.claims[-1]
        made = self._chain([last.lhs, *members[2:]], relations[1:], link, span)
        first = replace(made[0], span=(relations[1][1].start, made[0].span[1]), before=last.rhs)
        self.claims += [
            replace(claim, chain=last.chain, conditions=last.conditions)
            for claim in (first, *made[1:])
        ]
        return True

    @property
    def _layers(self) -> frozenset[str]:
        """The letters of any layer."""
        return frozenset(k for k, base in self.scope.layer_letters.items() if base == "l")

    def _chain(
        self,
        members: list[Node | None],
        relations: list[tuple[str, Token]],
        link: str,
        span: tuple[int, int],
    ) -> list[Claim]:
        nodes, notes = filled(members, self.scope)
        nodes = _directed(nodes)
        first = nodes[0]
        if not relations:
            return [Claim(first, "", None, span, chain=self.chain, link=link, notes=notes)]
        made: list[Claim] = []
        before = first
        whole = tuple(n for n in nodes if n is not None) if len(relations) > 1 else ()
        for k, (relation, token) in enumerate(relations):
            rhs = nodes[k + 1]
            end = token.end if rhs is None else rhs.span[1]
            begin = span[0] if k == 0 else token.start
            blank = isinstance(rhs, Dots)
            if blank and k + 1 < len(relations):  # steps left out in the middle
                continue
            value = None if blank else rhs
            made.append(
                Claim(
                    first,
                    relation,
                    value,
                    (begin, end),
                    before,
                    self.chain,
                    link,
                    notes=notes,
                    members=whole,
                )
            )
            before = rhs
        return made


def _updates(
    members: list[Node | None], relations: list[tuple[str, Token]]
) -> tuple[list[Node | None], list[tuple[str, Token]]]:
    """A step that says what is added, w += v, as the change of what is trained, Delta w = v.

    What is trained and its value after the step, w -> w' = v, are one side.
    """
    if [kind for kind, _ in relations] == ["to", "="] and _is_after(*members[:2]):
        return [members[0], members[2]], relations[:1]
    found = next(((k, t) for k, (kind, t) in enumerate(relations) if kind in UPDATES), None)
    if found is None:
        return members, relations
    at, token = found
    first = members[0]
    if at or len(relations) > 1:
        raise Unreadable(token.start, token.shown, "a step of training that is no part of a chain")
    if first is None or members[1] is None:
        raise Unreadable(token.start, token.shown, "a quantity on both sides of a step of training")
    change: Node = Change(first, span=first.span)
    if relations[0][0] == "minus":
        change = Minus(change, span=first.span)
    return [change, members[1]], [("gets", token)]


def _is_after(now: Node | None, then: Node | None) -> bool:
    """Whether the second is the first after a step."""
    if not isinstance(now, Entry) or not isinstance(then, Entry) or then.step != 1:
        return False
    return replace(then, step=None, sample=None) == replace(now, step=None, sample=None)


def _directed(members: list[Node | None]) -> list[Node | None]:
    """Differentials with those of the right side, or of all members where it has none."""
    sides = [[n for n in walk(m) if isinstance(n, Differential)] if m else [] for m in members]
    given = [n.arg for side in sides[1:] for n in side] or [n.arg for n in sides[0]]
    if not given:
        return members

    def visit(node: Node) -> Node:
        node = rebuilt(node, visit)
        return replace(node, along=tuple(given)) if isinstance(node, Differential) else node

    return [None if m is None else visit(m) for m in members]


def _is_condition(members: list[Node | None], link: str) -> bool:
    """Whether a statement only says which numbers are meant."""

    def number(node: Node | None) -> bool:
        match node:
            case Letter() | Num() | Size() | Dots():
                return True
            case Minus():
                return number(node.arg)
            case Plus():
                return all(map(number, node.args))
            case Listed():
                return all(map(number, node.items))
        return False

    letters = any(isinstance(m, Letter) for m in members)
    return letters and all(map(number, members))
