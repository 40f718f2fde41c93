"""The network spec: what is legal, what it means, and how every mistake is told."""

from __future__ import annotations

import json
import os
import tomllib
from collections.abc import Mapping
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from derive.errors import SpecError
from derive.network.schema import schema
from derive.spec import (
    AvgPool,
    Conv,
    Dense,
    Equations,
    LayerNorm,
    Network,
    Residual,
    load,
    load_text,
    pads,
    walk,
    written,
)

XOR = """
name = "xor"
title = "A 2-2-1 sigmoid network"
input = 2
loss = "binary_cross_entropy"
notation = "columns"

[[layers]]
kind = "dense"
units = 2
activation = "sigmoid"

[[layers]]
kind = "dense"
units = 1
activation = "sigmoid"
"""


def net(*layers: object, **fields: object) -> dict[str, Any]:
    return {"input": 2, "layers": list(layers) or ["1"], "loss": "squared_error", **fields}


def problems(source: Any) -> list[str]:
    """What is wrong with a spec: at most ten short lines."""
    with pytest.raises(SpecError) as caught:
        load(source)
    lines = caught.value.problems
    assert 1 <= len(lines) <= 10
    assert str(caught.value) == "\n".join(lines)
    assert all(len(line) <= 300 and line.isprintable() and line.isascii() for line in lines)
    return lines


def problem(source: Any) -> str:
    lines = problems(source)
    assert len(lines) == 1, lines
    return lines[0]


def dense(network: Network, place: int = 0) -> Dense:
    layer = network.layers[place]
    assert isinstance(layer, Dense)
    return layer


# ---------------------------------------------------------------- forms

WAYS: dict[str, object] = {
    "toml": XOR,
    "toml with CRLF and a byte order mark": "\ufeff" + XOR.replace("\n", "\r\n"),
    "json": json.dumps(tomllib.loads(XOR)),
    "mapping": tomllib.loads(XOR),
    "short layers": {
        **tomllib.loads(XOR),
        "layers": ["dense 2 sigmoid", "1 sigmoid"],
    },
    "tables": {
        **tomllib.loads(XOR),
        "input": (2,),
        "loss": {"name": "binary_cross_entropy"},
        "layers": [
            {"kind": "dense", "units": 2, "activation": {"name": "sigmoid"}, "bias": True},
            Dense.model_validate({"units": 1, "activation": "sigmoid", "init": "glorot"}),
        ],
    },
}


@pytest.mark.parametrize("way", WAYS)
def test_every_way_of_writing_is_the_same_network(way: str) -> None:
    source: Any = WAYS[way]
    made, plain = load(source), load(XOR)
    assert made == plain
    assert hash(made) == hash(plain)
    assert (made.canonical(), made.sha256) == (plain.canonical(), plain.sha256)


def test_one_line_is_the_same_network() -> None:
    short = load("2 > 2 sigmoid > 1 sigmoid : binary_cross_entropy name=xor")
    long = load({**tomllib.loads(XOR), "title": None})
    assert short.canonical() == long.canonical()
    assert short.sha256 != load(XOR).sha256


def test_canonical_json_is_a_spec_of_the_same_network() -> None:
    for source in (XOR, EVERYTHING, IMAGE, net(EQUATIONS, input=4)):
        made = load(source)
        assert load(json.loads(made.canonical())) == made
        assert load_text(made.canonical()) == made


def test_defaults() -> None:
    made = load("2 > 1 : squared_error")
    layer = dense(made)
    assert (made.name, made.title) == ("network", None)
    assert (made.reduction, made.weight_decay) == ("mean", Fraction(0))
    assert (made.notation, made.dtype, made.accuracy) == ("columns", "float64", "fast")
    assert (made.domain, made.output_shape, made.numeric) == ("checked", (1,), True)
    assert (layer.activation.name, layer.bias, layer.repeat) == ("linear", "added", None)
    assert layer.init.name == "glorot"
    assert made.training.optimizer == "sgd"


