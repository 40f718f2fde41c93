"""The generic backprop of every kind of layer: against plain loops over the equations, PyTorch,
the complex step, 60 digits and numbers worked by hand."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings

from codegen.backprop import (
    Backprop,
    backprop_of,
    forward,
    loss_and_gradients,
    loss_value,
    next_state,
    passed,
)
from codegen.referee.arithmetic import REAL
from codegen.referee.draws import Draw, draw
from codegen.referee.ties import tied
from codegen.referee.windows import Axis
from codegen.verify import worst_ratio
from derive.algebra.terms import Tensor, free_indices
from derive.derivation import derive
from derive.spec import Network, load
from tests.layer_networks import random_spec
from tests.layer_strategies import OVER_FEATURES, OVER_TOKENS, layered_networks
from tests.loops import Loops
from tests.test_backprop import TORCH, assert_complex_step_agrees, assert_digits_agree

Floats = Any
NUMBERED = ("dense", "conv", "layer_norm", "batch_norm")


def network(shape: Any, *layers: Any, loss: str = "squared_error", **more: Any) -> Network:
    return load({"name": "net", "input": shape, "layers": list(layers), "loss": loss, **more})


def window(kind: str, **fields: Any) -> dict[str, Any]:
    return {"kind": kind, **fields}


NETWORKS = {
    "conv1": network([2, 7], window("conv", channels=3, kernel=3, stride=2, activation="tanh")),
    "conv2": network(
        [2, 5, 6],
        window("conv", channels=2, kernel=[3, 2], stride=[1, 2], padding=[2, 1], dilation=[2, 1]),
        "flatten",
        "2",
    ),
    "same": network(
        [2, 4, 5],
        window("conv", channels=2, kernel=[2, 3], padding="same", dilation=[1, 2], bias=False),
        window("conv", channels=1, kernel=1, bias="threshold", activation="softmax"),
    ),
    "pools": network(
        [1, 6, 7],
        window("conv", channels=2, kernel=2, activation="relu"),
        window("max_pool", kernel=3, stride=2, padding=1),
        window("avg_pool", kernel=2, stride=1, padding=1, activation="sigmoid"),
        weight_decay=0.1,
    ),
    "gaps": network([2, 8], "conv 2 1 stride=3", window("max_pool", kernel=1, stride=2)),
    "norms": network(
        5,
        *("4 tanh", "layer_norm", "3", window("batch_norm", activation="relu"), "2"),
        reduction="sum",
    ),
    "norm of channels": network(
        [2, 3, 3],
        window("layer_norm", axes="all"),
        window("layer_norm", axes="last", eps=0.1, activation="softplus"),
        window("batch_norm", momentum=0.3),
        window("conv", channels=1, kernel=3),
    ),
    "dropouts": network(
        4, window("dropout", rate=0.5), "4 relu", "dropout 0.25", "dropout 0.2", "3 softmax",
        loss="cross_entropy",
    ),
    "residuals": network(
        4,
        {
            "kind": "residual",
            "layers": [
                "3 tanh",
                window("residual", layers=["layer_norm", "dropout 0.5", "3"]),
                "4",
            ],
            "activation": "relu",
        },
        {"kind": "residual", "layers": ["dropout 0.5"], "activation": "tanh"},
        "2",
    ),
    "classes of pixels": network(
        [2, 3, 4], "conv 3 2", window("batch_norm", activation="softmax"), loss="cross_entropy"
    ),
}  # fmt: skip


def written(name: str) -> Network:
    """A network with one user's layer of the strategies."""
    over, shape = (OVER_FEATURES, (3,)) if name in OVER_FEATURES else (OVER_TOKENS, (3, 2))
    indices, parameters, texts, padded = over[name]
    sizes = {"i": 3, "t": 3, "u": 3, "f": 2, "k": 3, "a": 2, "j": 2}
    layer = {
        "kind": "equations",
        "indices": {index: sizes[index] for index in indices.split()},
        "parameters": {parameter: axes.split() for parameter, axes in parameters.items()},
        "forward": [text.replace("{i_less_one}", "2") for text in texts],
        "padded": list(padded),
        "activation": "tanh",
    }
    return network(list(shape), layer, weight_decay=0.1)


EQUATIONS = {name: written(name) for name in (*OVER_FEATURES, *OVER_TOKENS)}
ALL = NETWORKS | EQUATIONS


# ------------------------------------------------------------------ plain loops over the equations


