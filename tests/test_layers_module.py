"""The emitted module of every kind of layer, against plain loops with complex step and PyTorch."""

from __future__ import annotations

import ast
import contextlib
import random
import re
import subprocess
import sys
import time
import tracemalloc
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from codegen.emitting.folding import folded
from codegen.emitting.module import emit, emit_test
from codegen.verify import load_source
from derive.algebra.terms import Tensor
from derive.derivation import Derivation, derive
from derive.forward import forward
from derive.spec import load
from tests.layer_networks import random_spec
from tests.loops import Loops, objective_value, random_arrays

Arrays = dict[str, Any]


def arrays_of(loops: Loops, tensors: list[Tensor], derivation: Derivation) -> Arrays:
    """Entries of the loops as arrays."""
    found: Arrays = {}
    for tensor in tensors:
        shape = tuple(map(loops.extent, derivation.shapes[tensor]))
        full = (loops.sizes["N"], *shape) if tensor.batched else shape
        array = np.zeros(full)
        for where, value in loops.arrays[tensor].items():
            array[where] = complex(value).real
        found[str(tensor)] = array
    return found


def assert_module(
    spec: dict[str, Any], samples: int = 3, seed: int = 0, most: int = 4
) -> ModuleType:
    """Loss, every gradient, the named quantities and a descent step agree with plain loops."""
    derivation = derive(spec)
    net = load_source(emit(derivation))
    loops = Loops(samples)
    parameters = random_arrays(derivation, loops, seed)
    tensors = list(derivation.shapes)
    inputs = arrays_of(loops, [t for t in tensors if t in loops.arrays], derivation)
    params = {str(p): inputs[str(p)] for p in parameters}
    assert {k: v.shape for k, v in params.items()} == net.PARAMETERS
    masks = {str(t): inputs[str(t)] for t in tensors if t.role == "mask"} or None
    expected = complex(objective_value(derivation, loops)).real
    trace = net.trace(params, inputs["x"], inputs["y"], masks=masks)
    for equation in derivation.forward:
        tensor = equation.lhs.tensor
        (true,) = arrays_of(loops, [tensor], derivation).values()
        close(trace[str(tensor)], true, str(tensor))
    value, slopes = net.loss_and_gradients(params, inputs["x"], inputs["y"], masks=masks)
    assert value == pytest.approx(expected, rel=1e-12, abs=1e-12)
    assert net.loss(params, inputs["x"], inputs["y"], masks=masks) == pytest.approx(value, 1e-13)
    rng = random.Random(seed)
    for parameter in parameters:
        entries = loops.arrays[parameter]
        places = list(entries.items())
        for where, kept in rng.sample(places, min(len(places), most)):
            entries[where] = kept + 1e-30j
            true = complex(objective_value(derivation, loops)).imag / 1e-30
            entries[where] = kept
            found = slopes[str(parameter)][where]
            assert abs(found - true) <= 1e-9 * (1 + abs(true)), (
                f"{spec}: d/d{parameter}{list(where)} is {found}, complex step {true}"
            )
    assert_trainer(net, params, inputs["x"], inputs["y"])
    return net


def close(found: Any, true: Any, what: str, room: float = 1e-10) -> None:
    np.testing.assert_allclose(np.broadcast_to(found, true.shape), true, room, room, err_msg=what)


def assert_trainer(net: ModuleType, params: Arrays, x: Any, y: Any, rate: float = 0.05) -> None:
    """Steps with batches of several sizes are those of the gradient, with the masks it drew."""
    trainer = net.Trainer(params, len(x), learning_rate=rate)
    for size in (len(x), len(x) - 1, len(x)):
        if size < 2 and net.STATE:
            continue
        before = trainer.params
        found = trainer.step(x[:size], y[:size])
        masks = trainer.masks if hasattr(net, "MASKS") else None
        value, slopes = net.loss_and_gradients(before, x[:size], y[:size], masks=masks)
        assert found == pytest.approx(value, rel=1e-11, abs=1e-11)
        for name, after in trainer.params.items():
            close(after, before[name] - rate * slopes[name], f"{name} after a step")


@pytest.mark.parametrize("seed", range(40))
def test_random_networks(seed: int) -> None:
    assert_module(random_spec(seed), samples=3, seed=seed)


@pytest.mark.sweep
def test_many_random_networks() -> None:
    for seed in range(1000):
        assert_module(random_spec(seed), samples=2 + seed % 2, seed=seed, most=3)


# ------------------------------------------------------------------ layers of one's own


