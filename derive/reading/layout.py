r"""Tokens without layout: sizes of fences, spaces, colours, rows and the frames of displays."""

from __future__ import annotations

import re
from dataclasses import replace

from derive.reading.arguments import without_arguments
from derive.reading.asides import with_conditions, without_asides
from derive.reading.cursor import Cursor
from derive.reading.latex_tokens import Token
from derive.reading.spelling import fractions, numbered, relations, upright
from derive.reading.words import BIG, PRODUCTS, RELATIONS

FRAMES = frozenset(
    (
        "equation", "equation*", "align", "align*", "aligned", "alignat", "alignat*", "split",
        "gather", "gather*", "gathered", "multline", "multline*", "eqnarray", "eqnarray*",
        "displaymath", "math", "flalign", "flalign*", "subequations", "alignedat",
    )
)  # fmt: skip
SIZES = frozenset(
    (
        "left", "right", "big", "Big", "bigg", "Bigg", "bigl", "bigr", "Bigl", "Bigr", "biggl",
        "biggr", "Biggl", "Biggr", "bigm", "Bigm", "middle",
    )
)  # fmt: skip
SKIPS = ("kern", "mkern", "hskip", "mskip")  # with a length behind them
NOTHING = frozenset(
    (
        "displaystyle", "textstyle", "scriptstyle", "limits", "nolimits", ",", ":", ";", "!", " ",
        "notag", "nonumber", "normalfont", "bf", "rm", "it", "small", "normalsize", "large",
        "centering", "qedhere", "allowbreak", "nobreak", "mathstrut", "strut", "enspace",
        "thinspace", "medspace", "thickspace", "negthinspace", "rlap", "null", "/", "protect",
        "relax", "unskip", "(", ")", "[", "]", "hfill", "break", "noindent",
        "blacksquare", "square", "qed", "Box", "hfil", "displaylimits",
    )
)  # fmt: skip
BARS = {r"\vert": "|", r"\Vert": r"\|"}
GONE = frozenset(
    (
        "label", "tag", "tag*", "vspace", "color", "phantom", "vphantom",
        "hphantom", "ref", "eqref", "cite", "footnote", "checked", "require",
    )
)  # fmt: skip
OPENED = frozenset(("boxed", "ensuremath", "fbox", "bbox"))  # may hold whole equations
KEPT = frozenset(
    (
        "fwd", "bwd", "soft", "good", "underline",
        "smash", "mathopen", "mathclose", "cancel", "bcancel", "xcancel", "mathclap", "mathllap",
        "mathrlap", "clap", "llap",
    )
)  # fmt: skip
OLD_STYLES = {"rm": "mathrm", "bf": "mathbf", "it": "mathit", "cal": "mathcal", "sf": "mathsf"}
WORDS = frozenset(("why", "parbox"))  # a width, and words
RESIZED = {"shrunk": 1, "resizebox": 2, "scalebox": 1}  # sizes before a whole formula
PROSE = frozenset(("intertext", "shortintertext"))  # words between two rows
SECOND = frozenset(
    ("textcolor", "colorbox", "rule", "cancelto", "class", "style", "cssId")
)  # their second argument counts


def prepared(given: list[Token]) -> list[Token]:
    """The tokens that carry meaning; rows that go on with the one above are joined to it."""
    if not given:
        return []
    plain = numbered(upright(fractions(given)))
    cleaned = relations(_cleaned(Cursor(plain, given[-1].end)))
    return without_arguments(_joined(with_conditions(without_asides(cleaned))))


def _skipped(c: Cursor, token: Token) -> list[Token]:
    r"""Take the length behind \kern or \hskip: -1.5mu; a wide one stands between equations."""
    start = c.place
    while c.peek().kind == "digit" or c.peek().text in ("-", "."):
        c.next()
    c.place += 2  # the unit
    width = "".join(t.text for t in c.tokens[start : c.place])
    return [Token("command", r"\quad", token.start, c.last_end)] if _is_wide(width) else []


