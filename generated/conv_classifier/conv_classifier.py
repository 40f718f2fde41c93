# SPDX-License-Identifier: 0BSD
# Generated code: yours to use, copy, change and give away, with or without this notice.
# Made from the network spec with sha256 1d43d0129cf76d89c6ae90eb0043e6d4e4abbd505e90633ca526f866860e112c
# by:  gradwright code conv_classifier.toml
# sha256 of the other lines: 778d6c77e44b75faeb9808db8410532cf7b21d86f888e4faa525d54ed6450e83
"""Two convolutions, a dense layer and a softmax, with cross-entropy.

Samples are rows: x has the shape (n, 1, 6, 6), y the shape (n, 3).
Instead of rows that sum to 1, y may be the n integer labels of the classes.
The error delta of a layer is the derivative of the loss of one sample by its pre-activation.
At a kink the last alternative counts: the slope of max(s, 0) at 0 is 0, and that of |s| is 0.

    (1)  s1[n,c,p,q] = Sum(W1[c,k,u,v]*x[n,k,p+u,q+v], k, u, v)
    (1)  o1[n,c,p,q] = max(s1[n,c,p,q], 0)
    (2)  s2[n,c,p,q] = Sum(W2[c,k,u,v]*o1[n,k,p+u,q+v], k, u, v)
    (2)  o2[n,c,p,q] = max(s2[n,c,p,q], 0)
    (3)  f2[n,4*c+2*p+q] = o2[n,c,p,q]
    (4)  s3[n,j] = Sum(W3[i,j]*f2[n,i], i)
    (4)  o3[n,j] = exp(s3[n,j])/Sum(exp(s3[n,k]), k)
    (5)  L[n] = -Sum(y[n,k]*log(o3[n,k]), k)
    (9)  delta3[n,j] = o3[n,j] - y[n,j]
    (10)  df2[n,i] = Sum(W3[i,k]*delta3[n,k], k)
    (11)  delta2[n,c,p,q] = df2[n,4*c+2*p+q]*Piecewise((1, s2[n,c,p,q] > 0), (0, True))
    (12)  delta1[n,c,p,q] = Sum([0 <= p-a < 3]*[0 <= q-b < 3]*W2[k,c,p-a,q-b]*delta2[n,k,a,b],
          k, a, b)*Piecewise((1, s1[n,c,p,q] > 0), (0, True))
    (14)  dL/dW1[c,k,u,v] = Sum(Sum(delta1[n,c,p,q]*x[n,k,p+u,q+v], p, q), n)/N
    (15)  dL/dW2[c,k,u,v] = Sum(Sum(delta2[n,c,p,q]*o1[n,k,p+u,q+v], p, q), n)/N
    (16)  dL/dW3[i,j] = Sum(delta3[n,j]*f2[n,i], n)/N

Loss and deltas are computed in forms that neither overflow nor cancel: for finite input the
error is at most 4 eps max(1, |value|) for each sample, given the pre-activations.
"""

import sys

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

NAME = "conv_classifier"
SPEC_SHA256 = "1d43d0129cf76d89c6ae90eb0043e6d4e4abbd505e90633ca526f866860e112c"
PARAMETERS = {
    "W1": (2, 1, 3, 3),
    "W2": (3, 2, 3, 3),
    "W3": (12, 3),
}
STATE = {}
INPUT_SHAPE = (1, 6, 6)
TARGET_SHAPE = (3,)


def spread(values, sizes, starts, counts, steps, taps, gaps):
    """Add values[..., p, q, u, v] at [..., start + step*p + gap*u, ...], for all p, q, u, v.

    What falls outside of the sizes is left out; an axis of length 1 holds for all places of it.
    """
    k = len(sizes)
    lead, given = values.shape[: -2 * k], values.shape[-k:]
    axes = list(zip(starts, steps, counts, gaps, taps))
    ends = [b + s * (m - 1) + g * (t - 1) + 1 for b, s, m, g, t in axes]
    before = [max(0, -b) for b in starts]
    widths = [a + max(size, end) for a, size, end in zip(before, sizes, ends)]
    total = np.zeros((*lead, *widths), values.dtype)
    for place in np.ndindex(*taps):
        places = zip(place, before, starts, gaps, steps, counts)
        begins = [(a + b + g * u, s, m) for u, a, b, g, s, m in places]
        target = tuple(slice(b, b + s * (m - 1) + 1, s) for b, s, m in begins)
        source = tuple(min(u, t - 1) for u, t in zip(place, given))
        total[(..., *target)] += values[(..., *source)]
    return total[(..., *(slice(a, a + size) for a, size in zip(before, sizes)))]


