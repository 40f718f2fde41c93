"""The normal form of a term: a Laurent polynomial in atoms, with rational exponents.

Two terms with the same normal form are equal, so this is the exact arithmetic behind the word PROVED.

    polynomial ::= {monomial: rational}      monomial ::= ((atom, exponent), ...), sorted
    atom       ::= an entry, exp(m), log(p), a sum over an index, [d > 0], [i = j], or a polynomial
                   itself where it stands in a denominator or under a root

Sums are linear, factors that do not depend on the bound index are in front, Kronecker deltas are
contracted, bound indices have canonical names.  Conditions are numbers 0 or 1 with [c]^2 = [c].  The
fundamental identities used are those of exact arithmetic, exp(a + b) = exp(a) exp(b),
log(a b) = log(a) + log(b) for positive factors, and sin^2 = 1 - cos^2.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from fractions import Fraction
from functools import lru_cache
from itertools import permutations
from math import isqrt

from derive.errors import NotYet
from derive.index import at, contract, expand_functions, replace_term
from derive.terms import (
    ONE,
    ZERO,
    Add,
    Affine,
    Apply,
    Argmax,
    Call,
    Compare,
    Const,
    Delta,
    Extremum,
    Guard,
    Index,
    Mul,
    Num,
    Partial,
    Piecewise,
    Pow,
    Ref,
    Size,
    Sum,
    Term,
    add,
    call,
    children,
    free_indices,
    mul,
    places,
    power,
    walk,
)

Monomial = tuple[tuple[Term, Fraction], ...]
Polynomial = dict[Monomial, Fraction]

LIMIT = 4000  # monomials; beyond this a term is not brought into normal form


class TooBig(NotYet):
    """The normal form would have more than LIMIT monomials."""


# ------------------------------------------------------------------ a fixed order of terms


@lru_cache(maxsize=200_000)
def structure(term: Term) -> str:
    """A text that determines the term, the same in every run: the sort key of atoms."""
    own = [str(p) for p in places(term)]
    match term:
        case Ref():
            own.insert(0, f"{term.tensor}")
        case Num():
            own.append(str(term.value))
        case Const():
            own.append(term.name)
        case Size() | Guard():
            own.append(str(term.extent if isinstance(term, Size) else term.size))
        case Pow():
            own.append(str(term.exponent))
        case Call():
            own.append(term.function)
        case Apply():
            own.append(f"{term.function}'{term.order}")
        case Sum() | Extremum():
            own.extend(f"{i.name}<{i.size}" for i in term.indices)
        case Piecewise():
            own.extend(c.op if isinstance(c, Compare) else str(c) for _, c in term.branches)
    inner = ",".join(structure(child) for child in children(term))
    return f"{type(term).__name__}({';'.join(own)}|{inner})"


# ------------------------------------------------------------------ arithmetic of polynomials


def _constant(value: Fraction | int) -> Polynomial:
    return {(): Fraction(value)} if value else {}


def _atom(atom: Term, exponent: Fraction | int = 1) -> Polynomial:
    return {((atom, Fraction(exponent)),): Fraction(1)}


def plus(*summands: Polynomial) -> Polynomial:
    """The sum of polynomials."""
    result: Polynomial = {}
    for summand in summands:
        for mono, c in summand.items():
            result[mono] = result.get(mono, Fraction(0)) + c
    return {m: c for m, c in result.items() if c}


def scaled(poly: Polynomial, factor: Fraction) -> Polynomial:
    """The polynomial times a number."""
    return {m: c * factor for m, c in poly.items()} if factor else {}


def times(a: Polynomial, b: Polynomial) -> Polynomial:
    """The product of polynomials, with every atom's own law applied (see `_reduced`)."""
    if len(a) * len(b) > LIMIT:
        raise TooBig(f"a product of {len(a)} and {len(b)} terms")
    result: Polynomial = {}
    for ma, ca in a.items():
        for mb, cb in b.items():
            for mono, c in _merged(ma, mb).items():
                result[mono] = result.get(mono, Fraction(0)) + c * ca * cb
    return {m: c for m, c in result.items() if c}


