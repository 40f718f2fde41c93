"""What the words of a sheet say of its signs: "the learning rate $\\alpha$", "$h$ is hidden"."""

from __future__ import annotations

import re
from dataclasses import dataclass

from derive.reading.latex_macros import Macros
from derive.sheets.sheet import Formula, Part, Prose
from derive.sheets.statements import Written, only_name, statements

#: Role -> the words for it, the more special ones first.
WORDS: tuple[tuple[str, str], ...] = (
    ("learning_rate", r"learning[- ]rate|step[- ]size"),
    ("activation_function", r"activation function|non-?linearity|squashing function|"
                            r"transfer function"),
    ("preactivation", r"pre-?activations?|weighted (?:sum|input)s?|net(?:work)? inputs?|logits?|"
                      r"linear outputs?|total input"),
    ("size", r"number of (?:training |data )?(?:examples|samples|instances|points)|"
             r"(?:mini-?)?batch size|size of the (?:mini-?)?batch"),
    ("letter", r"regulari[sz]\w+ (?:parameter|strength|constant|coefficient)|weight decay|"
               r"momentum|number of (?:units|neurons|layers|classes|outputs|inputs)"),
    ("target", r"targets?|labels?|ground[- ]truth|desired (?:output|value|response)s?|"
               r"true (?:class|output|value|label|distribution)|one-hot|teacher|"
               r"expected outputs?"),
    ("output", r"predictions?|predicted|(?:network|model|final)(?:'s)? outputs?|"
               r"outputs? of the (?:network|net|model|output (?:layer|units?))|estimates?|"
               r"class probabilities|output probabilities"),
    ("delta", r"error (?:terms?|signals?)|local gradients?|sensitivit\w+|deltas?"),
    ("loss", r"loss(?: function)?|costs?(?: function)?|error function|objective|criterion|"
             r"(?:squared|total) error|energy"),
    ("bias", r"bias(?:es)?(?: vectors?| terms?)?|thresholds?|offsets?"),
    ("weight", r"weights?(?: matri\w+)?|connection strengths?"),
    ("activation", r"hidden (?:activations?|units?|layer|values?|representation|states?|vector)|"
                   r"activations?|outputs? of (?:the )?(?:unit|neuron|layer|hidden)"),
    ("input", r"inputs?(?: vectors?| features?)?|features?"),
    ("output", r"outputs?(?: vectors?)?"),
)  # fmt: skip
_WORDS = [(role, re.compile(rf"\b(?:{pattern})\b", re.IGNORECASE)) for role, pattern in WORDS]
_IS = re.compile(
    r"^\s*(?:\(|\||[,:]?\s*(?:is|are|be|denotes?|denoting|represents?|stands? for|means?|for|as|"
    r"the|being|contains?|holds?)\b)",
    re.IGNORECASE,
)
_LAYER = re.compile(r"\s*,?\s*(?:is|as|be|the|,|\s)*\b(?:input|output|hidden|last|first)\W+layer",
                    re.IGNORECASE)  # fmt: skip
_IN_LAYER = re.compile(r"\b(?:in|of|for|at|to|from|into|by|above|below) layers?\W*$", re.IGNORECASE)
_ENDS = re.compile(r"[.;|]|\b(?:and|where|with|while|which|so|then|but)\b", re.IGNORECASE)


@dataclass(frozen=True)
class Said:
    """A name and the role that words give it."""

    name: Written
    role: str
    hidden: bool = False


def legend(parts: tuple[Part, ...], macros: Macros) -> list[Said]:
    """What the prose around single names says of them."""
    found: list[Said] = []
    for k, part in enumerate(parts):
        if not isinstance(part, Formula) or part.display or part.language != "latex":
            continue
        name = _single(part, macros)
        if name is None:
            continue
        behind = _words(parts, k + 1)
        before = _words(parts, k - 1)
        if re.search(r"\blayers?\W*$", before, re.IGNORECASE) and _LAYER.match(behind):
            continue  # layer L_1 is the input layer
        if _IN_LAYER.search(before):
            continue  # in layer h the bias is a threshold
        said = _behind(behind) or _before(before)
        if said:
            role, words = said
            found.append(Said(name, role, "hidden" in words.lower()))
    return found


def _single(part: Formula, macros: Macros) -> Written | None:
    made = statements(part, macros)
    if len(made) == 1 and (len(made[0].members) == 1 or made[0].relations[0] == "in"):
        return only_name(made[0].members[0])
    return None


def _words(parts: tuple[Part, ...], k: int) -> str:
    part = parts[k] if 0 <= k < len(parts) else None
    return part.text if isinstance(part, Prose) else ""


def _behind(text: str) -> tuple[str, str] | None:
    """ "... is the learning rate": the first words for a role in the clause."""
    found = _IS.match(text)
    if found is None:
        return None
    clause = _ENDS.split(text[found.end() :], maxsplit=1)
    words = " ".join((found.group().lstrip(" (|,:") + " " + clause[0]).split()[:10])
    role = role_of(words)
    return (role, words) if role else None


def _before(text: str) -> tuple[str, str] | None:
    """ "the learning rate ...": words for a role that end the text."""
    words = " ".join(text.split()[-4:])
    best: tuple[int, str] | None = None
    for role, pattern in _WORDS:
        for found in pattern.finditer(words):
            if re.fullmatch(r"[\s,:(]*(?:vector|matrix|value|function|is|as|by)?[\s,:(]*",
                            words[found.end() :]):  # fmt: skip
                best = min(best or (99, ""), (found.start(), role))
    return (best[1], words) if best else None


def role_of(words: str) -> str:
    """The role that words name, or ""."""
    for role, pattern in _WORDS:
        if pattern.search(words):
            return role
    return ""
