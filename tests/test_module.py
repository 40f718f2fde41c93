"""The emitted module: its contract, its messages, its text."""

from __future__ import annotations

import ast
import gc
import subprocess
import sys
import time
from collections.abc import Callable
from fractions import Fraction
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

import mpmath as mp
import numpy as np
import pytest

from codegen.emitting.guarded import checked
from codegen.emitting.kernels import kernel_sources
from codegen.emitting.module import emit, emit_program, emit_test
from codegen.emitting.program import Program
from codegen.verify import load_source
from derive.derivation import derive
from tests.networks import dense

NETWORKS: dict[str, Program] = {
    "xor": dense((2, 2, 1), ("sigmoid", "sigmoid"), "binary_cross_entropy"),
    "classes": dense((4, 6, 3), ("tanh", "softmax"), "cross_entropy", dtype="float32"),
    "deep": dense((3, 4, 5, 2), ("relu", "softplus", "linear"), "squared_error"),
    "decay": dense((3, 4, 2), ("tanh", "linear"), "squared_error", decay=Fraction(1, 10)),
    "threshold": dense(
        (3, 4, 2), ("leaky_relu", "linear"), "squared_error", bias="threshold", reduction="sum"
    ),
    "no bias": dense((3, 4, 1), ("tanh", "linear"), "squared_error", bias="absent"),
}


@cache
def module(name: str) -> ModuleType:
    return load_source(emit_program(NETWORKS[name]))


def batch(net: ModuleType, n: int = 5, dtype: Any = np.float64) -> tuple[Any, Any, Any]:
    rng = np.random.default_rng(3)
    params = {k: rng.normal(size=s).astype(dtype) for k, s in net.PARAMETERS.items()}
    x, y = net._example(n, 3)
    return params, x.astype(dtype), y


@pytest.mark.parametrize("name", NETWORKS)
def test_gradients_are_those_of_the_loss(name: str) -> None:
    """Central differences with the module's own loss, entry by entry."""
    net = module(name)
    params, x, y = batch(net)
    with np.errstate(all="raise", under="ignore"):
        value, slopes = net.loss_and_gradients(params, x, y)
        assert value == net.loss(params, x, y)
        for key, slope in slopes.items():
            for at in np.ndindex(slope.shape):
                ends = []
                for h in (1e-6, -1e-6):
                    moved = {k: p.copy() for k, p in params.items()}
                    moved[key][at] += h
                    ends.append(net.loss(moved, x, y))
                difference = (ends[0] - ends[1]) / 2e-6
                np.testing.assert_allclose(slope[at], difference, 1e-6, 1e-7, err_msg=f"{key}{at}")


@pytest.mark.parametrize("name", NETWORKS)
def test_contract(name: str) -> None:
    net, program = module(name), NETWORKS[name]
    assert (net.NAME, net.SPEC_SHA256, net.STATE) == ("net", "0" * 64, {})
    params = net.init(7)
    assert {k: v.shape for k, v in params.items()} == net.PARAMETERS
    assert all(v.dtype == program.dtype for v in params.values())
    assert all(np.array_equal(v, net.init(7)[k]) for k, v in params.items())
    assert not np.array_equal(params["W1"], net.init(8)["W1"])
    assert net.init_state() == {}
    _, x, y = batch(net)
    assert net.forward(params, x).shape == (5, *net.TARGET_SHAPE)
    assert net.forward(params, x[:0]).shape == (0, *net.TARGET_SHAPE)
    named = net.trace(params, x, y)
    assert {"s1", "o1", "s2", "L", "delta1", "delta2"} <= set(named)
    assert named["L"].shape == (5,)
    both = net.gradients(params, x, y)
    assert all(v.dtype == program.dtype for v in (*named.values(), *both.values()))
    assert net.self_check()[1]


def test_labels_are_one_hot_rows() -> None:
    net = module("classes")
    params, x, labels = batch(net)
    rows = np.eye(3)[labels]
    assert net.loss(params, x, labels) == net.loss(params, x, rows)
    assert net.loss(params, x, list(map(int, labels))) == net.loss(params, x, rows)


def test_a_single_output_takes_flat_targets() -> None:
    net = module("xor")
    params, x, y = batch(net)
    assert net.loss(params, x, y[:, 0]) == net.loss(params, x, y)


