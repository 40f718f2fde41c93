"""How each array operation is called: by which NumPy function or method, into which memory."""

from __future__ import annotations

from fractions import Fraction

from codegen.emitting.calls import Calls, Maker, Op
from codegen.emitting.matrices import tensordot
from codegen.emitting.python import Printer, literal
from codegen.emitting.windowed import chosen, over_taps, pad, reduced, spread
from codegen.lowering.nodes import COMPARISONS, Node, node, value_of, walk

UFUNC = {
    "add": "add",
    "sub": "subtract",
    "mul": "multiply",
    "div": "divide",
    "neg": "negative",
    "<": "less",
    "<=": "less_equal",
    ">": "greater",
    ">=": "greater_equal",
    "==": "equal",
}
assert set(UFUNC) >= COMPARISONS
CALM = 900  # the sum of all squares below which no entry exceeds 30
SHORT_ROW = 16  # up to which a product with ones is quicker than a broadcast
CONSTANTS = {"pi": "np.pi", "log2": "float(np.log(2.0))"}


def _elementwise(calls: Calls, item: Node, name: str | None) -> str:
    if item in calls.free_shifts and not calls.base.get(calls.array(item.args[0])):
        return _centred(calls, item)
    if not item.shape and not any(part.op == "array" for part in walk(item)):
        return calls.constant(Printer({}).inside(item))
    args = [calls.array(a) for a in item.args]
    target = calls.record(item, name, args, inplace=True)
    function = UFUNC.get(item.op, item.op)
    bound = calls.bind(function, f"np.{function}")
    out = f"out={target}" if function in ("maximum", "minimum") else target
    calls.line(f"{bound}({', '.join([*args, out])})")
    return target


def _centred(calls: Calls, item: Node) -> str:
    """a - max a where any shift will do: none, as long as no exponential can be extreme."""
    of = calls.array(item.args[0])
    dot = calls.method(calls.flat(of), "dot")
    calls.line(f"if not float({dot}({calls.flat(of)})) < {CALM}:")
    here = len(calls.lines)
    top = calls.array(item.args[1])
    calls.ops.append(Op(of, calls.bases(of, top)))
    calls.line(f"{calls.bind('subtract', 'np.subtract')}({of}, {top}, {of})")
    calls.lines[here:] = ["    " + line for line in calls.lines[here:]]
    return of


def _leaf(calls: Calls, item: Node, name: str | None) -> str:
    return str(item.detail)


def _number(calls: Calls, item: Node, name: str | None) -> str:
    value = value_of(item)
    assert value is not None
    return calls.constant(literal(value))


def _scalar(calls: Calls, item: Node, name: str | None) -> str:
    return calls.constant(str(item.detail))


def _constant(calls: Calls, item: Node, name: str | None) -> str:
    return calls.constant(CONSTANTS[str(item.detail)])


def _zeros(calls: Calls, item: Node, name: str | None) -> str:
    sizes = ", ".join("n" if s == "N" else str(s) for s in item.shape)
    stem = "zeros_" + "_".join("n" if s == "N" else str(s) for s in item.shape)
    return calls.bind(stem, f"np.zeros(({sizes},), dtype)")


def _ones(calls: Calls, item: Node, name: str | None) -> str:
    return calls.ones(item.shape)


def _transpose(calls: Calls, item: Node, name: str | None) -> str:
    of = calls.array(item.args[0])
    assert isinstance(item.detail, tuple)
    if item.detail == (1, 0):
        made = calls.view(of, "T", ".T")
    else:
        made = calls.view(of, "T" + "".join(map(str, item.detail)), f".transpose{item.detail}")
    calls.strided.add(made)
    return made


def _row_sums(calls: Calls, item: Node, rows: Node) -> str:
    """The sum of each row in every place of it: a product with a square of ones."""
    size = rows.shape[1]
    of = calls.array(rows)
    target = calls.record(node("rows", shape=rows.shape), None, (of,), inplace=False)
    square = calls.bind(f"square_{size}", f"np.ones(({size}, {size}), dtype)")
    calls.line(f"{calls.method(of, 'dot')}({square}, {target})")
    calls.known[item.args[0]] = calls.view(target, "column", "[:, 0]")
    return target


def _expand(calls: Calls, item: Node, name: str | None) -> str:
    assert isinstance(item.detail, tuple)
    (arg,) = item.args
    if arg.op == "sum" and arg.detail == item.detail == (1,) and arg not in calls.known:
        size = arg.args[0].shape[1]
        if arg.args[0].rank == 2 and isinstance(size, int) and size <= SHORT_ROW:
            return _row_sums(calls, item, arg.args[0])
    places = ", ".join("None" if k in item.detail else ":" for k in range(item.rank))
    suffix = "x" + "".join(map(str, item.detail))
    return calls.view(calls.array(item.args[0]), suffix, f"[{places}]")


