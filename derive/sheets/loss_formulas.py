r"""The formula that a sheet gives for its loss, as a spec writes it: max(0, 1 - y*o).

What is made of outputs and targets alone can be written so.  Sums over the outputs fall away,
since a loss is the formula of one output.
"""

from __future__ import annotations

from derive.algebra.symbols import Label
from derive.formulas.formula import FUNCTIONS
from derive.reading.tree import (
    Applied,
    Bars,
    Entry,
    Minus,
    Node,
    Norm,
    Num,
    Over,
    Plus,
    Power,
    Root,
    Times,
    Total,
)


def loss_formula(node: Node, last: Label | None, plain: bool) -> str | None:
    """A formula in o and y; `last`: the last layer, `plain`: whether it has no activation."""
    outputs = ("output", "activation", *(("preactivation",) if plain else ()))

    def all_of(nodes: tuple[Node, ...], between: str, fenced: bool = True) -> str | None:
        made = [text(n) for n in nodes]
        if None in made:
            return None
        loose = (Plus, Minus, Over, Times, Power) if between in ("/", "**") else (Plus, Minus, Over)
        return between.join(
            f"({m})" if fenced and isinstance(n, loose) else str(m)
            for n, m in zip(nodes, made, strict=True)
        )

    def text(node: Node) -> str | None:
        match node:
            case Num():
                whole = node.value.denominator == 1 and node.value >= 0
                return f"{node.value}" if whole else f"({node.value})"
            case Entry(role="target"):
                return "y"
            case Entry() if node.role in outputs and node.label in (None, last):
                return "o"
            case Plus():
                made = all_of(node.args, " + ", fenced=False)
                return made and made.replace("+ -", "- ")
            case Minus():
                made = all_of((node.arg,), "")
                return made and f"-{made}"
            case Times():
                return all_of(node.args, "*")
            case Over():
                return all_of((node.above, node.below), "/")
            case Power():
                return all_of((node.base, node.exponent), "**")
            case Applied() if node.function.name in FUNCTIONS and not node.order:
                made = all_of(node.args, ", ", fenced=False)
                return made and f"{node.function.name}({made})"
            case Bars() | Root():
                made = text(node.arg)
                return made and f"{'abs' if isinstance(node, Bars) else 'sqrt'}({made})"
            case Norm():
                return f"({made})" if (made := text(node.arg)) else None  # squared, it is a sum
            case Total(kind="sum"):
                return f"({made})" if (made := text(node.body)) else None
            case _:
                return None

    return text(node)
