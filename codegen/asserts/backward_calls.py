"""A user's own backward pass, called with what its arguments ask for, its answer by parameter.

function(params, x, y)         -> gradients by name, or (loss, gradients)
function(delta, x, W1)         -> dx, dW1, db1 or some of them: any quantities, by their names
class of torch.autograd.Function, or a jax.custom_vjp, whose output is that of the network or
                                  its loss
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from codegen.asserts.backward_frameworks import framework_of
from codegen.asserts.numeric_slips import Case, Gradients
from codegen.referee.draws import Floats
from derive.errors import listed

#: What arguments that are no names of the network may be called.
ALIASES = {
    "inputs": "x", "input": "x", "X": "x", "targets": "y", "target": "y", "t": "y", "Y": "y",
    "grad_output": "d_o", "upstream": "d_o", "dout": "d_o", "dL_do": "d_o", "grad_out": "d_o",
    "weights": "W", "weight": "W", "w": "W", "bias": "b", "parameters": "params", "p": "params",
    "d_s": "delta", "grad_s": "delta",
}  # fmt: skip


class Unanswered(AssertionError):
    """What came back is not one gradient for each parameter."""


@dataclass(frozen=True)
class Answer:
    """The gradients that a function gave, by parameter and perhaps x, and its loss."""

    gradients: Gradients
    loss: float | None = None
    decayed: bool = True  # whether the weight decay belongs to them
    single: bool = False  # whether the arrays are of single precision


def quantities(case: Case) -> dict[str, Any]:
    """Everything that an argument can ask for, by its name.

    d_o and delta are slopes of the loss of the whole batch, with the 1/N of a mean.  A single layer
    needs no numbers: W is W1.
    """
    scale = case.share
    found: dict[str, Any] = {**case.trace, **case.params, **case.masks, **case.slopes}
    found = {n: v / scale if n.startswith(("delta", "d_")) else v for n, v in found.items()}
    found |= {"x": case.x, "y": case.y, "params": dict(case.params), "masks": dict(case.masks)}
    return {**{short: found[name] for short, name in _letters(found).items()}, **found}


def called(function: Any, case: Case, *, turned: bool = False) -> Answer:
    """What the function answers on copies of these numbers.

    `turned`: the function stores its matrices the other way round, as (outputs, inputs).
    """
    known = _turned(quantities(case), case) if turned else quantities(case)
    framework = framework_of(function)
    if framework is None:
        signature = inspect.signature(function)
        given = _arguments(signature, known)
        by_name = all(p.kind is not p.POSITIONAL_ONLY for p in signature.parameters.values())
        answer = _read(function(**given) if by_name else function(*given.values()), case, turned)
    else:
        given = _arguments(framework.signature, known)
        found, loss = framework.run(given, known["d_o"])
        gradients = {_plain(ALIASES.get(n, n), case): g for n, g in found.items() if g is not None}
        answer = _sorted(gradients, case, loss, decayed=loss is not None)
    if not turned:
        return answer
    back = {n: g.T if _is_matrix(n, case) else g for n, g in answer.gradients.items()}
    return replace(answer, gradients=back)


def _is_matrix(name: str, case: Case) -> bool:
    return name in case.params and case.params[name].ndim == 2


def _turned(known: dict[str, Any], case: Case) -> dict[str, Any]:
    """The quantities with every matrix of weights transposed."""
    short = {s: n for s, n in _short_names(case).items() if s in known}
    made = {
        n: np.transpose(v) if _is_matrix(short.get(n, n), case) else v for n, v in known.items()
    }
    made["params"] = {n: made[n] for n in case.params}
    return made


def _arguments(signature: inspect.Signature, known: Mapping[str, Any]) -> dict[str, Any]:
    """Copies of the quantities that the arguments name; three unknown names are params, x, y."""
    parameters = [
        p for p in signature.parameters.values()
        if p.kind not in (inspect.Parameter.VAR_KEYWORD, inspect.Parameter.VAR_POSITIONAL)
    ]  # fmt: skip
    needed = [p.name for p in parameters if p.default is inspect.Parameter.empty]
    names = {p.name: p.name if p.name in known else ALIASES.get(p.name, "") for p in parameters}
    unknown = [name for name in needed if names[name] not in known]
    if unknown and len(needed) == 3:
        names = dict(zip(needed, ("params", "x", "y"), strict=True))
    elif unknown:
        raise TypeError(
            f"the function asks for {listed(unknown)}, expected (params, x, y) or some of "
            f"{listed(sorted(known))}"
        )
    wanted = [p.name for p in parameters if p.name in needed or names.get(p.name) == "masks"]
    return {name: _copied(known[names[name]]) for name in wanted}


def _copied(value: Any) -> Any:
    """A copy, so that the function may change what it is given."""
    if isinstance(value, dict):
        return {name: _copied(inner) for name, inner in value.items()}
    return np.array(value)


# -------------------------------------------------------------------------------------- the answer


def _read(answer: Any, case: Case, turned: bool) -> Answer:
    """Gradients by name, a loss before or behind them, or a list in the order of the parameters."""
    loss: float | None = None
    if isinstance(answer, tuple | list) and len(answer) == 2:
        first, last = answer
        if isinstance(first, Mapping) and np.ndim(last) == 0:
            first, last = last, first
        if isinstance(last, Mapping | tuple | list) and np.ndim(_array(first)) == 0:
            loss, answer = float(_array(first)), last
    if not isinstance(answer, Mapping):
        parts = [_array(g) for g in (answer if isinstance(answer, tuple | list) else [answer])]
        return _sorted(_named(parts, case, turned), case, loss)
    found = {_plain(str(name), case): _array(g) for name, g in answer.items()}
    missing = [name for name in case.params if name not in found]
    if missing and len(missing) < len(case.params):
        raise Unanswered(
            f"the function returned gradients of {', '.join(map(str, answer))}, "
            f"expected also {', '.join(missing)}"
        )
    return _sorted(found, case, loss)


def _named(parts: Sequence[Floats], case: Case, turned: bool) -> Gradients:
    """A list of gradients: of all parameters in order, perhaps with that of x, or by shape."""
    names = list(case.params)
    shapes = {name: value.shape for name, value in case.right.items()}
    if turned:
        shapes = {n: s[::-1] if _is_matrix(n, case) else s for n, s in shapes.items()}
    orders = [names, ["x", *names], [*names, "x"]]
    for order in orders:
        if [part.shape for part in parts] == [shapes[name] for name in order]:
            return dict(zip(order, parts, strict=True))
    for order in orders[:2]:
        if len(order) == len(parts):
            return dict(zip(order, parts, strict=True))
    found = {}
    for part in parts:
        fitting = [name for name, shape in shapes.items() if shape == part.shape]
        fitting = [name for name in fitting if name in names] or fitting
        if len(fitting) == 1:
            found[fitting[0]] = part
    if len(found) < len(parts):
        raise Unanswered(
            f"the function returned {len(parts)} arrays, expected a gradient for each of "
            f"{', '.join(names)}, in this order or by name"
        )
    return found


def _plain(name: str, case: Case) -> str:
    """W1 of dW1, grad_W1, d_W1, or W in a network of one layer."""
    short = _short_names(case)
    for prefix in ("", "d", "d_", "grad_", "g_", "dL_d", "nabla_"):
        if name.startswith(prefix):
            rest = name[len(prefix) :]
            if rest in case.right:
                return rest
            if rest in short:
                return short[rest]
    return name


def _short_names(case: Case) -> dict[str, str]:
    """W for W1 where there is one layer."""
    short = _letters(case.right)
    return {**short, **{alias: short[n] for alias, n in ALIASES.items() if n in short}}


def _letters(names: Iterable[str]) -> dict[str, str]:
    """The names by their letters alone, where that is enough to tell them apart."""
    found: dict[str, list[str]] = {}
    for name in names:
        found.setdefault(name.rstrip("0123456789"), []).append(name)
    return {letter: own[0] for letter, own in found.items() if len(own) == 1}


def _sorted(
    found: Mapping[str, Floats], case: Case, loss: float | None, *, decayed: bool = True
) -> Answer:
    gradients = {name: found[name] for name in case.right if name in found}
    if not gradients:
        raise Unanswered(
            f"the function returned gradients of {', '.join(found) or 'nothing'}, "
            f"expected {', '.join(case.params)}"
        )
    single = any(g.dtype.itemsize <= 4 for g in gradients.values())
    return Answer(dict(gradients), loss, decayed, single)


def _array(value: Any) -> Floats:
    """Numbers of NumPy, PyTorch or JAX."""
    detach: Callable[[], Any] | None = getattr(value, "detach", None)
    if detach is not None:
        value = detach().cpu().numpy()
    made = np.asarray(value)
    if made.dtype == object or made.dtype.kind not in "fiu":
        raise Unanswered(
            f"the function returned {type(value).__name__}, expected arrays of numbers"
        )
    return made