def _matmul(calls: Calls, item: Node, name: str | None) -> str:
    left, right = (calls.array(a) for a in item.args)
    target = calls.record(item, name, (left, right), inplace=False)
    if max(a.rank for a in item.args) > 2:
        calls.line(f"{calls.bind('matmul', 'np.matmul')}({left}, {right}, {target})")
    else:
        calls.line(f"{calls.method(left, 'dot')}({right}, {target})")
    return target


def _reduced(calls: Calls, item: Node, name: str | None) -> str:
    """A sum over rows or columns is a product with ones."""
    (arg,) = item.args
    assert isinstance(item.detail, tuple)
    of = calls.array(arg)
    if over_taps(item):
        return reduced(calls, item, name, "add")
    target = calls.record(item, name, (of,), inplace=False)
    if arg.rank == 2 and item.detail == (0,):
        ones = calls.ones((arg.shape[0],))
        calls.line(f"{calls.method(ones, 'dot')}({of}, {target})")
    elif arg.rank == 2 and item.detail == (1,):
        calls.line(f"{calls.method(of, 'dot')}({calls.ones((arg.shape[1],))}, {target})")
    else:
        reduce = calls.bind("add_reduce", "np.add.reduce")
        calls.line(f"{reduce}({of}, {item.detail}, None, {target})")
    return target


def _power(calls: Calls, item: Node, name: str | None) -> str:
    of, exponent = calls.array(item.args[0]), item.detail
    assert isinstance(exponent, Fraction)
    number = calls.constant(literal(exponent))
    target = calls.record(item, name, (of,), inplace=True)
    calls.line(f"{calls.bind('power', 'np.power')}({of}, {number}, {target})")
    return target


def _extremum(calls: Calls, item: Node, name: str | None) -> str:
    if over_taps(item):
        return reduced(calls, item, name, f"{item.op}imum")
    of = calls.array(item.args[0])
    target = calls.record(item, name, (of,), inplace=False)
    reduce = calls.bind(f"{item.op}imum_reduce", f"np.{item.op}imum.reduce")
    calls.line(f"{reduce}({of}, {item.detail}, None, {target})")
    return target


def _where(calls: Calls, item: Node, name: str | None) -> str:
    """A choice: first the value for the condition that fails, then the other over it."""
    truth, yes, no = (calls.array(a) for a in item.args)
    target = calls.record(item, name, (truth, yes, no), inplace=False)
    copy = calls.bind("copyto", "np.copyto")
    calls.line(f"{target}[...] = {no}")
    calls.line(f"{copy}({target}, {yes}, where={truth})")
    return target


def _viewed(calls: Calls, item: Node, name: str | None) -> str:
    """Slices, windows and splits of axes are views, bound beforehand where the array is."""
    (arg,) = item.args
    of = calls.array(arg)
    text = Printer({arg: of}, "n").inside(item)
    count = sum(n.startswith(f"{of}_v") for n in (*calls.names, *calls.base)) + 1
    made = f"{of}_v{count}"
    if item.op != "split" or of in calls.strided:
        calls.strided.add(made)
    if calls.passing(of):
        calls.line(f"{made} = {text}")
    else:
        calls.bind(made, text)
    calls.base[made] = calls.base.get(of, of)
    return made


def _merged(calls: Calls, item: Node, name: str | None) -> str:
    """Axes joined into one: the values are copied to their places."""
    of = calls.array(item.args[0])
    target = calls.record(item, name, (of,), inplace=False)
    sizes = ", ".join("n" if s == "N" else str(s) for s in item.args[0].shape)
    view = calls.view(target, "split", f".reshape({sizes})")
    calls.line(f"{view}[...] = {of}")
    return target


def _copied(calls: Calls, item: Node, name: str | None) -> str:
    """The values in an array of their own."""
    of = calls.array(item.args[0])
    target = calls.record(item, name, (of,), inplace=False)
    calls.line(f"{target}[...] = {of}")
    return target


def _other(calls: Calls, item: Node, name: str | None) -> str:
    """Anything else, by its plain form."""
    args = {a: calls.array(a) for a in item.args}
    target = calls.record(item, name, tuple(args.values()), inplace=False)
    calls.line(f"{target}[...] = {Printer(args, 'n').inside(item)}")
    return target


#: How each operation is called; "" stands for all others, the ufuncs.
ARRAYS: dict[str, Maker] = {
    "": _elementwise,
    "array": _leaf,
    "number": _number,
    "scalar": _scalar,
    "constant": _constant,
    "ones": _ones,
    "zeros": _zeros,
    "transpose": _transpose,
    "expand": _expand,
    "matmul": _matmul,
    "sum": _reduced,
    "max": _extremum,
    "min": _extremum,
    "where": _where,
    **dict.fromkeys(("slice", "windows", "split", "take", "diagonal", "squeeze"), _viewed),
    "merge": _merged,
    "tensordot": tensordot,
    "pad": pad,
    "spread": spread,
    "chosen": chosen,
    "copy": _copied,
    "full": _copied,
    **dict.fromkeys(("einsum", "eye", "arange", "argmax", "argmin", "first"), _other),
    "power": _power,
}
