"""The short forms of a spec: a layer, and a whole network, in one line.

    dense 2 sigmoid          units, then the activation: a name or a formula in s; `dense` may go
    conv 8 5 relu            channels, kernel (3x5 for two different axes), activation
    max_pool 2               kernel; so does avg_pool
    dropout 0.5              rate
    flatten, layer_norm, batch_norm

Any other field follows as key=value, and so does an option of the activation:
`conv 8 3 leaky_relu slope=0.2 stride=2 padding=same`.  A network is `input > layer > ... : loss`,
where the input is a size or 1x28x28, the loss a name, a formula or `likelihood gaussian`, and other
fields of the network follow as key=value: `2 > 3 tanh > 1 : huber delta=2 weight_decay=0.01`.
"""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Any

from derive.errors import SpecError, listed, shown, suggestion
from derive.network.choices import ACTIVATIONS, LOSSES
from derive.network.values import SIZE_NAME

_POSITIONS: dict[str, tuple[str, ...]] = {
    "dense": ("units", "activation"),
    "conv": ("channels", "kernel", "activation"),
    "max_pool": ("kernel",),
    "avg_pool": ("kernel",),
    "flatten": (),
    "layer_norm": (),
    "batch_norm": (),
    "dropout": ("rate",),
}
LONGEST_LINE = 20_000
EXAMPLE = "2 > 3 tanh > 1 sigmoid : binary_cross_entropy"


def is_one_line(text: str) -> bool:
    """Whether a text can only be meant as a one-line network.

    >>> is_one_line("2 > 1 : squared_error"), is_one_line('title = "a > b"')
    (True, False)
    """
    start, sign, _ = text.strip().partition(">")
    plain = re.fullmatch(r"[A-Za-z0-9_\s\[\](),*-]+", start[:200]) is not None
    return bool(sign) and plain and "\n" not in text.strip()


def expand_network(text: str) -> dict[str, Any]:
    """The mapping that a one-line network stands for."""
    text = text.strip()
    if len(text) > LONGEST_LINE:
        raise SpecError(
            f"found {len(text)} characters, expected at most {LONGEST_LINE} on one line"
        )
    parts = _split(text.replace("->", ">"), ":")
    if len(parts) != 2 or not parts[1].strip():
        raise SpecError(f"expected one colon and the loss behind it, as in {EXAMPLE}")
    shape, *layers = (part.strip() for part in _split(parts[0], ">"))
    if not layers or not all(layers):
        raise SpecError(f"expected layers between the signs >, as in {EXAMPLE}")
    loss, fields = _loss(parts[1].strip())
    return {"input": _value(shape.strip("[]() ")), "layers": layers, **loss, **fields}


def expand_layer(text: str) -> dict[str, Any]:
    """The mapping that a layer in one line stands for."""
    words = _split(text, " \t\n")
    pairs, words = [w for w in words if _PAIR.match(w)], [w for w in words if not _PAIR.match(w)]
    if not words:
        raise SpecError(f'found {shown(text)}, expected a layer such as "dense 2 sigmoid"')
    kind = words.pop(0)
    if kind not in _POSITIONS:
        kind = _implied_kind(kind, words)
    fields: dict[str, Any] = {"kind": kind}
    for position in _POSITIONS[kind]:
        if position == "activation":
            taken, words = " ".join(words), []
            if taken:
                fields[position] = taken
        elif words:
            fields[position] = _value(words.pop(0))
    if words:
        raise SpecError(f"found {shown(words[0])} after {kind}, expected no more, or key=value")
    return _with_pairs(fields, pairs)


def _implied_kind(word: str, words: list[str]) -> str:
    """`2 sigmoid` is a dense layer; its size goes back to the words."""
    if word in ("residual", "equations"):
        raise SpecError(f"a layer of the kind {word} has no short form; write it as a table")
    if not (SIZE_NAME.fullmatch(word) or re.fullmatch(r"-?[\d.]+", word)):
        near = suggestion(word, [*_POSITIONS, "residual", "equations"])
        raise SpecError(f"found {shown(word)}, expected {listed(_POSITIONS)} or a size{near}")
    words.insert(0, word)
    return "dense"


_PAIR = re.compile(r"[a-z_]+=[^=]", re.ASCII)


def _with_pairs(fields: dict[str, Any], pairs: list[str]) -> dict[str, Any]:
    """The fields with the key=value words; an option of the activation goes into its table."""
    options = {}
    for pair in pairs:
        key, _, written = pair.partition("=")
        if key in options or (key in fields and key != "kind"):
            raise SpecError(f"{key} is given twice")
        if key in ACTIVATIONS.get(fields.get("activation", ""), {}):
            options[key] = _value(written)
        else:
            fields[key] = _value(written)
    if options:
        fields["activation"] = {"name": fields["activation"], **options}
    return fields


def _loss(text: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """The loss and the other fields of the network behind the colon."""
    words = _split(text, " \t")
    pairs = [w.partition("=")[::2] for w in words if _PAIR.match(w)]
    words = [w for w in words if not _PAIR.match(w)]
    if len(words) == 2 and words[0] == "likelihood":
        return {"likelihood": words[1]}, {key: _value(value) for key, value in pairs}
    name = " ".join(words)
    known = LOSSES.get(name, {})
    options = {key: _value(value) for key, value in pairs if key in known}
    fields = {key: _value(value) for key, value in pairs if key not in known}
    if not name:
        return {}, fields
    return {"loss": {"name": name, **options} if options else name}, fields


def _value(text: str) -> Any:
    """A number, true or false, a list such as 1x28x28, or a word."""
    if re.fullmatch(r"-?\d{1,100}", text, re.ASCII):
        return int(text)
    if re.fullmatch(r"-?(\d+\.?\d*|\.\d+)(e-?\d{1,4})?", text[:100], re.ASCII):
        return Decimal(text[:100])
    if text in ("true", "false"):
        return text == "true"
    parts = re.split(r"\s*[x,*]\s*", text)
    if len(parts) > 1 and all(
        re.fullmatch(r"\d{1,9}|[A-Za-z]\w*", part, re.ASCII) for part in parts
    ):
        return [_value(part) for part in parts]
    return text


def _split(text: str, separators: str) -> list[str]:
    """The parts between the separators that stand outside parentheses and brackets."""
    parts, depth = [""], 0
    for character in text:
        depth += (character in "([{") - (character in ")]}")
        if character in separators and depth == 0:
            parts.append("")
        else:
            parts[-1] += character
    return [part for part in parts if part] if " " in separators else parts
