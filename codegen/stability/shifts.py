"""Where the maximum of a row need not be subtracted: softmax is the same for every shift.

In g = a - max a any number may stand for the maximum where g is read only as

    e = exp(g),    e / sum(e),    log(sum(e)),    g - log(sum(e)).
"""

from __future__ import annotations

from collections.abc import Sequence

from codegen.lowering.nodes import Node, walk


def shiftable(roots: Sequence[Node]) -> frozenset[Node]:
    """The nodes a - max a whose shift changes nothing, where a is read by nothing else."""
    users: dict[Node, set[Node]] = {}
    for item in walk(*roots):
        for arg in item.args:
            users.setdefault(arg, set()).add(item)
    outer = set(roots)
    return frozenset(
        item for item in walk(*roots) if _centred(item, users) and _invariant(item, users, outer)
    )


def _centred(item: Node, users: dict[Node, set[Node]]) -> bool:
    """a - max a over the last of two axes, with a named array a that has no other reader."""
    if item.op != "sub" or item.args[1].op != "expand" or item.rank != 2:
        return False
    a, top = item.args[0], item.args[1].args[0]
    own = top.op == "max" and top.args == (a,) and top.detail == (1,)
    return own and a.op == "array" and users[a] == {item, top}


def _invariant(gap: Node, users: dict[Node, set[Node]], outer: set[Node]) -> bool:
    if gap in outer:
        return False
    for user in users.get(gap, ()):
        if user.op == "exp":
            if user in outer or not _normalised(user, users, outer):
                return False
        elif not (user.op == "sub" and user.args[0] is gap and _log_sum(user.args[1], gap)):
            return False
    return True


def _log_sum(item: Node, gap: Node) -> bool:
    """log(sum(exp(gap))), spread over the row."""
    log = item.args[0] if item.op == "expand" else item
    total = log.args[0] if log.op == "log" else log
    return (
        log.op == "log"
        and total.op == "sum"
        and total.args[0].op == "exp"
        and (total.args[0].args[0] is gap and total.detail == (1,))
    )


def _normalised(e: Node, users: dict[Node, set[Node]], outer: set[Node]) -> bool:
    """Whether e is read only as e / sum(e), and sum(e) only there and in its logarithm."""
    totals = [u for u in users.get(e, ()) if u.op == "sum" and u.detail == (1,)]
    ratios = [u for u in users.get(e, ()) if u.op == "div" and u.args[0] is e]
    if len(totals) != 1 or len(totals) + len(ratios) != len(users[e]) or totals[0] in outer:
        return False
    spread = [u for u in users[totals[0]] if u.op == "expand"]
    others = [u for u in users[totals[0]] if u.op != "expand"]
    below = {u for s in spread for u in users[s]}
    return below <= set(ratios) and all(u.op == "log" for u in others)