EVERYTHING: dict[str, Any] = {
    "name": "all_of_it",
    "input": 3,
    "layers": [
        {"kind": "dense", "units": 4, "activation": {"name": "leaky_relu", "slope": 0.2}},
        {"kind": "dense", "units": 3, "activation": "s/(1 + exp(-s))", "bias": "threshold"},
        {"kind": "dense", "units": 3, "bias": False, "init": "normal(0.1)"},
        {
            "kind": "dense",
            "units": 2,
            "activation": {"name": "elu", "alpha": "1/3"},
            "init": "zeros",
        },
    ],
    "loss": {"name": "huber", "delta": 2},
    "reduction": "sum",
    "weight_decay": 0.01,
    "dtype": "float32",
    "accuracy": "exact",
    "domain": "unchecked",
    "training": {"optimizer": "momentum", "learning_rate": 0.05, "batch_size": 8, "epochs": 3},
}


def test_values_are_kept_exactly() -> None:
    made = load(EVERYTHING)
    assert [dense(made, n).bias for n in range(4)] == ["added", "threshold", "absent", "added"]
    assert dense(made).activation.options == {"slope": Fraction(1, 5)}
    assert dense(made).init.name == "he"
    assert dense(made, 1).activation.formula == "s/(1 + exp(-s))"
    assert dense(made, 2).init.sigma == Fraction(1, 10)
    assert dense(made, 3).activation.options == {"alpha": Fraction(1, 3)}
    assert dense(made, 3).init.name == "zeros"
    assert made.loss.options == {"delta": Fraction(2)}
    assert made.weight_decay == Fraction(1, 100)
    assert made.training.momentum == Fraction(9, 10)


@pytest.mark.parametrize(
    ("line", "shape", "numeric"),
    [
        ("2 > 3 tanh > 1 : squared_error", (1,), True),
        ("2 -> 3 tanh -> 1 : squared_error", (1,), True),
        ("2 > dense 3 tanh > n softmax : cross_entropy", ("n",), False),
        ("d > n generic : generic", ("n",), False),
        ("2 > 3 generic : squared_error", (3,), False),
        ("2 > 3 : generic", (3,), False),
        ("d > d tanh repeat=L : squared_error", ("d",), False),
        ("2 > 3 leaky_relu slope=0.3 bias=false > 1 : huber delta=2 weight_decay=0.1", (1,), True),
        ("2 > 2 Piecewise((s, s > 0), (0, True)) : log(cosh(o - y))", (2,), True),
        ("2 > 2 softmax : -Sum(y[k]*log(o[k]), k)", (2,), True),
        ("2 > 1 : likelihood gaussian", (1,), True),
        ("1x8x8 > conv 4 3 relu > max_pool 2 > flatten > 3 softmax : cross_entropy", (3,), True),
        ("[3, 20] > conv 4 3 relu padding=same : squared_error", (4, 20), True),
    ],
)
def test_one_line_networks(line: str, shape: tuple[object, ...], numeric: bool) -> None:
    made = load(line)
    assert (made.output_shape, made.numeric) == (shape, numeric)


def test_likelihood_in_place_of_the_loss() -> None:
    spec = net()
    del spec["loss"]
    made = load({**spec, "likelihood": "bernoulli"})
    assert (made.loss.name, made.loss.likelihood) == ("likelihood", "bernoulli")
    assert made == load(net(loss={"likelihood": "bernoulli"}))
    assert problem({**spec, "likelihood": "bernouli"}) == (
        'spec: likelihood: found "bernouli", expected gaussian, bernoulli or categorical; '
        'did you mean "bernoulli"?'
    )
    assert "exactly one" in problem(net(likelihood="gaussian"))
    assert "missing" in problem(spec)


# ---------------------------------------------------------------- other kinds of layers

IMAGE = {
    "input": [1, 8, 9],
    "layers": [
        "conv 4 3x2 relu padding=1",
        {
            "kind": "residual",
            "layers": ["conv 4 3 padding=same", "batch_norm"],
            "activation": "relu",
        },
        "avg_pool 2",
        "layer_norm",
        "dropout 0.5",
        "flatten",
        "3 softmax",
    ],
    "loss": "cross_entropy",
}
EQUATIONS = {
    "kind": "equations",
    "indices": {"i": 4, "r": 2, "j": 3},
    "parameters": {"u": ["i", "r"], "v": ["r", "j"], "b": ["j"]},
    "forward": ["h[r] = Sum(u[i,r]*x[i], i)", "s[j] = Sum(v[r,j]*h[r], r) + b[j]"],
    "activation": "tanh",
}


