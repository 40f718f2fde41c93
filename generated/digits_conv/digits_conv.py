# SPDX-License-Identifier: 0BSD
# Generated code: yours to use, copy, change and give away, with or without this notice.
# Made from the network spec with sha256 a351d47742a7a1e18b2068264e195fb979ba900aa2f37566137c6e1d29890820
# by:  gradwright code digits_conv.toml
# sha256 of the other lines: a8e2118afdb6e6cbbd738a8169becc0d970009be7c9d7990ddb8a6801db2f07f
"""A convolutional classifier of handwritten digits.

Samples are rows: x has the shape (n, 1, 8, 8), y the shape (n, 10).
Instead of rows that sum to 1, y may be the n integer labels of the classes.
The error delta of a layer is the derivative of the loss of one sample by its pre-activation.
At a kink the last alternative counts: the slope of max(s, 0) at 0 is 0, and that of |s| is 0.

    (1)  s1[n,c,p,q] = Sum(W1[c,k,u,v]*x[n,k,p+u-1,q+v-1], k, u, v) + b1[c]
    (1)  o1[n,c,p,q] = max(s1[n,c,p,q], 0)
    (2)  g1[n,c,p,q] = Max(o1[n,c,2*p+u,2*q+v], u, v)
    (3)  s2[n,c,p,q] = Sum(W2[c,k,u,v]*g1[n,k,p+u-1,q+v-1], k, u, v) + b2[c]
    (3)  o2[n,c,p,q] = max(s2[n,c,p,q], 0)
    (4)  g2[n,c,p,q] = Max(o2[n,c,2*p+u,2*q+v], u, v)
    (5)  f2[n,4*c+2*p+q] = g2[n,c,p,q]
    (6)  s3[n,j] = Sum(W3[i,j]*f2[n,i], i) + b3[j]
    (6)  o3[n,j] = exp(s3[n,j])/Sum(exp(s3[n,k]), k)
    (7)  L[n] = -Sum(y[n,k]*log(o3[n,k]), k)
    (12)  delta3[n,j] = o3[n,j] - y[n,j]
    (13)  df2[n,i] = Sum(W3[i,k]*delta3[n,k], k)
    (14)  dg2[n,c,p,q] = df2[n,4*c+2*p+q]
    (15)  delta2[n,c,p,q] = Sum([0 <= p-2*a < 2]*[0 <= q-2*b < 2]*dg2[n,c,a,b]*[(p-2*a,q-2*b) =
          argMax(o2[n,c,2*a+k,2*b+m], k, m)], a, b)*Piecewise((1, s2[n,c,p,q] > 0), (0, True))
    (16)  dg1[n,c,p,q] = Sum([0 <= p-a+1 < 3]*[0 <= q-b+1 <
          3]*W2[k,c,p-a+1,q-b+1]*delta2[n,k,a,b], k, a, b)
    (17)  delta1[n,c,p,q] = Sum([0 <= p-2*a < 2]*[0 <= q-2*b < 2]*dg1[n,c,a,b]*[(p-2*a,q-2*b) =
          argMax(o1[n,c,2*a+k,2*b+m], k, m)], a, b)*Piecewise((1, s1[n,c,p,q] > 0), (0, True))
    (19)  dL/dW1[c,k,u,v] = Sum(Sum(delta1[n,c,p,q]*x[n,k,p+u-1,q+v-1], p, q), n)/N
    (19)  dL/db1[c] = Sum(Sum(delta1[n,c,p,q], p, q), n)/N
    (20)  dL/dW2[c,k,u,v] = Sum(Sum(delta2[n,c,p,q]*g1[n,k,p+u-1,q+v-1], p, q), n)/N
    (20)  dL/db2[c] = Sum(Sum(delta2[n,c,p,q], p, q), n)/N
    (21)  dL/dW3[i,j] = Sum(delta3[n,j]*f2[n,i], n)/N
    (21)  dL/db3[j] = Sum(delta3[n,j], n)/N

Loss and deltas are computed in forms that neither overflow nor cancel: for finite input the
error is at most 4 eps max(1, |value|) for each sample, given the pre-activations.
"""

