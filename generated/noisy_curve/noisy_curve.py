# SPDX-License-Identifier: 0BSD
# Generated code: yours to use, copy, change and give away, with or without this notice.
# Made from the network spec with sha256 40931d7e4d0be3a3bdfa6df49be7c07c8c61ca6ac1607cb74b6b4cc8ccefc06e
# by:  gradwright code noisy_curve.toml
# sha256 of the other lines: f81da4b266eb2f040115b10245180809eceda7da9fe0f3f41c9642981dd8da69
"""Regression with Gaussian noise.

Samples are rows: x has the shape (n, 1), y the shape (n, 1).
The error delta of a layer is the derivative of the loss of one sample by its pre-activation.
At a kink the last alternative counts: the slope of max(s, 0) at 0 is 0, and that of |s| is 0.

    (1)  s1[n,j] = Sum(W1[i,j]*x[n,i], i) + b1[j]
    (1)  o1[n,j] = tanh(s1[n,j])
    (2)  s2[n,j] = Sum(W2[i,j]*o1[n,i], i)
    (3)  L[n] = 1/2*Sum((y[n,k] - s2[n,k])**2, k) + 1/2*(log(2) + log(pi))
    (9)  delta2[n,j] = s2[n,j] - y[n,j]
    (10)  delta1[n,j] = Sum(W2[j,k]*delta2[n,k], k)*(1 - o1[n,j]**2)
    (12)  dL/dW1[i,j] = Sum(delta1[n,j]*x[n,i], n)/N
    (12)  dL/db1[j] = Sum(delta1[n,j], n)/N
    (13)  dL/dW2[i,j] = Sum(delta2[n,j]*o1[n,i], n)/N

Loss and deltas are computed in forms that neither overflow nor cancel: for finite input the
error is at most 4 eps max(1, |value|) for each sample, given the pre-activations.
"""

import math
import sys

import numpy as np

NAME = "noisy_curve"
SPEC_SHA256 = "40931d7e4d0be3a3bdfa6df49be7c07c8c61ca6ac1607cb74b6b4cc8ccefc06e"
PARAMETERS = {
    "W1": (1, 12),
    "b1": (12,),
    "W2": (12, 1),
}
STATE = {}
INPUT_SHAPE = (1,)
TARGET_SHAPE = (1,)


def init(seed=0, dtype=np.float64):
    """Return fresh parameters; the same seed gives the same numbers."""
    rng = np.random.default_rng(seed)
    params = {}
    params["W1"] = rng.uniform(-1, 1, (1, 12)) * np.sqrt(6 / (1 + 12))  # glorot
    params["b1"] = np.zeros((12,))
    params["W2"] = rng.uniform(-1, 1, (12, 1)) * np.sqrt(6 / (12 + 1))  # glorot
    return {name: value.astype(dtype) for name, value in params.items()}


def init_state(dtype=np.float64):
    """Return the state at the beginning: this network has none."""
    return {}


def forward(params, x, state=None):
    """Return the output for every row of x."""
    W1, b1, W2 = _parameters(params)
    x = _samples(x, W1.dtype)
    s1 = x @ W1 + b1                                          # (1)
    o1 = np.tanh(s1)                                          # (1)
    s2 = o1 @ W2                                              # (2)
    return s2


def loss(params, x, y, *, masks=None):
    """Return the loss of a batch."""
    W1, b1, W2 = _parameters(params)
    x = _samples(x, W1.dtype)
    _no_masks(masks)
    y = _targets(y, len(x), W1.dtype)
    n = len(x)
    s1 = x @ W1 + b1                                          # (1)
    o1 = np.tanh(s1)                                          # (1)
    s2 = o1 @ W2                                              # (2)
    L = 0.5 * ((y - s2)**2).sum(axis=1) + 0.5 * (math.log(2) + math.log(np.pi))  # (3)
    return float(L.sum() / n)


def loss_and_gradients(params, x, y, *, masks=None):
    """Return the loss of a batch and its gradient with respect to every parameter."""
    W1, b1, W2 = _parameters(params)
    x = _samples(x, W1.dtype)
    _no_masks(masks)
    y = _targets(y, len(x), W1.dtype)
    n = len(x)
    s1 = x @ W1 + b1                                          # (1)
    o1 = np.tanh(s1)                                          # (1)
    s2 = o1 @ W2                                              # (2)
    L = 0.5 * ((y - s2)**2).sum(axis=1) + 0.5 * (math.log(2) + math.log(np.pi))  # (3)
    delta2 = s2 - y                                           # (9)
    delta1 = (delta2 @ W2.T) * (1 - o1**2)                    # (10)
    dW1 = (x.T @ delta1) / n                                  # (12)
    db1 = delta1.sum(axis=0) / n                              # (12)
    dW2 = (o1.T @ delta2) / n                                 # (13)
    value = float(L.sum() / n)
    return value, {"W1": dW1, "b1": db1, "W2": dW2}


