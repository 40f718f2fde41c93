"""How a writer spells things that can be spelled in several ways, learned from what is written."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from derive.reading.latex_tokens import Unreadable, tokens
from derive.reading.tree import Applied, Entry, Node, walk
from derive.writing.profile import Profile

_TRANSPOSE = re.compile(
    r"\^\{?[^{}]*?(\\top|\\intercal|\\trans\b|\\(?:mathsf|mathrm|mathbf|mathit|text|mathtt)\{T\}|T)"
)
_LETTER_L = re.compile(r"(?<![A-Za-z\\])l(?![A-Za-z])")
_SCRIPT = re.compile(r"[_^](\{)?")
_WORD = re.compile(
    r"\^\s*\{?\s*\(\s*(?:(\\[a-z]+)\s*\{)?(?:[a-z]{2,}\d?|[a-z]\d)\}?\s*\)"
)  # ^{(out)}
_PARTIAL = re.compile(r"\\[dt]?frac\s*\{\s*(\\partial|d|\\mathrm\{d\}|\\text\{d\})[\s^}\\A-Z]")


@dataclass(frozen=True)
class Spelling:
    """One choice for everything that can be written in several ways with the same meaning."""

    signs: Mapping[tuple[str, str], str] = field(default_factory=dict)  # (role, form) -> LaTeX
    functions: Mapping[str, str] = field(default_factory=dict)  # name of a function -> LaTeX
    partial: str = r"\partial"
    transpose: str = r"\top"
    labels_in_parentheses: bool = True
    dotted: bool = False  # the slope of a function by a dot, else by a prime
    exponential: bool = True  # e to the power, else \exp
    slash: bool = False  # a quotient by a slash where both parts are short
    sized: bool = True  # tall parentheses around tall things
    braces: bool = True  # around a script of one sign
    commas: bool = False  # between indices
    sampled: bool = False  # a comma between the sample and an index
    star: str = "*"  # the sign "ast"
    entrywise: str = r"\odot"  # in the exponent of an entrywise power
    layers: Mapping[str, str] = field(default_factory=dict)  # base of a label -> its letter
    word: str = r"\mathit"  # the style of a layer's name of several letters
    step: str = "n"  # the letter of an iteration


def usual(profile: Profile) -> Spelling:
    """The spelling of a notation's own printer."""
    writing = profile.writing
    return Spelling(
        functions={"log": r"\ln" if writing["log"] == "ln" else r"\log"},
        transpose=r"\top" if writing["transpose"] == "top" else r"\mathsf{T}",
        labels_in_parentheses=profile.labels.form == "parentheses",
        dotted=writing["slope"] == "dot",
        exponential=writing["exponential"] == "power",
        commas=writing["separator"] == "comma",
        entrywise=r"\odot" if writing["hadamard"] == "odot" else r"\circ",
    )


def learned(text: str, read: Node, spelling: Spelling) -> Spelling:
    """The spelling of `text`, which was read as `read`; what it does not show stays as it is."""
    return replace(_by_names(text, read, spelling), **by_pattern(text))


def by_pattern(text: str) -> dict[str, Any]:
    """What the text shows without being read."""
    made: dict[str, Any] = {}
    if found := _TRANSPOSE.search(text):
        made["transpose"] = found[1]
    if found := _PARTIAL.search(text):
        made["partial"] = found[1]
    scripts = _SCRIPT.findall(text)
    if scripts:
        made["braces"] = all(scripts)
    if r"\exp" in text:
        made["exponential"] = False
    elif re.search(r"\be\s*\^", text):
        made["exponential"] = True
    if "/" in text and "frac" not in text:
        made["slash"] = True
    if r"\left" not in text and re.search(r"[(\[][^()]*\\(frac|sum)", text):
        made["sized"] = False
    if found := _WORD.search(text):
        made["word"] = found[1] or ""
    if r"\ast" in text:
        made["star"] = r"\ast"
    if found := re.search(r"\^\{?\s*(\\odot|\\circ)", text):
        made["entrywise"] = found[1]
    if found := re.search(r"\((t|n|\\tau)\s*[+-]?\s*1?\)", text):
        made["step"] = found[1]
    elif "(0)" in text:
        made["step"] = "0"
    return made


def _by_names(text: str, read: Node, spelling: Spelling) -> Spelling:
    """What the names in the text show: their signs, labels, separators, slopes."""
    signs, functions = dict(spelling.signs), dict(spelling.functions)
    layers = dict(spelling.layers)
    found: dict[str, bool] = {}
    for node in walk(read):
        source = text[node.span[0] : node.span[1]]
        if isinstance(node, Entry) and (sign := sign_of(source)) is not None:
            signs.setdefault((node.role, node.form), sign)
            if node.label is not None and node.label.base == "l" and _LETTER_L.search(source):
                layers.setdefault("l", "l")
            if node.label is not None and not node.assumed:
                found.setdefault("labels_in_parentheses", "(" in source)
            if len(node.places) > 1:
                found.setdefault("commas", "," in source)
            elif node.places and node.sample is not None:
                found.setdefault("sampled", "," in source)
        if isinstance(node, Applied):
            head = text[node.function.span[0] : node.function.span[1]]
            if (sign := sign_of(head)) is not None:
                dotted = re.match(r"\\d?dot\s*\{(.*)\}$", sign)
                functions[node.function.name] = dotted[1] if dotted else sign
                if node.order:
                    found.setdefault("dotted", dotted is not None)
    made = replace(spelling, signs=signs, functions=functions, layers=layers)
    return replace(made, **found)  # type: ignore[arg-type]


def sign_of(source: str) -> str | None:
    """The sign at the start of a name, without its scripts; None where it stands in braces."""
    try:
        made = tokens(source)
    except Unreadable:
        return None
    depth = 0
    for token in made:
        depth += {"{": 1, "}": -1}.get(token.text, 0)
        if not depth and token.text in ("_", "^", "'", "("):
            return source[: token.start].strip() or None
    return source.strip() or None if made and made[0].text != "{" else None
