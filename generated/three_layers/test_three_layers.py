# SPDX-License-Identifier: 0BSD
# sha256 of the other lines: cd9af4b3e9f6d42f681a4a0a1ab187222d07fbc1e9ac5e89a03a04640536fc1c
"""Tests of the generated module three_layers."""

import numpy as np
import pytest

import three_layers as net


@pytest.fixture
def batch():
    """Parameters and a batch of random samples."""
    return net.init(1, np.float64), *net._example(6, 1)


def test_self_check():
    """The gradients are those of the loss, and a descent step descends."""
    lines, well = net.self_check()
    assert well, "\n".join(lines)


def test_shapes(batch):
    """Every gradient has the shape of its parameter."""
    params, x, y = batch
    value, slopes = net.loss_and_gradients(params, x, y)
    assert value == net.loss(params, x, y)
    assert {name: g.shape for name, g in slopes.items()} == net.PARAMETERS
    assert net.forward(params, x).shape == (len(x), *net.TARGET_SHAPE)


def test_precision(batch):
    """float32 parameters give float32 results."""
    params, x, y = batch
    small = {name: p.astype(np.float32) for name, p in params.items()}
    assert net.forward(small, x).dtype == np.float32
    assert all(g.dtype == np.float32 for g in net.gradients(small, x, y).values())


def test_the_trainer_descends_like_the_gradient(batch):
    """One step is params - rate * gradient, for a full and for a shorter batch."""
    params, x, y = batch
    for size in (len(x), len(x) - 1):
        trainer = net.Trainer(params, len(x), learning_rate=0.01)
        value, slopes = net.loss_and_gradients(params, x[:size], y[:size])
        assert trainer.step(x[:size], y[:size]) == pytest.approx(value, rel=1e-9)
        for name, value in trainer.params.items():
            expected = params[name] - 0.01 * slopes[name]
            np.testing.assert_allclose(value, expected, rtol=1e-9, atol=1e-12, err_msg=name)


def test_files(batch, tmp_path):
    """What is saved is what is loaded."""
    params, _, _ = batch
    net.save(tmp_path / "params.npz", params)
    loaded, state = net.load(tmp_path / "params.npz")
    assert state == {}
    for name in net.PARAMETERS:
        np.testing.assert_array_equal(loaded[name], params[name])


def test_wrong_arguments(batch):
    """Arrays that do not fit are refused by name."""
    params, x, y = batch
    with pytest.raises(ValueError, match="x: found"):
        net.forward(params, x[0])
    with pytest.raises(TypeError, match="x: found"):
        net.forward(params, x * 1j)
    with pytest.raises(ValueError, match="y: found"):
        net.loss(params, x, y[:-1])