import sys

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

NAME = "digits_conv"
SPEC_SHA256 = "a351d47742a7a1e18b2068264e195fb979ba900aa2f37566137c6e1d29890820"
PARAMETERS = {
    "W1": (8, 1, 3, 3),
    "b1": (8,),
    "W2": (16, 8, 3, 3),
    "b2": (16,),
    "W3": (64, 10),
    "b3": (10,),
}
STATE = {}
INPUT_SHAPE = (1, 8, 8)
TARGET_SHAPE = (10,)


def first(windows, top):
    """True where a window has its extremum, at the first place in row-major order."""
    taps = windows.shape[top.ndim :]
    found = windows == top.reshape(*top.shape, *(1 for _ in taps))
    left = np.ones(top.shape, bool)
    for place in np.ndindex(*taps):
        found[(..., *place)] &= left
        left &= ~found[(..., *place)]
    return found


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


def init(seed=0, dtype=np.float32):
    """Return fresh parameters; the same seed gives the same numbers."""
    rng = np.random.default_rng(seed)
    params = {}
    params["W1"] = rng.normal(0, 1, (8, 1, 3, 3)) * np.sqrt(2 / 9)  # he
    params["b1"] = np.zeros((8,))
    params["W2"] = rng.normal(0, 1, (16, 8, 3, 3)) * np.sqrt(2 / 72)  # he
    params["b2"] = np.zeros((16,))
    params["W3"] = rng.uniform(-1, 1, (64, 10)) * np.sqrt(6 / (64 + 10))  # glorot
    params["b3"] = np.zeros((10,))
    return {name: value.astype(dtype) for name, value in params.items()}


def init_state(dtype=np.float32):
    """Return the state at the beginning: this network has none."""
    return {}


def forward(params, x, state=None):
    """Return the output for every row of x."""
    W1, b1, W2, b2, W3, b3 = _parameters(params)
    x = _samples(x, W1.dtype)
    windows1 = sliding_window_view(
        np.pad(x, ((0, 0), (0, 0), (1, 1), (1, 1))), (3, 3), axis=(2, 3)
    )
    s1 = (
        np.tensordot(windows1, W1, axes=((1, 4, 5), (1, 2, 3))).transpose(0, 3, 1, 2)
        + b1[:, None, None]
    )  # (1)
    o1 = np.maximum(s1, 0)                                    # (1)
    g1 = o1.reshape(len(x), 8, 4, 2, 4, 2).max(axis=(3, 5))   # (2)
    windows2 = sliding_window_view(
        np.pad(g1, ((0, 0), (0, 0), (1, 1), (1, 1))), (3, 3), axis=(2, 3)
    )
    s2 = (
        np.tensordot(windows2, W2, axes=((1, 4, 5), (1, 2, 3))).transpose(0, 3, 1, 2)
        + b2[:, None, None]
    )  # (3)
    o2 = np.maximum(s2, 0)                                    # (3)
    g2 = o2.reshape(len(x), 16, 2, 2, 2, 2).max(axis=(3, 5))  # (4)
    f2 = g2.reshape(len(x), 64)                               # (5)
    s3 = f2 @ W3 + b3                                         # (6)
    e3 = np.exp(s3 - s3.max(axis=1, keepdims=True))
    o3 = e3 / e3.sum(axis=1, keepdims=True)                   # (6)
    return o3