Spoil = Callable[[Any, Any, Any], tuple[Any, Any, Any]]
#: network, error, message, and what is done to (params, x, y)
WRONG: list[tuple[str, type[Exception], str, Spoil]] = [
    ("classes", TypeError, "x: found an array of complex", lambda p, x, y: (p, x * 1j, y)),
    ("classes", TypeError, "x: found an array of object", lambda p, x, y: (p, x.astype("O"), y)),
    ("classes", TypeError, "y: found an array of <U1", lambda p, x, y: (p, x, ["a"] * 5)),
    ("classes", ValueError, r"\(4,\), expected \(n, 4\)", lambda p, x, y: (p, x[0], y)),
    ("classes", ValueError, r"x: found the shape \(5, 3\)", lambda p, x, y: (p, x[:, :3], y)),
    ("classes", ValueError, "x: found rows of diff", lambda p, x, y: (p, [[1.0], [1.0, 2.0]], y)),
    ("classes", ValueError, "x: found 0 samples", lambda p, x, y: (p, x[:0], y[:0])),
    ("classes", ValueError, "the label 3, expected .* 0 to 2", lambda p, x, y: (p, x, y * 0 + 3)),
    ("classes", ValueError, "y: found the label -1", lambda p, x, y: (p, x, y * 0 - 1)),
    ("classes", ValueError, "sum to 0.5 in row 0", lambda p, x, y: (p, x, np.full((5, 3), 1 / 6))),
    ("classes", ValueError, r"y: found the shape \(5,\)", lambda p, x, y: (p, x, y * 1.0)),
    ("classes", ValueError, r"y: found the shape \(4,\)", lambda p, x, y: (p, x, y[:4])),
    ("deep", ValueError, "y: found NaN or infinity", lambda p, x, y: (p, x, y * np.nan)),
    ("deep", ValueError, r"\(5,\), expected \(5, 2\)", lambda p, x, y: (p, x, y[:, 0])),
    ("deep", ValueError, r"params\['W1'\]: found the", lambda p, x, y: ({**p, "W1": x}, x, y)),
    ("deep", ValueError, "params: found", lambda p, x, y: ({"W1": p["W1"]}, x, y)),
    ("deep", TypeError, r"params\['W1'\]: found", lambda p, x, y: ({**p, "W1": x * 1j}, x, y)),
]  # fmt: skip


@pytest.mark.parametrize(
    ("name", "error", "message", "spoil"), WRONG, ids=lambda v: getattr(v, "__name__", str(v))[:40]
)
def test_wrong_arguments(name: str, error: type[Exception], message: str, spoil: Spoil) -> None:
    net = module(name)
    with pytest.raises(error, match=message):
        net.loss(*spoil(*batch(net)))
    _, x, y = spoil(*batch(net))
    if "params" not in message:
        trainer = net.Trainer(batch(net)[0], 5, learning_rate=0.1)
        with pytest.raises(error, match=message):
            trainer.step(x, y)


def test_masks_are_refused_where_there_is_no_dropout() -> None:
    net = module("deep")
    params, x, y = batch(net)
    assert net.loss(params, x, y, masks={}) == net.loss(params, x, y)
    with pytest.raises(ValueError, match="masks: found"):
        net.gradients(params, x, y, masks={"d1": 1})


def test_inputs_take_the_precision_of_the_parameters() -> None:
    net = module("deep")
    params, x, _ = batch(net, dtype=np.float32)
    assert net.forward(params, x.astype(np.float64)).dtype == np.float32
    assert net.forward(params, np.ones((2, 3), int)).dtype == np.float32


def test_files(tmp_path: Path) -> None:
    net = module("deep")
    params = net.init(1, np.float32)
    net.save(tmp_path / "odd.name", params)
    loaded, state = net.load(tmp_path / "odd.name")
    assert state == {}
    assert all(
        np.array_equal(loaded[k], p) and loaded[k].dtype == p.dtype for k, p in params.items()
    )
    np.savez(tmp_path / "other.npz", W1=np.ones(2))
    with pytest.raises(ValueError, match="params: found"):
        net.load(tmp_path / "other.npz")


def test_fit_learns_and_is_reproducible() -> None:
    net = load_source(
        emit_program(dense((2, 8, 1), ("tanh", "sigmoid"), "binary_cross_entropy", momentum=0.9))
    )
    x = np.array([[0, 0], [0, 1], [1, 0], [1, 1]])
    y = np.array([0, 1, 1, 0])
    told: list[int] = []
    histories = []
    for _ in range(2):
        params = net.init(1)
        kept = params["W1"]
        history = net.fit(
            params, x, y, epochs=300, batch_size=3, learning_rate=0.3,
            progress=lambda epoch, loss: told.append(epoch),
        )  # fmt: skip
        histories.append(history)
        assert kept is params["W1"]
    assert histories[0] == histories[1]
    assert told[:300] == list(range(1, 301))
    assert histories[0][-1] < 0.02 < histories[0][0]
    assert (net.forward(params, x)[:, 0].round() == y).all()