def own(
    indices: dict[str, int],
    parameters: dict[str, list[str]],
    forward: list[str],
    shape: Any,
    **options: Any,
) -> dict[str, Any]:
    """A network with one layer in index equations."""
    layer = {"kind": "equations", "indices": indices, "parameters": parameters, "forward": forward}
    after = ["dense 2 softmax"] if options.pop("rows", True) else [{"kind": "flatten"}, "2 softmax"]
    layers = [layer | options, *after]
    return {"name": "own", "input": shape, "layers": layers, "loss": "cross_entropy"}


LINEAR = "Sum(w[i,j]*x[i], i)"
OWN: dict[str, dict[str, Any]] = {
    "bilinear": own(
        {"i": 3, "k": 3, "j": 2},
        {"w": ["i", "k", "j"]},
        ["s[j] = Sum(w[i,k,j]*x[i]*x[k], i, k)"],
        3,
        activation="tanh",
    ),
    "low rank": own(
        {"i": 4, "r": 2, "j": 3},
        {"u": ["i", "r"], "v": ["r", "j"], "b": ["j"]},
        ["h[r] = Sum(u[i,r]*x[i], i)", "s[j] = Sum(v[r,j]*h[r], r) + b[j]"],
        4,
    ),
    "gated": own(
        {"i": 3, "j": 2},
        {"u": ["i", "j"], "v": ["i", "j"]},
        ["g[j] = sigmoid(Sum(v[i,j]*x[i], i))", "s[j] = g[j]*Sum(u[i,j]*x[i], i)"],
        3,
    ),
    "radial basis": own(
        {"i": 3, "j": 4},
        {"c": ["i", "j"], "g": ["j"]},
        ["s[j] = exp(-g[j]*Sum((x[i] - c[i,j])**2, i))"],
        3,
        initial={"g": "normal(0.3)"},
    ),
    "cosine": own(
        {"i": 3, "j": 4},
        {"w": ["i", "j"]},
        [
            "a = sqrt(Sum(x[i]**2, i) + 1/1000)",
            "b[j] = sqrt(Sum(w[i,j]**2, i) + 1/1000)",
            f"s[j] = {LINEAR}/(a*b[j])",
        ],
        3,
    ),
    "unit length": own(
        {"i": 3, "j": 3},
        {"w": ["i", "j"]},
        [f"t[j] = {LINEAR}", "r = sqrt(Sum(t[j]**2, j) + 1/1000)", "s[j] = t[j]/r"],
        3,
    ),
    "mixture": own(
        {"i": 3, "j": 3},
        {"w": ["i", "j"], "m": ["j"]},
        [
            "a[j] = sigmoid(m[j])",
            f"t[j] = {LINEAR}",
            "s[j] = a[j]*tanh(t[j]) + (1 - a[j])*relu(t[j])",
        ],
        3,
    ),
    "attention": own(
        {"t": 4, "u": 4, "i": 3, "d": 2},
        {"q": ["i", "d"], "k": ["i", "d"], "v": ["i", "d"]},
        [
            "a[t,d] = Sum(q[i,d]*x[t,i], i)",
            "b[t,d] = Sum(k[i,d]*x[t,i], i)",
            "c[t,d] = Sum(v[i,d]*x[t,i], i)",
            "w[t,u] = Sum(a[t,d]*b[u,d], d)/sqrt(2)",
            "p[t,u] = softmax(w[t,u], u)",
            "s[t,d] = Sum(p[t,u]*c[u,d], u)",
        ],
        [4, 3],
        rows=False,
    ),
    "names that others have": own(
        {"i": 3, "j": 3},
        {"w": ["i", "j"], "number": ["j"]},
        [
            f"t[j] = {LINEAR}",
            "delta[j] = tanh(t[j] + number[j])",
            "dw[j] = delta[j]*t[j]",
            "sum[j] = dw[j] + t[j]",
            "s[j] = sum[j]*delta[j]",
        ],
        3,
    ),
    "neighbours": own(
        {"p": 4},
        {"w": []},
        ["h[p] = x[p-1]*x[p] + w*x[p+1]", "s[p] = sqrt(h[p]**2 + 1)"],
        4,
        padded=["x"],
    ),
    "backwards": own({"p": 3, "u": 2}, {"w": ["u"]}, ["s[p] = Sum(w[u]*x[4-p-u], u)"], 5),
    "three indices": own(
        {"p": 2, "u": 2, "v": 2},
        {"w": ["u", "v"]},
        ["s[p] = Sum(w[u,v]*x[2*p+u+3*v], u, v)"],
        7,
    ),
    "every other": own({"q": 3}, {"w": ["q"]}, ["s[q] = tanh(w[q]*x[2*q])"], 6),
    "largest of all": own(
        {"c": 2, "p": 3, "q": 2},
        {"w": ["c"]},
        ["g[c] = Max(x[c,p,q], p, q)", "s[c] = w[c]*g[c]"],
        [2, 3, 2],
    ),
    "smallest neighbour": own(
        {"p": 3, "u": 2}, {"w": ["p"]}, ["g[p] = Min(x[p+u], u)", "s[p] = w[p]*g[p]"], 4
    ),
    "tokens": own(
        {"t": 3, "u": 2, "i": 2, "j": 3},
        {"w": ["u", "i", "j"]},
        ["s[t,j] = Sum(w[u,i,j]*x[t+u,i], u, i)"],
        [4, 2],
        rows=False,
        activation="softmax",
    ),
    "depthwise": own(
        {"c": 2, "p": 3, "u": 2},
        {"w": ["c", "u"]},
        ["s[c,p] = Sum(w[c,u]*x[c,p+u], u)"],
        [2, 4],
        rows=False,
    ),
    "diagonal": own({"i": 3}, {"w": ["i"]}, ["s[i] = w[i]*x[i,i]"], [3, 3]),
    "no parameters": own({"i": 3}, {}, ["a = Min(x[i], i)", "s[i] = softmax(x[i] - a, i)"], 3),
    "pairs": own(
        {"i": 3, "j": 3}, {"w": ["i", "j"]}, ["s[i,j] = tanh(w[i,j]*(x[i] - x[j]))"], 3, rows=False
    ),
}


