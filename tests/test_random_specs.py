"""Random specs go the whole way: derive, emit, verify."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings

from codegen.emitting.module import emit
from codegen.verify import verify
from derive.derivation import derive
from derive.spec import Network, load
from tests.layer_strategies import layered_networks
from tests.strategies import networks

SLOW = [HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large]


def assert_verified(network: Network) -> None:
    report = verify(network, emit(derive(network)))
    assert report.ok, f"{network.canonical()}\n{report.table()}"


@settings(max_examples=40, derandomize=True, deadline=None, suppress_health_check=SLOW)
@given(networks())
def test_random_networks_verify(network: Network) -> None:
    assert_verified(network)


@pytest.mark.sweep
@settings(max_examples=1000, deadline=None, suppress_health_check=SLOW)
@given(networks())
def test_many_random_networks_verify(network: Network) -> None:
    assert_verified(network)


@settings(max_examples=40, derandomize=True, deadline=None, suppress_health_check=SLOW)
@given(layered_networks())
def test_random_networks_of_all_kinds_verify(network: Network) -> None:
    assert_verified(network)


@pytest.mark.sweep
@settings(max_examples=1000, deadline=None, suppress_health_check=SLOW)
@given(layered_networks())
def test_many_random_networks_of_all_kinds_verify(network: Network) -> None:
    assert_verified(network)


#: Networks on which random search once found something wrong.
ONCE_WRONG: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "a root of a tail": (
        {
            "input": 6,
            "layers": [
                "2 softplus",
                *(
                    {"kind": "dense", "units": 4, "bias": False, "activation": activation}
                    for activation in ("asin(tanh(2*s - 1.7159))", "asin(tanh((s - 1.7159)**2))")
                ),
                "4",
            ],
        },
        {"loss": "squared_error"},
    ),
    "exponents without a small common measure": (
        {"input": 1, "layers": ["1 tanh(s) + asin(tanh(1.7159*s))", "1"]},
        {"loss": "squared_error"},
    ),
    "a flat output": (
        {"input": [1, 5], "layers": ["batch_norm", "flatten"]},
        {"loss": "mean_squared_error", "reduction": "sum"},
    ),
    "a quantity that only a gradient reads": (
        {
            "input": [2, 3],
            "layers": [
                {"kind": "flatten", "activation": "tanh"},
                {
                    "kind": "equations",
                    "indices": {"i": 6, "a": 1, "j": 2},
                    "parameters": {"w": ["i", "a"], "v": ["a", "j"]},
                    "forward": [
                        "h[a] = softmax(Sum(w[i,a]*x[i], i), a)",
                        "s[j] = Sum(h[a]*v[a,j], a)",
                    ],
                },
            ],
        },
        {"loss": "squared_error"},
    ),
    "two dropouts of one number": (
        {"input": 3, "layers": ["3 tanh", "dropout 0.5", "dropout 0.25", "2"]},
        {"loss": "squared_error"},
    ),
    "letters that names of slopes would take": (
        {
            "input": 3,
            "layers": [
                {
                    "kind": "equations",
                    "indices": {"i": 3},
                    "parameters": {"delta": ["i"], "dh": ["i"], "elta": ["i"]},
                    "forward": [
                        "h[i] = tanh(delta[i]*x[i])",
                        "q[i] = dh[i]*h[i]**2 + elta[i]*h[i]",
                    ],
                },
                "2",
            ],
        },
        {"loss": "squared_error"},
    ),
    "constants of both branches": (
        {"input": 2, "layers": ["3 (log(cosh(s)))*(Abs(s))", "2 relu(s)*pi + s*log(2)", "1"]},
        {"loss": "log(cosh(o - y))"},
    ),
    "functions of numbers that Python's math lacks": (
        {
            "input": 2,
            "layers": ["2 s*sigmoid(2) + Min(exp(1), 2)", "2 Max(s, erf(1/2))*softplus(1)", "1"],
        },
        {"loss": "(o - y)**2*asin(1/2)"},
    ),
    "branches under a logarithm of exponentials": (
        {
            "input": 3,
            "layers": ["8 log(cosh(Max(s, 0.5)))", "8 Max(sigmoid(s), log(cosh(Min(s - 2, 1))))"],
        },
        {"loss": "squared_error"},
    ),
    "a pre-activation made of an exponential, below a fraction line": (
        {
            "input": 2,
            "layers": [
                {
                    "kind": "equations",
                    "indices": {"i": 2, "j": 1},
                    "parameters": {"c": ["i", "j"], "beta": ["j"]},
                    "forward": [
                        "d[j] = Sum((x[i] - c[i,j])**2, i)",
                        "s[j] = exp(-beta[j]**2*d[j])",
                    ],
                    "activation": "tan(sin(s))",
                }
            ],
        },
        {"loss": "squared_error"},
    ),
    "a norm over two axes of one size behind another": (
        {"input": [2, 2], "layers": [{"kind": "layer_norm", "activation": "elu"}, "layer_norm"]},
        {"loss": "squared_error"},
    ),
    "an index loss and its last places": (
        {"input": 3, "layers": ["2 tanh", "2 softmax"]},
        {"loss": "-Sum(y[k]*log(o[k]), k)", "accuracy": "exact"},
    ),
    "a quotient of polynomials with large whole numbers": (
        {"input": 4, "layers": ["8 ((5.7159*s)**2/8)/(1 + ((5.7159*s)**2/8)**2)", "1"]},
        {"loss": "squared_error"},
    ),
    "a bell below two exponentials": (
        {"input": 2, "layers": ["3 log(cosh(exp(-(s)**2)))", "1"]},
        {"loss": "squared_error"},
    ),
    "a tie that rounding decides": (
        {"input": 1, "layers": ["1 tanh(Max((s - 1/3), 2/3*s))", "5"]},
        {"loss": "squared_error", "dtype": "float32"},
    ),
    "a gradient too small to move the weights": (
        {
            "input": 2,
            "layers": [
                "2 sigmoid(s) + sqrt(1 + s**2)",
                "1 tanh(s) + s + s",
                "4",
                {"kind": "dense", "units": 4, "activation": "exp(-(s + s)**2)", "bias": False},
                {"kind": "dense", "units": 2, "bias": False},
            ],
        },
        {"loss": "squared_error"},
    ),
    "gradients below the reach of 60 digits": (
        {
            "input": 1,
            "layers": [
                "1 sigmoid(s) + sqrt(1 + s**2)",
                "6 tanh(s) + s + s",
                "1 exp(-(s + s)**2)",
                {"kind": "dense", "units": 1, "bias": False},
                {"kind": "dense", "units": 6, "bias": False},
            ],
        },
        {"loss": "squared_error"},
    ),
    "units whose squares are below all numbers": (
        {
            "input": 1,
            "layers": [
                "7",
                {"kind": "dense", "units": 2, "activation": "tanh(0.5*s) + tanh(s)", "bias": False},
                {
                    "kind": "dense",
                    "units": 4,
                    "activation": "tanh(s) + s*(1.7159*s)",
                    "bias": False,
                },
                "6 exp(-(s + s)**2)",
                "1",
            ],
        },
        {"loss": "squared_error"},
    ),
    "a steady batch after one that moved": (
        {
            "input": [1, 3],
            "layers": [
                {"kind": "conv", "channels": 1, "kernel": 1, "padding": 2},
                {"kind": "max_pool", "kernel": 4, "stride": 1, "padding": 2},
                "batch_norm",
            ],
        },
        {"loss": "squared_error", "training": {"optimizer": "momentum"}},
    ),
}


def own(
    shape: Any, indices: dict[str, int], parameters: dict[str, list[str]], *forward: str
) -> tuple[dict[str, Any], dict[str, Any]]:
    """A network with one layer in index equations before a dense one."""
    layer = {"kind": "equations", "indices": indices, "parameters": parameters}
    layers = [{**layer, "forward": [*forward]}, "flatten", "2 tanh"]
    return {"input": shape, "layers": layers}, {"loss": "squared_error"}


SUMS = "Sum(w[i,j]*x[i], i)"
ONCE_WRONG |= {
    "numbers that are trained": own(
        3, {"i": 3}, {"a": [], "b": [], "c": []}, "s[i] = a*tanh(b*x[i]) + exp(c)"
    ),
    "a temperature that is trained": own(
        3,
        {"i": 3, "j": 2},
        {"w": ["i", "j"], "t": []},
        f"z[j] = {SUMS}",
        "p[j] = softmax(-exp(t)*z[j], j)",
        "s[j] = p[j]*z[j]",
    ),
    "statistics of a whole sample": own(
        [3, 2],
        {"t": 3, "i": 2},
        {"w": ["i"]},
        "m = Sum(x[t,i], t, i)/(size(t)*size(i))",
        "v = Sum((x[t,i] - m)**2, t, i)/(size(t)*size(i) - 1)",
        "s[t,i] = w[i]*(x[t,i] - m)/sqrt(v + 1/10)",
    ),
    "experts, whose mixture is a view": own(
        3,
        {"i": 3, "e": 2, "j": 2},
        {"g": ["i", "e"], "w": ["e", "i", "j"]},
        "p[e] = softmax(Sum(g[i,e]*x[i], i), e)",
        "f[e,j] = tanh(Sum(w[e,i,j]*x[i], i))",
        "s[j] = Sum(p[e]*f[e,j], e)",
    ),
    "softmax of distances": own(
        2,
        {"i": 2, "c": 3},
        {"mu": ["c", "i"]},
        "d[c] = Sum((x[i] - mu[c,i])**2, i)",
        "s[c] = softmax(-d[c], c)",
    ),
    "a softmax inside a softmax and a product": own(
        3,
        {"i": 3, "p": 2},
        {"w": ["i", "p"]},
        "z[p] = Sum(w[i,p]*x[i], i)",
        "s[p] = z[p]*softmax(2*softmax(z[p], p), p)",
    ),
    "the letters of the samples": own(
        3,
        {"i": 3, "n": 2},
        {"w": ["i", "n"], "N": ["n"]},
        "h[n] = Sum(w[i,n]*x[i], i)",
        "s[n] = tanh(h[n])*N[n]",
    ),
    "pairs of factors with samples between them": own(
        3,
        {"i": 3, "f": 2, "j": 2},
        {"v": ["i", "f", "j"]},
        "l[f,j] = Sum(v[i,f,j]*x[i], i)",
        "q[f,j] = Sum(v[i,f,j]**2*x[i]**2, i)",
        "s[j] = Sum(l[f,j]**2 - q[f,j], f)/2",
    ),
    "heads with two axes each": own(
        [3, 2],
        {"t": 3, "u": 3, "i": 2, "h": 2, "a": 2, "b": 2},
        {"q": ["h", "i", "a", "b"]},
        "k[h,t,a,b] = Sum(q[h,i,a,b]*x[t,i], i)",
        "e[h,t,u] = Sum(k[h,t,a,b]*k[h,u,a,b], a, b)",
        "s[t,h] = Max(e[h,t,u], u)",
    ),
    "a loss over the letter of the samples": (
        {"input": 2, "layers": ["2 softmax"]},
        {"loss": "-Sum(y[n]*log(o[n]), n)"},
    ),
}


@pytest.mark.parametrize("what", ONCE_WRONG)
def test_networks_once_wrong(what: str) -> None:
    spec, more = ONCE_WRONG[what]
    assert_verified(load({"name": "once", **spec, **more}))