def init(seed=0, dtype=np.float64):
    """Return fresh parameters; the same seed gives the same numbers."""
    rng = np.random.default_rng(seed)
    params = {}
    params["W1"] = rng.normal(0, 1, (2, 1, 3, 3)) * np.sqrt(2 / 9)  # he
    params["W2"] = rng.normal(0, 1, (3, 2, 3, 3)) * np.sqrt(2 / 18)  # he
    params["W3"] = rng.uniform(-1, 1, (12, 3)) * np.sqrt(6 / (12 + 3))  # glorot
    return {name: value.astype(dtype) for name, value in params.items()}


def init_state(dtype=np.float64):
    """Return the state at the beginning: this network has none."""
    return {}


def forward(params, x, state=None):
    """Return the output for every row of x."""
    W1, W2, W3 = _parameters(params)
    x = _samples(x, W1.dtype)
    windows1 = sliding_window_view(x, (3, 3), axis=(2, 3))
    s1 = np.tensordot(windows1, W1, axes=((1, 4, 5), (1, 2, 3))).transpose(0, 3, 1, 2)  # (1)
    o1 = np.maximum(s1, 0)                                    # (1)
    windows2 = sliding_window_view(o1, (2, 2), axis=(2, 3))
    s2 = np.tensordot(windows2, W2, axes=((1, 2, 3), (1, 2, 3))).transpose(0, 3, 1, 2)  # (2)
    o2 = np.maximum(s2, 0)                                    # (2)
    f2 = o2.reshape(len(x), 12)                               # (3)
    s3 = f2 @ W3                                              # (4)
    e3 = np.exp(s3 - s3.max(axis=1, keepdims=True))
    o3 = e3 / e3.sum(axis=1, keepdims=True)                   # (4)
    return o3


def loss(params, x, y, *, masks=None):
    """Return the loss of a batch."""
    W1, W2, W3 = _parameters(params)
    x = _samples(x, W1.dtype)
    _no_masks(masks)
    y = _targets(y, len(x), W1.dtype)
    n = len(x)
    windows1 = sliding_window_view(x, (3, 3), axis=(2, 3))
    s1 = np.tensordot(windows1, W1, axes=((1, 4, 5), (1, 2, 3))).transpose(0, 3, 1, 2)  # (1)
    o1 = np.maximum(s1, 0)                                    # (1)
    windows2 = sliding_window_view(o1, (2, 2), axis=(2, 3))
    s2 = np.tensordot(windows2, W2, axes=((1, 2, 3), (1, 2, 3))).transpose(0, 3, 1, 2)  # (2)
    o2 = np.maximum(s2, 0)                                    # (2)
    f2 = o2.reshape(len(x), 12)                               # (3)
    s3 = f2 @ W3                                              # (4)
    gap = s3 - s3.max(axis=1, keepdims=True)
    L = -(y * (gap - np.log(np.exp(gap).sum(axis=1))[:, None])).sum(axis=1)  # (5)
    return float(L.sum() / n)


