"""`assert_backward` on layers by hand: slopes of other activations, places, norms, attention."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import gradwright

Given = dict[str, Any]


def sigmoid(v: Any) -> Any:
    return 1 / (1 + np.exp(-v))


def failure(spec: Any, function: Callable[..., Any]) -> str:
    """What is said, in one line; "right" where nothing is wrong."""
    try:
        gradwright.assert_backward(spec, function)
    except AssertionError as wrong:
        return " ".join(str(wrong).split("the smallest example")[0].split())
    return "right"


# ---------------------------------------------------------------------------------- slopes by hand


def with_slope(value: Callable[..., Any], slope: Callable[..., Any]) -> Callable[..., Any]:
    def backward(params: Given, x: Any, y: Any) -> Given:
        s = x @ params["W1"] + params["b1"]
        o = value(s)
        d2 = (o @ params["W2"] + params["b2"] - y) / len(x)
        d1 = d2 @ params["W2"].T * slope(s, o)
        return {"W1": x.T @ d1, "b1": d1.sum(0), "W2": o.T @ d2, "b2": d2.sum(0)}

    return backward


def silu(s: Any) -> Any:
    return s * sigmoid(s)


def leaky(s: Any) -> Any:
    return np.where(s > 0, s, 0.01 * s)


def _silu(s: Any, *, one: float = 1, by: bool = True) -> Any:
    return sigmoid(s) + (s if by else 1) * sigmoid(s) * (one - sigmoid(s))


SLOPES: list[tuple[str, Callable[..., Any], Callable[..., Any], str]] = [
    ("silu", silu, lambda s, o: _silu(s), "right"),
    ("silu", silu, lambda s, o: _silu(s, by=False), "the factor s1 is missing"),
    ("silu", silu, lambda s, o: 2 * sigmoid(s) + s * sigmoid(s) * (1 - sigmoid(s)) - sigmoid(s),
     "right"),
    ("silu", silu, lambda s, o: sigmoid(s) + s * sigmoid(s) * (1 + sigmoid(s)),
     "1 + sigmoid(s1) stands for 1 - sigmoid(s1)"),
    ("silu", silu, lambda s, o: sigmoid(s) * (1 - sigmoid(s)),
     "slope: the slope of sigmoid stands for that of the activation of layer 1"),
    ("tanh", np.tanh, lambda s, o: o * (1 - o),
     "slope: the slope of sigmoid, o*(1 - o), stands for that of the activation of layer 1"),
    ("sigmoid", sigmoid, lambda s, o: 1 - o**2,
     "slope: the slope of tanh, 1 - o**2, stands for that of the activation of layer 1"),
    ("tanh", np.tanh, lambda s, o: (1 - o) ** 2, "parentheses: in delta1"),
    ("leaky_relu", leaky, lambda s, o: np.where(s > 0, 0.01, 1),
     "sign: the slope of the activation of layer 1 is that at -s: its branches are exchanged"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "value", "slope", "words"), SLOPES)
def test_slopes(
    name: str, value: Callable[..., Any], slope: Callable[..., Any], words: str
) -> None:
    said = failure(f"3 > 4 {name} > 2 : half_squared_error", with_slope(value, slope))
    assert words in said
    assert (words == "right") == ("W1, b1" not in said)


def test_gradients_that_are_exchanged() -> None:
    right = with_slope(np.tanh, lambda s, o: 1 - o**2)

    def backward(params: Given, x: Any, y: Any) -> Given:
        made = right(params, x, y)
        return {**made, "b1": made["b2"], "b2": made["b1"]}

    said = failure("3 > 2 tanh > 2 : half_squared_error", backward)
    assert "layer: the gradients of b1 and b2 are exchanged" in said
    assert "that of W1, W2 is right" in said


# ------------------------------------------------------------------------------------ convolutions

CONV = {
    "name": "places", "input": [2, 6], "loss": "half_squared_error",
    "layers": [{"kind": "conv", "channels": 3, "kernel": 3, "activation": "tanh"},
               {"kind": "flatten"}, {"kind": "dense", "units": 2}],
}  # fmt: skip


def conv(slip: str) -> Callable[..., Any]:
    def backward(params: Given, x: Any, y: Any) -> Given:
        w, b, v, c = (params[name] for name in ("W1", "b1", "W2", "b2"))
        places = x.shape[2] - 2
        windows = np.stack([x[:, :, p : p + 3] for p in range(places)], 1)
        o = np.tanh(np.einsum("npku,cku->ncp", windows, w) + b[:, None])
        flat = o.reshape(len(x), -1)
        d2 = (flat @ v + c - y) / len(x)
        d1 = (d2 @ v.T).reshape(o.shape) * (1 - o**2)
        kept = {"first": d1[:, :, :1], "last": d1[:, :, -1:]}.get(slip.split()[0], d1)
        seen = {"first": windows[:, :1], "last": windows[:, -1:]}.get(slip.split()[0], windows)
        return {
            "W1": np.einsum("ncp,npku->cku", kept if "W1" in slip else d1,
                            seen if "W1" in slip else windows),
            "b1": (kept if "b1" in slip else d1).sum((0, 2)),
            "W2": flat.T @ d2, "b2": d2.sum(0),
        }  # fmt: skip

    return backward


@pytest.mark.parametrize(
    ("slip", "words"),
    [
        ("none", "right"),
        ("first W1", "only the first place of layer 1 counts in the gradient of W1"),
        ("last b1", "only the last place of layer 1 counts in the gradient of b1"),
        ("first W1 b1", "only the first place of layer 1 counts in the gradient of W1 and b1"),
    ],
)
def test_all_places_of_a_convolution_count(slip: str, words: str) -> None:
    said = failure(CONV, conv(slip))
    assert f"sharing: {words}" in said or said == words


# ------------------------------------------------------------------------------------------- norms


def norm(axis: int, other: int) -> Callable[..., Any]:
    def backward(params: Given, x: Any, y: Any) -> Given:
        gamma, v = params["gamma2"], params["W3"]
        s = x @ params["W1"] + params["b1"]
        r = 1 / np.sqrt(s.var(axis, keepdims=True) + 1e-5)
        h = (s - s.mean(axis, keepdims=True)) * r
        o = gamma * h + params["beta2"]
        d3 = (o @ v + params["b3"] - y) / len(x)
        d2 = d3 @ v.T
        dh = d2 * gamma
        means = (part.mean(other, keepdims=True) for part in (dh, dh * h))
        d1 = r * (dh - next(means) - h * next(means))
        return {"W1": x.T @ d1, "b1": d1.sum(0), "gamma2": (d2 * h).sum(0), "beta2": d2.sum(0),
                "W3": o.T @ d3, "b3": d3.sum(0)}  # fmt: skip

    return backward


@pytest.mark.parametrize(("kind", "axis"), [("layer_norm", 1), ("batch_norm", 0)])
def test_means_of_a_norm_over_the_other_axis(kind: str, axis: int) -> None:
    layers: list[Given] = [{"kind": "dense", "units": 4}, {"kind": kind},
                           {"kind": "dense", "units": 2}]  # fmt: skip
    spec = {"name": "norms", "input": 3, "loss": "half_squared_error", "layers": layers}
    assert failure(spec, norm(axis, axis)) == "right"
    said = failure(spec, norm(axis, 1 - axis))
    assert "sum: the means of the" in said
    assert "are taken over the other axis" in said


# --------------------------------------------------------------------------------------- attention


def attention(slip: str) -> Callable[..., Any]:
    """The example, whose name stands for its network."""

    def backward(params: Given, x: Any, y: Any) -> Given:
        wq, wk, wv, w = (params[name] for name in ("wq1", "wk1", "wv1", "W2"))
        q, k, v = x @ wq, x @ wk, x @ wv
        e = np.exp(q @ k.swapaxes(1, 2) / np.sqrt(2))
        p = e / e.sum(-1, keepdims=True)
        flat = (p @ v).reshape(len(x), -1)
        d = 2 * (flat @ w + params["b2"] - y) / len(x)
        ds = (d @ w.T).reshape(v.shape)
        dp = ds @ v.swapaxes(1, 2)
        de = p * (dp - (dp * p).sum(-1, keepdims=True)) / np.sqrt(2)
        dv = (p if slip == "dv" else p.swapaxes(1, 2)) @ ds
        by_row = {"wq1": de @ k, "wk1": de.swapaxes(1, 2) @ q, "wv1": dv}
        made = {name: np.einsum("nti,nta->ia", x, g) for name, g in by_row.items()}
        return {**made, "W2": flat.T @ d, "b2": d.sum(0)}

    return backward


def test_attention() -> None:
    assert failure("attention", attention("")) == "right"
    assert "transpose of p1 is missing" in failure("attention", attention("dv"))


def test_names_that_only_the_module_has_are_written_out() -> None:
    gate = {
        "kind": "equations", "indices": {"i": 3, "j": 3}, "parameters": {"V": ["j", "i"]},
        "forward": ["t[j] = sigmoid(Sum(V[j,i]*x[i], i))", "s[j] = t[j]*x[j]"],
    }  # fmt: skip

    def backward(delta: Any, x: Any, V: Any) -> dict[str, Any]:
        t = 1 / (1 + np.exp(-x @ V.T))
        return {"V": (delta * x * t).T @ x}

    spec = {"name": "gate", "input": 3, "layers": [gate], "loss": "squared_error"}
    with pytest.raises(AssertionError) as raised:
        gradwright.assert_backward(spec, backward)
    assert "in dV1 = (dt1 * t1 * (1 - t1)).T @ x" in str(raised.value)
    assert "the factor 1 - t1 is missing" in str(raised.value)