def _cleaned(c: Cursor) -> list[Token]:
    made: list[Token] = []
    while not c.done:
        token = c.next()
        name = token.text[1:] if token.kind == "command" else ""
        if name in ("text", "mbox", "textrm") and not token.raw.strip():
            continue  # a space
        if token.text == "\\\\" and _is_length(c):
            _optional(c)  # the height of the gap between two rows
        if token.text in BARS:
            token = replace(token, text=BARS[token.text])
        if token.text in ("$", "~", "&nbsp;") or (token.text == "." and c.peek().text == "*"):
            continue  # .* is written for the product entry by entry
        if name in SKIPS:
            made += _skipped(c, token)
        elif name in SIZES:
            made += _sized(c, name, token)
        elif name in ("begin", "end"):
            made += _frame(c, token)
        elif name.rstrip("*") == "hspace" and c.peek().text == "{":
            width = "".join(t.text for t in c.group().tokens)
            made += [Token("command", r"\quad", token.start, c.last_end)] if _is_wide(width) else []
        elif name in GONE:
            while c.peek().text == "[":
                _optional(c)
            if c.peek().text == "{":
                c.group()
        elif name in PROSE:
            c.group()
            made.append(Token("command", "\\\\", token.start, c.last_end))
        elif name in SECOND:
            while c.peek().text == "[":
                _optional(c)
            c.group()
        elif name in WORDS:
            while c.peek().text == "[":
                _optional(c)
            c.group()
            c.group()
        elif name in RESIZED:
            for _ in range(RESIZED[name]):
                c.group()
            inside = c.group()
            made += _cleaned(Cursor(inside.tokens, inside.stop.start))
        elif name in ("underbrace", "overbrace"):
            made += _braced(c)
            if c.peek().text in ("_", "^"):
                c.next()
                c.argument()
        elif name in ("overset", "stackrel", "underset"):
            script = c.argument().tokens
            made += _relation_alone(c) or _limited(c, "_" if name == "underset" else "^", script)
        elif name in ("mathbin", "mathrel", "mathop", "mathord") and c.peek().text == "{":
            inside = c.group()
            if word := _operator_word(inside):
                made.append(Token("command", r"\operatorname", token.start, c.last_end, word))
                continue
            body = relations(_cleaned(Cursor(inside.tokens, inside.stop.start)))
            left = Token("mark", "{", token.start, token.start)
            right = Token("mark", "}", c.last_end - 1, c.last_end)
            made += body if len(body) == 1 else [left, *body, right]
        elif token.text == "{" and c.peek().text[1:] in OLD_STYLES:
            c.place -= 1
            made += _old_style(c)
        elif name == "substack":  # rows of conditions below an operator, as a list
            inside = c.group()
            body = [_comma(t) if t.text == "\\\\" else t for t in inside.tokens]
            brace = Token("mark", "{", token.start, token.start)
            close = Token("mark", "}", inside.stop.start, inside.stop.end)
            made += [brace, *_cleaned(Cursor(body, inside.stop.start)), close]
        elif name in OPENED and c.peek().text in ("{", "["):
            while c.peek().text == "[":
                _optional(c)
            inside = c.group()
            made += _cleaned(Cursor(inside.tokens, inside.stop.start))
        elif name in KEPT and c.peek().text == "{":  # the group stands where its command does
            brace = c.next()
            made.append(brace.at(token.start, brace.end))
        elif name in KEPT or name in NOTHING:
            continue
        elif token.text == "}" and _is_empty(made):
            made.pop()
        elif token.text == "}" and (at := _equation(made)) is not None:
            made.pop(at)
        else:
            made.append(token)
    return made


def _relation_alone(c: Cursor) -> list[Token]:
    """The relation in braces that comes next, as in \\stackrel{def}{=}, without them."""
    if c.peek().text != "{" or c.peek(2).text != "}" or c.peek(1).text not in RELATIONS:
        return []
    return [t for t in c.group().tokens]