def loss(params, x, y, *, masks=None):
    """Return the loss of a batch."""
    W1, b1, W2, b2, W3, b3 = _parameters(params)
    x = _samples(x, W1.dtype)
    _no_masks(masks)
    y = _targets(y, len(x), W1.dtype)
    n = len(x)
    windows1 = sliding_window_view(
        np.pad(x, ((0, 0), (0, 0), (1, 1), (1, 1))), (3, 3), axis=(2, 3)
    )
    s1 = (
        np.tensordot(windows1, W1, axes=((1, 4, 5), (1, 2, 3))).transpose(0, 3, 1, 2)
        + b1[:, None, None]
    )  # (1)
    o1 = np.maximum(s1, 0)                                    # (1)
    g1 = o1.reshape(len(x), 8, 4, 2, 4, 2).max(axis=(3, 5))   # (2)
    windows2 = sliding_window_view(
        np.pad(g1, ((0, 0), (0, 0), (1, 1), (1, 1))), (3, 3), axis=(2, 3)
    )
    s2 = (
        np.tensordot(windows2, W2, axes=((1, 4, 5), (1, 2, 3))).transpose(0, 3, 1, 2)
        + b2[:, None, None]
    )  # (3)
    o2 = np.maximum(s2, 0)                                    # (3)
    g2 = o2.reshape(len(x), 16, 2, 2, 2, 2).max(axis=(3, 5))  # (4)
    f2 = g2.reshape(len(x), 64)                               # (5)
    s3 = f2 @ W3 + b3                                         # (6)
    gap = s3 - s3.max(axis=1, keepdims=True)
    L = -(y * (gap - np.log(np.exp(gap).sum(axis=1))[:, None])).sum(axis=1)  # (7)
    return float(L.sum() / n)


def loss_and_gradients(params, x, y, *, masks=None):
    """Return the loss of a batch and its gradient with respect to every parameter."""
    W1, b1, W2, b2, W3, b3 = _parameters(params)
    x = _samples(x, W1.dtype)
    _no_masks(masks)
    y = _targets(y, len(x), W1.dtype)
    n = len(x)
    windows1 = sliding_window_view(
        np.pad(x, ((0, 0), (0, 0), (1, 1), (1, 1))), (3, 3), axis=(2, 3)
    )
    s1 = (
        np.tensordot(windows1, W1, axes=((1, 4, 5), (1, 2, 3))).transpose(0, 3, 1, 2)
        + b1[:, None, None]
    )  # (1)
    o1 = np.maximum(s1, 0)                                    # (1)
    g1 = o1.reshape(len(x), 8, 4, 2, 4, 2).max(axis=(3, 5))   # (2)
    windows2 = sliding_window_view(
        np.pad(g1, ((0, 0), (0, 0), (1, 1), (1, 1))), (3, 3), axis=(2, 3)
    )
    s2 = (
        np.tensordot(windows2, W2, axes=((1, 4, 5), (1, 2, 3))).transpose(0, 3, 1, 2)
        + b2[:, None, None]
    )  # (3)
    o2 = np.maximum(s2, 0)                                    # (3)
    g2 = o2.reshape(len(x), 16, 2, 2, 2, 2).max(axis=(3, 5))  # (4)
    f2 = g2.reshape(len(x), 64)                               # (5)
    s3 = f2 @ W3 + b3                                         # (6)
    gap3 = s3 - s3.max(axis=1, keepdims=True)
    e3 = np.exp(gap3)
    total3 = e3.sum(axis=1)
    o3 = e3 / total3[:, None]                                 # (6)
    L = -(y * (gap3 - np.log(total3)[:, None])).sum(axis=1)   # (7)
    delta3 = o3 - y                                           # (12)
    df2 = delta3 @ W3.T                                       # (13)
    dg2 = df2.reshape(len(x), 16, 2, 2)                       # (14)
    first2 = first(o2.reshape(len(x), 16, 2, 2, 2, 2).transpose(0, 1, 2, 4, 3, 5), g2)
    delta2 = (
        spread(
            dg2[:, :, :, :, None, None] * first2,
            sizes=(4, 4),
            starts=(0, 0),
            counts=(2, 2),
            steps=(2, 2),
            taps=(2, 2),
            gaps=(1, 1),
        )
        * (s2 > 0)
    )  # (15)
    dg1 = spread(
        np.tensordot(delta2, W2, axes=((1,), (0,))).transpose(0, 3, 1, 2, 4, 5),
        sizes=(4, 4),
        starts=(-1, -1),
        counts=(4, 4),
        steps=(1, 1),
        taps=(3, 3),
        gaps=(1, 1),
    )  # (16)
    first1 = first(o1.reshape(len(x), 8, 4, 2, 4, 2).transpose(0, 1, 2, 4, 3, 5), g1)
    delta1 = (
        spread(
            dg1[:, :, :, :, None, None] * first1,
            sizes=(8, 8),
            starts=(0, 0),
            counts=(4, 4),
            steps=(2, 2),
            taps=(2, 2),
            gaps=(1, 1),
        )
        * (s1 > 0)
    )  # (17)
    dW1 = np.tensordot(delta1, windows1, axes=((0, 2, 3), (0, 2, 3))) / n  # (19)
    db1 = delta1.sum(axis=(0, 2, 3)) / n                      # (19)
    dW2 = np.tensordot(delta2, windows2, axes=((0, 2, 3), (0, 2, 3))) / n  # (20)
    db2 = delta2.sum(axis=(0, 2, 3)) / n                      # (20)
    dW3 = (f2.T @ delta3) / n                                 # (21)
    db3 = delta3.sum(axis=0) / n                              # (21)
    value = float(L.sum() / n)
    return value, {"W1": dW1, "b1": db1, "W2": dW2, "b2": db2, "W3": dW3, "b3": db3}