def gradients(params, x, y, *, masks=None):
    """Return the gradient of the loss with respect to every parameter."""
    return loss_and_gradients(params, x, y, masks=masks)[1]


def trace(params, x, y, *, masks=None):
    """Return every named quantity of the equations above, sample by sample."""
    W1, b1, W2 = _parameters(params)
    x = _samples(x, W1.dtype)
    _no_masks(masks)
    y = _targets(y, len(x), W1.dtype)
    s1 = x @ W1 + b1                                          # (1)
    o1 = np.tanh(s1)                                          # (1)
    s2 = o1 @ W2                                              # (2)
    L = 0.5 * ((y - s2)**2).sum(axis=1) + 0.5 * (math.log(2) + math.log(np.pi))  # (3)
    delta2 = s2 - y                                           # (9)
    delta1 = (delta2 @ W2.T) * (1 - o1**2)                    # (10)
    return {"s1": s1, "o1": o1, "s2": s2, "L": L, "delta2": delta2, "delta1": delta1}


class Trainer:
    """Trains a copy of the parameters by gradient descent, in arrays that are made once.

    The equations are those of `loss_and_gradients`, arranged for speed: the parameters lie in one
    flat array and so do their gradients, every result has its place in memory, and the learning
    rate is multiplied into the last delta, from where it reaches every gradient.
    """

    def __init__(self, params, batch_size, *, learning_rate, seed=0):
        """Copy the parameters and reserve memory for batches of up to `batch_size` samples."""
        self._batch_size = _count("batch_size", batch_size)
        self._rate = _number("learning_rate", learning_rate)
        arrays = _parameters(params)
        self._dtype = arrays[0].dtype
        self._flat = np.concatenate([array.ravel() for array in arrays])
        self._views = _split(self._flat)
        self._gradient = np.zeros_like(self._flat)
        self._steps = {}
        self._memory = {}
        self._step = self._bind(self._batch_size)

    @property
    def params(self):
        """The current parameters, as a copy."""
        return {name: view.copy() for name, view in zip(PARAMETERS, self._views)}

    @property
    def state(self):
        """The current state: this network has none."""
        return {}

    def step(self, x, y):
        """Descend once along the gradient of the batch; return its loss before that."""
        loss = self._step(x, y)
        return self._other(x, y) if loss is None else loss

    def _other(self, x, y):
        """The step for a shorter batch, or for what is not an array of the parameters' dtype."""
        x = _samples(x, self._dtype)
        y = _targets(y, len(x), self._dtype)
        if len(x) > self._batch_size:
            raise ValueError(f"x: found {len(x)} samples, expected at most {self._batch_size}")
        if len(x) not in self._steps:
            self._bind(len(x))
        return self._steps[len(x)](x, y, True)

    def _array(self, name, *shape, dtype=None):
        """Memory for one array of the step; a smaller batch uses the beginning of it.

        A small array has its own: to look for overlaps would take longer than the arithmetic.
        """
        size = int(np.prod(shape))
        if size <= 2048:
            return np.zeros(shape, dtype or self._dtype)
        if name not in self._memory:
            self._memory[name] = np.zeros(size, dtype or self._dtype)
        return self._memory[name][:size].reshape(shape)

    def _bind(self, n):
        """Make the step for batches of n samples, with every array and function at hand."""
        dtype, ndarray = self._dtype, np.ndarray
        x_shape, y_shape = (n, *INPUT_SHAPE), (n, *TARGET_SHAPE)
        rate = self._rate
        W1, b1, W2 = self._views
        dW1, db1, dW2 = _split(self._gradient)
        flat, gradient = self._flat, self._gradient
        W1b1 = flat[0:24].reshape(2, 12)
        dW1b1 = gradient[0:24].reshape(2, 12)
        x_1 = self._array("x_1", n, 2)
        x_1[:, 1] = 1
        x_0 = x_1[:, :1]
        s1 = self._array("0", n, 12)
        o1 = self._array("0", n, 12)
        s2 = self._array("2", n, 1)
        t1 = self._array("3", n, 1)
        t2 = self._array("2", n, 1)
        delta2 = self._array("2", n, 1)
        t3 = self._array("6", n, 12)
        t4 = self._array("7", n, 12)
        t5 = self._array("7", n, 12)
        delta1 = self._array("6", n, 12)
        x_1_dot = x_1.dot
        tanh = np.tanh
        o1_dot = o1.dot
        subtract = np.subtract
        t1_flat = t1.ravel()
        t1_flat_dot = t1_flat.dot
        constant1 = 0.5 * (math.log(2) + math.log(np.pi))
        constant2 = constant1 * n
        number1 = np.array(rate / n, dtype)
        multiply = np.multiply
        W2_T = W2.T
        delta2_dot = delta2.dot
        number2 = np.array(1, dtype)
        x_1_T = x_1.T
        x_1_T_dot = x_1_T.dot
        o1_T = o1.T
        o1_T_dot = o1_T.dot

        def step(x, y, checked=False):
            fits = type(x) is type(y) is ndarray and x.dtype is y.dtype is dtype
            if not (fits and x.shape == x_shape and y.shape == y_shape or checked):
                return None
            x_0[...] = x
            x_1_dot(W1b1, s1)                                         # (1)
            tanh(s1, o1)                                              # (1)
            o1_dot(W2, s2)                                            # (2)
            subtract(y, s2, t1)                                       # (3)
            sum1 = float(t1_flat_dot(t1_flat))
            loss = ((0.5 * sum1 + constant2) / n)
            if loss - loss != 0:  # not finite: see whether the targets are to blame
                _targets(y, n, dtype)
            subtract(s2, y, t2)                                       # (9)
            multiply(t2, number1, delta2)
            delta2_dot(W2_T, t3)                                      # (10)
            multiply(o1, o1, t4)
            subtract(number2, t4, t5)
            multiply(t3, t5, delta1)
            x_1_T_dot(delta1, dW1b1)                                  # (12)
            o1_T_dot(delta2, dW2)                                     # (13)
            subtract(flat, gradient, flat)
            return loss

        self._steps[n] = step
        return step