@pytest.mark.parametrize("name", OWN)
def test_layers_of_ones_own(name: str) -> None:
    assert_module(OWN[name])


@pytest.mark.parametrize("name", OWN)
def test_no_loop_over_units_samples_or_positions(name: str) -> None:
    """Loops of the text are over taps, names and batches; einsum stands nowhere."""
    text = emit(derive(OWN[name]))
    body = text[text.index("def forward(") : text.index("class Trainer")]
    assert "for " not in body.replace("for every row", "").replace("for a ", "").replace(
        "for no dropout", ""
    )
    assert "einsum" not in text or name == "depthwise"  # where no matrix product is


def test_a_softmax_inside_a_formula_does_not_overflow() -> None:
    forward = [f"s[j] = tanh({LINEAR})*softmax(900*Sum(v[i,j]*x[i], i), j)"]
    spec = own({"i": 3, "j": 3}, {"w": ["i", "j"], "v": ["i", "j"]}, forward, 3)
    net = load_source(emit(derive(spec)))
    params = {name: np.ones(shape) for name, shape in net.PARAMETERS.items()}
    params["v1"][:, 1] = -1
    value, slopes = net.loss_and_gradients(params, *net._example(4, 1))
    assert np.isfinite(value)
    assert all(np.isfinite(slope).all() for slope in slopes.values())


def test_a_softmax_inside_a_formula_has_no_letter_of_an_index() -> None:
    layer = {
        "kind": "equations", "indices": {"p": 2, "q": 3, "a": 3},
        "parameters": {"A": ["q", "a"]},
        "forward": ["s[p,a] = Sum(softmax(x[p,q], q)*A[q,a], q)"],
    }  # fmt: skip
    made = derive({"name": "own", "input": [2, 3], "loss": "squared_error",
                   "layers": [layer, {"kind": "flatten"}]})  # fmt: skip
    assert made.forward[0].lhs.tensor.letter == "r"


def test_second_quantities_of_a_layer_have_letters_of_their_own() -> None:
    """Two residual connections end at one layer; no letter is doubled, as a product would be."""
    inner = {"kind": "residual", "layers": ["dense 2"]}
    outer = {"kind": "residual", "layers": ["dense 2 tanh", inner]}
    made = derive({"name": "own", "input": 2, "loss": "squared_error", "layers": [outer]})
    sums = [s.main.lhs.tensor.letter for s in made.forward_pass.stages if s.kind == "residual"]
    assert sums == ["u", "v"]


def test_any_number_of_softmaxes_inside_a_formula() -> None:
    """Each has a name of its own."""
    summands = (f"softmax({k}*x[j], j)**2" for k in range(2, 42))
    spec = own({"j": 3}, {}, [f"s[j] = {' + '.join(summands)}"], 3)
    first, _ = forward(load(spec)).stages
    assert len({equation.lhs.tensor for equation in first.equations}) == 41