def gradients(params, x, y, *, masks=None):
    """Return the gradient of the loss with respect to every parameter."""
    return loss_and_gradients(params, x, y, masks=masks)[1]


def trace(params, x, y, *, masks=None):
    """Return every named quantity of the equations above, sample by sample."""
    W1, b1, W2, b2, W3, b3 = _parameters(params)
    x = _samples(x, W1.dtype)
    _no_masks(masks)
    y = _targets(y, len(x), W1.dtype)
    windows1 = sliding_window_view(
        np.pad(x, ((0, 0), (0, 0), (1, 1), (1, 1))), (3, 3), axis=(2, 3)
    )
    s1 = (
        np.tensordot(windows1, W1, axes=((1, 4, 5), (1, 2, 3))).transpose(0, 3, 1, 2)
        + b1[:, None, None]
    )  # (1)
    o1 = np.maximum(s1, 0)                                    # (1)
    g1 = o1.reshape(len(x), 8, 4, 2, 4, 2).max(axis=(3, 5))   # (2)
    windows2 = sliding_window_view(
        np.pad(g1, ((0, 0), (0, 0), (1, 1), (1, 1))), (3, 3), axis=(2, 3)
    )
    s2 = (
        np.tensordot(windows2, W2, axes=((1, 4, 5), (1, 2, 3))).transpose(0, 3, 1, 2)
        + b2[:, None, None]
    )  # (3)
    o2 = np.maximum(s2, 0)                                    # (3)
    g2 = o2.reshape(len(x), 16, 2, 2, 2, 2).max(axis=(3, 5))  # (4)
    f2 = g2.reshape(len(x), 64)                               # (5)
    s3 = f2 @ W3 + b3                                         # (6)
    gap3 = s3 - s3.max(axis=1, keepdims=True)
    e3 = np.exp(gap3)
    total3 = e3.sum(axis=1)
    o3 = e3 / total3[:, None]                                 # (6)
    L = -(y * (gap3 - np.log(total3)[:, None])).sum(axis=1)   # (7)
    delta3 = o3 - y                                           # (12)
    df2 = delta3 @ W3.T                                       # (13)
    dg2 = df2.reshape(len(x), 16, 2, 2)                       # (14)
    first2 = first(o2.reshape(len(x), 16, 2, 2, 2, 2).transpose(0, 1, 2, 4, 3, 5), g2)
    delta2 = (
        spread(
            dg2[:, :, :, :, None, None] * first2,
            sizes=(4, 4),
            starts=(0, 0),
            counts=(2, 2),
            steps=(2, 2),
            taps=(2, 2),
            gaps=(1, 1),
        )
        * (s2 > 0)
    )  # (15)
    dg1 = spread(
        np.tensordot(delta2, W2, axes=((1,), (0,))).transpose(0, 3, 1, 2, 4, 5),
        sizes=(4, 4),
        starts=(-1, -1),
        counts=(4, 4),
        steps=(1, 1),
        taps=(3, 3),
        gaps=(1, 1),
    )  # (16)
    first1 = first(o1.reshape(len(x), 8, 4, 2, 4, 2).transpose(0, 1, 2, 4, 3, 5), g1)
    delta1 = (
        spread(
            dg1[:, :, :, :, None, None] * first1,
            sizes=(8, 8),
            starts=(0, 0),
            counts=(4, 4),
            steps=(2, 2),
            taps=(2, 2),
            gaps=(1, 1),
        )
        * (s1 > 0)
    )  # (17)
    return {
        "s1": s1,
        "o1": o1,
        "g1": g1,
        "s2": s2,
        "o2": o2,
        "g2": g2,
        "f2": f2,
        "s3": s3,
        "o3": o3,
        "L": L,
        "delta3": delta3,
        "df2": df2,
        "dg2": dg2,
        "delta2": delta2,
        "dg1": dg1,
        "delta1": delta1,
    }