def fit(
    params, x, y, *, epochs=100, batch_size=32, learning_rate=0.1, seed=0, progress=None
):
    """Train on shuffled batches and write the result into params; return each epoch's mean loss.

    `progress`, where given, is called after every epoch with its number and its mean loss.
    """
    arrays = _parameters(params)
    x = _samples(x, arrays[0].dtype)
    y = _targets(y, len(x), arrays[0].dtype)
    epochs, batch_size = _count("epochs", epochs), min(_count("batch_size", batch_size), len(x))
    trainer = Trainer(params, batch_size, learning_rate=learning_rate, seed=seed)
    rng = np.random.default_rng(seed)
    history = []
    for epoch in range(epochs):
        order = rng.permutation(len(x))
        losses, sizes = [], []
        for start in range(0, len(x), batch_size):
            rows = order[start : start + batch_size]
            losses.append(trainer.step(x[rows], y[rows]))
            sizes.append(len(rows))
        history.append(float(np.average(losses, weights=sizes)))
        if progress is not None:
            progress(epoch + 1, history[-1])
    for name, value in trainer.params.items():
        if isinstance(params[name], np.ndarray):
            params[name][...] = value
        else:
            params[name] = value
    return history


def save(path, params, state=None):
    """Write the parameters to an .npz file at exactly this path."""
    arrays = dict(zip(PARAMETERS, _parameters(params)))
    with open(path, "wb") as file:
        np.savez(file, **arrays)


def load(path):
    """Read (params, state) from a file that `save` wrote."""
    with np.load(path, allow_pickle=False) as file:
        params = {name: file[name] for name in file.files}
    return dict(zip(PARAMETERS, _parameters(params))), {}


def _real(name, value, dtype=None):
    """The value as an array of real numbers, in the given precision."""
    try:
        array = np.asarray(value)
    except ValueError:
        raise ValueError(f"{name}: found rows of different lengths, expected an array") from None
    if array.dtype.kind not in "fiub":
        raise TypeError(f"{name}: found an array of {array.dtype}, expected real numbers")
    return array if dtype is None else array.astype(dtype, copy=False)


def _parameters(params):
    """The parameters in the order of PARAMETERS, checked, all in one precision."""
    if set(params) != set(PARAMETERS):
        raise ValueError(f"params: found {sorted(params)}, expected {sorted(PARAMETERS)}")
    arrays = []
    for name, shape in PARAMETERS.items():
        array = _real(f"params[{name!r}]", params[name])
        if array.shape != shape:
            raise ValueError(f"params[{name!r}]: found the shape {array.shape}, expected {shape}")
        arrays.append(array)
    dtype = np.result_type(np.float32, *(array.dtype for array in arrays))
    return [array.astype(dtype, copy=False) for array in arrays]


