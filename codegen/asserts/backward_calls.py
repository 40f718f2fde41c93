"""A user's own backward pass, called with what its arguments ask for, its answer by parameter.

function(params, x, y)         -> gradients by name, or (loss, gradients); the names may be others
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
    "theta": "params", "d_s": "delta", "grad_s": "delta", "labels": "y", "data": "x",
}  # fmt: skip
_IN_ORDER = ("params", "x", "y")  # what three arguments are whose names say nothing


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
        names = named_arguments(signature, known)
        positional, by_name = _split(signature, {n: _copied(known[m]) for n, m in names.items()})
        answer = _read(function(*positional, **by_name), case, turned)
    else:
        names = named_arguments(framework.signature, known)
        if len(names) == 1 and set(names.values()) <= {"x", "s"}:
            names = dict.fromkeys(names, _last(known, "s"))  # an activation alone
        given = {n: _copied(known[m]) for n, m in names.items()}
        found, loss = framework.run(given, known["d_o"])
        if not isinstance(found, Mapping):
            answer = _read(found, case, turned)
        else:
            gradients = _by_parameter(found, names, case)
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


def _by_parameter(found: Mapping[str, Any], names: Mapping[str, str], case: Case) -> Gradients:
    """The gradients by the arguments of a framework's function; those by s are deltas."""
    made: dict[str, Any] = {}
    for name, gradient in found.items():
        known = names.get(name, name)
        if known == "params" and isinstance(gradient, Mapping):
            made |= {_plain(str(n), case): g for n, g in gradient.items()}
        elif gradient is not None:
            weighted = known.rstrip("0123456789") == "s"
            made[_plain(f"delta{known[1:]}" if weighted else known, case)] = gradient
    return made


def _last(known: Mapping[str, Any], letter: str) -> str:
    """The quantity of the last layer that has one: s3."""
    numbers = [int(n[1:]) for n in known if n[:1] == letter and n[1:].isdigit()]
    return f"{letter}{max(numbers)}" if numbers else "x"


def named_arguments(signature: inspect.Signature, known: Mapping[str, Any]) -> dict[str, str]:
    """The quantity for every argument that a function needs, and for masks.

    Three arguments are params, x and y in this order where no name says anything else.
    """
    parameters = [
        p for p in signature.parameters.values()
        if p.kind not in (inspect.Parameter.VAR_KEYWORD, inspect.Parameter.VAR_POSITIONAL)
    ]  # fmt: skip
    needed = [p.name for p in parameters if p.default is inspect.Parameter.empty]
    names = {p.name: p.name if p.name in known else ALIASES.get(p.name, "") for p in parameters}
    unknown = [name for name in needed if names[name] not in known]
    if unknown:
        in_order = dict(zip(needed, _IN_ORDER, strict=False))
        fits = all(name in unknown or names[name] == in_order.get(name) for name in needed)
        if len(needed) != len(_IN_ORDER) or not fits:
            raise TypeError(
                f"the function asks for {listed(unknown)}, expected ({', '.join(_IN_ORDER)}), "
                f"or quantities by their names: {listed(sorted(known))}"
            )
        names |= in_order
    wanted = [p.name for p in parameters if p.name in needed or names.get(p.name) == "masks"]
    return {name: names[name] for name in wanted}


def assumed(function: Any, case: Case) -> str:
    """What was assumed of arguments whose names say nothing, in a sentence, or nothing."""
    framework = framework_of(function)
    signature = inspect.signature(function) if framework is None else framework.signature
    taken = named_arguments(signature, quantities(case))
    guessed = {n: m for n, m in taken.items() if m in _IN_ORDER and n != m and n not in ALIASES}
    if not guessed:
        return ""
    return f"({', '.join(taken)}) was taken for ({', '.join(taken.values())})"


def _split(
    signature: inspect.Signature, given: Mapping[str, Any]
) -> tuple[list[Any], dict[str, Any]]:
    """The arguments by position as far as that goes, then those by name."""
    positional: list[Any] = []
    by_name: dict[str, Any] = {}
    for name, parameter in signature.parameters.items():
        alone = parameter.kind is inspect.Parameter.KEYWORD_ONLY
        if name in given and not alone and len(positional) == _place(signature, name):
            positional.append(given[name])
        elif name in given:
            by_name[name] = given[name]
    return positional, by_name


def _place(signature: inspect.Signature, name: str) -> int:
    return list(signature.parameters).index(name)


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