class Trainer:
    """Trains a copy of the parameters by gradient descent with momentum, in arrays that are made once.

    The equations are those of `loss_and_gradients`, arranged for speed: the parameters lie in one
    flat array and so do their gradients, every result has its place in memory, and the learning
    rate is multiplied into the last delta, from where it reaches every gradient.
    """

    def __init__(self, params, batch_size, *, learning_rate, seed=0, momentum=0.9):
        """Copy the parameters and reserve memory for batches of up to `batch_size` samples."""
        self._batch_size = _count("batch_size", batch_size)
        self._rate = _number("learning_rate", learning_rate)
        self._momentum = _number("momentum", momentum)
        arrays = _parameters(params)
        self._dtype = arrays[0].dtype
        self._flat = np.concatenate([array.ravel() for array in arrays])
        self._views = _split(self._flat)
        self._gradient = np.zeros_like(self._flat)
        self._velocity = np.zeros_like(self._flat)
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
        W1, b1, W2, b2, W3, b3 = self._views
        dW1, db1, dW2, db2, dW3, db3 = _split(self._gradient)
        flat, gradient = self._flat, self._gradient
        W3b3 = flat[1248:1898].reshape(65, 10)
        dW3b3 = gradient[1248:1898].reshape(65, 10)
        f2_1 = self._array("f2_1", n, 65)
        f2_1[:, 64] = 1
        f2_0 = f2_1[:, :64]
        s1 = self._array("0", 8, 2, 2, 4, 4, n)
        t3 = self._array("1", 8, 4, 4, n)
        t4 = self._array("2", 8, 4, 4, n)
        g1 = self._array("2", 8, 4, 4, n)
        t6 = self._array("4", 16, 4, 4, n)
        s2 = self._array("4", 16, 4, 4, n)
        t7 = self._array("6", 16, 2, 2, n)
        g2 = self._array("6", 16, 2, 2, n)
        f2 = self._array("8", n, 64)
        s3 = self._array("9", n, 10)
        t8 = self._array("10", n)
        t9 = self._array("11", n, 10)
        t10 = self._array("12", n, 10)
        o3 = self._array("11", n, 10)
        t11 = self._array("10", n)
        t12 = self._array("11", n, 10)
        t13 = self._array("10", n)
        delta3 = self._array("11", n, 10)
        df2 = self._array("8", n, 64)
        t14 = self._array("19", 16, 2, 2, n, dtype=bool)
        t15 = self._array("20", 16, 2, 2, n)
        t16 = self._array("21", 16, 2, 2, n)
        t17 = self._array("19", 16, 2, 2, n, dtype=bool)
        delta2 = self._array("23", 16, 4, 4, n)
        t19 = self._array("24", 8, 4, 4, n, dtype=bool)
        t20 = self._array("2", 8, 4, 4, n)
        delta1 = self._array("26", 8, 2, 2, 4, 4, n)
        t21 = self._array("24", 8, 4, 4, n, dtype=bool)
        t22 = self._array("28", 8, 2, 2, 1, 4, 4)
        t23 = self._array("29", 8, 3, 3, 16)
        W1_pad = np.zeros((8, 1, 5, 5,), dtype)
        W1_pad_in = W1_pad[:, :, 1:-1, 1:-1]
        W1_pad_v1 = sliding_window_view(W1_pad, (4, 4), axis=(2, 3))[:, :, ::-1, ::-1]
        W1_pad_v1_T145023 = W1_pad_v1.transpose(1, 4, 5, 0, 2, 3)
        t1 = self._rows("t1", 16, 32)
        t1_all = t1.reshape(1, 4, 4, 8, 2, 2)
        t1_T = t1.T
        x_T1230_pad = np.zeros((1, 10, 10, n,), dtype)
        x_T1230_pad_in = x_T1230_pad[:, 1:-1, 1:-1, :]
        x_T1230_pad_v1 = sliding_window_view(x_T1230_pad, (4, 4), axis=(1, 2))[:, ::2, ::2]
        x_T1230_pad_v1_T045123 = x_T1230_pad_v1.transpose(0, 4, 5, 1, 2, 3)
        t2 = self._rows("t2", 16, n * 16)
        t2_all = t2.reshape(1, 4, 4, 4, 4, n)
        s1_m3 = s1.reshape(32, n * 16)
        matmul = np.matmul
        s1_taps = [s1[:, u, v, :, :, :] for u in range(2) for v in range(2)]
        maximum = np.maximum
        b1_x123 = b1[:, None, None, None]
        add = np.add
        number1 = np.array(0, dtype)
        W2_m1 = W2.reshape(16, 72)
        g1_pad = np.zeros((8, 6, 6, n,), dtype)
        g1_pad_in = g1_pad[:, 1:-1, 1:-1, :]
        g1_pad_v1 = sliding_window_view(g1_pad, (3, 3), axis=(1, 2))
        g1_pad_v1_T045123 = g1_pad_v1.transpose(0, 4, 5, 1, 2, 3)
        t5 = self._rows("t5", 72, n * 16)
        t5_all = t5.reshape(8, 3, 3, 4, 4, n)
        t6_m1 = t6.reshape(16, n * 16)
        b2_x123 = b2[:, None, None, None]
        s2_v1 = s2.reshape(16, 2, 2, 4, n)
        s2_v1_v1 = s2_v1.reshape(16, 2, 2, 2, 2, n)
        s2_v1_v1_taps = [s2_v1_v1[:, :, u, :, v, :] for u in range(2) for v in range(2)]
        g2_T3012 = g2.transpose(3, 0, 1, 2)
        f2_split = f2.reshape(n, 16, 2, 2)
        f2_1_dot = f2_1.dot
        s3_flat = s3.ravel()
        s3_flat_dot = s3_flat.dot
        maximum_reduce = np.maximum.reduce
        t8_x1 = t8[:, None]
        subtract = np.subtract
        exp = np.exp
        square_10 = np.ones((10, 10), dtype)
        t9_dot = t9.dot
        t10_column = t10[:, 0]
        divide = np.divide
        log = np.log
        ones_n = np.ones(n, dtype)
        t11_dot = t11.dot
        t12_dot = t12.dot
        ones_10 = np.ones((10,), dtype)
        t13_dot = t13.dot
        tolerance = n * float(np.finfo(dtype).eps)
        number2 = np.array(rate / n, dtype)
        multiply = np.multiply
        W3_T = W3.T
        delta3_dot = delta3.dot
        df2_v1 = df2.reshape(n, 16, 2, 2)
        df2_v1_T1230 = df2_v1.transpose(1, 2, 3, 0)
        s2_v1_v1_T013524 = s2_v1_v1.transpose(0, 1, 3, 5, 2, 4)
        greater = np.greater
        delta2_taps = list(
            zip(
                [delta2[:, u:u + 3:2, v:v + 3:2, :] for u in range(2) for v in range(2)],
                [s2_v1_v1_T013524[:, :, :, :, u, v] for u in range(2) for v in range(2)],
            ),
        )
        equal = np.equal
        W2_m1_T = W2_m1.T
        delta2_m1 = delta2.reshape(16, n * 16)
        t18 = self._rows("t18", 72, n * 16)
        t18_all = t18.reshape(8, 3, 3, 4, 4, n)
        t18_all_T034512 = t18_all.transpose(0, 3, 4, 5, 1, 2)
        dg1_room = np.zeros((8, 6, 6, n,), dtype)
        dg1_room_in = dg1_room[:, 1:5, 1:5, :]
        dg1_room_fill = dg1_room.fill
        dg1_room_taps = list(
            zip(
                [dg1_room[:, u:u + 4, v:v + 4, :] for u in range(3) for v in range(3)],
                [t18_all_T034512[..., u, v] for u in range(3) for v in range(3)],
            ),
        )
        delta1_blocks = [delta1[:, u, v] for u in range(2) for v in range(2)]
        delta1_taps = list(
            zip(delta1_blocks, [s1[:, u, v] for u in range(2) for v in range(2)])
        )[:-1]
        delta1_left = delta1_blocks[-1]
        delta1_m3 = delta1.reshape(32, n * 16)
        t2_T = t2.T
        t22_m3 = t22.reshape(32, 16)
        t22_v1 = t22[:, ::-1, ::-1]
        t22_v1_T034512 = t22_v1.transpose(0, 3, 4, 5, 1, 2)
        dW1_room = np.zeros((8, 1, 5, 5,), dtype)
        dW1_room_in = dW1_room[:, :, 1:4, 1:4]
        dW1_room_fill = dW1_room.fill
        dW1_room_taps = list(
            zip(
                [dW1_room[:, :, u:u + 4, v:v + 4] for u in range(2) for v in range(2)],
                [t22_v1_T034512[..., u, v] for u in range(2) for v in range(2)],
            ),
        )
        add_reduce = np.add.reduce
        t23_m3 = t23.reshape(72, 16)
        delta2_m1_T = delta2_m1.T
        dW2_m1 = dW2.reshape(16, 72)
        t23_m3_T = t23_m3.T
        f2_1_T = f2_1.T
        f2_1_T_dot = f2_1_T.dot
        velocity, momentum = self._velocity, np.array(self._momentum, dtype)

        def step(x, y, checked=False):
            fits = type(x) is type(y) is ndarray and x.dtype is y.dtype is dtype
            if not (fits and x.shape == x_shape and y.shape == y_shape or checked):
                return None
            W1_pad_in[...] = W1                                       # (1)
            t1_all[...] = W1_pad_v1_T145023
            x_T1230 = x.transpose(1, 2, 3, 0)
            x_T1230_pad_in[...] = x_T1230
            t2_all[...] = x_T1230_pad_v1_T045123
            matmul(t1_T, t2, s1_m3)
            maximum(s1_taps[0], s1_taps[1], out=t3)                   # (2)
            for tap in s1_taps[2:]:
                maximum(t3, tap, out=t3)
            add(t3, b1_x123, t4)
            maximum(t4, number1, out=g1)
            g1_pad_in[...] = g1                                       # (3)
            t5_all[...] = g1_pad_v1_T045123
            matmul(W2_m1, t5, t6_m1)
            add(t6, b2_x123, s2)
            maximum(s2_v1_v1_taps[0], s2_v1_v1_taps[1], out=t7)       # (4)
            for tap in s2_v1_v1_taps[2:]:
                maximum(t7, tap, out=t7)
            maximum(t7, number1, out=g2)
            f2_split[...] = g2_T3012                                  # (5)
            f2_0[...] = f2
            f2_1_dot(W3b3, s3)                                        # (6)
            if not float(s3_flat_dot(s3_flat)) < 900:                 # (6)
                maximum_reduce(s3, (1,), None, t8)
                subtract(s3, t8_x1, s3)
            exp(s3, t9)
            t9_dot(square_10, t10)
            divide(t9, t10, o3)
            y_flat = y.ravel()
            sum1 = float(y_flat.dot(s3_flat))                         # (7)
            log(t10_column, t11)
            sum2 = float(t11_dot(ones_n))
            loss = ((-sum1 + sum2) / n)
            subtract(o3, y, t12)
            t12_dot(ones_10, t13)
            if float(t13_dot(t13)) > tolerance:
                _targets(y, n, dtype)
            if loss - loss != 0:  # not finite: see whether the targets are to blame
                _targets(y, n, dtype)
            multiply(t12, number2, delta3)                            # (12)
            delta3_dot(W3_T, df2)                                     # (13)
            greater(g2, number1, t14)                                 # (15)
            multiply(df2_v1_T1230, t14, t15)
            t16[...] = t15
            for place, tap in delta2_taps[:-1]:
                equal(tap, g2, t17)
                multiply(t16, t17, place)
                subtract(t16, place, t16)
            delta2_taps[-1][0][...] = t16
            matmul(W2_m1_T, delta2_m1, t18)                           # (16)
            dg1_room_fill(0)
            for place, part in dg1_room_taps:
                add(place, part, place)
            greater(g1, number1, t19)                                 # (17)
            multiply(dg1_room_in, t19, t20)
            delta1_left[...] = t20
            for place, tap in delta1_taps:
                equal(tap, t3, t21)
                multiply(delta1_left, t21, place)
                subtract(delta1_left, place, delta1_left)
            matmul(delta1_m3, t2_T, t22_m3)                           # (19)
            dW1_room_fill(0)
            for place, part in dW1_room_taps:
                add(place, part, place)
            dW1[...] = dW1_room_in
            add_reduce(t20, (1, 2, 3), None, db1)                     # (19)
            matmul(t5, delta2_m1_T, t23_m3)                           # (20)
            dW2_m1[...] = t23_m3_T
            add_reduce(delta2, (1, 2, 3), None, db2)                  # (20)
            f2_1_T_dot(delta3, dW3b3)                                 # (21)
            multiply(velocity, momentum, velocity)                    # momentum
            add(velocity, gradient, velocity)
            subtract(flat, velocity, flat)
            return loss

        self._steps[n] = step
        return step


def fit(
    params, x, y, *, epochs=20, batch_size=32, learning_rate=0.05, seed=0, progress=None, momentum=0.9
):
    """Train on shuffled batches and write the result into params; return each epoch's mean loss.

    `progress`, where given, is called after every epoch with its number and its mean loss.
    """
    arrays = _parameters(params)
    x = _samples(x, arrays[0].dtype)
    y = _targets(y, len(x), arrays[0].dtype)
    epochs, batch_size = _count("epochs", epochs), min(_count("batch_size", batch_size), len(x))
    trainer = Trainer(params, batch_size, learning_rate=learning_rate, seed=seed, momentum=momentum)
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