# ------------------------------------------------------------------ outputs of more than one axis


def test_outputs_with_positions() -> None:
    tokens = dict(OWN["tokens"], layers=OWN["tokens"]["layers"][:1])
    assert_module(tokens)
    conv = {"kind": "conv", "channels": 2, "kernel": 3, "activation": "softmax"}
    for loss in ("squared_error", "cross_entropy"):
        assert_module({"input": [1, 5, 5], "layers": [conv], "loss": loss})


KINDS: dict[str, Any] = {
    "conv": {"channels": 2, "kernel": 1},
    "max_pool": {"kernel": 2, "stride": 1},
    "avg_pool": {"kernel": 2, "stride": 1},
    "dropout": {"rate": 0.25},
    "layer_norm": {},
    "batch_norm": {},
    "residual": {"layers": [{"kind": "layer_norm"}]},
    "equations": {
        "indices": {"i": 3, "j": 4},
        "parameters": {"w": ["i", "j"]},
        "forward": ["s[i,j] = w[i,j]*x[i,j]"],
    },
}


@pytest.mark.parametrize("kind", KINDS)
def test_the_error_below_a_softmax_of_any_layer_is_what_people_know(kind: str) -> None:
    """o sum(y) - y, along the last axis of rows too: no exponential is left to overflow."""
    layers = [{"kind": "layer_norm"}, {"kind": kind, "activation": "softmax", **KINDS[kind]}]
    derivation = derive({"input": [3, 4], "layers": layers, "loss": "cross_entropy"})
    chain = next(
        c for c in derivation.layers if any("jacobian.softmax" in s.cites for s in c.steps)
    )
    assert re.fullmatch(
        r"(o\d\[n,\w,\w\])\*Sum\((y\[n,\w,\w\]), \w\) - y\[n,\w,\w\]", str(chain.result)
    )


# ------------------------------------------------------------------ state and masks

NORMED: dict[str, Any] = {
    "name": "normed",
    "input": [2, 6, 6],
    "layers": [
        {"kind": "conv", "channels": 3, "kernel": 3},
        {"kind": "batch_norm", "activation": "relu", "momentum": 0.2},
        {"kind": "dropout", "rate": 0.25},
        {"kind": "flatten"},
        {"kind": "dense", "units": 4},
        {"kind": "batch_norm"},
        "dense 3 softmax",
    ],
    "loss": "cross_entropy",
}


@cache
def normed() -> ModuleType:
    return load_source(emit(derive(NORMED)))


def test_state_and_masks_have_names_and_shapes() -> None:
    net = normed()
    assert net.STATE == {"mean2": (3,), "var2": (3,), "mean4": (4,), "var4": (4,)}
    assert net.MASKS == {"mask2": (3, 4, 4)}
    params, state = net.init(), net.init_state(np.float32)
    assert (params["gamma2"] == 1).all()
    assert (params["beta2"] == 0).all()
    assert all((state[k] == (k[0] == "v")).all() for k in state)
    assert all(v.dtype == np.float32 for v in state.values())


def test_averages_of_the_last_batch_alone() -> None:
    """With the momentum 1 the new average is the mean itself, which has a name already."""
    spec = {
        "name": "last",
        "input": 3,
        "layers": [{"kind": "batch_norm", "momentum": 1}, "dense 1"],
        "loss": "squared_error",
    }
    net = load_source(emit(derive(spec)))
    x, y = net._example(5, 0)
    trainer = net.Trainer(net.init(), 5, learning_rate=0.1)
    trainer.step(x, y)
    np.testing.assert_allclose(trainer.state["mean1"], x.mean(axis=0), 1e-12)
    np.testing.assert_allclose(trainer.state["var1"], x.var(axis=0, ddof=1), 1e-12)


def test_inference_reads_the_state_and_training_renews_it() -> None:
    net = normed()
    params = net.init(1)
    x, y = net._example(6, 2)
    trainer = net.Trainer(params, 6, learning_rate=0.1, seed=3)
    kept = net.init_state()
    for _ in range(3):
        before = trainer.params
        trainer.step(x, y)
        trace = net.trace(before, x, y, masks=trainer.masks)
        for k, axes, keep in ((2, (0, 2, 3), 0.8), (4, (0,), 0.9)):
            s = trace[f"s{k - 1}"]
            kept[f"mean{k}"] = keep * kept[f"mean{k}"] + (1 - keep) * s.mean(axes)
            kept[f"var{k}"] = keep * kept[f"var{k}"] + (1 - keep) * s.var(axes, ddof=1)
    state = trainer.state
    for name, true in kept.items():
        close(state[name], true, name)
    out = net.forward(trainer.params, x, state)
    alone = np.concatenate([net.forward(trainer.params, x[k : k + 1], state) for k in range(6)])
    np.testing.assert_allclose(out, alone, 1e-12)
    assert net.forward(trainer.params, x[:0], state).shape == (0, 3)
    assert not np.allclose(out, net.forward(trainer.params, x))