def _limited(c: Cursor, sign: str, script: list[Token]) -> list[Token]:
    r"""A large operator in braces with a limit that stands over or under it: \underset{w}{\min}."""
    inside = c.fork()
    body = relations(_cleaned(inside.group())) if c.peek().text == "{" else []
    operator = body[:1] and (body[0].text in BIG or body[0].raw.startswith("arg"))
    if not operator or any(t.text not in ("_", "^") for t in body[1:2]):
        return []
    start, c.place = c.peek().start, inside.place
    marks = [Token("mark", text, start, start) for text in (sign, "{", "}")]
    return [*body, *marks[:2], *_cleaned(Cursor(script, start)), marks[2]]


def _operator_word(inside: Cursor) -> str:
    """The name in letters that stands in the group: diag, {\\rm diag}."""
    letters = [t for t in inside.tokens if t.text != r"\rm"]
    word = "".join(t.text for t in letters)
    return word if len(word) > 1 and all(t.kind == "letter" for t in letters) else ""


def _is_length(c: Cursor) -> bool:
    """Whether a length in brackets comes next."""
    if c.peek().text != "[":
        return False
    text = ""
    for token in c.tokens[c.place + 1 : c.place + 10]:
        if token.text == "]":
            return re.fullmatch(r"-?\d*\.?\d+[a-z]{2}", text) is not None
        text += token.text
    return False


def _is_wide(width: str) -> bool:
    """Whether a space stands between statements, as a quad does, and not within one."""
    found = re.fullmatch(r"(\d*\.?\d+)(pt|em|ex|cm|mm|in)", width)
    points = {"pt": 1.0, "em": 10.0, "ex": 4.3, "cm": 28.5, "mm": 2.85, "in": 72.3}
    return found is not None and float(found[1]) * points[found[2]] >= 10


def _old_style(c: Cursor) -> list[Token]:
    r"""{\rm in} as {\mathrm{in}}."""
    inside = c.group()
    command, *rest = inside.tokens
    body = _cleaned(Cursor(rest, inside.stop.start))
    style = replace(command, text="\\" + OLD_STYLES[command.text[1:]])
    left = Token("mark", "{", command.start, command.start)
    right = Token("mark", "}", inside.stop.start, inside.stop.end)
    return [left, style, left, *body, right, right]


def _comma(token: Token) -> Token:
    return Token("mark", ",", token.start, token.end)


_APART = ("\\\\", r"\quad", r"\qquad")  # a group behind them is no argument


def _equation(made: list[Token]) -> int | None:
    """Where a group opens that closes now, if it is no argument and a whole equation is in it."""
    depth, relation = 0, False
    for k in range(len(made) - 1, -1, -1):
        text = made[k].text
        if text == "{" and not depth:
            before = made[k - 1] if k else made[k]
            taken = before.kind == "command" and before.text not in _APART
            alone = not k or not (taken or before.text in ("^", "_", "}"))
            return k if relation and alone else None
        depth += {"}": 1, "{": -1}.get(text, 0)
        relation = relation or (not depth and text in RELATIONS)
    return None


def _is_empty(made: list[Token]) -> bool:
    """Whether braces with nothing inside have just been opened, and are no argument."""
    if not made or made[-1].text != "{":
        return False
    if len(made) == 1 or made[-2].text in (r"\quad", r"\qquad", "\\\\"):
        return True
    return made[-2].kind != "command" and made[-2].text not in ("^", "_", "}")


def _braced(c: Cursor) -> list[Token]:
    start = c.place
    c.argument()
    inside = c.tokens[start : c.place]
    return _cleaned(Cursor(inside, c.last_end))


def _optional(c: Cursor) -> None:
    while not c.done and c.next().text != "]":
        pass


def _sized(c: Cursor, name: str, token: Token) -> list[Token]:
    """A fence without its size; bars say on which side they stand."""
    fence = c.peek()
    if fence.text == ".":
        c.next()
        return []
    if name == "left" and fence.text == r"\{" and _open_ended(c):
        c.next()
        return []
    left, right = name.endswith("l") or name == "left", name.endswith("r") or name == "right"
    bars = {"|": "vert", r"\|": "Vert", r"\vert": "vert", r"\Vert": "Vert"}
    if fence.text in bars and (left or right):
        c.next()
        side = "\\l" if left and name != "right" else "\\r"
        return [Token("command", side + bars[fence.text], token.start, fence.end)]
    if fence.kind == "mark" and fence.text in "()[]|/":  # it stands where its size begins
        return [c.next().at(token.start, fence.end)]
    return []