def loss_and_gradients(params, x, y, *, masks=None):
    """Return the loss of a batch and its gradient with respect to every parameter."""
    W1, W2, W3 = _parameters(params)
    x = _samples(x, W1.dtype)
    _no_masks(masks)
    y = _targets(y, len(x), W1.dtype)
    n = len(x)
    windows1 = sliding_window_view(x, (3, 3), axis=(2, 3))
    s1 = np.tensordot(windows1, W1, axes=((1, 4, 5), (1, 2, 3))).transpose(0, 3, 1, 2)  # (1)
    o1 = np.maximum(s1, 0)                                    # (1)
    windows2 = sliding_window_view(o1, (2, 2), axis=(2, 3))
    s2 = np.tensordot(windows2, W2, axes=((1, 2, 3), (1, 2, 3))).transpose(0, 3, 1, 2)  # (2)
    o2 = np.maximum(s2, 0)                                    # (2)
    f2 = o2.reshape(len(x), 12)                               # (3)
    s3 = f2 @ W3                                              # (4)
    gap3 = s3 - s3.max(axis=1, keepdims=True)
    e3 = np.exp(gap3)
    total3 = e3.sum(axis=1)
    o3 = e3 / total3[:, None]                                 # (4)
    L = -(y * (gap3 - np.log(total3)[:, None])).sum(axis=1)   # (5)
    delta3 = o3 - y                                           # (9)
    df2 = delta3 @ W3.T                                       # (10)
    delta2 = df2.reshape(len(x), 3, 2, 2) * (s2 > 0)          # (11)
    delta1 = (
        spread(
            np.tensordot(delta2, W2, axes=((1,), (0,))).transpose(0, 3, 4, 5, 1, 2),
            sizes=(4, 4),
            starts=(0, 0),
            counts=(3, 3),
            steps=(1, 1),
            taps=(2, 2),
            gaps=(1, 1),
        )
        * (s1 > 0)
    )  # (12)
    dW1 = np.tensordot(delta1, windows1, axes=((0, 2, 3), (0, 2, 3))) / n  # (14)
    dW2 = np.tensordot(delta2, windows2, axes=((0, 2, 3), (0, 4, 5))) / n  # (15)
    dW3 = (f2.T @ delta3) / n                                 # (16)
    value = float(L.sum() / n)
    return value, {"W1": dW1, "W2": dW2, "W3": dW3}


def gradients(params, x, y, *, masks=None):
    """Return the gradient of the loss with respect to every parameter."""
    return loss_and_gradients(params, x, y, masks=masks)[1]


