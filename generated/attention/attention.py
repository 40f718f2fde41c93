# SPDX-License-Identifier: 0BSD
# Generated code: yours to use, copy, change and give away, with or without this notice.
# Made from the network spec with sha256 4f6390d813a9d77237bf7118225e96886fc4074f61aae6d469059015d6d4cfd5
# by:  gradwright code attention.toml
# sha256 of the other lines: 60c6d88a8305379b41cca3225c264e48e6f91e35686050cfcd2e9a133dbc0238
"""Single-head self-attention.

Samples are rows: x has the shape (n, 3, 4), y the shape (n, 1).
The error delta of a layer is the derivative of the loss of one sample by its pre-activation.
At a kink the last alternative counts: the slope of max(s, 0) at 0 is 0, and that of |s| is 0.

    (1)  q1[n,t,a] = Sum(wq1[i,a]*x[n,t,i], i)
    (2)  k1[n,t,a] = Sum(wk1[i,a]*x[n,t,i], i)
    (3)  v1[n,t,a] = Sum(wv1[i,a]*x[n,t,i], i)
    (4)  e1[n,t,u] = Sum(q1[n,t,a]*k1[n,u,a], a)/2**(1/2)
    (5)  p1[n,t,u] = exp(e1[n,t,u])/Sum(exp(e1[n,t,k]), k)
    (6)  s1[n,t,a] = Sum(p1[n,t,u]*v1[n,u,a], u)
    (7)  f1[n,2*c+p] = s1[n,c,p]
    (8)  s2[n,j] = Sum(W2[i,j]*f1[n,i], i) + b2[j]
    (9)  L[n] = Sum((s2[n,k] - y[n,k])**2, k)
    (14)  delta2[n,j] = 2*(s2[n,j] - y[n,j])
    (15)  df1[n,i] = Sum(W2[i,k]*delta2[n,k], k)
    (16)  delta1[n,t,a] = df1[n,2*t+a]
    (17)  dp1[n,t,u] = Sum(delta1[n,t,a]*v1[n,u,a], a)
    (18)  de1[n,t,u] = p1[n,t,u]*(dp1[n,t,u] - Sum(dp1[n,t,m]*p1[n,t,m], m))
    (19)  dv1[n,t,a] = Sum(delta1[n,k,a]*p1[n,k,t], k)
    (20)  dk1[n,t,a] = Sum(de1[n,k,t]*q1[n,k,a], k)/2**(1/2)
    (21)  dq1[n,t,a] = Sum(de1[n,t,u]*k1[n,u,a], u)/2**(1/2)
    (23)  dL/dwq1[i,a] = Sum(Sum(dq1[n,t,a]*x[n,t,i], t), n)/N
    (23)  dL/dwk1[i,a] = Sum(Sum(dk1[n,t,a]*x[n,t,i], t), n)/N
    (24)  dL/dwv1[i,a] = Sum(Sum(dv1[n,t,a]*x[n,t,i], t), n)/N
    (25)  dL/dW2[i,j] = Sum(delta2[n,j]*f1[n,i], n)/N
    (25)  dL/db2[j] = Sum(delta2[n,j], n)/N

Loss and deltas are computed in forms that neither overflow nor cancel: for finite input the
error is at most 4 eps max(1, |value|) for each sample, given the pre-activations.
"""

import math
import sys

import numpy as np

NAME = "attention"
SPEC_SHA256 = "4f6390d813a9d77237bf7118225e96886fc4074f61aae6d469059015d6d4cfd5"
PARAMETERS = {
    "wq1": (4, 2),
    "wk1": (4, 2),
    "wv1": (4, 2),
    "W2": (6, 1),
    "b2": (1,),
}
STATE = {}
INPUT_SHAPE = (3, 4)
TARGET_SHAPE = (1,)


def init(seed=0, dtype=np.float64):
    """Return fresh parameters; the same seed gives the same numbers."""
    rng = np.random.default_rng(seed)
    params = {}
    params["wq1"] = rng.uniform(-1, 1, (4, 2)) * np.sqrt(6 / (4 + 2))  # glorot
    params["wk1"] = rng.uniform(-1, 1, (4, 2)) * np.sqrt(6 / (4 + 2))  # glorot
    params["wv1"] = rng.uniform(-1, 1, (4, 2)) * np.sqrt(6 / (4 + 2))  # glorot
    params["W2"] = rng.uniform(-1, 1, (6, 1)) * np.sqrt(6 / (6 + 1))  # glorot
    params["b2"] = np.zeros((1,))
    return {name: value.astype(dtype) for name, value in params.items()}