def _samples(x, dtype):
    """The inputs as rows, checked, in the precision of the parameters."""
    x = _real("x", x, dtype)
    if x.shape[1:] != INPUT_SHAPE or x.ndim == 0:
        expected = ", ".join(map(str, ("n", *INPUT_SHAPE)))
        raise ValueError(f"x: found the shape {x.shape}, expected ({expected})")
    return x


def _targets(y, n, dtype):
    """The targets as rows, checked, in the precision of the parameters."""
    y = _real("y", y)
    if n == 0:
        raise ValueError("x: found 0 samples, expected at least one for a loss")
    if y.shape == (n,) and TARGET_SHAPE == (1,):
        y = y[:, None]
    if y.shape != (n, *TARGET_SHAPE):
        raise ValueError(f"y: found the shape {y.shape}, expected {(n, *TARGET_SHAPE)}")
    if not np.isfinite(y).all():
        raise ValueError("y: found NaN or infinity, expected finite numbers")
    y = y.astype(dtype, copy=False)
    return y


def _no_masks(masks):
    """This network has no dropout, so that masks are a mistake."""
    if masks:
        raise ValueError(f"masks: found {sorted(masks)}, expected none: there is no dropout")


def _count(name, value):
    """A whole number from 1."""
    if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or value < 1:
        raise ValueError(f"{name}: found {value!r}, expected a whole number from 1")
    return int(value)


def _number(name, value):
    """A finite number."""
    if isinstance(value, bool) or not isinstance(value, (int, float, np.number)):
        raise TypeError(f"{name}: found {value!r}, expected a number")
    if not np.isfinite(value):
        raise ValueError(f"{name}: found {value!r}, expected a finite number")
    return float(value)


def _split(flat):
    """The parts of a flat array that hold the single parameters."""
    parts, start = [], 0
    for shape in PARAMETERS.values():
        size = int(np.prod(shape))
        parts.append(flat[start : start + size].reshape(shape))
        start += size
    return parts


def _example(n, seed):
    """Random inputs and targets to try the functions on."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, *INPUT_SHAPE))
    y = rng.uniform(0.05, 0.95, (n, *TARGET_SHAPE))
    return x, y


def self_check(seed=0):
    """Compare the gradients with differences of the loss, and the descent with what they promise.

    Returns the lines of a report and whether all is well.
    """
    params = init(seed, np.float64)
    x, y = _example(8, seed)
    rng = np.random.default_rng(seed)
    params = {name: p + 0.1 * rng.normal(size=p.shape) for name, p in params.items()}
    before, slopes = loss_and_gradients(params, x, y)
    lines, well = [f"loss of a random batch  {before:.6g}"], bool(np.isfinite(before))
    for name, slope in slopes.items():
        way = rng.normal(size=slope.shape)
        way /= np.linalg.norm(way) or 1.0
        h = 1e-5
        ahead = loss({**params, name: params[name] + h * way}, x, y)
        behind = loss({**params, name: params[name] - h * way}, x, y)
        difference, promised = (ahead - behind) / (2 * h), float((slope * way).sum())
        gap = abs(difference - promised) / max(1.0, abs(difference), abs(promised), abs(before))
        well = well and gap < 1e-6
        lines.append(f"gradient of {name:<10}  differs from a difference quotient by {gap:.1e}")
    square = sum(float((slope * slope).sum()) for slope in slopes.values())
    if square > 0:
        rate = 1e-4 * min(1.0, max(1e-3, abs(before)) / square)
        after = loss({name: p - rate * slopes[name] for name, p in params.items()}, x, y)
        ratio = (before - after) / (rate * square)
        well = well and abs(ratio - 1) < 0.05
        lines.append(f"descent step            lowers the loss by {ratio:.4f} of rate * |gradient|^2")
        trainer = Trainer(params, 8, learning_rate=rate)
        known = trainer.step(x, y)
        gap = abs(loss(trainer.params, x, y) - after) + abs(known - before)
        well = well and gap <= 1e-9 * max(1.0, abs(before))
        lines.append(f"Trainer.step            agrees with the functions to {gap:.1e}")
    return lines, well


def main():
    """Print a short report; the exit status is 1 where a check fails."""
    lines, well = self_check()
    count = sum(int(np.prod(shape)) for shape in PARAMETERS.values())
    print(f"{NAME}: {count} parameters in {len(PARAMETERS)} arrays")
    print("\n".join(lines))
    print("all is well" if well else "SOMETHING IS WRONG")
    return 0 if well else 1


if __name__ == "__main__":
    sys.exit(main())