def trace(params, x, y, *, masks=None):
    """Return every named quantity of the equations above, sample by sample."""
    W1, W2, W3 = _parameters(params)
    x = _samples(x, W1.dtype)
    _no_masks(masks)
    y = _targets(y, len(x), W1.dtype)
    windows1 = sliding_window_view(x, (3, 3), axis=(2, 3))
    s1 = np.tensordot(windows1, W1, axes=((1, 4, 5), (1, 2, 3))).transpose(0, 3, 1, 2)  # (1)
    o1 = np.maximum(s1, 0)                                    # (1)
    windows2 = sliding_window_view(o1, (2, 2), axis=(2, 3))
    s2 = np.tensordot(windows2, W2, axes=((1, 2, 3), (1, 2, 3))).transpose(0, 3, 1, 2)  # (2)
    o2 = np.maximum(s2, 0)                                    # (2)
    f2 = o2.reshape(len(x), 12)                               # (3)
    s3 = f2 @ W3                                              # (4)
    gap3 = s3 - s3.max(axis=1, keepdims=True)
    e3 = np.exp(gap3)
    total3 = e3.sum(axis=1)
    o3 = e3 / total3[:, None]                                 # (4)
    L = -(y * (gap3 - np.log(total3)[:, None])).sum(axis=1)   # (5)
    delta3 = o3 - y                                           # (9)
    df2 = delta3 @ W3.T                                       # (10)
    delta2 = df2.reshape(len(x), 3, 2, 2) * (s2 > 0)          # (11)
    delta1 = (
        spread(
            np.tensordot(delta2, W2, axes=((1,), (0,))).transpose(0, 3, 4, 5, 1, 2),
            sizes=(4, 4),
            starts=(0, 0),
            counts=(3, 3),
            steps=(1, 1),
            taps=(2, 2),
            gaps=(1, 1),
        )
        * (s1 > 0)
    )  # (12)
    return {
        "s1": s1,
        "o1": o1,
        "s2": s2,
        "o2": o2,
        "f2": f2,
        "s3": s3,
        "o3": o3,
        "L": L,
        "delta3": delta3,
        "df2": df2,
        "delta2": delta2,
        "delta1": delta1,
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

    def _rows(self, name, rows, columns):
        """Memory for a matrix; no power of two between rows, which the cache would mix up."""
        spare = 16 if columns % 128 == 0 else 0
        return self._array(name, rows, columns + spare)[:, :columns]

    def _bind(self, n):
        """Make the step for batches of n samples, with every array and function at hand."""
        dtype, ndarray = self._dtype, np.ndarray
        x_shape, y_shape = (n, *INPUT_SHAPE), (n, *TARGET_SHAPE)
        rate = self._rate
        W1, W2, W3 = self._views
        dW1, dW2, dW3 = _split(self._gradient)
        flat, gradient = self._flat, self._gradient
        t1 = self._array("0", 1, 6, 6, n)
        s1 = self._array("1", 2, 4, 4, n)
        o1 = self._array("2", 2, 4, 4, n)
        t4 = self._array("3", 3, n, 2, 2)
        o2 = self._array("4", 3, 2, 2, n)
        f2 = self._array("5", n, 12)
        s3 = self._array("6", n, 3)
        t5 = self._array("7", n)
        t6 = self._array("8", n, 3)
        t7 = self._array("9", n, 3)
        o3 = self._array("8", n, 3)
        t8 = self._array("7", n)
        t9 = self._array("8", n, 3)
        t10 = self._array("7", n)
        delta3 = self._array("8", n, 3)
        df2 = self._array("15", n, 12)
        t11 = self._array("16", 3, 2, 2, n, dtype=bool)
        delta2 = self._array("4", 3, 2, 2, n)
        t13 = self._array("2", 2, 4, 4, n)
        t14 = self._array("19", 2, 4, 4, n, dtype=bool)
        delta1 = self._array("2", 2, 4, 4, n)
        t15 = self._array("21", 1, 3, 3, 2)
        t17 = self._array("22", 2, 3, 3, 3)
        W1_m1 = W1.reshape(2, 9)
        t1_v1 = sliding_window_view(t1, (3, 3), axis=(1, 2))
        t1_v1_T045123 = t1_v1.transpose(0, 4, 5, 1, 2, 3)
        t2 = self._rows("t2", 9, n * 16)
        t2_all = t2.reshape(1, 3, 3, 4, 4, n)
        s1_m1 = s1.reshape(2, n * 16)
        matmul = np.matmul
        number1 = np.array(0, dtype)
        maximum = np.maximum
        W2_m1 = W2.reshape(3, 18)
        o1_v1 = sliding_window_view(o1, (2, 2), axis=(1, 2))
        t3 = self._rows("t3", 18, n * 4)
        t3_all = t3.reshape(2, 3, 3, n, 2, 2)
        t4_m1 = t4.reshape(3, n * 4)
        t4_T0231 = t4.transpose(0, 2, 3, 1)
        o2_T3012 = o2.transpose(3, 0, 1, 2)
        f2_split = f2.reshape(n, 3, 2, 2)
        f2_dot = f2.dot
        s3_flat = s3.ravel()
        s3_flat_dot = s3_flat.dot
        maximum_reduce = np.maximum.reduce
        t5_x1 = t5[:, None]
        subtract = np.subtract
        exp = np.exp
        square_3 = np.ones((3, 3), dtype)
        t6_dot = t6.dot
        t7_column = t7[:, 0]
        divide = np.divide
        log = np.log
        ones_n = np.ones(n, dtype)
        t8_dot = t8.dot
        t9_dot = t9.dot
        ones_3 = np.ones((3,), dtype)
        t10_dot = t10.dot
        tolerance = n * float(np.finfo(dtype).eps)
        number2 = np.array(rate / n, dtype)
        multiply = np.multiply
        W3_T = W3.T
        delta3_dot = delta3.dot
        df2_v1 = df2.reshape(n, 3, 2, 2)
        df2_v1_T1230 = df2_v1.transpose(1, 2, 3, 0)
        greater = np.greater
        W2_m1_T = W2_m1.T
        delta2_m1 = delta2.reshape(3, n * 4)
        t12 = self._rows("t12", 18, n * 4)
        t12_all = t12.reshape(2, 3, 3, 2, 2, n)
        t12_all_T012534 = t12_all.transpose(0, 1, 2, 5, 3, 4)
        t13_fill = t13.fill
        t13_taps = list(
            zip(
                [t13[:, u:u + 3, v:v + 3, :] for u in range(2) for v in range(2)],
                [t12_all_T012534[..., u, v] for u in range(2) for v in range(2)],
            ),
        )
        add = np.add
        delta1_m1 = delta1.reshape(2, n * 16)
        t15_m3 = t15.reshape(9, 2)
        delta1_m1_T = delta1_m1.T
        dW1_m1 = dW1.reshape(2, 9)
        t15_m3_T = t15_m3.T
        delta2_T0312 = delta2.transpose(0, 3, 1, 2)
        t16 = self._rows("t16", 3, n * 4)
        t16_all = t16.reshape(3, n, 2, 2)
        t17_m3 = t17.reshape(18, 3)
        t16_T = t16.T
        dW2_m1 = dW2.reshape(3, 18)
        t17_m3_T = t17_m3.T
        f2_T = f2.T
        f2_T_dot = f2_T.dot

        def step(x, y, checked=False):
            fits = type(x) is type(y) is ndarray and x.dtype is y.dtype is dtype
            if not (fits and x.shape == x_shape and y.shape == y_shape or checked):
                return None
            x_T1230 = x.transpose(1, 2, 3, 0)
            t1[...] = x_T1230                                         # (1)
            t2_all[...] = t1_v1_T045123
            matmul(W1_m1, t2, s1_m1)
            maximum(s1, number1, out=o1)                              # (1)
            t3_all[...] = o1_v1                                       # (2)
            matmul(W2_m1, t3, t4_m1)
            maximum(t4_T0231, number1, out=o2)                        # (2)
            f2_split[...] = o2_T3012                                  # (3)
            f2_dot(W3, s3)                                            # (4)
            if not float(s3_flat_dot(s3_flat)) < 900:                 # (4)
                maximum_reduce(s3, (1,), None, t5)
                subtract(s3, t5_x1, s3)
            exp(s3, t6)
            t6_dot(square_3, t7)
            divide(t6, t7, o3)
            y_flat = y.ravel()
            sum1 = float(y_flat.dot(s3_flat))                         # (5)
            log(t7_column, t8)
            sum2 = float(t8_dot(ones_n))
            loss = ((-sum1 + sum2) / n)
            subtract(o3, y, t9)
            t9_dot(ones_3, t10)
            if float(t10_dot(t10)) > tolerance:
                _targets(y, n, dtype)
            if loss - loss != 0:  # not finite: see whether the targets are to blame
                _targets(y, n, dtype)
            multiply(t9, number2, delta3)                             # (9)
            delta3_dot(W3_T, df2)                                     # (10)
            greater(t4_T0231, number1, t11)                           # (11)
            multiply(df2_v1_T1230, t11, delta2)
            matmul(W2_m1_T, delta2_m1, t12)                           # (12)
            t13_fill(0)
            for place, part in t13_taps:
                add(place, part, place)
            greater(s1, number1, t14)
            multiply(t13, t14, delta1)
            matmul(t2, delta1_m1_T, t15_m3)                           # (14)
            dW1_m1[...] = t15_m3_T
            t16_all[...] = delta2_T0312                               # (15)
            matmul(t3, t16_T, t17_m3)
            dW2_m1[...] = t17_m3_T
            f2_T_dot(delta3, dW3)                                     # (16)
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
    if y.shape == (n,) and y.dtype.kind in "iu":
        y = _one_hot(y)
    if y.shape == (n,) and TARGET_SHAPE == (1,):
        y = y[:, None]
    if y.shape != (n, *TARGET_SHAPE):
        raise ValueError(f"y: found the shape {y.shape}, expected {(n, *TARGET_SHAPE)} or integer labels")
    if not np.isfinite(y).all():
        raise ValueError("y: found NaN or infinity, expected finite numbers")
    y = y.astype(dtype, copy=False)
    sums = y.sum(axis=1)
    worst = int(np.abs(sums - 1).argmax())
    if abs(sums[worst] - 1) > np.sqrt(np.finfo(dtype).eps):
        found = f"y: found targets that sum to {sums[worst]:.6g} in row {worst}"
        raise ValueError(f"{found}, expected rows that sum to 1")
    return y


def _one_hot(y):
    """Integer labels as rows with a 1 in the place of the label."""
    classes = TARGET_SHAPE[0]
    if len(y) and not (y.min() >= 0 and y.max() < classes):
        wrong = y[(y < 0) | (y >= classes)][0]
        raise ValueError(f"y: found the label {wrong}, expected labels from 0 to {classes - 1}")
    return np.eye(classes)[y]


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
    y = rng.integers(0, TARGET_SHAPE[0], n)
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