def entries(array: Floats) -> dict[tuple[int, ...], complex]:
    return {at: complex(array[at]) for at in np.ndindex(array.shape)}


def gathered(found: dict[tuple[int, ...], complex], like: Floats) -> Floats:
    array = np.zeros(like.shape)
    for at, value in found.items():
        array[at] = complex(value).real
    return array


def given_to(loops: Loops, tensors: list[Tensor], at: Draw) -> None:
    """Parameters, data, masks and state by the names that the derivation gives to them."""
    arrays = {**at.params, **at.masks, **at.state, "x": at.x, "y": at.y}
    for tensor in tensors:
        if tensor.role not in ("gradient", "adjoint") and str(tensor) in arrays:
            loops.arrays[tensor] = entries(arrays[str(tensor)])


def assert_follows_the_equations(net: Network, seed: int = 0, samples: int = 3) -> None:
    """Every named quantity, the loss, some slopes, the running averages, the output outside."""
    derivation = derive(net)
    rng = np.random.default_rng(seed)
    at = draw(net, rng, samples, np.float64)
    assert set(at.masks) == {str(t) for t in derivation.shapes if t.role == "mask"}
    assert set(at.state) == {str(t) for t in derivation.shapes if t.role == "state"}
    loops = Loops(samples)
    given_to(loops, list(derivation.shapes), at)

    def objective() -> complex:
        for equation in (*derivation.forward, derivation.loss):
            loops.define(equation)
        return complex(loops.value(derivation.objective, {}))

    assert at.answer.loss == pytest.approx(objective().real, rel=1e-11)
    named = {str(e.lhs.tensor): e.lhs.tensor for e in derivation.forward}
    quantities = {name for name in at.answer.trace if not name.startswith("delta")}
    assert quantities <= set(named)
    assert all(name.startswith("o") for name in set(named) - quantities)  # Max(s, s) is s
    for name in quantities:
        true = gathered(loops.arrays[named[name]], at.answer.trace[name])
        np.testing.assert_allclose(at.answer.trace[name], true, 1e-9, 1e-9, err_msg=name)
    parameters = {str(t): t for s in derivation.forward_pass.stages for t in s.parameters}
    assert set(parameters) == set(at.params)
    places = [(name, i) for name, p in at.params.items() for i in np.ndindex(p.shape)]
    for k in rng.choice(len(places), min(8, len(places)), replace=False):
        name, i = places[k]
        array = loops.arrays[parameters[name]]
        kept, array[i] = array[i], array[i] + 1e-30j
        true = objective().imag / 1e-30
        array[i] = kept
        assert at.answer.gradients[name][i] == pytest.approx(true, rel=1e-9, abs=1e-9), (name, i)
    objective()
    assert_follows_outside_training(net, at, loops)


def assert_follows_outside_training(net: Network, at: Draw, loops: Loops) -> None:
    derivation = derive(net)
    for stage in derivation.forward_pass.stages:
        for update in stage.updates:
            name = str(update.lhs.tensor)
            true = next_state(net, at.params, at.state, at.x, masks=at.masks)[name]
            (free,) = sorted(free_indices(update.lhs))
            for place in range(len(true)):
                value = complex(loops.value(update.rhs, {free: place})).real
                assert true[place] == pytest.approx(value, rel=1e-9), name
    for equation in derivation.inference:
        loops.define(equation)
    output = loops.arrays[derivation.inference[-1].lhs.tensor]
    np.testing.assert_allclose(at.inferred, gathered(output, at.inferred), 1e-9, 1e-9)


@pytest.mark.parametrize("name", ALL)
def test_follows_the_equations(name: str) -> None:
    assert_follows_the_equations(ALL[name])


