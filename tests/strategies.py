"""Random dense networks of the spec, all of them legal: `networks()` for every property test."""

from __future__ import annotations

from typing import Any

from hypothesis import reject
from hypothesis import strategies as st
from hypothesis.strategies import DrawFn

from derive.errors import SpecError
from derive.spec import Network, load

NUMBERS = st.sampled_from(["0.5", "2", "1/3", "1.7159", "3", "0.01", "2/3"])
ONE_ARGUMENT = (
    *("tanh({})", "sigmoid({})", "sin({})", "cos({})", "atan({})", "erf({})", "softplus({})"),
    *("Abs({})", "relu({})", "exp(-({})**2)", "sqrt(1 + ({})**2)", "log(1 + ({})**2)"),
    *("({0})/(1 + ({0})**2)", "({0})*sigmoid({0})", "log(cosh({}))", "-({})", "({})**2/8"),
    *("Piecewise(({0}, {0} > 0), (0.25*({0}), True))", "max({}, 0.5)", "Min({}, 1)"),
    *(
        "asin(tanh({}))",
        "sinh(sin({}))",
        "1/(2 + cos({}))",
        "(1 + ({})**2)**(-3/2)",
        "tan(sin({}))",
    ),
)
TWO_ARGUMENTS = ("{} + {}", "{} - ({})", "({})*({})", "Max({}, {})", "({})/(2 + ({})**2)")

#: The activations whose output suits every loss of real numbers.
NAMED = (
    *("linear", "sigmoid", "tanh", "relu", "leaky_relu", "elu", "softplus", "gelu", "silu"),
    *("softsign", "mish", "softmax"),
)
REAL_LOSSES = ("squared_error", "half_squared_error", "mean_squared_error", "huber")
REAL_FORMULAS = (
    *("log(cosh(o - y))", "Abs(o - y)", "(o - y)**4/4", "sqrt(1 + (o - y)**2) - 1"),
    *(
        "Max(0.3*(o - y), -0.7*(o - y))",
        "softplus(-y*o)",
        "Piecewise((o - y, o > y), (y - o, True))",
    ),
)
INDEX_FORMULAS = (
    "Sum((o[k] - y[k])**2, k)/size(k)",
    "log(Sum(exp(o[k]), k)) - Sum(y[k]*o[k], k)",
    "sqrt(1 + Sum((o[k] - y[k])**2, k))",
    "Sum((o[i] - y[i])*(o[j] - y[j]), i, j) + Sum(o[i]**2, i)",
    "Max((o[k] - y[k])**2, k)",
)
UNIT_INTERVAL = ("sigmoid", "(1 + tanh(s))/2", "1/2 + atan(s)/4", "1/(1 + exp(-2*s))")
POSITIVE = ("softplus", "sigmoid", "exp(s)", "1 + s**2/2")
OPTIONS = {"leaky_relu": ("slope", (0.2, 0.01, -0.5)), "elu": ("alpha", (1, 0.5, 2))}


@st.composite
def formulas(draw: DrawFn, depth: int = 2) -> str:
    """A formula in s, of moderate growth."""
    if depth == 0:
        return draw(st.sampled_from(["s", "s", f"{draw(NUMBERS)}*s", f"(s - {draw(NUMBERS)})"]))
    inner = formulas(depth=depth - 1)
    if draw(st.booleans()):
        pattern = draw(st.sampled_from(TWO_ARGUMENTS))
        return pattern.format(draw(inner), draw(inner))
    return draw(st.sampled_from(ONE_ARGUMENT)).format(draw(inner))


@st.composite
def named(draw: DrawFn, units: int) -> Any:
    """A named activation for a layer of this width, with options now and then."""
    name = draw(st.sampled_from([n for n in NAMED if n != "softmax" or units > 1]))
    if name in OPTIONS and draw(st.booleans()):
        option, values = OPTIONS[name]
        return {"name": name, option: draw(st.sampled_from(values))}
    return name


@st.composite
def endings(draw: DrawFn, units: int) -> tuple[Any, dict[str, Any]]:
    """The last activation and a loss that takes its range."""
    kinds = ["real", "real", "formula", "binary", "index"]
    kind = draw(st.sampled_from([*kinds, "classes", "classes"] if units > 1 else kinds))
    if kind == "classes":
        activation = draw(st.sampled_from(("softmax", "softmax", *POSITIVE)))
        named_loss = {"loss": "cross_entropy"}, {"likelihood": "categorical"}
        index_loss = {"loss": "-Sum(y[k]*log(o[k]), k)"}
        return activation, draw(st.sampled_from([*named_loss, index_loss]))
    if kind == "binary":
        activation = draw(st.sampled_from(UNIT_INTERVAL))
        losses = {"loss": "binary_cross_entropy"}, {"likelihood": "bernoulli"}
        by_hand = {"loss": "-y*log(o) - (1 - y)*log(1 - o)"}
        return activation, draw(st.sampled_from([*losses, by_hand]))
    activation = draw(st.one_of(named(units), st.just("linear")))
    if kind == "index":
        return activation, {"loss": draw(st.sampled_from(INDEX_FORMULAS))}
    if kind == "formula":
        return activation, {"loss": draw(st.sampled_from(REAL_FORMULAS))}
    name = draw(st.sampled_from((*REAL_LOSSES, "gaussian")))
    if name == "gaussian":
        return activation, {"likelihood": name}
    delta = draw(st.sampled_from((1, 0.5)))
    return activation, {"loss": {"name": name, "delta": delta} if name == "huber" else name}


@st.composite
def layers(draw: DrawFn, units: int, activation: Any) -> dict[str, Any]:
    """A dense layer of any form of bias."""
    bias = draw(st.sampled_from((True, True, False, "threshold")))
    return {"kind": "dense", "units": units, "activation": activation, "bias": bias}


@st.composite
def specs(draw: DrawFn, most_layers: int = 6, most_units: int = 8) -> dict[str, Any]:
    """A spec as a mapping."""
    sizes = st.integers(1, most_units)
    widths = draw(st.lists(sizes, min_size=1, max_size=most_layers))
    activations = [draw(st.one_of(named(w), formulas())) for w in widths[:-1]]
    last, loss = draw(endings(widths[-1]))
    pairs = zip(widths, [*activations, last], strict=True)
    return {
        "name": "drawn",
        "input": draw(sizes),
        "layers": [draw(layers(units, activation)) for units, activation in pairs],
        **loss,
        "reduction": draw(st.sampled_from(("mean", "sum"))),
        "weight_decay": draw(st.sampled_from((0, 0, 0.01, 0.3))),
        "dtype": draw(st.sampled_from(("float32", "float64"))),
        "training": draw(st.sampled_from(({}, {"optimizer": "momentum", "momentum": 0.5}))),
    }


@st.composite
def networks(draw: DrawFn, most_layers: int = 6, most_units: int = 8) -> Network:
    """A random dense network; a random formula that the spec refuses (a constant) is drawn anew."""
    spec = draw(specs(most_layers, most_units))
    try:
        return load(spec)
    except SpecError:
        reject()