def init_state(dtype=np.float64):
    """Return the state at the beginning: this network has none."""
    return {}


def forward(params, x, state=None):
    """Return the output for every row of x."""
    wq1, wk1, wv1, W2, b2 = _parameters(params)
    x = _samples(x, wq1.dtype)
    q1 = np.tensordot(x, wq1, axes=((2,), (0,)))              # (1)
    k1 = np.tensordot(x, wk1, axes=((2,), (0,)))              # (2)
    v1 = np.tensordot(x, wv1, axes=((2,), (0,)))              # (3)
    e1 = (q1 @ k1.transpose(0, 2, 1)) / math.sqrt(2)          # (4)
    e1_2 = np.exp(e1 - e1.max(axis=2, keepdims=True))
    p1 = e1_2 / e1_2.sum(axis=2, keepdims=True)               # (5)
    s1 = p1 @ v1                                              # (6)
    f1 = s1.reshape(len(x), 6)                                # (7)
    s2 = f1 @ W2 + b2                                         # (8)
    return s2


def loss(params, x, y, *, masks=None):
    """Return the loss of a batch."""
    wq1, wk1, wv1, W2, b2 = _parameters(params)
    x = _samples(x, wq1.dtype)
    _no_masks(masks)
    y = _targets(y, len(x), wq1.dtype)
    n = len(x)
    q1 = np.tensordot(x, wq1, axes=((2,), (0,)))              # (1)
    k1 = np.tensordot(x, wk1, axes=((2,), (0,)))              # (2)
    v1 = np.tensordot(x, wv1, axes=((2,), (0,)))              # (3)
    e1 = (q1 @ k1.transpose(0, 2, 1)) / math.sqrt(2)          # (4)
    e1_2 = np.exp(e1 - e1.max(axis=2, keepdims=True))
    p1 = e1_2 / e1_2.sum(axis=2, keepdims=True)               # (5)
    s1 = p1 @ v1                                              # (6)
    f1 = s1.reshape(len(x), 6)                                # (7)
    s2 = f1 @ W2 + b2                                         # (8)
    L = ((s2 - y)**2).sum(axis=1)                             # (9)
    return float(L.sum() / n)


def loss_and_gradients(params, x, y, *, masks=None):
    """Return the loss of a batch and its gradient with respect to every parameter."""
    wq1, wk1, wv1, W2, b2 = _parameters(params)
    x = _samples(x, wq1.dtype)
    _no_masks(masks)
    y = _targets(y, len(x), wq1.dtype)
    n = len(x)
    q1 = np.tensordot(x, wq1, axes=((2,), (0,)))              # (1)
    k1 = np.tensordot(x, wk1, axes=((2,), (0,)))              # (2)
    v1 = np.tensordot(x, wv1, axes=((2,), (0,)))              # (3)
    e1 = (q1 @ k1.transpose(0, 2, 1)) / math.sqrt(2)          # (4)
    e1_2 = np.exp(e1 - e1.max(axis=2, keepdims=True))
    p1 = e1_2 / e1_2.sum(axis=2, keepdims=True)               # (5)
    s1 = p1 @ v1                                              # (6)
    f1 = s1.reshape(len(x), 6)                                # (7)
    s2 = f1 @ W2 + b2                                         # (8)
    gap = s2 - y
    L = (gap**2).sum(axis=1)                                  # (9)
    delta2 = 2 * gap                                          # (14)
    df1 = delta2 @ W2.T                                       # (15)
    delta1 = df1.reshape(len(x), 3, 2)                        # (16)
    dp1 = delta1 @ v1.transpose(0, 2, 1)                      # (17)
    de1 = p1 * (dp1 - (dp1 * p1).sum(axis=2, keepdims=True))  # (18)
    dv1 = p1.transpose(0, 2, 1) @ delta1                      # (19)
    dk1 = (de1.transpose(0, 2, 1) @ q1) / math.sqrt(2)        # (20)
    dq1 = (de1 @ k1) / math.sqrt(2)                           # (21)
    dwq1 = np.tensordot(x, dq1, axes=((0, 1), (0, 1))) / n    # (23)
    dwk1 = np.tensordot(x, dk1, axes=((0, 1), (0, 1))) / n    # (23)
    dwv1 = np.tensordot(x, dv1, axes=((0, 1), (0, 1))) / n    # (24)
    dW2 = (f1.T @ delta2) / n                                 # (25)
    db2 = delta2.sum(axis=0) / n                              # (25)
    value = float(L.sum() / n)
    return value, {"wq1": dwq1, "wk1": dwk1, "wv1": dwv1, "W2": dW2, "b2": db2}