@pytest.mark.parametrize(
    "net",
    [Backprop(NETWORKS["conv2"]), Backprop(network(2, "3 tanh", "1 sigmoid", reduction="sum"))],
    ids=["conv", "dense"],
)
def test_nobody_computes_the_slope_by_the_data(
    net: Backprop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A pass leaves out dL/dx of the first layer, and has the gradients of one that does not."""
    at = draw(net.network, np.random.default_rng(0), 3, np.float64)
    output, kept = net.forward(REAL, at.params, at.x)
    d_o = net.objective.slope(REAL, output, at.y)
    _, whole = net.chain.backward(REAL, at.params, kept, d_o, {})

    def back(*_: Any) -> Any:
        raise AssertionError("dL/dx of the data")

    monkeypatch.setattr(net.chain.layers[0], "back", back)
    made = net.run(REAL, at.params, at.x, at.y).gradients
    assert made.keys() == whole.keys()
    for parameter, gradient in made.items():
        samples = 3 if net.network.reduction == "mean" else 1
        np.testing.assert_allclose(gradient, whole[parameter] / samples, 1e-12)


@settings(max_examples=10, derandomize=True, deadline=None, suppress_health_check=list(HealthCheck))
@given(layered_networks(most_layers=2).filter(lambda net: backprop_of(net).work < 200))
def test_random_networks_follow_the_equations(net: Network) -> None:
    assert_follows_the_equations(net, samples=2)


@pytest.mark.sweep
@settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck))
@given(layered_networks().filter(lambda net: backprop_of(net).work < 2000))
def test_many_random_networks_follow_the_equations(net: Network) -> None:
    assert_follows_the_equations(net)


@pytest.mark.parametrize("name", ALL)
def test_slopes(name: str) -> None:
    assert_complex_step_agrees_with_masks(ALL[name])


def assert_complex_step_agrees_with_masks(net: Network) -> None:
    """The helpers of the dense layers where there are no masks; else entry by entry here."""
    if not backprop_of(net).masks:
        assert_complex_step_agrees(net)
        assert_digits_agree(net)
        return
    at = draw(net, np.random.default_rng(0), 3, np.float64)
    for name, found in at.answer.gradients.items():
        for i in np.ndindex(found.shape):
            moved = {key: value.astype(complex) for key, value in at.params.items()}
            moved[name][i] += 1e-30j
            true = loss_value(net, moved, at.x, at.y, masks=at.masks).imag / 1e-30
            assert worst_ratio(found[i], true, at.size.gradients[name][i], np.float64) < 8


# ------------------------------------------------------------------ PyTorch


def torch_layers(torch: Any, specs: Any, x: Any, known: dict[str, Any], at: list[int]) -> Any:
    """The layers in PyTorch; at[0] is the number of the last layer with parameters."""
    for spec in specs:
        at[0] += spec.kind in NUMBERED
        x = torch_layer(torch, spec, x, known, at)
        activation = spec.activation
        if activation.name == "softmax":
            x = torch.softmax(x, dim=-1)
        else:
            x = TORCH[activation.name](torch, x)
    return x


def torch_layer(torch: Any, spec: Any, x: Any, known: dict[str, Any], at: list[int]) -> Any:
    functional, number = torch.nn.functional, at[0]
    rank = x.dim() - 2
    gain, shift = known.get(f"gamma{number}"), known.get(f"beta{number}")
    match spec.kind:
        case "dense":
            s, b = x @ known[f"W{number}"], known.get(f"b{number}")
            return s if b is None else s - b if spec.bias == "threshold" else s + b
        case "conv":
            b = known.get(f"b{number}")
            b = -b if b is not None and spec.bias == "threshold" else b
            convolve = functional.conv1d if rank == 1 else functional.conv2d
            fields = spec.stride, spec.padding, spec.dilation
            return convolve(x, known[f"W{number}"], b, *fields)
        case "max_pool" | "avg_pool":
            pool = getattr(functional, f"{spec.kind}{rank}d")
            return pool(x, spec.kernel, spec.stride, spec.padding)
        case "flatten":
            return x.flatten(1)
        case "dropout":
            mask = next(name for name in known if name.startswith(f"mask{'m' * at[1]}{number}"))
            at[1] += 1
            return x * known[mask]
        case "layer_norm":
            shape = x.shape[1:] if spec.axes == "all" else x.shape[-1:]
            return functional.layer_norm(x, shape, gain, shift, float(spec.eps))
        case "batch_norm":
            kept = known[f"mean{number}"], known[f"var{number}"]
            training = known["training"]
            rates = float(spec.momentum), float(spec.eps)
            return functional.batch_norm(x, *kept, gain, shift, training, *rates)
        case "residual":
            return x + torch_layers(torch, spec.layers, x, known, at)
    raise NotImplementedError(spec.kind)


def assert_like_torch(net: Network, seed: int = 0, samples: int = 4) -> None:
    """Loss, every gradient, running averages, and the output by them."""
    torch = pytest.importorskip("torch")
    at = draw(net, np.random.default_rng(seed), samples, np.float64)
    params = {n: torch.tensor(p, requires_grad=True) for n, p in at.params.items()}
    data = {n: torch.tensor(a) for n, a in {**at.masks, **at.state}.items()}
    x, y = torch.tensor(at.x), torch.tensor(at.y)
    o = torch_layers(torch, net.layers, x, {**params, **data, "training": True}, [0, 0])
    each = {
        "squared_error": lambda: (o - y) ** 2,
        "cross_entropy": lambda: -y * torch.log(o),
        "huber": lambda: torch.nn.functional.huber_loss(o, y, reduction="none"),
    }[net.loss.name]()
    loss = each.sum() / (samples if net.reduction == "mean" else 1)
    weights = [params[name] for name in backprop_of(net).weights]
    loss = loss + float(net.weight_decay / 2) * sum((w**2).sum() for w in weights)
    loss.backward()
    assert at.answer.loss == pytest.approx(loss.item(), rel=1e-11)
    for name, parameter in params.items():
        ratio = worst_ratio(
            at.answer.gradients[name], parameter.grad, at.size.gradients[name], np.float64
        )
        assert ratio < 16, name
    after = next_state(net, at.params, at.state, at.x, masks=at.masks) if at.state else {}
    for name, value in after.items():  # PyTorch wrote its own into the tensors that it was given
        np.testing.assert_allclose(value, data[name], rtol=1e-11, err_msg=name)
    data |= {n: torch.tensor(a) for n, a in at.state.items()}
    data |= {n: torch.ones_like(data[n]) for n in at.masks}
    o = torch_layers(torch, net.layers, x, {**params, **data, "training": False}, [0, 0])
    np.testing.assert_allclose(at.inferred, o.detach(), 1e-10, 1e-10)


TORCH_TOO = [name for name in NETWORKS if name not in ("dropouts", "residuals")]


@pytest.mark.filterwarnings("default")
@pytest.mark.parametrize("name", TORCH_TOO)
def test_against_torch(name: str) -> None:
    assert_like_torch(NETWORKS[name])


@pytest.mark.filterwarnings("default")
@pytest.mark.parametrize("seed", range(30))
def test_random_networks_against_torch(seed: int) -> None:
    spec = random_spec(seed)
    kinds = [layer["kind"] for layer in spec["layers"]]
    if kinds.count("dropout") > 1:  # PyTorch has no names for masks; one is enough to tell
        spec["layers"] = [layer for layer in spec["layers"] if layer["kind"] != "dropout"]
    assert_like_torch(load(spec), seed)


# ------------------------------------------------------------------ by hand


def test_a_convolution_by_hand() -> None:
    """x = 1 2 3, w = 1 -1: s = -1 -1; with delta = 1 2 dw = 5 8 and dx = 1 1 -2."""
    net = network([1, 3], window("conv", channels=1, kernel=2, bias=False), loss="o*y")
    x, y = np.array([[[1.0, 2, 3]]]), np.array([[[1.0, 2]]])
    found = passed(net, {"W1": np.array([[[1.0, -1]]])}, x, y)
    assert np.array_equal(found.trace["s1"], [[[-1, -1]]])
    assert np.array_equal(found.gradients["W1"], [[[5, 8]]])
    layer = backprop_of(net).layers[0]
    d_x, _ = layer.back(REAL, {"W1": np.array([[[1.0, -1]]])}, x, y, {})
    assert np.array_equal(d_x, [[[1, 1, -2]]])


def test_the_first_maximum_counts() -> None:
    """Of equal entries in a window the first in row-major order gets the slope."""
    net = network(
        [4, 2, 2], window("conv", channels=1, kernel=1, bias=False), "max_pool 2", loss="o*y"
    )
    x = np.zeros((1, 4, 2, 2))
    x[0, np.arange(4), [0, 0, 1, 1], [0, 1, 0, 1]] = 1  # channel k sees entry k alone
    found = loss_and_gradients(net, {"W1": np.ones((1, 4, 1, 1))}, x, np.ones((1, 1, 1, 1)))[1]
    assert np.array_equal(found["W1"].ravel(), [1, 0, 0, 0])
    params = {"W1": np.array([0.5, 1, 0, 1]).reshape(1, 4, 1, 1)}
    found = loss_and_gradients(net, params, x, np.ones((1, 1, 1, 1)))[1]
    assert np.array_equal(found["W1"].ravel(), [0, 1, 0, 0])


def test_padding_of_a_maximum_is_below_all_numbers() -> None:
    net = network([1, 2], "conv 1 1", window("max_pool", kernel=2, stride=1, padding=1))
    params = {"W1": np.ones((1, 1, 1)), "b1": np.zeros(1)}
    assert np.array_equal(forward(net, params, [[[-3.0, -5.0]]]), [[[-3, -3, -5]]])


def test_windows_that_leave_the_input() -> None:
    """Positions and slices against a loop over every position, place and entry."""
    for size in range(1, 8):
        for kernel in range(1, 4):
            for stride in range(1, 4):
                for dilation in range(1, 3):
                    for before in range(3):
                        axis = Axis(size, kernel, stride, dilation, before, before)
                        if axis.positions > 0:
                            assert sorted(read_by(axis)) == sorted(read_by_loops(axis))


def read_by(axis: Axis) -> Iterator[tuple[int, int, int]]:
    for place, outs, ins in axis.taps():
        positions, entries = range(axis.positions)[outs], range(axis.size)[ins]
        assert len(positions) == len(entries)
        yield from ((place, p, a) for p, a in zip(positions, entries, strict=True))


def read_by_loops(axis: Axis) -> Iterator[tuple[int, int, int]]:
    p = 0
    reach = axis.dilation * (axis.kernel - 1)
    while p * axis.stride - axis.before + reach < axis.size + axis.behind:
        for place in range(axis.kernel):
            a = p * axis.stride - axis.before + place * axis.dilation
            if 0 <= a < axis.size:
                yield place, p, a
        p += 1


def test_running_averages_by_hand() -> None:
    """Mean 2 and unbiased variance 2 of 1 and 3, each with the weight 0.1."""
    net = network(1, "batch_norm", "1")
    params = {"gamma1": np.ones(1), "beta1": np.zeros(1), "W2": np.ones((1, 1)), "b2": np.zeros(1)}
    state = {"mean1": np.zeros(1), "var1": np.ones(1)}
    after = next_state(net, params, state, [[1.0], [3.0]])
    assert after["mean1"] == pytest.approx(0.2)
    assert after["var1"] == pytest.approx(0.9 + 0.1 * 2)
    with pytest.raises(ValueError, match="needs the state mean1, var1"):
        forward(net, params, [[1.0]])
    output = forward(net, params, [[1.0]], state={"mean1": np.ones(1), "var1": np.ones(1)})
    assert output == pytest.approx(0)


def test_a_mask_by_hand() -> None:
    net = network(2, "dropout 0.5", {"kind": "dense", "units": 1, "bias": False}, loss="o*y")
    params, x, y = {"W1": np.ones((2, 1))}, np.array([[3.0, 5.0]]), np.ones((1, 1))
    masked, found = loss_and_gradients(net, params, x, y, masks={"mask0": np.array([[0, 2.0]])})
    assert masked == 10
    assert np.array_equal(found["W1"], [[0], [10]])
    assert loss_and_gradients(net, params, x, y)[0] == 8
    assert forward(net, params, x) == 8


def test_two_masks_of_one_number_have_two_names() -> None:
    assert set(backprop_of(NETWORKS["dropouts"]).masks) == {"mask0", "mask1", "maskm1"}


def test_masks_are_drawn_by_their_rate() -> None:
    net = backprop_of(network(3, "4 tanh", "batch_norm", "dropout 0.5", "2"))
    first = net.drawn_masks(np.random.default_rng(5), 2000, np.float64)["mask2"]
    assert set(np.unique(first)) == {0.0, 2.0}
    assert first.mean() == pytest.approx(1, abs=0.05)


# ------------------------------------------------------------------ exact ties


TIED = {
    "2 > 3 relu > 2 relu > 1 : squared_error": True,
    "2 > 3 tanh > 1 : squared_error": False,  # no kink
    "2 > 3 tanh > 2 relu > 1 : squared_error": False,  # tanh rounds
    "2 > 3 max(s,0) > 2 : squared_error": True,
    "1x4x4 > conv 2 3 relu > max_pool 2 > flatten > 2 : squared_error": True,
    "1x4x4 > conv 2 3 > avg_pool 2 activation=relu > flatten > 2 : squared_error": False,
    "4 > 3 > layer_norm activation=relu > 2 : squared_error": False,
}


@pytest.mark.parametrize(("spec", "exact"), TIED.items())
def test_whole_numbers_only_where_they_stay_whole(spec: str, exact: bool) -> None:
    found = tied(load(spec), np.random.default_rng(0), 3, np.float32)
    assert (found is not None) is exact
    if found is not None:
        assert all(np.isin(value, (-1, 0, 1)).all() for value in (*found.params.values(), found.x))