def test_sizes_per_axis_are_written_out() -> None:
    made = load(IMAGE)
    conv, residual, pool, norm = made.layers[:4]
    assert isinstance(conv, Conv)
    assert isinstance(residual, Residual)
    assert isinstance(pool, AvgPool)
    assert isinstance(norm, LayerNorm)
    assert (conv.kernel, conv.stride, conv.padding) == ((3, 2), (1, 1), (1, 1))
    assert (pool.kernel, pool.stride, pool.padding) == ((2, 2), (2, 2), (0, 0))
    assert norm.axes == "all"
    inner = residual.layers[0]
    assert isinstance(inner, Conv)
    assert pads(inner) == ((1, 1), (1, 1))
    assert [layer.kind for layer in walk(made.layers)][:4] == [
        *("conv", "conv", "batch_norm", "residual")
    ]
    assert made.output_shape == (3,)


@pytest.mark.parametrize("size", range(1, 12))
@pytest.mark.parametrize(
    ("k", "s", "p", "d"), [(1, 1, 0, 1), (3, 2, 1, 1), (2, 3, 0, 2), (4, 1, 2, 2)]
)
def test_number_of_windows_is_counted(size: int, k: int, s: int, p: int, d: int) -> None:
    """The output size is the number of places at which the whole window fits."""
    layer = {"kind": "conv", "channels": 1, "kernel": k, "stride": s, "padding": p, "dilation": d}
    starts = [q for q in range(-p, size + p) if (q + p) % s == 0 and q + d * (k - 1) < size + p]
    spec = {"input": [1, size], "layers": [layer], "loss": "squared_error"}
    if starts:
        assert load(spec).output_shape == (1, len(starts))
    else:
        assert "larger than the input" in problem(spec)


def test_written_equations() -> None:
    made = load(net(EQUATIONS, input=4))
    layer = made.layers[0]
    assert isinstance(layer, Equations)
    assert [(e.name, e.shape) for e in written(layer, (4,))] == [("h", (2,)), ("s", (3,))]
    assert {name: init.name for name, init in layer.initial.items()} == {
        "u": "glorot",
        "v": "glorot",
        "b": "zeros",
    }
    assert made.output_shape == (3,)


@pytest.mark.parametrize(
    ("change", "wanted"),
    [
        ({"forward": ["s[j] = Sum(v[r,j]*h[r], r)"]}, 'forward[0]: column 19: unknown name "h"'),
        ({"forward": ["h[r] = Sum(u[i,r]*x[i], i)", "s = h[0]"]}, "has no index"),
        ({"forward": ["s[j] = Sum(v[r,j], r) + b[j]"]}, "u does not reach the output"),
        ({"forward": []}, "forward: found []"),
        ({"forward": ["s[j] = b[j]"], "parameters": {"b": ["j"]}}, "does not depend on the input"),
        ({"parameters": {"u": ["i", "q"]}}, 'parameters.u: found "q"'),
        ({"parameters": {"u2": ["i"]}}, "does not end in a letter"),
        ({"parameters": {"x": ["i"]}}, "x is defined already"),
        ({"parameters": {"Sum": ["i"]}}, "a word of the formula language"),
        ({"indices": {"i": 5, "r": 2, "j": 3}}, "reaches from 0 to 4, outside 0..3"),
        ({"indices": {"i": 3, "r": 2, "j": 3}}, "i has the size 3"),
        ({"indices": {"i": 4, "r": 0, "j": 3}}, "indices.r: found 0"),
        ({"indices": {"1": 4}}, 'found the name "1"'),
        ({"initial": {"c": "zeros"}}, 'initial: "c" is not the name of a parameter'),
        ({"initial": {"b": "zero"}}, 'initial.b: found "zero"'),
        ({"padded": ["q"]}, 'padded: "q" is no name'),
    ],
)
def test_equations_are_checked(change: dict[str, object], wanted: str) -> None:
    line = problem(net({**EQUATIONS, **change}, input=4))
    assert line.startswith("spec: layers[0].")
    assert wanted in line


@pytest.mark.parametrize("name", ["lambda", "E", "I", "S", "N", "O", "Q", "beta", "class"])
def test_any_name_works_in_equations(name: str) -> None:
    layer = {
        "kind": "equations",
        "indices": {"i": 2, "j": 3},
        "parameters": {name: ["i", "j"]},
        "forward": [f"s[j] = Sum({name}[i,j]*x[i], i)"],
    }
    assert load(net(layer)).output_shape == (3,)


# ---------------------------------------------------------------- mistakes

LAYER: dict[str, Any] = {"kind": "dense", "units": 2}


