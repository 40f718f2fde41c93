# SPDX-License-Identifier: 0BSD
# Generated code: yours to use, copy, change and give away, with or without this notice.
# Made from the network spec with sha256 060584e137da13543c408ab157208933d15596f31fe7e0357e737c8a199a59b3
# by:  gradwright code one_answer.toml
# sha256 of the other lines: 1b65de6074cd61b308e8fe2f54dd6e53367205c8ce5fab016df0902679b21660
"""One output and the mean squared error.

Samples are rows: x has the shape (n, 2), y the shape (n, 1).
The error delta of a layer is the derivative of the loss of one sample by its pre-activation.
At a kink the last alternative counts: the slope of max(s, 0) at 0 is 0, and that of |s| is 0.

    (1)  s1[n,j] = Sum(W1[i,j]*x[n,i], i) + b1[j]
    (1)  o1[n,j] = sigmoid(s1[n,j])
    (2)  s2[n,j] = Sum(W2[i,j]*o1[n,i], i) + b2[j]
    (2)  o2[n,j] = sigmoid(s2[n,j])
    (3)  L[n] = Sum((o2[n,k] - y[n,k])**2, k)
    (9)  delta2[n,j] = 2*o2[n,j]*(1 - o2[n,j])*(o2[n,j] - y[n,j])
    (10)  delta1[n,j] = Sum(W2[j,k]*delta2[n,k], k)*o1[n,j]*(1 - o1[n,j])
    (12)  dL/dW1[i,j] = Sum(delta1[n,j]*x[n,i], n)/N
    (12)  dL/db1[j] = Sum(delta1[n,j], n)/N
    (13)  dL/dW2[i,j] = Sum(delta2[n,j]*o1[n,i], n)/N
    (13)  dL/db2[j] = Sum(delta2[n,j], n)/N

Loss and deltas are computed in forms that neither overflow nor cancel: for finite input the
error is at most 4 eps max(1, |value|) for each sample, given the pre-activations.
"""

import sys

import numpy as np

NAME = "one_answer"
SPEC_SHA256 = "060584e137da13543c408ab157208933d15596f31fe7e0357e737c8a199a59b3"
PARAMETERS = {
    "W1": (2, 3),
    "b1": (3,),
    "W2": (3, 1),
    "b2": (1,),
}
STATE = {}
INPUT_SHAPE = (2,)
TARGET_SHAPE = (1,)


def sigmoid(s):
    """1 / (1 + exp(-s)), from exp(-|s|), which cannot overflow."""
    e = np.exp(-np.abs(s))
    return np.where(s < 0, e, 1) / (1 + e)


def init(seed=0, dtype=np.float64):
    """Return fresh parameters; the same seed gives the same numbers."""
    rng = np.random.default_rng(seed)
    params = {}
    params["W1"] = rng.uniform(-1, 1, (2, 3)) * np.sqrt(6 / (2 + 3))  # glorot
    params["b1"] = np.zeros((3,))
    params["W2"] = rng.uniform(-1, 1, (3, 1)) * np.sqrt(6 / (3 + 1))  # glorot
    params["b2"] = np.zeros((1,))
    return {name: value.astype(dtype) for name, value in params.items()}


def init_state(dtype=np.float64):
    """Return the state at the beginning: this network has none."""
    return {}


def forward(params, x, state=None):
    """Return the output for every row of x."""
    W1, b1, W2, b2 = _parameters(params)
    x = _samples(x, W1.dtype)
    s1 = x @ W1 + b1                                          # (1)
    o1 = sigmoid(s1)                                          # (1)
    s2 = o1 @ W2 + b2                                         # (2)
    o2 = sigmoid(s2)                                          # (2)
    return o2


def loss(params, x, y, *, masks=None):
    """Return the loss of a batch."""
    W1, b1, W2, b2 = _parameters(params)
    x = _samples(x, W1.dtype)
    _no_masks(masks)
    y = _targets(y, len(x), W1.dtype)
    n = len(x)
    s1 = x @ W1 + b1                                          # (1)
    o1 = sigmoid(s1)                                          # (1)
    s2 = o1 @ W2 + b2                                         # (2)
    o2 = sigmoid(s2)                                          # (2)
    L = ((o2 - y)**2).sum(axis=1)                             # (3)
    return float(L.sum() / n)


def loss_and_gradients(params, x, y, *, masks=None):
    """Return the loss of a batch and its gradient with respect to every parameter."""
    W1, b1, W2, b2 = _parameters(params)
    x = _samples(x, W1.dtype)
    _no_masks(masks)
    y = _targets(y, len(x), W1.dtype)
    n = len(x)
    s1 = x @ W1 + b1                                          # (1)
    o1 = sigmoid(s1)                                          # (1)
    s2 = o1 @ W2 + b2                                         # (2)
    o2 = sigmoid(s2)                                          # (2)
    gap = o2 - y
    L = (gap**2).sum(axis=1)                                  # (3)
    delta2 = 2 * o2 * (1 - o2) * gap                          # (9)
    delta1 = (delta2 @ W2.T) * o1 * (1 - o1)                  # (10)
    dW1 = (x.T @ delta1) / n                                  # (12)
    db1 = delta1.sum(axis=0) / n                              # (12)
    dW2 = (o1.T @ delta2) / n                                 # (13)
    db2 = delta2.sum(axis=0) / n                              # (13)
    value = float(L.sum() / n)
    return value, {"W1": dW1, "b1": db1, "W2": dW2, "b2": db2}