def _open_ended(c: Cursor) -> bool:
    r"""Whether the fence that comes next is closed by \right. alone."""
    depth = 0
    for k in range(c.place, len(c.tokens)):
        text = c.tokens[k].text
        if text == r"\right" and not depth:
            return c.tokens[k + 1 : k + 2] != [] and c.tokens[k + 1].text == "."
        depth += {r"\left": 1, r"\right": -1}.get(text, 0)
    return False


def _frame(c: Cursor, token: Token) -> list[Token]:
    """The frame of a display goes; other environments stay."""
    place = c.place
    name = "".join(t.text for t in c.group().tokens)
    if name not in FRAMES:
        c.place = place
        return [token]
    if name.startswith("alignat") or name == "alignedat":
        if token.text == r"\begin" and c.peek().text == "{":
            c.group()
    elif token.text == r"\begin" and c.peek().text == "[":
        _optional(c)
    return [Token("command", "\\\\", token.start, token.end)]


def _joined(tokens: list[Token]) -> list[Token]:
    """Without the ends of rows that go on; every second mark of alignment begins an equation."""
    made: list[Token] = []
    marks = deep = fences = 0
    for k, token in enumerate(tokens):
        deep += {r"\begin": 1, r"\end": -1}.get(token.text, 0)
        fences += {"(": 1, "[": 1, "{": 1, ")": -1, "]": -1, "}": -1}.get(token.text, 0)
        if deep:
            made.append(token)
        elif token.text == "&":
            marks += 1
            if marks % 2 == 0 and made and made[-1].text not in RELATIONS:
                made.append(Token("command", r"\qquad", token.start, token.end))
        elif token.text == "\\\\" and (fences > 0 or _goes_on(tokens, k + 1) or _hangs(made)):
            marks = 0
            while made and made[-1].text in (",", r"\quad", r"\qquad"):
                made.pop()
        elif token.text in (r"\quad", r"\qquad") and (fences > 0 or _begins(tokens, k)):
            continue
        else:
            marks = 0 if token.text == "\\\\" else marks
            made.append(token)
    return made


def _hangs(made: list[Token]) -> bool:
    """Whether the row above ends with an operator."""
    if not made:
        return False
    text = made[-1].text
    return text in ("+", "-", "/") or text in PRODUCTS or RELATIONS.get(text) == "="


def _begins(tokens: list[Token], k: int) -> bool:
    """Whether nothing but alignment stands between the place and the row above that goes on."""
    while k >= 0 and tokens[k].text in ("&", r"\quad", r"\qquad"):
        k -= 1
    return k >= 0 and tokens[k].text == "\\\\" and _goes_on(tokens, k + 1)


BETWEEN = ("&", r"\quad", r"\qquad", "{", "}", "\\\\")  # of rows that go on


def _goes_on(tokens: list[Token], k: int) -> bool:
    """Whether the row that begins at k continues the one above."""
    while k < len(tokens) and tokens[k].text in BETWEEN:
        if tokens[k].text == "{" and tokens[k + 1 : k + 2] and tokens[k + 1].text != "}":
            break
        k += 1
    if k >= len(tokens):
        return False
    if tokens[k].text in RELATIONS or tokens[k].text in PRODUCTS:
        return True
    return tokens[k].text in ("+", "-") and not _has_relation(tokens, k)


def _has_relation(tokens: list[Token], k: int) -> bool:
    depth = 0
    while k < len(tokens) and (depth or tokens[k].text != "\\\\"):
        text = tokens[k].text
        depth += {"{": 1, "(": 1, "[": 1, r"\begin": 1}.get(text, 0)
        depth -= {"}": 1, ")": 1, "]": 1, r"\end": 1}.get(text, 0)
        if depth == 0 and text in RELATIONS:
            return True
        k += 1
    return False