def test_masks_of_the_trainer_are_those_of_dropout() -> None:
    net = normed()
    params, (x, y) = net.init(1), net._example(500, 2)
    trainers = [net.Trainer(params, 500, learning_rate=0.1, seed=s) for s in (3, 3, 4)]
    for t in trainers:
        t.step(x, y)
    one, two, three = (t.masks["mask2"] for t in trainers)
    assert np.array_equal(one, two)
    assert not np.array_equal(one, three)
    assert set(np.unique(one)) == {0, 1 / 0.75}
    assert abs((one == 0).mean() - 0.25) < 0.01
    trainers[0].step(x, y)
    assert not np.array_equal(trainers[0].masks["mask2"], one)


@pytest.mark.parametrize(
    ("masks", "message"),
    [
        ({"mask9": np.ones((6, 3, 4, 4))}, r"masks: found \['mask9'\], expected \['mask2'\]"),
        ({"mask2": np.ones((5, 3, 4, 4))}, r"masks\['mask2'\]: found the shape"),
    ],
)
def test_wrong_masks(masks: Arrays, message: str) -> None:
    net = normed()
    with pytest.raises(ValueError, match=message):
        net.loss(net.init(), *net._example(6, 2), masks=masks)


def test_wrong_state() -> None:
    net = normed()
    x, _ = net._example(6, 2)
    with pytest.raises(ValueError, match="state: found"):
        net.forward(net.init(), x, {"mean2": np.zeros(3)})
    with pytest.raises(ValueError, match=r"state\['mean2'\]: found the shape"):
        net.forward(net.init(), x, {**net.init_state(), "mean2": np.zeros(4)})


def test_files_and_fit_with_state(tmp_path: Path) -> None:
    net = normed()
    params, state = net.init(1), net.init_state()
    x, y = net._example(16, 2)
    history = net.fit(params, x, y, epochs=30, batch_size=6, learning_rate=0.2, state=state)
    assert history[-1] < history[0]
    assert not np.allclose(state["mean4"], 0)
    net.save(tmp_path / "net.npz", params, state)
    loaded, kept = net.load(tmp_path / "net.npz")
    assert all(np.array_equal(loaded[k], params[k]) for k in params)
    assert all(np.array_equal(kept[k], state[k]) for k in state)
    with pytest.raises(ValueError, match="batch_size: found 5"):
        net.fit(params, x, y, epochs=1, batch_size=5, learning_rate=0.2)
    with pytest.raises(ValueError, match="x: found 1 sample"):
        net.Trainer(params, 4, learning_rate=0.1).step(x[:1], y[:1])


def test_the_self_check_of_every_kind(tmp_path: Path) -> None:
    for spec in (NORMED, random_spec(5), OWN["attention"]):
        lines, well = load_source(emit(derive(spec))).self_check()
        assert well, lines


def test_emission_of_windows_does_not_depend_on_the_size() -> None:
    """Derivation and emission of a network on large images in under a second."""
    spec = {
        "input": [3, 224, 224],
        "layers": [
            {"kind": "conv", "channels": 64, "kernel": 7, "stride": 2, "padding": 3},
            {"kind": "batch_norm", "activation": "relu"},
            {"kind": "max_pool", "kernel": 3, "stride": 2, "padding": 1},
            {"kind": "conv", "channels": 128, "kernel": 3, "padding": "same"},
            {"kind": "layer_norm", "axes": "all", "activation": "gelu"},
            {"kind": "avg_pool", "kernel": 8},
            {"kind": "flatten"},
            "dense 10 softmax",
        ],
        "loss": "cross_entropy",
    }
    derivation = derive(spec)
    start = time.process_time()
    emit(derivation)
    assert time.process_time() - start < 1


# ------------------------------------------------------------------ a step allocates nothing large