def gradients(params, x, y, *, masks=None):
    """Return the gradient of the loss with respect to every parameter."""
    return loss_and_gradients(params, x, y, masks=masks)[1]


def trace(params, x, y, *, masks=None):
    """Return every named quantity of the equations above, sample by sample."""
    W1, b1, W2, b2 = _parameters(params)
    x = _samples(x, W1.dtype)
    _no_masks(masks)
    y = _targets(y, len(x), W1.dtype)
    s1 = x @ W1 + b1                                          # (1)
    o1 = sigmoid(s1)                                          # (1)
    s2 = o1 @ W2 + b2                                         # (2)
    o2 = sigmoid(s2)                                          # (2)
    gap = o2 - y
    L = (gap**2).sum(axis=1)                                  # (3)
    delta2 = 2 * o2 * (1 - o2) * gap                          # (9)
    delta1 = (delta2 @ W2.T) * o1 * (1 - o1)                  # (10)
    return {"s1": s1, "o1": o1, "s2": s2, "o2": o2, "L": L, "delta2": delta2, "delta1": delta1}


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
        self._flat = np.zeros(16, self._dtype)
        self._views = _split(self._flat)
        # a sigmoid layer keeps 2 o = 1 + tanh(s/2): the weights around it are stored halved
        self._scales = (0.5, 0.5, 0.5, 0.5)
        for view, array, scale in zip(self._views, arrays, self._scales):
            np.multiply(array, scale, out=view)
        # of each layer whose outputs have a bias next: a unit that is 1, whose slope is 0
        self._flat[11] = 80.0
        self._gradient = np.zeros_like(self._flat)
        self._steps = {}
        self._memory = {}
        self._step = self._bind(self._batch_size)

    @property
    def params(self):
        """The current parameters, as a copy."""
        values = zip(PARAMETERS, self._views, self._scales)
        return {name: view / scale for name, view, scale in values}

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
        W1, b1, W2, b2 = self._views
        dW1, db1, dW2, db2 = _split(self._gradient)
        flat, gradient = self._flat, self._gradient
        W1b1 = flat[0:12].reshape(3, 4)
        dW1b1 = gradient[0:12].reshape(3, 4)
        x_1 = self._array("x_1", n, 3)
        x_1[:, 2] = 1
        x_0 = x_1[:, :2]
        W2b2 = flat[12:16].reshape(4, 1)
        dW2b2 = gradient[12:16].reshape(4, 1)
        s1 = self._array("0", n, 4)
        t1 = self._array("0", n, 4)
        o1 = self._array("0", n, 4)
        s2 = self._array("3", n, 1)
        t2 = self._array("3", n, 1)
        t3 = self._array("3", n, 1)
        t4 = self._array("3", n, 1)
        o2 = self._array("3", n, 1)
        t5 = self._array("8", n, 1)
        t6 = self._array("8", n, 1)
        t7 = self._array("10", n, 1)
        t8 = self._array("3", n, 1)
        delta2 = self._array("8", n, 1)
        t9 = self._array("13", n, 4)
        t10 = self._array("14", n, 4)
        t11 = self._array("14", n, 4)
        delta1 = self._array("13", n, 4)
        x_1_dot = x_1.dot
        tanh = np.tanh
        number1 = np.array(1, dtype)
        add = np.add
        o1_dot = o1.dot
        number2 = np.array(0.5, dtype)
        multiply = np.multiply
        subtract = np.subtract
        t5_flat = t5.ravel()
        t5_flat_dot = t5_flat.dot
        number3 = np.array(0.25 * 2.0 * rate / n, dtype)
        W2b2_T = W2b2.T
        delta2_dot = delta2.dot
        number4 = np.array(2, dtype)
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
            tanh(s1, t1)                                              # (1)
            add(t1, number1, o1)
            o1_dot(W2b2, s2)                                          # (2)
            multiply(number2, s2, t2)                                 # (2)
            tanh(t2, t3)
            multiply(number2, t3, t4)
            add(t4, number2, o2)
            subtract(o2, y, t5)                                       # (3)
            sum1 = float(t5_flat_dot(t5_flat))
            loss = ((sum1) / n)
            if loss - loss != 0:  # not finite: see whether the targets are to blame
                _targets(y, n, dtype)
            multiply(t5, number3, t6)                                 # (9)
            subtract(number1, o2, t7)
            multiply(o2, t7, t8)
            multiply(t6, t8, delta2)
            delta2_dot(W2b2_T, t9)                                    # (10)
            subtract(number4, o1, t10)
            multiply(o1, t10, t11)
            multiply(t9, t11, delta1)
            x_1_T_dot(delta1, dW1b1)                                  # (12)
            o1_T_dot(delta2, dW2b2)                                   # (13)
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
    W1b1 = flat[0:12].reshape(3, 4)
    W2b2 = flat[12:16].reshape(4, 1)
    return [
        W1b1[:2, :3],
        W1b1[2, :3],
        W2b2[:3],
        W2b2[3],
    ]


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
