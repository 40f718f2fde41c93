"""Exercises whose solutions are derived by the engine, on a network that differs in one thing."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from typing import Any

import mpmath

from codegen.chapter.errors import cancels
from codegen.chapter.example import Example
from codegen.chapter.figures import PLACES, figure, units
from codegen.chapter.sheet import Sheet
from codegen.example_numbers import Numbers
from codegen.pages.document import (
    Block,
    CrossRef,
    Exercise,
    Inline,
    Inlines,
    Math,
    Paragraph,
    Section,
)
from derive.algebra.index import relabel
from derive.algebra.terms import Function, Label, Tensor, Term
from derive.derivation import derive
from derive.network.layers import Dense
from derive.spec import Activation, Loss, Network
from derive.writing import layout as lay
from derive.writing.layout import row

RATES = ("0.1", "0.01", "0.001", "0.0001")  # the first with which the objective falls is taken
MOST_PLACES = 9  # of the loss before and after a step


def section(sheet: Sheet, example: Example | None) -> Section | None:
    """Another loss, another activation, another bias, one step downhill."""
    made = [*_loss(sheet), *_activation(sheet), *_bias(sheet), *_step(example)]
    return Section(("Exercises",), tuple(made), "sec:exercises") if made else None


# ------------------------------------------------------------------ another loss


def _loss(sheet: Sheet) -> Iterator[Block]:
    """Another loss on the same output: what is the error now?"""
    network = sheet.derivation.network
    layer = network.layers[-1]
    if not isinstance(layer, Dense) or layer.repeat or network.loss.name == "generic":
        return
    name = _other_loss(network)
    one_input = (1,)  # the error of the output is the same for any number of them
    other = derive(_changed(network, one_input, (layer,), Loss(name=name)))
    shift = _Shift(1, sheet.output.tensor.label or Label(1))
    delta = next(c for c in other.layers if c.kind == "delta")
    loss = row(sheet.write(shift(other.loss.lhs)), "=", sheet.write(shift(other.loss.rhs)))
    question: Inlines = ("Replace the loss ", CrossRef("loss"), " by ", Math(loss), ". What is ",
                         sheet.math(_old_delta(sheet)), " now?")  # fmt: skip
    answer = row(sheet.write(shift(delta.lhs)), "=", sheet.write(shift(delta.result)))
    solution: list[Inline] = [Math(answer), "."]
    if cancels(sheet):
        solution.append(" The slope of the activation no longer cancels.")
    yield Exercise((Paragraph(question),), (Paragraph(tuple(solution)),), "ex:loss")


def _other_loss(network: Network) -> str:
    name = network.loss.likelihood or network.loss.name
    activation = getattr(network.layers[-1], "activation", Activation()).name
    if activation in ("sigmoid", "softmax") and name in (
        "squared_error",
        "half_squared_error",
        "mean_squared_error",
    ):
        return "cross_entropy" if activation == "softmax" else "binary_cross_entropy"
    halved = name in ("half_squared_error", "gaussian") or (
        name == "mean_squared_error" and _outputs(network) == 2  # the mean of two is a half
    )
    return "squared_error" if halved else "half_squared_error"


def _outputs(network: Network) -> Any:
    last = network.layers[-1]
    return last.units if isinstance(last, Dense) else None


def _old_delta(sheet: Sheet) -> Term:
    assert sheet.last.delta is not None
    return sheet.last.delta.lhs


def _changed(
    network: Network, size: tuple[Any, ...], layers: tuple[Dense, ...], loss: Loss
) -> Network:
    data = {name: getattr(network, name) for name in type(network).model_fields}
    data |= {"input": size, "layers": layers, "loss": loss}
    return Network.model_validate(data)


class _Shift:
    """Takes a small network's terms to the layer numbers of the chapter's network."""

    def __init__(self, first: int, label: Label) -> None:
        self.first, self.to = first, label

    def _label(self, old: Label | None) -> Label | None:
        return None if old is None else self.to.shifted(old.offset - self.first)

    def __call__(self, term: Term) -> Term:
        def tensor(old: Tensor) -> Tensor:
            return replace(old, label=self._label(old.label))

        def function(old: Function) -> Function:
            return Function(old.name, self._label(old.label))

        return relabel(term, tensor, lambda extent: extent, function)


# ------------------------------------------------------------------ another activation


def _activation(sheet: Sheet) -> Iterator[Block]:
    """Another activation in a hidden layer: which equations change, and into what?"""
    network = sheet.derivation.network
    layers = network.layers
    if len(layers) < 2 or not all(isinstance(k, Dense) and not k.repeat for k in layers):
        return
    place = len(layers) - 2
    hidden, last = layers[place], layers[-1]
    assert isinstance(hidden, Dense)
    assert isinstance(last, Dense)
    name = "tanh" if hidden.activation.name != "tanh" else "sigmoid"
    if network.loss.name == "generic" or hidden.activation.name in ("softmax", "linear"):
        return
    stage = sheet.derivation.forward_pass.stages[place]
    below = sheet.derivation.shapes[stage.source][-1]
    new = hidden.model_copy(update={"activation": Activation(name=name)})
    other = derive(_changed(network, (below,), (new, last), network.loss))
    shift = _Shift(1, stage.label)
    delta = next(c for c in other.layers if c.key == "delta.1")
    function = Math(sheet.writer.names.function(Function(name)))
    question: Inlines = (
        "Give layer ", sheet.label(stage.label), " the activation ", function,
        ". Which equations of the backward pass change, and into what?",
    )  # fmt: skip
    answer = row(sheet.write(shift(delta.lhs)), "=", sheet.write(shift(delta.result)))
    changed = sheet.keys.alias[f"delta.{stage.label}"]
    solution: list[Inline] = ["Only ", CrossRef(changed), ", where the slope stands. It becomes ",
                              Math(answer), ". The output layer and all products “error times"
                                            " input”"
                              " stay as they are."]  # fmt: skip
    if any(group.run and stage.label in group.numbers for group in sheet.groups):
        solution[0] = "Of "
        solution.insert(2, " the line of this layer")
    yield Exercise((Paragraph(question),), (Paragraph(tuple(solution)),), "ex:activation")


# ------------------------------------------------------------------ another bias


def _bias(sheet: Sheet) -> Iterator[Block]:
    """The bias subtracted instead of added, or the reverse."""
    network = sheet.derivation.network
    layer = network.layers[0]
    if (
        not isinstance(layer, Dense)
        or layer.bias == "absent"
        or (len(network.layers) > 1 and layer.repeat)
    ):
        return
    other_bias = "threshold" if layer.bias == "added" else "added"
    new = layer.model_copy(update={"bias": other_bias, "activation": Activation(name="linear")})
    other = derive(_changed(network, network.input, (new,), Loss(name="half_squared_error")))
    label = sheet.groups[0].label

    chain = next(c for c in other.layers if c.key == f"gradient.b{label}")
    result = row(sheet.write(chain.lhs), "=", sheet.write(chain.result))
    main = other.forward[0]
    equation = row(sheet.write(main.lhs), "=", sheet.write(main.rhs))
    many = Math(sheet.writer.label(label))
    task: Inlines = ("In layer ", many, " add the bias instead of subtracting it: ")
    if other_bias == "threshold":
        task = ("Subtract the bias in layer ", many, ": ")
    question: Inlines = (*task, Math(equation), ". Which gradient changes?")
    solution: Inlines = ("Only that of the bias: ", Math(result), ". Error and"
                                    " weights do not see whether a constant is added or"
                                    " subtracted.")  # fmt: skip
    yield Exercise((Paragraph(question),), (Paragraph(solution),), "ex:bias")


# ------------------------------------------------------------------ one step


def _step(example: Example | None) -> Iterator[Block]:
    """One step of gradient descent in the example."""
    if example is None:
        return
    numbers, writer = example.numbers, example.sheet.writer
    eta, objective = writer.names.constant("learning_rate"), writer.objective
    falling = ((rate, _fallen(numbers, Fraction(rate))) for rate in RATES)
    rate, after = next(((r, found) for r, found in falling if found is not None), ("", None))
    if not rate:
        return
    before = numbers.objective
    length = sum(numbers.gradient(r) ** 2 for r in numbers.trained)
    expected = length * Fraction(rate).numerator / Fraction(rate).denominator
    places = _agreeing(before, after)
    step = row(eta, "=", lay.number(rate))
    question: Inlines = (
        "Take one step of gradient descent with ", Math(step), " in the example. By how much"
        " should ", Math(objective), " fall to first order, and by how much does it fall?",
    )  # fmt: skip
    solution: Inlines = (
        "To first order by ", Math(eta), " times the squared length of the gradient, ",
        Math(row(lay.number(rate), "times", figure(length), "=", figure(expected))),
        ". In truth it falls from ", Math(figure(before, places)), " to ",
        Math(figure(after, places)), ", by ", Math(figure(before - after, places)), ".",
    )  # fmt: skip
    yield Exercise((Paragraph(question),), (Paragraph(solution),), "ex:step")


def _fallen(numbers: Numbers, rate: Fraction) -> Any:
    """The objective after one step, None where it does not fall."""
    try:
        after = numbers.after_step(rate)
    except (ValueError, ZeroDivisionError, OverflowError):
        return None
    real = not isinstance(after, mpmath.mpc) and mpmath.isfinite(after)
    return after if real and after < numbers.objective else None


def _agreeing(before: Any, after: Any) -> int:
    """So many places that the rounded numbers differ by the rounded difference."""
    for places in range(PLACES, MOST_PLACES):
        fall, first, last = (units(v, places) for v in (before - after, before, after))
        if fall == first - last:
            return places
    return PLACES
