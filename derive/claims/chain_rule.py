"""The chain rule over several quantities: each derivative holds the other quantities fixed.

In dL/dx = dL/dm dm/dx + dL/dv dv/dx + dL/dh dh/dx the loss is a function of m, v and h, so dv/dx is
that of the equation that defines v, with m at rest, although m depends on x.
"""

from __future__ import annotations

from derive.algebra.symbols import Tensor
from derive.claims.numbers import NoLayer, Outside
from derive.claims.places import Located, NoValue
from derive.reading.tree import Derivative, Entry, Minus, Node, Plus, Times, Total

LOSSES = ("loss", "objective")
ERRORS = ("delta", "error")
Held = tuple[frozenset[Tensor], ...]


def held_fixed(here: Located, node: Plus) -> Held | None:
    """For each term of a sum what rests while it is differentiated; None where it is no such sum.

    >>> from derive.claims.values import Setting
    >>> from derive.claims.world import World
    >>> from derive.profiles import profile
    >>> from derive.reading.network import scope_of
    >>> from derive.reading.reader import read
    >>> from derive.derivation import derive
    >>> made = derive({"name": "n", "input": 3, "layers": [{"kind": "layer_norm"}],
    ...                "loss": "squared_error"})
    >>> scope = scope_of(made, profile("columns"))
    >>> text = r"0 = \\frac{\\partial C}{\\partial v^{(1)}}"
    >>> text += r"\\frac{\\partial v^{(1)}}{\\partial m^{(1)}}"
    >>> text += r"+ \\sum_k \\frac{\\partial C}{\\partial h_k^{(1)}}"
    >>> claim = read(text + r"\\frac{\\partial h_k^{(1)}}{\\partial m^{(1)}}", scope).claims[0]
    >>> found = held_fixed(Setting(World(made.network), scope), claim.rhs)
    >>> [[str(t) for t in held] for held in found]
    [['h1'], ['v1']]
    """
    links: list[Tensor] = []
    for arg in node.args:
        link = _link(here, _factors(arg))
        if link is None:
            return None
        links.append(link)
    through = frozenset(links)
    return tuple(through - {link} for link in links) if len(through) > 1 else None


def _factors(node: Node) -> list[Node]:
    """The factors of a term, within its sums."""
    match node:
        case Minus():
            return _factors(node.arg)
        case Total(kind="sum"):
            return _factors(node.body)
        case Times():
            return [factor for arg in node.args for factor in _factors(arg)]
    return [node]


def _link(here: Located, factors: list[Node]) -> Tensor | None:
    """The quantity by which the loss is differentiated, and which is differentiated itself."""
    errors: set[Tensor] = set()
    moved: set[Tensor] = set()
    for factor in factors:
        try:
            match factor:
                case Derivative(of=Entry() as of, by=(Entry() as by,)):
                    loss = of.role in LOSSES
                    (errors if loss else moved).add(here.tensor(by if loss else of))
                case Entry() if factor.role in ERRORS or factor.barred:
                    errors.add(here.tensor(factor))
        except (NoLayer, NoValue, Outside):
            continue
    both = errors & moved
    return both.pop() if len(both) == 1 else None
