"""How wide and how tall a layout will be, estimated well enough to break lines before TeX does.

Widths are in ems of the text around; letters have the widths of the usual TeX text fonts, so the
estimate is good to a few hundredths.  It errs to the wide side.
"""

from __future__ import annotations

from derive.writing.layout import (
    Accent,
    BigOp,
    Cases,
    Fenced,
    Fraction,
    Function,
    Ident,
    Layout,
    Matrix,
    Number,
    Operator,
    Root,
    Row,
    Script,
    Space,
    Symbol,
    Text,
    Tinted,
    Underbrace,
    walk,
)
from derive.writing.marks import BIG, BINARY, PUNCTUATION, RELATIONS, SPACES

SCRIPT = 0.74  # the size of scripts against the text
_LOWER = dict(zip("abcdefghijklmnopqrstuvwxyz", (
    0.53, 0.43, 0.43, 0.52, 0.47, 0.56, 0.50, 0.58, 0.34, 0.45, 0.55, 0.32, 0.88, 0.60, 0.49, 0.50,
    0.48, 0.47, 0.47, 0.36, 0.57, 0.52, 0.74, 0.57, 0.53, 0.51,
), strict=True))  # fmt: skip
_UPPER = dict(zip("ABCDEFGHIJKLMNOPQRSTUVWXYZ", (
    0.75, 0.81, 0.79, 0.86, 0.80, 0.78, 0.79, 0.91, 0.52, 0.65, 0.92, 0.68, 1.08, 0.91, 0.79, 0.78,
    0.79, 0.77, 0.67, 0.72, 0.79, 0.81, 1.09, 0.91, 0.80, 0.76,
), strict=True))  # fmt: skip
_LETTER = {**_LOWER, **_UPPER}


def letters(text: str) -> float:
    """The width of words in the text font."""
    return sum(_LETTER.get(c, 0.34 if c in " .,:;'!|()[]-/" else 0.55) for c in text)


def width(layout: Layout | None, small: bool = False) -> float:
    """The width of a layout; `small`: set as a script, without space around signs."""
    match layout:
        case None:
            return 0.0
        case Ident():
            return 0.62 if layout.greek else letters(layout.text) * _stretch(layout.style)
        case Number():
            return sum(0.28 if c == "." else 0.78 if c == "-" else 0.5 for c in layout.text)
        case Operator():
            return _sign(layout.name, small)
        case Symbol():
            return {"prime": 0.3, "blank": 0.0, "nabla": 0.83}.get(layout.name, 0.62)
        case Function():
            return letters(layout.name) + 0.17
        case Text():
            return letters(layout.text)
        case Space():
            return SPACES[layout.width] / 18
        case Row():
            return sum(width(item, small) for item in layout.items)
        case Fenced():
            fence = 0.75 if rank(layout.body) > 1 else 0.5 if rank(layout.body) else 0.39
            return width(layout.body, small) + fence * (bool(layout.left) + bool(layout.right))
        case Tinted() | Accent():
            return width(layout.body, small)
    return _tall_width(layout, small)


def _tall_width(layout: Layout, small: bool) -> float:
    match layout:
        case Fraction():
            size = SCRIPT if layout.small or small else 1.0
            return max(width(layout.num, small), width(layout.den, small)) * size + 0.24
        case Script():
            scripts = max(width(layout.sub, True), width(layout.sup, True))
            return width(layout.base, small) + SCRIPT * scripts + 0.06
        case Root():
            return width(layout.body, small) + 0.9
        case BigOp():
            sign = letters(BIG[layout.name]) if len(BIG[layout.name]) > 1 else 1.45
            limits = SCRIPT * max(width(layout.lower, True), width(layout.upper, True))
            return max(sign, limits) + 0.17 + width(layout.body, small)
        case Cases():
            return sum(max(width(pair[k]) for pair in layout.rows) for k in (0, 1)) + 2.0
        case Matrix():
            columns = zip(*layout.rows, strict=True)
            return sum(max(map(width, column)) + 1.0 for column in columns) + 0.6
        case Underbrace():
            return max(width(layout.body), SCRIPT * width(layout.label, True))
    raise NotImplementedError(f"no width for {type(layout).__name__}: add one here")


def _stretch(style: str) -> float:
    return {"bold": 1.15, "calligraphic": 1.05, "typewriter": 1.15}.get(style, 1.0)


def _sign(name: str, small: bool) -> float:
    if name in PUNCTUATION:
        return 0.28 if small else 0.45
    if name in BINARY:
        return 0.78 if small else 1.23
    if name in RELATIONS:
        return 0.78 if small else 1.34
    return 0.5


def rank(layout: Layout) -> int:
    """How tall fences around this must be: 0 as the text, 1 one step larger, 2 as needed."""
    found = 0
    for node in walk(layout):
        if isinstance(node, Fraction | Cases | Matrix | BigOp | Underbrace | Root):
            if not (isinstance(node, BigOp) and len(BIG[node.name]) > 1):
                return 2
        elif isinstance(node, Fenced) or (isinstance(node, Script) and _fenced_script(node)):
            found = 1
    return found


def _fenced_script(node: Script) -> bool:
    return node.sup is not None and any(isinstance(n, Fenced) for n in walk(node.sup))