LENET: dict[str, Any] = {
    "name": "lenet",
    "input": [1, 12, 12],
    "layers": [
        {"kind": "conv", "channels": 4, "kernel": 3, "activation": "relu"},
        {"kind": "max_pool", "kernel": 2},
        {"kind": "conv", "channels": 6, "kernel": 3, "activation": "relu"},
        {"kind": "flatten"},
        "dense 10 softmax",
    ],
    "loss": "cross_entropy",
}


def test_a_step_with_windows_allocates_no_array_data() -> None:
    """A few buffers of NumPy's own, whatever the batch."""
    net = load_source(emit(derive(LENET)))
    for n in (16, 128):
        x, labels = net._example(n, 0)
        x, y = x.astype(np.float32), np.eye(10, dtype=np.float32)[labels]
        trainer = net.Trainer(net.init(0, np.float32), n, learning_rate=0.01)
        for _ in range(3):
            trainer.step(x, y)
        tracemalloc.start()
        start = tracemalloc.get_traced_memory()[0]
        tracemalloc.reset_peak()
        trainer.step(x, y)
        peak = tracemalloc.get_traced_memory()[1] - start
        tracemalloc.stop()
        assert peak <= 4096 + 2 * 65536, f"batch {n}: {peak} bytes"


def test_the_emitted_test_of_state_and_masks(tmp_path: Path) -> None:
    """It passes as it is written, for dropout and running averages too."""
    derivation = derive(NORMED)
    (tmp_path / "normed.py").write_text(emit(derivation))
    (tmp_path / "test_normed.py").write_text(emit_test(derivation))
    run = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "test_normed.py"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert run.returncode == 0, run.stdout


def test_a_cut_off_moves_behind_the_maximum_and_changes_nothing() -> None:
    """Windows without a positive entry, and ties at the largest, included."""
    text = emit(derive(LENET))
    assert "maximum(s1, " not in text[text.index("class Trainer") :]
    net = load_source(text)
    params = net.init(0)
    params["b1"] -= 0.2
    x, labels = net._example(7, 0)
    x = np.round(x)  # many equal windows
    trace = net.trace(params, x, labels)
    assert (trace["g1"] == 0).any()
    assert_trainer(net, params, x, np.eye(10)[labels])


def test_the_first_of_equal_entries_counts() -> None:
    """Overlapping windows over small whole numbers, forward, backward and in a step."""
    layers: list[Any] = [
        {"kind": "conv", "channels": 2, "kernel": 1, "bias": False},
        {"kind": "max_pool", "kernel": 3, "stride": 1, "padding": 1},
        {"kind": "flatten"},
        "dense 2",
    ]
    derivation = derive({"input": [1, 5, 5], "layers": layers, "loss": "squared_error"})
    net, loops = load_source(emit(derivation)), Loops(3)
    random_arrays(derivation, loops, 0)
    for tensor, entries in loops.arrays.items():
        if tensor.role == "input":
            loops.arrays[tensor] = {k: complex(round(2 * v.real)) for k, v in entries.items()}
    objective_value(derivation, loops)
    given = arrays_of(loops, [t for t in derivation.shapes if t in loops.arrays], derivation)
    params = {name: given[name] for name in net.PARAMETERS}
    for equation in derivation.backward:
        loops.define(equation)
    trace = net.trace(params, given["x"], given["y"])
    (true,) = arrays_of(loops, [derivation.backward[-1].lhs.tensor], derivation).values()
    close(trace["delta1"], true, "delta1")
    assert_trainer(net, params, given["x"], given["y"])


def test_views_of_one_position_are_read_anew_in_every_step() -> None:
    """A window with one place, whose memory does not lie in one piece."""
    layers: list[Any] = [
        {"kind": "conv", "channels": 3, "kernel": 1, "stride": 3, "padding": 2},
        {"kind": "conv", "channels": 3, "kernel": 3, "stride": 3, "bias": False},
        {"kind": "conv", "channels": 2, "kernel": 1},
        {"kind": "flatten"},
        "dense 2 tanh",
    ]
    assert_module({"input": [1, 6], "layers": layers, "loss": "squared_error"})


def test_folded_lines_mean_the_same() -> None:
    """Every statement of a module as it was before it was folded."""
    for spec in (LENET, NORMED, OWN["mixture"]):
        for line in emit(derive(spec)).splitlines():
            code = line.split("  #")[0].strip()
            with contextlib.suppress(SyntaxError):
                tree = ast.dump(ast.parse(code))
                for width in (20, 40, 60):
                    lines = folded(code, width=width)
                    assert ast.dump(ast.parse("\n".join(lines))) == tree, lines
