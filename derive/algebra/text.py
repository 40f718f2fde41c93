"""Terms in plain ASCII, for messages, debugging and doctests; pages use `derive.writing`."""

from __future__ import annotations

from derive.algebra.terms import (
    Add,
    Apply,
    Argmax,
    Call,
    Compare,
    Condition,
    Const,
    Delta,
    Extremum,
    Guard,
    Mul,
    Num,
    Partial,
    Piecewise,
    Pow,
    Ref,
    Size,
    Sum,
    Term,
)

_SUM, _PRODUCT, _POWER, _ATOM = 1, 2, 3, 4


def plain(term: Term) -> str:
    """The term as one line of ASCII: w1[i,j]*x[n,i] + b1[j]."""
    return _print(term)[0]


def _print(term: Term) -> tuple[str, int]:
    """The text and how tightly it binds."""
    match term:
        case Num():
            tight = _ATOM if term.value >= 0 and term.value.denominator == 1 else _PRODUCT
            return str(term.value), tight if term.value >= 0 else _SUM
        case Const():
            return term.name, _ATOM
        case Size():
            return str(term.extent), _ATOM
        case Ref():
            places = ",".join(map(str, term.at))
            return f"{term.tensor}[{places}]" if term.at else str(term.tensor), _ATOM
        case Add():
            text = plain(term.args[0])
            for arg in term.args[1:]:
                part = plain(arg)
                text += f" - {part[1:]}" if part.startswith("-") else f" + {part}"
            return text, _SUM
        case Mul():
            return _product(term), _PRODUCT
        case Pow():
            if term.exponent == -1:
                return "1/" + _inside(term.base, _POWER), _PRODUCT
            exponent = str(term.exponent)
            exponent = exponent if exponent.isdigit() else f"({exponent})"
            return f"{_inside(term.base, _ATOM)}**{exponent}", _POWER
        case Call():
            return f"{term.function}({', '.join(map(plain, term.args))})", _ATOM
        case Apply():
            return f"{term.function}{chr(39) * term.order}({plain(term.arg)})", _ATOM
        case Piecewise():
            rows = ", ".join(f"({plain(v)}, {_condition(c)})" for v, c in term.branches)
            return f"Piecewise({rows})", _ATOM
        case Sum():
            return f"Sum({plain(term.body)}, {', '.join(map(str, term.indices))})", _ATOM
        case Extremum():
            names = ", ".join(map(str, term.indices))
            return f"{term.kind.title()}({plain(term.body)}, {names})", _ATOM
        case Argmax():
            where = ",".join(map(str, term.at))
            return f"[({where}) = arg{plain(term.extremum)}]", _ATOM
        case Delta():
            return f"[{term.left} = {term.right}]", _ATOM
        case Guard():
            return f"[0 <= {term.place} < {term.size}]", _ATOM
        case Partial():
            return f"d({plain(term.of)})/d({plain(term.by)})", _ATOM
    raise TypeError(type(term).__name__)


def _product(term: Mul) -> str:
    above: list[str] = []
    below: list[str] = []
    sign = ""
    for arg in term.args:
        if isinstance(arg, Pow) and arg.exponent < 0:
            base = arg.base if arg.exponent == -1 else Pow(arg.base, -arg.exponent)
            below.append(_inside(base, _POWER))
        elif isinstance(arg, Num) and arg.value < 0 and not above:
            sign = "-"
            if arg.value != -1:
                above.append(_inside(Num(-arg.value), _PRODUCT))
        else:
            above.append(_inside(arg, _PRODUCT))
    text = sign + ("*".join(above) or "1")
    if below:
        text += "/" + (below[0] if len(below) == 1 else f"({'*'.join(below)})")
    return text


def _inside(term: Term, tight: int) -> str:
    text, binds = _print(term)
    return text if binds >= tight else f"({text})"


def _condition(cond: Condition) -> str:
    if not isinstance(cond, Compare):
        return str(cond)
    return f"{plain(cond.lhs)} {cond.op} {plain(cond.rhs)}"
