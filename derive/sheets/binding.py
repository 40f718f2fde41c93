"""Signs that a sheet binds: only where the notation does not read them so already."""

from __future__ import annotations

from derive.reading.own import Bound
from derive.reading.scope import Scope
from derive.sheets.findings import Key, Signs

UNITS = ("input", "output", "preactivation", "activation", "target", "delta", "error")


def put(made: dict[Key, Bound], key: Key, bound: Bound, base: Scope) -> None:
    """Bind a sign, unless the notation has it in this role or in one that goes before."""
    sign = key[0]
    roles = {m.role for m in base.meanings(sign)}
    if bound.label is None and not key[1] and known(base, key, bound.role):
        return
    if "own" in roles or (roles == {"output"} and bound.role == "activation"):
        return  # the network's own array, and the output by its own letter
    if bound.role in ("weight", "bias") and roles & {"input", "target"}:
        return  # x W and W x: what stands beside it is the weight
    computed = bound.role in ("weight", "bias", "preactivation", "activation")
    if key[1] and bound.role in roles and bound.role in UNITS and len(key[1]) <= 3:
        return  # letters of indices
    if computed and (roles & {"delta", "error"} or sign in base.profile.functions.values()):
        return
    made.setdefault(key, bound)


def known(base: Scope, key: Key, role: str) -> bool:
    """Whether the notation reads the sign in this role."""
    roles = {m.role for m in base.meanings(key[0])}
    if role in ("input", "output"):
        return roles == {role}
    return role in roles or (role == "activation" and roles == {"output"})


def form(key: Key, role: str, signs: Signs) -> str:
    """Capital letters without indices are whole batches, where the input is one."""
    return "batch" if role in UNITS and key[0].letter[:1].isupper() and is_whole(key, signs) else ""


def is_whole(key: Key, signs: Signs) -> bool:
    """Whether a sign stands without indices everywhere."""
    row = (signs.sample or "n",)  # S_n: a row of S
    uses = [n for n in signs.names if n.key == key and n.indices != row]
    return not any(n.indices and not (signs.below and n.below.isdigit()) for n in uses)