def _merged(a: Monomial, b: Monomial) -> Polynomial:
    exponents = dict(a)
    for atom, e in b:
        exponents[atom] = exponents.get(atom, Fraction(0)) + e
    return _reduced(exponents)


def _reduced(exponents: dict[Term, Fraction]) -> Polynomial:
    """A product of powers of atoms, after the laws of brackets, roots, polynomials and sines."""
    plain: dict[Term, Fraction] = {}
    expand: list[Polynomial] = []
    factor = Fraction(1)
    for atom, e in exponents.items():
        if not e:
            continue
        whole = e.numerator // e.denominator
        match atom:
            case Piecewise() | Delta() | Guard() | Argmax():
                plain[atom] = Fraction(1)
            case Num():
                factor *= atom.value**whole
                if e != whole:
                    plain[atom] = e - whole
            case Add() if whole >= 1:
                expand.extend([normal(atom)] * whole)
                if e != whole:
                    plain[atom] = e - whole
            case Call() if atom.function == "sin" and e >= 2:
                cosine = plus(_constant(1), scaled(_atom(call("cos", *atom.args), 2), Fraction(-1)))
                expand.extend([cosine] * (whole // 2))
                if whole % 2:
                    plain[atom] = Fraction(1)
            case _:
                plain[atom] = e
    for atom in plain:
        if isinstance(atom, Piecewise) and opposite(atom) in plain:
            return {}  # [d > 0] [-d > 0] = 0
    mono = tuple(sorted(plain.items(), key=lambda item: structure(item[0])))
    result: Polynomial = {mono: factor}
    for poly in expand:
        result = times(result, poly)
    return result


def raised(poly: Polynomial, exponent: Fraction) -> Polynomial:
    """poly ** exponent; a sum under a root or in a denominator becomes an atom of its own."""
    if split := case_split(poly):
        bracket, yes, no = split
        return _either(bracket, raised(yes, exponent), raised(no, exponent))
    if not poly:
        if exponent > 0:
            return {}
        raise ZeroDivisionError("a denominator is identically zero")
    if exponent.denominator == 1 and exponent > 0 and (len(poly) == 1 or exponent <= 8):
        result = _constant(1)
        for _ in range(int(exponent)):
            result = times(result, poly)
        return result
    top, bottom = over_common(poly)
    if bottom:
        below = _reduced({a: e * -exponent for a, e in bottom.items()})
        return times(raised(top, exponent), below) if top else raised({}, exponent)
    factor, mono, primitive = content(poly)
    if exponent.denominator != 1:
        # only factors known to be positive may leave the root; the sign stays inside
        outside = tuple((a, e) for a, e in mono if _positive_atom(a) or (len(poly) == 1 and e == 1))
        inside = tuple((a, e) for a, e in mono if (a, e) not in outside)
        primitive = times(
            scaled(primitive, Fraction(-1 if factor < 0 else 1)), {inside: Fraction(1)}
        )
        factor, mono = abs(factor), outside
    result = _root(factor, exponent)
    result = times(result, _reduced({a: e * exponent for a, e in mono}))
    if primitive != _constant(1):
        result = times(result, _reduced({only_atom(primitive): exponent}))
    return result


def _root(value: Fraction, exponent: Fraction) -> Polynomial:
    """A rational power of a positive number (of any number for a whole exponent)."""
    if exponent.denominator == 1:
        return _constant(value ** int(exponent))
    result = _constant(1)
    for base, sign in ((value.numerator, 1), (value.denominator, -1)):
        outer, inner = _square_parts(base) if exponent.denominator == 2 else (1, base)
        result = scaled(result, Fraction(outer) ** int(exponent * 2 * sign))
        if inner != 1:
            result = times(result, _reduced({Num(Fraction(inner)): exponent * sign}))
    return result


def _square_parts(n: int) -> tuple[int, int]:
    """n = a^2 b with b free of the squares of small primes."""
    outer, k = 1, 2
    if (root := isqrt(n)) ** 2 == n:
        return root, 1
    while k * k <= n and k < 1000:
        while n % (k * k) == 0:
            outer, n = outer * k, n // (k * k)
        k += 1
    return outer, n


def over_common(poly: Polynomial) -> tuple[Polynomial, dict[Term, Fraction]]:
    """The polynomial over one common denominator of those of its atoms that are sums."""
    below: dict[Term, Fraction] = {}
    if len(poly) < 2:
        return poly, below
    for _ in range(20):
        lowest: dict[Term, Fraction] = {}
        for mono in poly:
            for atom, e in mono:
                if e < 0 and isinstance(atom, Add | Sum):
                    lowest[atom] = min(e, lowest.get(atom, e))
        if not lowest:
            break
        for atom in sorted(lowest, key=structure):
            poly = times(poly, {((atom, -lowest[atom]),): Fraction(1)})
            below[atom] = below.get(atom, Fraction(0)) - lowest[atom]
    return poly, below


def content(poly: Polynomial) -> tuple[Fraction, Monomial, Polynomial]:
    """poly = number * monomial * primitive, where primitive starts with the coefficient 1."""
    common: dict[Term, Fraction] | None = None
    for mono in poly:
        exponents = dict(mono)
        if common is None:
            common = exponents
        else:
            common = {
                a: min(common.get(a, Fraction(0)), exponents.get(a, Fraction(0)))
                for a in {**common, **exponents}
            }
    mono = tuple(
        sorted(((a, e) for a, e in (common or {}).items() if e), key=lambda i: structure(i[0]))
    )
    inverse = {a: -e for a, e in mono}
    quotient: Polynomial = {}
    for m, c in poly.items():
        rest = dict(inverse)
        for a, e in m:
            rest[a] = rest.get(a, Fraction(0)) + e
        key = tuple(sorted(((a, e) for a, e in rest.items() if e), key=lambda i: structure(i[0])))
        quotient[key] = c
    lead = quotient[min(quotient, key=_mono_key)]
    return lead, mono, scaled(quotient, 1 / lead)


def _mono_key(mono: Monomial) -> tuple[tuple[str, Fraction], ...]:
    return tuple((structure(a), -e) for a, e in mono)


# ------------------------------------------------------------------ conditions as numbers


def _bracket(poly: Polynomial, signs: Signs = {}) -> Polynomial:  # noqa: B006 (never changed)
    """[poly > 0] as a polynomial in bracket atoms; `signs` are what the cases so far say."""
    if split := case_split(poly):
        bracket, yes, no = split
        holds = _bracket(yes, {**signs, **_told(bracket)})
        return _either(bracket, holds, _bracket(no, signs))
    top, _ = over_common(poly)
    if not top:
        return {}
    if known := sign(poly, signs):
        return _constant(1 if known > 0 else 0)
    lead, mono, primitive = content(poly)
    kept = tuple((a, e) for a, e in mono if not _atom_sign(a, signs))
    flips = [a for a, e in mono if _atom_sign(a, signs) < 0 and e % 2]
    up = (lead > 0) == (len(flips) % 2 == 0)
    return _atom(
        _positive(times(scaled(primitive, Fraction(1 if up else -1)), {kept: Fraction(1)}))
    )


def _told(bracket: Piecewise) -> dict[Term, int]:
    """What [d > 0] = 1 says of the sign of an atom, where d is one."""
    cond = bracket.branches[0][1]
    assert isinstance(cond, Compare)
    poly = normal(cond.lhs)
    if len(poly) == 1:
        ((mono, c),) = poly.items()
        if len(mono) == 1 and mono[0][1] % 2:
            return {mono[0][0]: 1 if c > 0 else -1}
    return {}


def _positive(poly: Polynomial) -> Piecewise:
    return Piecewise(((ONE, Compare(">", to_term(poly), ZERO)), (ZERO, True)))


@lru_cache(maxsize=10_000)
def opposite(bracket: Piecewise) -> Piecewise:
    """[-d > 0] for [d > 0]."""
    cond = bracket.branches[0][1]
    assert isinstance(cond, Compare)
    return _positive(scaled(normal(cond.lhs), Fraction(-1)))


def _condition(cond: Compare | bool) -> Polynomial:
    if isinstance(cond, bool):
        return _constant(int(cond))
    match cond.op:
        case ">":
            return _bracket(normal(cond.lhs - cond.rhs))
        case "<":
            return _bracket(normal(cond.rhs - cond.lhs))
        case ">=":
            return plus(_constant(1), scaled(_bracket(normal(cond.rhs - cond.lhs)), Fraction(-1)))
    return plus(_constant(1), scaled(_bracket(normal(cond.lhs - cond.rhs)), Fraction(-1)))


def _piecewise(term: Piecewise) -> Polynomial:
    result: Polynomial = {}
    still = _constant(1)
    for value, cond in term.branches:
        here = _condition(cond)
        weight = times(still, here)
        if weight:
            result = plus(result, times(weight, normal(value)))
        still = times(still, plus(_constant(1), scaled(here, Fraction(-1))))
    return result


def case_split(poly: Polynomial) -> tuple[Piecewise, Polynomial, Polynomial] | None:
    """A bracket in the polynomial, with the polynomial where it is 1 and where it is 0."""
    for mono in sorted(poly, key=_mono_key):
        for atom, _ in mono:
            if isinstance(atom, Piecewise):
                return atom, assume(poly, atom, True), assume(poly, atom, False)
    return None


def assume(poly: Polynomial, bracket: Piecewise, holds: bool) -> Polynomial:
    other = opposite(bracket)
    result: Polynomial = {}
    for mono, c in poly.items():
        atoms = {a for a, _ in mono}
        if (bracket in atoms and not holds) or (other in atoms and holds):
            continue
        key = tuple(item for item in mono if item[0] is not bracket)
        result[key] = result.get(key, Fraction(0)) + c
    return {m: c for m, c in result.items() if c}


def _either(bracket: Piecewise, yes: Polynomial, no: Polynomial) -> Polynomial:
    indicator = _atom(bracket)
    complement = plus(_constant(1), scaled(indicator, Fraction(-1)))
    return plus(times(indicator, yes), times(complement, no))


# ------------------------------------------------------------------ functions


Signs = Mapping[Term, int]  # atoms known to be positive (1) or negative (-1)
_NOTHING: Signs = {}


def _atom_sign(atom: Term, signs: Signs) -> int:
    """1 or -1 where the sign of the atom is known, else 0."""
    if atom in signs:
        return signs[atom]
    match atom:
        case Call() if atom.function == "exp":
            return 1
        case Num():
            return 1 if atom.value > 0 else -1
        case Const() | Size():
            return 1
        case Add():
            return sign(normal(atom), signs)
        case Sum():
            return sign(normal(atom.body), signs)
    return 0


def _positive_atom(atom: Term) -> bool:
    return _atom_sign(atom, _NOTHING) == 1


def sign(poly: Polynomial, signs: Signs = _NOTHING) -> int:
    """1 or -1 where the polynomial is seen to have that sign: all its terms have it; else 0.

    An even power counts as positive beside a term that certainly is; alone it might be 0.
    """
    found: set[int] = set()
    strict = False
    for mono, c in poly.items():
        here = 1 if c > 0 else -1
        certain = True
        for atom, e in mono:
            s = _atom_sign(atom, signs)
            even = e.denominator == 1 and e % 2 == 0
            if not s and not even:
                return 0
            certain = certain and bool(s)
            here *= 1 if even or not s else s
        found.add(here)
        strict = strict or certain
    return found.pop() if len(found) == 1 and strict else 0


def positive(poly: Polynomial) -> bool:
    """Whether the polynomial is seen to be positive."""
    return sign(poly) == 1


def _exp(poly: Polynomial) -> Polynomial:
    if split := case_split(poly):
        bracket, yes, no = split
        return _either(bracket, _exp(yes), _exp(no))
    result = _constant(1)
    for mono, c in poly.items():
        if len(mono) == 1 and mono[0][1] == 1 and isinstance(mono[0][0], Call):
            inner = mono[0][0]
            if inner.function == "log":  # exp(c log a) = a^c
                result = times(result, raised(normal(inner.args[0]), c))
                continue
        result = times(result, _reduced({call("exp", to_term({mono: Fraction(1)})): c}))
    return result


def _log(poly: Polynomial) -> Polynomial:
    if split := case_split(poly):
        bracket, yes, no = split
        return _either(bracket, _log(yes), _log(no))
    top, bottom = over_common(poly)
    if bottom and all(_positive_atom(a) for a in bottom):
        logs = [scaled(_log(normal(a)), -e) for a, e in bottom.items()]
        return plus(_log(top), *logs)
    lead, mono, primitive = content(poly)
    result: Polynomial = {}
    inside = primitive
    if lead < 0:
        inside, lead = scaled(inside, Fraction(-1)), -lead
    for atom, e in mono:
        if isinstance(atom, Call) and atom.function == "exp":
            result = plus(result, scaled(normal(atom.args[0]), e))
        elif _positive_atom(atom):
            result = plus(result, scaled(_log_atom(normal(atom)), e))
        else:
            inside = times(inside, {((atom, e),): Fraction(1)})
    if lead != 1:
        for prime, e in _factored(lead):
            result = plus(result, scaled(_atom(call("log", prime)), Fraction(e)))
    if inside == _constant(1):
        return result
    if len(inside) == 1:
        (single,) = inside
        if inside[single] == 1 and len(single) == 1:  # log(a^e) = e log(a) where a > 0 is needed
            atom, e = single[0]
            if e.denominator != 1 or e % 2:
                return plus(result, scaled(_log_atom(_atom(atom)), e))
    return plus(result, _log_atom(inside))


def _log_atom(poly: Polynomial) -> Polynomial:
    return _atom(call("log", to_term(poly)))


def _factored(value: Fraction) -> list[tuple[int, int]]:
    """Prime factors with exponents; a large factor stays as it is."""
    found: list[tuple[int, int]] = []
    for n, sign in ((value.numerator, 1), (value.denominator, -1)):
        k = 2
        while k * k <= n and k < 1000:
            e = 0
            while n % k == 0:
                n, e = n // k, e + 1
            if e:
                found.append((k, e * sign))
            k += 1
        if n > 1:
            found.append((n, sign))
    return found


_ODD, _EVEN = {"sin", "asin", "atan", "erf"}, {"cos"}


def _function(name: str, poly: Polynomial) -> Polynomial:
    """A primitive other than exp and log; the sign of its argument is brought in front."""
    if split := case_split(poly):
        bracket, yes, no = split
        return _either(bracket, _function(name, yes), _function(name, no))
    sign = Fraction(1)
    if poly and name in _ODD | _EVEN and content(poly)[0] < 0:
        poly = scaled(poly, Fraction(-1))
        sign = Fraction(-1 if name in _ODD else 1)
    if not poly and name in {"sin", "asin", "atan", "erf", "cos"}:
        return _constant(1 if name == "cos" else 0)
    return scaled(_atom(call(name, to_term(poly))), sign)


# ------------------------------------------------------------------ sums over indices


def _sum(body: Polynomial, indices: tuple[Index, ...]) -> Polynomial:
    result: Polynomial = {}
    for mono, c in body.items():
        result = plus(result, scaled(_sum_monomial(mono, indices), c))
    return result


def _sum_monomial(mono: Monomial, indices: tuple[Index, ...]) -> Polynomial:
    """Contract deltas, bring free factors to the front, split into independent sums."""
    for atom, _ in mono:
        if isinstance(atom, Delta):
            contracted = contract(Sum(_product(mono), indices))
            if contracted is not None:
                return normal(contracted)
    front = tuple(item for item in mono if not _depends(item[0], indices))
    result: Polynomial = {front: Fraction(1)}
    inner = [item for item in mono if _depends(item[0], indices)]
    left = list(indices)
    while left:
        group, used = _connected(left[0], inner, indices)
        members = tuple(i for i in indices if i in used)
        left = [i for i in left if i not in used]
        if not group:
            for index in members:
                result = times(result, normal(Size(index.size)))
            continue
        inner = [item for item in inner if item not in group]
        result = times(result, _atom(_renamed(_product(tuple(group)), members)))
    return result


def _depends(atom: Term, indices: Iterable[Index]) -> bool:
    return not free_indices(atom).isdisjoint(indices)


def _connected(
    start: Index, items: list[tuple[Term, Fraction]], indices: tuple[Index, ...]
) -> tuple[list[tuple[Term, Fraction]], set[Index]]:
    """The factors and summed indices that hang together with `start`."""
    used, group = {start}, []
    grown = True
    while grown:
        grown = False
        for item in items:
            if item not in group and _depends(item[0], used):
                group.append(item)
                used |= {i for i in indices if i in free_indices(item[0])}
                grown = True
    return [item for item in items if item in group], used


def _renamed(body: Term, indices: tuple[Index, ...]) -> Term:
    """The sum with canonical names of its bound indices: the least of all their orders."""
    depth = 1 + max(
        (_depth(node) for node in walk(body) if isinstance(node, Sum | Extremum)), default=0
    )
    candidates = []
    orders = permutations(indices) if len(indices) <= 4 else [indices]
    for order in orders:
        names = tuple(
            Index(f"_{depth}{'abcdefghijklmnop'[k]}", i.size, i.sample) for k, i in enumerate(order)
        )
        renaming = {i: Affine.of(n) for i, n in zip(order, names, strict=True)}
        renamed = to_term(normal(at(body, renaming)))
        candidates.append(Sum(renamed, names))
    return min(candidates, key=structure)


def _depth(term: Sum | Extremum) -> int:
    return 1 + max((_depth(n) for n in walk(term.body) if isinstance(n, Sum | Extremum)), default=0)


# ------------------------------------------------------------------ the normal form


_NORMAL: dict[Term, Polynomial] = {}


def normal(term: Term) -> Polynomial:
    """The normal form.  Raises TooBig, and ZeroDivisionError for 1/0."""
    known = _NORMAL.get(term)
    if known is None:
        if len(_NORMAL) > 50_000:
            _NORMAL.clear()
        known = _NORMAL[term] = _with_deltas(_normal(term))
    return known


def _normal(term: Term) -> Polynomial:
    match term:
        case Num():
            return _constant(term.value)
        case Size():
            return _constant(term.extent) if isinstance(term.extent, int) else _atom(term)
        case Const() | Partial() | Delta() | Guard():
            return _delta(term) if isinstance(term, Delta) else _atom(term)
        case Ref():
            return _atom(term)
        case Add():
            return plus(*map(normal, term.args))
        case Mul():
            result = _constant(1)
            for arg in term.args:
                result = times(result, normal(arg))
            return result
        case Pow():
            return raised(normal(term.base), term.exponent)
        case Piecewise():
            return _piecewise(term)
        case Call():
            return _call(term)
        case Apply():
            return _atom(Apply(term.function, to_term(normal(term.arg)), term.order))
        case Sum():
            return _sum(normal(term.body), term.indices)
        case Extremum():
            return _atom(_extremum(term))
        case Argmax():
            return _atom(Argmax(_extremum(term.extremum), term.at))
    raise NotYet(f"no normal form for {type(term).__name__}")


def _call(term: Call) -> Polynomial:
    if term.function in {"exp", "log"}:
        inner = normal(term.args[0])
        return _exp(inner) if term.function == "exp" else _log(inner)
    expanded = expand_functions(term)
    if expanded is not term and not (
        isinstance(expanded, Call) and expanded.function == term.function
    ):
        return normal(expanded)
    return _function(term.function, normal(term.args[0]))


def _extremum(term: Extremum) -> Extremum:
    renamed = _renamed(term.body, term.indices)
    assert isinstance(renamed, Sum)
    return Extremum(term.kind, renamed.body, renamed.indices)


def _delta(term: Delta) -> Polynomial:
    """[a = b] in a fixed orientation; decided where it is constant."""
    gap = term.left - term.right
    if not gap.terms:
        return _constant(1 if gap.offset == 0 else 0)
    left, right = sorted((term.left, term.right), key=str)
    return _atom(Delta(left, right))


def _with_deltas(poly: Polynomial) -> Polynomial:
    """f(i, j) [i = j] = f(i, i) [i = j]: the later index gives way in the other factors."""
    result: Polynomial = {}
    for mono, c in poly.items():
        for atom, _ in mono:
            if isinstance(atom, Delta) and (pair := (atom.left.index, atom.right.index)) != (
                None,
                None,
            ):
                kept, gone = pair if pair[1] is not None else (pair[1], pair[0])
                value = atom.left if pair[1] is not None else atom.right
                assert gone is not None
                rest = tuple(item for item in mono if item[0] is not atom)
                if _depends(_product(rest), (gone,)):
                    moved = normal(at(_product(rest), {gone: value}))
                    result = plus(result, scaled(times(moved, _atom(atom)), c))
                    break
        else:
            result = plus(result, {mono: c})
    return result


def _product(mono: Monomial) -> Term:
    return mul(*(power(a, e) for a, e in mono)) if mono else ONE


def to_term(poly: Polynomial) -> Term:
    """The polynomial written as a term, monomials in a fixed order."""
    if not poly:
        return ZERO
    return add(*(mul(poly[m], _product(m)) for m in sorted(poly, key=_mono_key)))


def only_atom(poly: Polynomial) -> Term:
    """The polynomial as one atom: itself where it is one, else a sum."""
    if len(poly) == 1:
        (mono,) = poly
        if poly[mono] == 1 and len(mono) == 1 and mono[0][1] == 1:
            return mono[0][0]
    term = to_term(poly)
    # a lone product under a root (x^2 y) is kept whole as a one-term sum
    return term if isinstance(term, Add) else Add((term,))


# ------------------------------------------------------------------ deciding


def equal(a: Term, b: Term) -> bool:
    """Whether exact arithmetic shows a = b (False: it does not show it)."""
    try:
        return vanishes(plus(normal(a), scaled(normal(b), Fraction(-1))))
    except (TooBig, ZeroDivisionError, RecursionError):
        return False


def vanishes(poly: Polynomial) -> bool:
    """Whether the polynomial is 0 in every case of its conditions."""
    poly, _ = over_common(poly)
    if not poly:
        return True
    split = case_split(poly)
    if split is None:
        return False
    bracket, yes, no = split
    other = opposite(bracket)
    if not any(atom is other for mono in no for atom, _ in mono):
        return vanishes(yes) and vanishes(no)
    below, zero = assume(no, other, True), assume(no, other, False)
    return vanishes(yes) and vanishes(below) and vanishes(_where_zero(zero, bracket))


def _where_zero(poly: Polynomial, bracket: Piecewise) -> Polynomial:
    """The polynomial on d = 0, for the d of [d > 0], where d is linear in an atom."""
    cond = bracket.branches[0][1]
    assert isinstance(cond, Compare)
    gap = normal(cond.lhs)
    for mono, c in gap.items():
        if len(mono) == 1 and mono[0][1] == 1:
            rest = {m: -v / c for m, v in gap.items() if m != mono}
            return normal(replace_term(to_term(poly), mono[0][0], to_term(rest)))
    return poly