def gradients(params, x, y, *, masks=None):
    """Return the gradient of the loss with respect to every parameter."""
    return loss_and_gradients(params, x, y, masks=masks)[1]


def trace(params, x, y, *, masks=None):
    """Return every named quantity of the equations above, sample by sample."""
    wq1, wk1, wv1, W2, b2 = _parameters(params)
    x = _samples(x, wq1.dtype)
    _no_masks(masks)
    y = _targets(y, len(x), wq1.dtype)
    q1 = np.tensordot(x, wq1, axes=((2,), (0,)))              # (1)
    k1 = np.tensordot(x, wk1, axes=((2,), (0,)))              # (2)
    v1 = np.tensordot(x, wv1, axes=((2,), (0,)))              # (3)
    e1 = (q1 @ k1.transpose(0, 2, 1)) / math.sqrt(2)          # (4)
    e1_2 = np.exp(e1 - e1.max(axis=2, keepdims=True))
    p1 = e1_2 / e1_2.sum(axis=2, keepdims=True)               # (5)
    s1 = p1 @ v1                                              # (6)
    f1 = s1.reshape(len(x), 6)                                # (7)
    s2 = f1 @ W2 + b2                                         # (8)
    gap = s2 - y
    L = (gap**2).sum(axis=1)                                  # (9)
    delta2 = 2 * gap                                          # (14)
    df1 = delta2 @ W2.T                                       # (15)
    delta1 = df1.reshape(len(x), 3, 2)                        # (16)
    dp1 = delta1 @ v1.transpose(0, 2, 1)                      # (17)
    de1 = p1 * (dp1 - (dp1 * p1).sum(axis=2, keepdims=True))  # (18)
    dv1 = p1.transpose(0, 2, 1) @ delta1                      # (19)
    dk1 = (de1.transpose(0, 2, 1) @ q1) / math.sqrt(2)        # (20)
    dq1 = (de1 @ k1) / math.sqrt(2)                           # (21)
    return {
        "q1": q1,
        "k1": k1,
        "v1": v1,
        "e1": e1,
        "p1": p1,
        "s1": s1,
        "f1": f1,
        "s2": s2,
        "L": L,
        "delta2": delta2,
        "df1": df1,
        "delta1": delta1,
        "dp1": dp1,
        "de1": de1,
        "dv1": dv1,
        "dk1": dk1,
        "dq1": dq1,
    }


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
        wq1, wk1, wv1, W2, b2 = self._views
        dwq1, dwk1, dwv1, dW2, db2 = _split(self._gradient)
        flat, gradient = self._flat, self._gradient
        W2b2 = flat[24:31].reshape(7, 1)
        dW2b2 = gradient[24:31].reshape(7, 1)
        f1_1 = self._array("f1_1", n, 7)
        f1_1[:, 6] = 1
        f1_0 = f1_1[:, :6]
        q1 = self._array("0", n, 3, 2)
        k1 = self._array("1", n, 3, 2)
        v1 = self._array("2", n, 3, 2)
        t1 = self._array("3", n, 3, 3)
        e1 = self._array("3", n, 3, 3)
        t2 = self._array("5", n, 3)
        t3 = self._array("3", n, 3, 3)
        t4 = self._array("3", n, 3, 3)
        t5 = self._array("5", n, 3)
        p1 = self._array("3", n, 3, 3)
        s1 = self._array("10", n, 3, 2)
        f1 = self._array("11", n, 6)
        s2 = self._array("12", n, 1)
        t6 = self._array("12", n, 1)
        delta2 = self._array("12", n, 1)
        df1 = self._array("11", n, 6)
        dp1 = self._array("16", n, 3, 3)
        t7 = self._array("17", n, 3, 3)
        t8 = self._array("5", n, 3)
        t9 = self._array("16", n, 3, 3)
        de1 = self._array("16", n, 3, 3)
        dv1 = self._array("2", n, 3, 2)
        t10 = self._array("10", n, 3, 2)
        dk1 = self._array("10", n, 3, 2)
        t11 = self._array("0", n, 3, 2)
        dq1 = self._array("0", n, 3, 2)
        q1_m2 = q1.reshape(n * 3, 2)
        k1_m2 = k1.reshape(n * 3, 2)
        v1_m2 = v1.reshape(n * 3, 2)
        k1_T021 = k1.transpose(0, 2, 1)
        matmul = np.matmul
        number1 = np.array(math.sqrt(2), dtype)
        divide = np.divide
        maximum_reduce = np.maximum.reduce
        t2_x2 = t2[:, :, None]
        subtract = np.subtract
        exp = np.exp
        add_reduce = np.add.reduce
        t5_x2 = t5[:, :, None]
        f1_split = f1.reshape(n, 3, 2)
        f1_1_dot = f1_1.dot
        t6_flat = t6.ravel()
        t6_flat_dot = t6_flat.dot
        number2 = np.array(2.0 * rate / n, dtype)
        multiply = np.multiply
        W2_T = W2.T
        delta2_dot = delta2.dot
        df1_v1 = df1.reshape(n, 3, 2)
        v1_T021 = v1.transpose(0, 2, 1)
        t8_x2 = t8[:, :, None]
        p1_T021 = p1.transpose(0, 2, 1)
        de1_T021 = de1.transpose(0, 2, 1)
        dq1_m2 = dq1.reshape(n * 3, 2)
        dk1_m2 = dk1.reshape(n * 3, 2)
        dv1_m2 = dv1.reshape(n * 3, 2)
        f1_1_T = f1_1.T
        f1_1_T_dot = f1_1_T.dot

        def step(x, y, checked=False):
            fits = type(x) is type(y) is ndarray and x.dtype is y.dtype is dtype
            if not (fits and x.shape == x_shape and y.shape == y_shape or checked):
                return None
            x_m2 = x.reshape(n * 3, 4)
            x_m2.dot(wq1, q1_m2)                                      # (1)
            x_m2.dot(wk1, k1_m2)                                      # (2)
            x_m2.dot(wv1, v1_m2)                                      # (3)
            matmul(q1, k1_T021, t1)                                   # (4)
            divide(t1, number1, e1)
            maximum_reduce(e1, (2,), None, t2)                        # (5)
            subtract(e1, t2_x2, t3)
            exp(t3, t4)
            add_reduce(t4, (2,), None, t5)
            divide(t4, t5_x2, p1)
            matmul(p1, v1, s1)                                        # (6)
            f1_split[...] = s1                                        # (7)
            f1_0[...] = f1
            f1_1_dot(W2b2, s2)                                        # (8)
            subtract(s2, y, t6)                                       # (9)
            sum1 = float(t6_flat_dot(t6_flat))
            loss = ((sum1) / n)
            if loss - loss != 0:  # not finite: see whether the targets are to blame
                _targets(y, n, dtype)
            multiply(t6, number2, delta2)                             # (14)
            delta2_dot(W2_T, df1)                                     # (15)
            matmul(df1_v1, v1_T021, dp1)                              # (17)
            multiply(dp1, p1, t7)                                     # (18)
            add_reduce(t7, (2,), None, t8)
            subtract(dp1, t8_x2, t9)
            multiply(p1, t9, de1)
            matmul(p1_T021, df1_v1, dv1)                              # (19)
            matmul(de1_T021, q1, t10)                                 # (20)
            divide(t10, number1, dk1)
            matmul(de1, k1, t11)                                      # (21)
            divide(t11, number1, dq1)
            x_m2_T = x_m2.T
            x_m2_T.dot(dq1_m2, dwq1)                                  # (23)
            x_m2_T.dot(dk1_m2, dwk1)                                  # (23)
            x_m2_T.dot(dv1_m2, dwv1)                                  # (24)
            f1_1_T_dot(delta2, dW2b2)                                 # (25)
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