@pytest.mark.parametrize(
    ("layer", "wanted"),
    [
        (
            {**LAYER, "units": "tree"},
            '.units: found "tree", expected a whole number from 1 to 1000000',
        ),
        ({**LAYER, "units": 0}, ".units: found 0, expected a whole number from 1 to 1000000"),
        ({**LAYER, "units": -1}, ".units: found -1, expected"),
        ({**LAYER, "units": 10**12}, ".units: found 1000000000000, expected"),
        ({**LAYER, "units": 10**5000}, ".units: found a number of more than 36 digits, expected"),
        ({**LAYER, "units": 1.5}, ".units: found 1.5, expected"),
        ({**LAYER, "units": 2.0}, ".units: found 2.0, expected"),
        ({**LAYER, "units": "3"}, '.units: found "3", expected'),
        ({**LAYER, "units": True}, ".units: found true, expected"),
        ({**LAYER, "units": float("nan")}, ".units: found NaN, expected"),
        ({**LAYER, "units": float("inf")}, ".units: found Infinity, expected"),
        ({**LAYER, "units": None}, ".units: found null, expected"),
        ({**LAYER, "units": []}, ".units: found [], expected"),
        ({**LAYER, "units": {"n": [[]]}}, ".units: found a table, expected"),
        ({**LAYER, "units": "N"}, '.units: found "N", which is the number of samples'),
        ({**LAYER, "unit": 3}, ': unknown key "unit"; did you mean "units"?'),
        ({"kind": "dense"}, ".units: missing, expected a whole number"),
        ({"units": 2}, ".kind: missing, expected dense, conv"),
        ({"kind": "dens", "units": 2}, 'did you mean "dense"?'),
        ({"kind": ["dense"], "units": 2}, '.kind: found ["dense"], expected'),
        (3, ": found 3, expected a table"),
        ("dens 2 sigmoid", 'did you mean "dense"?'),
        ("", ': found "", expected a layer such as'),
        ("residual", "has no short form"),
        ("2 sigmoyd", '.activation: found "sigmoyd"; did you mean the activation "sigmoid" or the'),
        ("2 leaky-relu", 'did you mean the activation "leaky_relu"'),
        ("2 sigmod(s)", 'unknown function "sigmod"; did you mean "sigmoid"?'),
        ("2 gelu(s)", 'the activation "gelu" stands alone'),
        ("2 exp", 'did you mean the formula "exp(s)"?'),
        ("2 s^2", "write ** for a power"),
        ("2 s*0 + 3", "constant in s"),
        ("2 Max(Min(s, 0), 0)", "constant in s"),
        ("2 tanh(s)**2 + 1/cosh(s)**2", "constant in s"),
        ("1 softmax", ".activation: softmax over one unit is always 1"),
        ("2 relu slope=1", ': unknown key "slope"'),
        ("2 leaky_relu slope=x", ".activation.slope: found"),
        ("2 tanh bias=maybe", '.bias: found "maybe", expected true, false or "threshold"'),
        ("2 tanh tanh=3", ": unknown key"),
        ("3 repeat=L", ".units: found 3, expected a symbolic size"),
        ({**LAYER, "activation": {"name": "elu", "slope": 1}}, "the option of elu is alpha"),
        ({**LAYER, "activation": {"name": "relu", "slope": 1}}, "relu has no option"),
        ({**LAYER, "activation": {"name": "elu", "alpha": 0}}, ".activation.alpha: found 0"),
        ({**LAYER, "activation": 3}, ".activation: found 3, expected the name"),
        ({**LAYER, "activation": {"formula": "s", "slope": 1}}, "a formula alone"),
        ({**LAYER, "init": "xavier"}, '.init: found "xavier", expected glorot'),
        ({**LAYER, "init": "normal"}, "sigma belongs to normal"),
        ({**LAYER, "init": "normal(-1)"}, ".init.sigma: found -1"),
        ({**LAYER, "init": {"name": "he", "sigma": 1}}, "sigma belongs to normal"),
        ("conv 3 3", ": conv takes [channels, length]"),
        ({"kind": "layer_norm", "axes": "first"}, '.axes: found "first"'),
        ("dropout 1", ".rate: found 1, expected a number of at least 0 and below 1"),
        ({"kind": "residual", "layers": []}, ".layers: found []"),
        ({"kind": "residual", "layers": ["3"]}, ".layers: found the shape [3] behind them"),
        ({"kind": "residual", "layers": ["2 tahn"]}, '.layers[0].activation: found "tahn"'),
    ],
)
def test_layer_mistakes_are_located(layer: object, wanted: str) -> None:
    line = problem(net("2 tanh", layer))
    assert line.startswith("spec: layers[1]")
    assert wanted in line


