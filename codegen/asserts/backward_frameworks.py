"""Backward passes written for PyTorch or JAX, which are imported only when they are needed."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import Any, Protocol

import numpy as np

from codegen.referee.draws import Floats

Answered = tuple[Any, float | None]


class Framework(Protocol):
    """Something that knows its own backward pass."""

    @property
    def signature(self) -> inspect.Signature:
        """What it takes."""

    def run(self, given: Mapping[str, Any], output_slope: Floats) -> Answered:
        """The gradient by every argument, or None; the loss where the output is a number.

        What is no array comes back as it is: a function may give gradients itself.
        """


def framework_of(function: Any) -> Framework | None:
    """How to run the function, where it is not a plain one."""
    if isinstance(function, type) and any(
        base.__module__.startswith("torch.autograd") for base in function.__mro__
    ):
        return TorchFunction(function)
    kind = type(function)
    if kind.__module__.partition(".")[0] in ("jax", "jaxlib"):
        return JaxFunction(function)
    return None


@dataclass(frozen=True)
class TorchFunction:
    """A subclass of torch.autograd.Function."""

    function: Any

    @property
    def signature(self) -> inspect.Signature:
        """That of `forward`, without the context."""
        made = inspect.signature(self.function.forward)
        parameters = list(made.parameters.values())
        apart = any("setup_context" in vars(base) for base in self.function.__mro__[:-1]
                    if not base.__module__.startswith("torch."))  # fmt: skip
        return made.replace(parameters=parameters if apart else parameters[1:])

    def run(self, given: Mapping[str, Any], output_slope: Floats) -> Answered:
        """Forward, then backward from the slope of the loss by the output."""
        torch = import_module("torch")

        tensors = {
            name: torch.tensor(np.asarray(value), requires_grad=name not in ("y", "targets"))
            for name, value in given.items()
        }
        output = self.function.apply(*tensors.values())
        if not hasattr(output, "ndim"):
            raise AssertionError(
                f"the output is a {type(output).__name__}, expected one array: a loss or the "
                "network's output"
            )
        if output.ndim == 0:
            output.backward()
        else:
            _check_shape(tuple(output.shape), output_slope)
            output.backward(torch.tensor(output_slope, dtype=output.dtype))
        found = {n: None if t.grad is None else t.grad.numpy() for n, t in tensors.items()}
        return found, float(output.detach()) if output.ndim == 0 else None


@dataclass(frozen=True)
class JaxFunction:
    """A jax.custom_vjp, or any other function of JAX."""

    function: Any

    @property
    def signature(self) -> inspect.Signature:
        """That of the function inside."""
        return inspect.signature(self.function)

    def run(self, given: Mapping[str, Any], output_slope: Floats) -> Answered:
        """Forward, then back from the slope of the loss by the output."""
        jax = import_module("jax")

        arrays = [_tree(jax.numpy.asarray, value) for value in given.values()]
        output, back = jax.vjp(self.function, *arrays)
        if not hasattr(output, "ndim"):  # gradients, as jax.grad gives them
            return output, None
        if output.ndim == 0:
            found = back(jax.numpy.ones_like(output))
        else:
            _check_shape(tuple(output.shape), output_slope)
            found = back(jax.numpy.asarray(output_slope, dtype=output.dtype))
        answers = {n: _tree(np.asarray, g) for n, g in zip(given, found, strict=True)}
        return answers, float(output) if output.ndim == 0 else None


def _tree(made: Callable[[Any], Any], value: Any) -> Any:
    """A function of every array of a dictionary, or of the one that there is."""
    if isinstance(value, Mapping):
        return {name: _tree(made, inner) for name, inner in value.items()}
    return made(value)


def _check_shape(found: tuple[int, ...], expected: Floats) -> None:
    if found != expected.shape:
        raise AssertionError(
            f"the output has the shape {found}, expected a loss or the network's output of "
            f"shape {expected.shape}"
        )
