"""The loss of a step: Python arithmetic on the results of dot products.

These become Python numbers at once: arithmetic with NumPy's scalars takes three times as long.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

from codegen.emitting.calls import Calls, Op
from codegen.emitting.faster import Linear, total
from codegen.emitting.makers import CONSTANTS
from codegen.emitting.python import PRODUCT, Printer, literal
from codegen.lowering.nodes import (
    Node,
    array,
    node,
    number,
    real,
    reduce,
    ufunc,
    value_of,
    walk,
)

Named = Sequence[tuple[str, Node]]
SCALAR = {"add": "+", "sub": "-", "mul": "*", "div": "/"}


def assign_loss(
    calls: Calls, objective: Node, comment: str, forward: Named, backward: Sequence[Node]
) -> None:
    """The loss as a number; then, whether the targets are such as the derivation needs."""
    calls._comment = comment
    calls.line(f"loss = {scalar(calls, objective)}")
    calls._comment = ""
    if calls.plan.program.sum_to_one:
        _check_sums(calls, forward, backward)
    calls.lines.append("if loss - loss != 0:  # not finite: see whether the targets are to blame")
    calls.lines.append("    _targets(y, n, dtype)")


def _check_sums(calls: Calls, forward: Named, backward: Sequence[Node]) -> None:
    """Targets whose rows do not sum to 1 are refused before anything is changed."""
    program = calls.plan.program
    target = array(str(program.target), ("N", *program.shapes[program.target]))
    whole = _whole_rows(forward)
    errors = (item for item in walk(*backward) if item.op == "sub" and item.args[1] is target)
    error = next((e for e in errors if e.args[0] in whole), None)
    if error is None:
        deviation = ufunc("sub", reduce("sum", target, (1,)), number(1))
    else:  # o - y, whose rows sum to 0 as those of o sum to 1
        deviation = reduce("sum", error, (1,))
    sums = calls.array(deviation)
    dot = calls.bind(f"{sums}_dot", f"{sums}.dot")
    calls.ops.append(Op(sums, (sums,)))
    room = calls.bind("tolerance", "n * float(np.finfo(dtype).eps)")
    calls.line(f"if float({dot}({sums})) > {room}:")
    calls.line("    _targets(y, n, dtype)")


def _whole_rows(forward: Named) -> set[Node]:
    """The results whose rows sum to 1 as they are computed: e / sum of e."""
    made: set[Node] = set()
    for name, item in forward:
        if item.op == "div" and item.args[1].op == "expand":
            (total,) = item.args[1].args
            if total is reduce("sum", item.args[0], (1,)):
                made.add(array(name, item.shape))
    return made


def scalar(calls: Calls, item: Node) -> str:
    """An expression without axes as Python arithmetic on the results of dot products."""
    if (value := value_of(item)) is not None:
        return literal(value)
    if item.op == "size":
        return "n"
    if item.op in SCALAR:
        left, right = (scalar(calls, a) for a in item.args)
        return f"({left} {SCALAR[item.op]} {right})"
    if item.op == "neg":
        return f"-{scalar(calls, item.args[0])}"
    assert item.op == "sum", f"a number made by {item.op}"
    program = calls.plan.program
    target = array(str(program.target), ("N", *program.shapes[program.target]))
    (arg,) = item.args
    if program.exact and arg.shape:  # term by term, as the samples' losses are
        return _part(
            calls, node("dot*", real(arg), node("ones", detail=arg.shape, shape=arg.shape))
        )
    return _combination(calls, total(arg, target, arg.shape, program.sum_to_one))


def _combination(calls: Calls, parts: Linear) -> str:
    terms = []
    for item, c in _joined(parts).items():
        text = _part(calls, item)
        terms.append(text if c == 1 else f"-{text}" if c == -1 else f"{literal(c)} * {text}")
    return f"({' + '.join(terms).replace('+ -', '- ')})" if terms else "0.0"


def _joined(parts: Linear) -> Linear:
    """Sums of whole arrays of one shape as one sum: a call that subtracts takes less than a sum."""
    made: Linear = {}
    together: dict[Node, Node] = {}  # ones, and the terms summed with them
    for item, c in sorted(parts.items(), key=lambda part: part[1] < 0):  # positive ones first
        ones = item.args[1] if item.op == "dot*" and item.args[1].op == "ones" else None
        if ones is None or abs(c) != 1 or (c < 0 and ones not in together):
            made[item] = c
        elif ones in together:
            both = together[ones], item.args[0]
            together[ones] = ufunc("add" if c > 0 else "sub", *both)
        else:
            together[ones] = item.args[0]
    return made | {node("dot*", item, ones): Fraction(1) for ones, item in together.items()}


def _part(calls: Calls, item: Node) -> str:
    """One of the numbers into which `total` splits a sum."""
    if item.op == "dot*":
        left, right = (_operand(calls, a) for a in item.args)
        calls.ops.append(Op("loss", calls.bases(left, right)))
        name = calls.counted("sum")
        calls.reserved.add(name)
        calls.line(f"{name} = float({calls.method(left, 'dot')}({right}))")
        return name
    if item.op == "mul":
        value = " * ".join(_part(calls, a) for a in item.args)
        return calls.bind(calls.counted("constant"), value)
    if item.op == "count":
        assert isinstance(item.detail, tuple)
        return " * ".join("n" if s == "N" else str(s) for s in item.detail)
    if item.op == "constant":
        return calls.bind(str(item.detail), CONSTANTS[str(item.detail)])
    return scalar(calls, item) if item.op == "sum" else Printer({}).text(item, PRODUCT)


def _operand(calls: Calls, item: Node) -> str:
    """An operand of a dot product over whole arrays."""
    if item.op == "ones":
        size = " * ".join("n" if s == "N" else str(s) for s in item.shape)
        stem = "ones_" + "x".join("n" if s == "N" else str(s) for s in item.shape)
        return calls.bind(stem, f"np.ones({size}, dtype)")
    name = calls.array(item)
    return name if item.rank == 1 else calls.flat(name, item.shape)