@pytest.mark.parametrize(
    ("fields", "wanted"),
    [
        ({"name": "a/b"}, 'name: found "a/b", expected a letter followed by'),
        ({"name": "../x"}, "name: found"),
        ({"name": "x\0"}, "name: found"),
        ({"name": "x" * 300}, "name: found"),
        ({"name": "lambda"}, "a Python keyword"),
        ({"name": "None"}, "a Python keyword"),
        ({"name": "json"}, "the name of a Python module"),
        ({"name": "numpy"}, "the name of a Python module"),
        ({"name": "CON"}, "keeps for a device"),
        ({"name": "lpt1"}, "keeps for a device"),
        ({"name": 3}, "name: found 3"),
        ({"title": "a\nb"}, "title: found"),
        ({"title": "x" * 201}, "title: found"),
        ({"title": "a\u202eb"}, "title: found"),
        ({"title": ""}, "title: found"),
        ({"input": []}, "input: found []"),
        ({"input": 0}, "input: found 0"),
        ({"input": [1, 0]}, "input[1]: found 0"),
        ({"input": [1, 8, 8]}, "layers[0]: dense takes features"),
        ({"layers": []}, "layers: found [], expected a list of 1 to 1000 layers"),
        ({"layers": "2 > 1"}, "layers: found"),
        ({"layers": ["1"] * 100_000}, "layers: found a list of 100000"),
        ({"layers": ["dropout 0.5"]}, "none of them has parameters"),
        ({"layers": ["d repeat=L", "d repeat=L"]}, "can be repeated"),
        (
            {"loss": "squared_eror"},
            'loss: found "squared_eror"; did you mean the loss "squared_error"',
        ),
        ({"loss": "huber(o - y)"}, 'the loss "huber" stands alone'),
        ({"loss": "y**2"}, "ignores the output"),
        ({"loss": "o - o + y"}, "ignores the output"),
        ({"loss": "Sum(y[k], k)"}, "ignores the output"),
        ({"loss": "o[k]"}, "neither on the left side nor summed"),
        ({"loss": "Sum(o[k,j], k, j)"}, "loss: column"),
        ({"loss": {"name": "huber", "delta": 0}}, "loss.delta: found 0"),
        ({"loss": 3}, "loss: found 3"),
        ({"loss": ""}, "loss: found an empty text"),
        ({"reduction": "avg"}, "reduction: found"),
        ({"weight_decay": -1}, "weight_decay: found -1, expected a number from 0 to 1000"),
        ({"weight_decay": float("nan")}, "weight_decay: found NaN"),
        ({"weight_decay": "0.1"}, 'weight_decay: found "0.1"'),
        ({"weight_decay": True}, "weight_decay: found true"),
        ({"notation": "column"}, 'did you mean "columns"?'),
        ({"dtype": "float16"}, "dtype: found"),
        ({"domain": False}, "domain: found false"),
        ({"training": 3}, "training: found 3, expected a table"),
        ({"training": {"optimizer": "adam"}}, "training.optimizer: found"),
        ({"training": {"learning_rate": 0}}, "training.learning_rate: found 0"),
        ({"training": {"momentum": 0.9}}, "belongs to the optimizer"),
        ({"training": {"batch_size": 0}}, "training.batch_size: found 0"),
        ({"trainin": {}}, 'unknown key "trainin"; did you mean "training"?'),
        ({"<script>": 1}, "unknown key"),
        ({3: 1}, "a key that is not a text"),
    ],
)
def test_network_mistakes_are_located(fields: dict[str, object], wanted: str) -> None:
    line = problem(net() | fields)
    assert line.startswith("spec: ")
    assert wanted in line