def test_the_module_runs_on_its_own(tmp_path: Path) -> None:
    path = tmp_path / "net.py"
    path.write_text(emit_program(NETWORKS["xor"]))
    run = subprocess.run(
        [sys.executable, "-I", "-W", "error", str(path)],
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert run.returncode == 0, run.stdout + run.stderr
    assert "all is well" in run.stdout


# ------------------------------------------------------------------ from a derivation


def test_a_derivation_becomes_a_module_and_its_test(tmp_path: Path) -> None:
    derivation = derive(
        {
            "name": "own",
            "input": 3,
            "layers": [
                {"kind": "dense", "units": 4, "activation": "s/(1+exp(-s))"},
                "dense 2 gelu",
            ],
            "loss": "log(cosh(o - y))",
        }
    )
    text = emit(derivation)
    assert text == emit(derivation)
    assert "(1)" in text
    (tmp_path / "own.py").write_text(text)
    (tmp_path / "test_own.py").write_text(emit_test(derivation))
    run = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "test_own.py"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert run.returncode == 0, run.stdout


def test_emission_does_not_depend_on_the_width_and_is_linear_in_depth() -> None:
    def seconds(units: int, layers: int) -> float:
        program = dense((units,) * (layers + 1), ("tanh",) * layers, "squared_error")
        gc.disable()  # the garbage of other tests is not counted
        start = time.process_time()
        emit_program(program)
        took = time.process_time() - start
        gc.enable()
        return took

    seconds(4, 2)
    assert seconds(4096, 3) < 0.5
    assert seconds(8, 60) < 2.0


# ------------------------------------------------------------------ the text


@pytest.mark.parametrize("name", NETWORKS)
def test_the_text_is_plain_numpy(name: str) -> None:
    tree = ast.parse(emit_program(NETWORKS[name]))
    imports = [n.names[0].name for n in ast.walk(tree) if isinstance(n, ast.Import)]
    assert set(imports) <= {"math", "sys", "numpy"}
    called = {n.id for n in ast.walk(tree) if isinstance(n, ast.Name)}
    assert not called & {"eval", "exec", "getattr", "compile"}


def test_titles_cannot_leave_the_docstring() -> None:
    program = dense((2, 1), ("linear",), "squared_error")
    hostile = 'x"""\nimport os\nos.system("true")\n"""\\'
    text = emit_program(Program(**{**program.__dict__, "title": hostile}))
    tree = ast.parse(text)
    assert "import os" in (ast.get_docstring(tree) or "")
    assert all(n.names[0].name != "os" for n in ast.walk(tree) if isinstance(n, ast.Import))


@pytest.mark.parametrize(
    "text", ["import os", "from os import path", "eval('1')", "x = lambda: 1", "global x"]
)
def test_strange_constructs_are_refused(text: str) -> None:
    with pytest.raises(AssertionError):
        checked(text, {"numpy"})


def test_every_computing_line_names_its_equation() -> None:
    text = emit_program(NETWORKS["xor"])
    body = text[text.index("def loss_and_gradients") : text.index("def gradients")]
    for k in range(1, 12):
        assert f"# ({k})" in body


# ------------------------------------------------------------------ kernels


@pytest.mark.parametrize("dtype", [np.float64, np.float32], ids=["float64", "float32"])
def test_kernels_are_accurate(dtype: Any) -> None:
    scope: dict[str, Any] = {"np": np}
    exec("\n\n".join(kernel_sources(["erf", "sigmoid", "softplus"])), scope)
    near = np.concatenate([np.linspace(-12, 12, 401), [1e-8, -1e-8, 1e4, -1e4, 38.0, -104.0]])
    x = near.astype(dtype)
    exact = {
        "erf": (mp.erf, 2),
        "sigmoid": (lambda v: 1 / (1 + mp.exp(-v)), 4),
        "softplus": (lambda v: mp.log(1 + mp.exp(v)), 4),
        "erfc": (mp.erfc, 150),  # exp(-x^2) loses x^2 eps of what is no longer visible beside 1
    }
    eps, tiny = float(np.finfo(dtype).eps), float(np.finfo(dtype).tiny)
    for name, (function, bound) in exact.items():
        with np.errstate(all="raise", under="ignore"):
            found = scope[name](x)
        assert found.dtype == dtype
        for v, got in zip(x, found, strict=True):
            with mp.workdps(4500 if abs(v) > 1000 else 80):
                true = function(mp.mpf(float(v)))
            assert abs(mp.mpf(float(got)) - true) <= bound * eps * abs(true) + tiny, (name, v)
            assert abs(mp.mpf(float(got)) - true) <= 4 * eps * max(1, abs(true)), (name, v)