@pytest.mark.parametrize(
    ("layers", "shape", "wanted"),
    [
        (["conv 4 9"], [1, 8, 8], "layers[0].kernel: found 9, larger than the input of 8"),
        (["conv 4 3 dilation=4"], [1, 8, 8], "spread over 9 by the dilation"),
        (["conv 4 3 padding=same stride=2"], [1, 8, 8], '.padding: found "same" with a stride'),
        (["conv 4 3 padding=all"], [1, 8], '.padding: found "all", expected'),
        (["conv 4 3x3"], [1, 8], ".kernel: found 2 numbers, expected 1 or 1"),
        (["max_pool 2 padding=2"], [1, 8], ".padding: found 2, expected at most half"),
        (["avg_pool 9"], [1, 8], ".kernel: found 9, larger than"),
        (["conv c 3"], ["c", "h", "w"], "the size h must be a number here"),
        (["flatten", "1"], ["c", "h"], "flatten takes a shape of numbers"),
        (["layer_norm", "2"], [1], "layer_norm over one value"),
        (["conv 1 8", "batch_norm", "conv 1 2"], [1, 8], "layers[2].kernel: found 2, larger"),
    ],
)
def test_shape_mistakes_are_located(layers: list[str], shape: list[object], wanted: str) -> None:
    assert wanted in problem({"input": shape, "layers": layers, "loss": "squared_error"})


def test_all_mistakes_at_once_up_to_ten() -> None:
    lines = problems(net({**LAYER, "units": 0, "foo": 1}, "2 sigmoyd", weight_decay=-1, dtype=8))
    assert [line.split(":")[1].strip() for line in lines] == [
        "layers[0].units",
        "layers[0]",
        "layers[1].activation",
        "weight_decay",
        "dtype",
    ]
    assert len(problems(net(*[{**LAYER, "units": 0}] * 30))) == 10
    assert len(problems({})) == 3


def test_both_dense_layers_with_a_wrong_shape_are_told() -> None:
    layers = ["conv 1 1", "2", "conv 1 1"]
    assert len(problems(net(*layers))) == 1
    assert len(problems(net("1 softmax", "1 softmax"))) == 2


def test_hostile_titles_are_kept_as_they_are() -> None:
    title = (
        r"\input{/etc/passwd} \write18{rm} % }{ \end{document} ''' \"\"\" <script>alert(1)</script>"
    )
    assert load(net(title=title)).title == title


# ---------------------------------------------------------------- files


def test_path_gives_label_and_name(tmp_path: Path) -> None:
    path = tmp_path / "tiny.toml"
    path.write_text('input = 2\nlayers = ["2", "tree"]\nloss = "squared_error"\n')
    assert problem(path).startswith(f"{path}: layers[1]: found" if len(str(path)) <= 80 else "...")
    path.write_text('input = 2\nlayers = ["2"]\nloss = "squared_error"\n')
    assert load(path).name == load(str(path)).name == "tiny"
    path = path.rename(tmp_path / "json.toml")
    assert load(path).name == "network"


GOOD = 'input = 2\nlayers = ["2 tanh"]\nloss = "squared_error"\nweight_decay = 0.1\n'


@pytest.mark.parametrize(
    ("content", "wanted"),
    [
        (b"", "is empty"),
        (b" \n\n", "is empty"),
        (bytes(range(256)), "is a binary file"),
        (GOOD.encode("utf-16"), "UTF-16"),
        ("title = '\xfc'\n".encode("latin-1"), "line 1: is not written in UTF-8"),
        (b"#" * (1 << 21), "is larger than 1048576 bytes"),
        (GOOD.encode() + b"input = 3\n", "is not valid TOML"),
        (b"input = \n", "is not valid TOML"),
        (b"x = " + b"[" * 100_000, "is nested more than 40 deep"),
        (b"a" + b".a" * 100_000 + b" = 1", "a key of more than 40 parts"),
        (b'{"input": 2, "input": 3}', 'the key "input" is given twice'),
        (b'{"input": 2,', "is not valid JSON"),
        (b"[" * 100_000, "is nested more than 40 deep"),
        (b"[1, 2]", "expected a table"),
        (GOOD.replace("0.1", "nan").encode(), "weight_decay: found NaN"),
        (GOOD.replace("0.1", "1" * 5000).encode(), "a number is too long"),
        (GOOD.replace("0.1", "1e99999999999").encode(), "weight_decay: found 1E+99999999999"),
        (GOOD.replace("0.1", "1979-05-27").encode(), "weight_decay: found date"),
    ],
)
def test_file_is_refused(tmp_path: Path, content: bytes, wanted: str) -> None:
    path = tmp_path / "a.toml"
    path.write_bytes(content)
    assert wanted in problem(path)


@pytest.mark.parametrize("kind", ["missing", "folder", "device", "pipe", "NUL", "long"])
def test_no_file_is_refused(tmp_path: Path, kind: str) -> None:
    os.mkfifo(tmp_path / "pipe")
    path, wanted = {
        "missing": (tmp_path / "none.toml", "there is no such file"),
        "folder": (tmp_path, "this is a folder"),
        "device": (Path("/dev/zero"), "this is a device"),
        "pipe": (tmp_path / "pipe", "this is a device or a pipe"),
        "NUL": (Path("a\0b"), "it is no valid path"),
        "long": (Path("x" * 5000), "cannot be read"),
    }[kind]
    assert wanted in problem(path)


def test_byte_order_mark_and_crlf_are_accepted(tmp_path: Path) -> None:
    path = tmp_path / "a.toml"
    path.write_bytes(b"\xef\xbb\xbf" + GOOD.replace("\n", "\r\n").encode())
    assert load(path).weight_decay == Fraction(1, 10)


def test_a_float_in_the_text_is_exact() -> None:
    text = GOOD.replace("0.1", "0.1000000000000000055511151231257827")
    assert load_text(text).weight_decay != Fraction(1, 10)


@pytest.mark.parametrize("source", [3, None, 2.5, ["2 > 1"], b"2 > 1"])
def test_other_sources_are_refused(source: object) -> None:
    assert "expected a path, a text or a mapping" in problem(source)


def test_cycles_and_deep_nesting_are_refused() -> None:
    endless: dict[str, Any] = net()
    endless["layers"] = [endless]
    assert "nested more than 40 deep" in problem(endless)
    layer: dict[str, Any] = dict(LAYER)
    for _ in range(10):
        layer = {"kind": "residual", "layers": [layer]}
    assert load(net(layer)).output_shape == (2,)


# ---------------------------------------------------------------- schema and fuzz


def test_schema_accepts_what_is_legal_and_refuses_what_is_not() -> None:
    jsonschema = pytest.importorskip("jsonschema")
    validator = jsonschema.Draft202012Validator(schema())
    legal: list[Mapping[str, Any]] = [tomllib.loads(XOR), EVERYTHING, IMAGE, net(EQUATIONS)]
    for spec in (*legal, *(json.loads(load(s).canonical()) for s in legal[:3])):
        validator.validate(json.loads(json.dumps(spec)))
    for wrong in (net({**LAYER, "units": 0}), net(dtype="float16"), net(foo=1), {"input": 2}):
        assert not validator.is_valid(wrong)


KEYS = st.sampled_from(
    [
        *("kind", "units", "activation", "bias", "name", "layers", "input", "loss", "options"),
        *("formula", "indices", "parameters", "forward", "likelihood", "training", "initial"),
    ]
)
VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=8)
    | st.sampled_from(["2 tanh", "dense", "equations", "s", "i", "s[i] = x[i]", "generic"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=4),
    max_leaves=12,
)


def assert_loads_or_tells(source: Any) -> None:
    """Nothing but a network or a SpecError comes out."""
    lines = ["fine"]
    try:
        load(source)
    except SpecError as error:
        lines = error.problems
    assert all(0 < len(line) <= 300 and line.isprintable() for line in lines)


@settings(max_examples=300, deadline=None, derandomize=True)
@given(st.dictionaries(KEYS, VALUES), st.sampled_from(["input", "layers", "loss", "name", ""]))
def test_random_mappings(values: dict[str, Any], field: str) -> None:
    assert_loads_or_tells(values)
    assert_loads_or_tells({**net(), field: values})
    assert_loads_or_tells(net({**LAYER, **values}))
    assert_loads_or_tells(net({**EQUATIONS, **values}))


@settings(max_examples=200, deadline=None, derandomize=True)
@given(st.integers(0, len(XOR)), st.integers(0, 8), st.text(max_size=8))
def test_damaged_texts(place: int, length: int, text: str) -> None:
    assert_loads_or_tells("\n" + XOR[:place] + text + XOR[place + length :])
    assert_loads_or_tells(text + " > " + text + " : " + text)


def test_a_repeated_layer_is_the_first() -> None:
    with pytest.raises(SpecError, match=r"layers\[1\].repeat: .* must be the first layer"):
        load("n > 3 tanh > d tanh repeat=L : huber")
    assert len(load("n > d tanh repeat=L > 2 : huber").layers) == 2
