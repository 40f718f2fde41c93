# SPDX-License-Identifier: 0BSD
# Generated code: yours to use, copy, change and give away, with or without this notice.
# Made from the network spec with sha256 e50519ef5e3144d4f6339ccb67d62f877ba80c6c8ca7cf94d65e23d3d232e27f
# by:  gradwright code residual_norm.toml
# sha256 of the other lines: 880e823f4a98a007892d0777c84624f08feddb54d48e400f9101164bf61649c1
"""A residual network with layer norm.

Samples are rows: x has the shape (n, 4), y the shape (n, 2).
The error delta of a layer is the derivative of the loss of one sample by its pre-activation.
At a kink the last alternative counts: the slope of max(s, 0) at 0 is 0, and that of |s| is 0.

    (1)  s1[n,j] = Sum(W1[i,j]*x[n,i], i) + b1[j]
    (1)  o1[n,j] = tanh(s1[n,j])
    (2)  m2[n] = Sum(o1[n,i], i)/6
    (3)  v2[n] = Sum((o1[n,i] - m2[n])**2, i)/6
    (4)  r2[n] = (v2[n] + 1/100000)**(-1/2)
    (5)  h2[n,i] = (o1[n,i] - m2[n])*r2[n]
    (6)  s2[n,i] = gamma2[i]*h2[n,i] + beta2[i]
    (7)  s3[n,j] = Sum(W3[i,j]*s2[n,i], i) + b3[j]
    (7)  o3[n,j] = 1/2*s3[n,j]*(1 + erf(s3[n,j]/2**(1/2)))
    (8)  s4[n,j] = Sum(W4[i,j]*o3[n,i], i) + b4[j]
    (9)  u4[n,i] = o1[n,i] + s4[n,i]
    (10)  s5[n,j] = Sum(W5[i,j]*u4[n,i], i) + b5[j]
    (11)  L[n] = Sum((s5[n,k] - y[n,k])**2, k)
    (17)  delta5[n,j] = 2*(s5[n,j] - y[n,j])
    (18)  du4[n,i] = Sum(W5[i,k]*delta5[n,k], k)
    (19)  delta4[n,j] = du4[n,j]
    (20)  delta3[n,j] = Sum(W4[j,k]*delta4[n,k], k)*(1/2*(1 + erf(s3[n,j]/2**(1/2))) +
          s3[n,j]*exp(-1/2*s3[n,j]**2)/(2*pi)**(1/2))
    (21)  delta2[n,i] = Sum(W3[i,k]*delta3[n,k], k)
    (22)  dh2[n,i] = gamma2[i]*delta2[n,i]
    (26)  delta1[n,j] = (-r2[n]*Sum(dh2[n,k], k)/6 - 1/6*h2[n,j]*r2[n]*Sum(dh2[n,k]*h2[n,k], k)
          + dh2[n,j]*r2[n] + du4[n,j])*(1 - o1[n,j]**2)
    (28)  dL/dW1[i,j] = Sum(delta1[n,j]*x[n,i], n)/N
    (28)  dL/db1[j] = Sum(delta1[n,j], n)/N
    (29)  dL/dgamma2[i] = Sum(delta2[n,i]*h2[n,i], n)/N
    (29)  dL/dbeta2[i] = Sum(delta2[n,i], n)/N
    (30)  dL/dW3[i,j] = Sum(delta3[n,j]*s2[n,i], n)/N
    (30)  dL/db3[j] = Sum(delta3[n,j], n)/N
    (31)  dL/dW4[i,j] = Sum(delta4[n,j]*o3[n,i], n)/N
    (31)  dL/db4[j] = Sum(delta4[n,j], n)/N
    (32)  dL/dW5[i,j] = Sum(delta5[n,j]*u4[n,i], n)/N
    (32)  dL/db5[j] = Sum(delta5[n,j], n)/N

Loss and deltas are computed in forms that neither overflow nor cancel: for finite input the
error is at most 4 eps max(1, |value|) for each sample, given the pre-activations.
"""

import math
import sys

import numpy as np

NAME = "residual_norm"
SPEC_SHA256 = "e50519ef5e3144d4f6339ccb67d62f877ba80c6c8ca7cf94d65e23d3d232e27f"
PARAMETERS = {
    "W1": (4, 6),
    "b1": (6,),
    "gamma2": (6,),
    "beta2": (6,),
    "W3": (6, 8),
    "b3": (8,),
    "W4": (8, 6),
    "b4": (6,),
    "W5": (6, 2),
    "b5": (2,),
}
STATE = {}
INPUT_SHAPE = (4,)
TARGET_SHAPE = (2,)


def _polynomial(t, coefficients):
    """The polynomial with these coefficients, the highest power first, by Horner's rule."""
    value = np.full_like(t, coefficients[0])
    for c in coefficients[1:]:
        value = value * t + c
    return value


# (z + 3.75) exp(z^2) erfc(z) for z >= 0 as a polynomial in (z - 3.75) / (z + 3.75)
_ERFC = (
    -2.428383181037168e-10,
    -2.8317431223875074e-09,
    2.8461496087859928e-09,
    3.3853101478493466e-08,
    -2.6092739883306852e-08,
    -2.543003175072746e-07,
    2.788860619761132e-07,
    1.6474463894957575e-06,
    -3.288762429350935e-06,
    -8.89886673862872e-06,
    3.747141362441219e-05,
    1.0592041305059113e-05,
    -0.00034864677629479736,
    0.0007948235779689006,
    0.000986338067815038,
    -0.012535880112698615,
    0.04911877861624072,
    -0.13195540117257462,
    0.2790620490337476,
    -0.4904702912079074,
    0.736318925221752,
    -0.9587415766529069,
    1.0919229095627891,
)


def erfc(x):
    """1 - erf(x) = 2/sqrt(pi) times the integral of exp(-u^2) from x on, also far out."""
    z = np.minimum(np.abs(x), 40)
    t = (z - 3.75) / (z + 3.75)
    tail = _polynomial(t, _ERFC) * np.exp(-z * z) / (z + 3.75)
    return np.where(x < 0, 2 - tail, tail)


def init(seed=0, dtype=np.float64):
    """Return fresh parameters; the same seed gives the same numbers."""
    rng = np.random.default_rng(seed)
    params = {}
    params["W1"] = rng.uniform(-1, 1, (4, 6)) * np.sqrt(6 / (4 + 6))  # glorot
    params["b1"] = np.zeros((6,))
    params["gamma2"] = np.ones((6,))
    params["beta2"] = np.zeros((6,))
    params["W3"] = rng.normal(0, 1, (6, 8)) * np.sqrt(2 / 6)  # he
    params["b3"] = np.zeros((8,))
    params["W4"] = rng.uniform(-1, 1, (8, 6)) * np.sqrt(6 / (8 + 6))  # glorot
    params["b4"] = np.zeros((6,))
    params["W5"] = rng.uniform(-1, 1, (6, 2)) * np.sqrt(6 / (6 + 2))  # glorot
    params["b5"] = np.zeros((2,))
    return {name: value.astype(dtype) for name, value in params.items()}


def init_state(dtype=np.float64):
    """Return the state at the beginning: this network has none."""
    return {}


def forward(params, x, state=None):
    """Return the output for every row of x."""
    W1, b1, gamma2, beta2, W3, b3, W4, b4, W5, b5 = _parameters(params)
    x = _samples(x, W1.dtype)
    s1 = x @ W1 + b1                                          # (1)
    o1 = np.tanh(s1)                                          # (1)
    m2 = o1.sum(axis=1) / 6                                   # (2)
    gap2 = o1 - m2[:, None]
    v2 = (gap2**2).sum(axis=1) / 6                            # (3)
    r2 = 1 / np.sqrt(v2 + 1e-05)                              # (4)
    h2 = r2[:, None] * gap2                                   # (5)
    s2 = gamma2 * h2 + beta2                                  # (6)
    s3 = s2 @ W3 + b3                                         # (7)
    o3 = 0.5 * s3 * erfc(-s3 / math.sqrt(2))                  # (7)
    s4 = o3 @ W4 + b4                                         # (8)
    u4 = o1 + s4                                              # (9)
    s5 = u4 @ W5 + b5                                         # (10)
    return s5


def loss(params, x, y, *, masks=None):
    """Return the loss of a batch."""
    W1, b1, gamma2, beta2, W3, b3, W4, b4, W5, b5 = _parameters(params)
    x = _samples(x, W1.dtype)
    _no_masks(masks)
    y = _targets(y, len(x), W1.dtype)
    n = len(x)
    s1 = x @ W1 + b1                                          # (1)
    o1 = np.tanh(s1)                                          # (1)
    m2 = o1.sum(axis=1) / 6                                   # (2)
    gap2 = o1 - m2[:, None]
    v2 = (gap2**2).sum(axis=1) / 6                            # (3)
    r2 = 1 / np.sqrt(v2 + 1e-05)                              # (4)
    h2 = r2[:, None] * gap2                                   # (5)
    s2 = gamma2 * h2 + beta2                                  # (6)
    s3 = s2 @ W3 + b3                                         # (7)
    o3 = 0.5 * s3 * erfc(-s3 / math.sqrt(2))                  # (7)
    s4 = o3 @ W4 + b4                                         # (8)
    u4 = o1 + s4                                              # (9)
    s5 = u4 @ W5 + b5                                         # (10)
    L = ((s5 - y)**2).sum(axis=1)                             # (11)
    return float(L.sum() / n)


def loss_and_gradients(params, x, y, *, masks=None):
    """Return the loss of a batch and its gradient with respect to every parameter."""
    W1, b1, gamma2, beta2, W3, b3, W4, b4, W5, b5 = _parameters(params)
    x = _samples(x, W1.dtype)
    _no_masks(masks)
    y = _targets(y, len(x), W1.dtype)
    n = len(x)
    s1 = x @ W1 + b1                                          # (1)
    o1 = np.tanh(s1)                                          # (1)
    m2 = o1.sum(axis=1) / 6                                   # (2)
    gap2 = o1 - m2[:, None]
    v2 = (gap2**2).sum(axis=1) / 6                            # (3)
    r2 = 1 / np.sqrt(v2 + 1e-05)                              # (4)
    h2 = r2[:, None] * gap2                                   # (5)
    s2 = gamma2 * h2 + beta2                                  # (6)
    s3 = s2 @ W3 + b3                                         # (7)
    t3 = erfc(-s3 / math.sqrt(2))
    o3 = 0.5 * s3 * t3                                        # (7)
    s4 = o3 @ W4 + b4                                         # (8)
    u4 = o1 + s4                                              # (9)
    s5 = u4 @ W5 + b5                                         # (10)
    gap = s5 - y
    L = (gap**2).sum(axis=1)                                  # (11)
    delta5 = 2 * gap                                          # (17)
    du4 = delta5 @ W5.T                                       # (18)
    delta4 = du4                                              # (19)
    delta3 = (delta4 @ W4.T) * (0.5 * t3 + s3 * np.exp(-0.5 * s3**2) / math.sqrt(2 * np.pi))  # (20)
    delta2 = delta3 @ W3.T                                    # (21)
    dh2 = gamma2 * delta2                                     # (22)
    delta1 = (
        (
            (
                r2[:, None] * dh2
                - (r2 * dh2.sum(axis=1) / 6)[:, None]
                - (r2 * (dh2 * h2).sum(axis=1))[:, None] * h2 / 6
                + du4
            )
        )
        * (1 - o1**2)
    )  # (26)
    dW1 = (x.T @ delta1) / n                                  # (28)
    db1 = delta1.sum(axis=0) / n                              # (28)
    dgamma2 = (delta2 * h2).sum(axis=0) / n                   # (29)
    dbeta2 = delta2.sum(axis=0) / n                           # (29)
    dW3 = (s2.T @ delta3) / n                                 # (30)
    db3 = delta3.sum(axis=0) / n                              # (30)
    dW4 = (o3.T @ delta4) / n                                 # (31)
    db4 = delta4.sum(axis=0) / n                              # (31)
    dW5 = (u4.T @ delta5) / n                                 # (32)
    db5 = delta5.sum(axis=0) / n                              # (32)
    value = float(L.sum() / n)
    return value, {
        "W1": dW1,
        "b1": db1,
        "gamma2": dgamma2,
        "beta2": dbeta2,
        "W3": dW3,
        "b3": db3,
        "W4": dW4,
        "b4": db4,
        "W5": dW5,
        "b5": db5,
    }


def gradients(params, x, y, *, masks=None):
    """Return the gradient of the loss with respect to every parameter."""
    return loss_and_gradients(params, x, y, masks=masks)[1]


def trace(params, x, y, *, masks=None):
    """Return every named quantity of the equations above, sample by sample."""
    W1, b1, gamma2, beta2, W3, b3, W4, b4, W5, b5 = _parameters(params)
    x = _samples(x, W1.dtype)
    _no_masks(masks)
    y = _targets(y, len(x), W1.dtype)
    s1 = x @ W1 + b1                                          # (1)
    o1 = np.tanh(s1)                                          # (1)
    m2 = o1.sum(axis=1) / 6                                   # (2)
    gap2 = o1 - m2[:, None]
    v2 = (gap2**2).sum(axis=1) / 6                            # (3)
    r2 = 1 / np.sqrt(v2 + 1e-05)                              # (4)
    h2 = r2[:, None] * gap2                                   # (5)
    s2 = gamma2 * h2 + beta2                                  # (6)
    s3 = s2 @ W3 + b3                                         # (7)
    t3 = erfc(-s3 / math.sqrt(2))
    o3 = 0.5 * s3 * t3                                        # (7)
    s4 = o3 @ W4 + b4                                         # (8)
    u4 = o1 + s4                                              # (9)
    s5 = u4 @ W5 + b5                                         # (10)
    gap = s5 - y
    L = (gap**2).sum(axis=1)                                  # (11)
    delta5 = 2 * gap                                          # (17)
    du4 = delta5 @ W5.T                                       # (18)
    delta4 = du4                                              # (19)
    delta3 = (delta4 @ W4.T) * (0.5 * t3 + s3 * np.exp(-0.5 * s3**2) / math.sqrt(2 * np.pi))  # (20)
    delta2 = delta3 @ W3.T                                    # (21)
    dh2 = gamma2 * delta2                                     # (22)
    delta1 = (
        (
            (
                r2[:, None] * dh2
                - (r2 * dh2.sum(axis=1) / 6)[:, None]
                - (r2 * (dh2 * h2).sum(axis=1))[:, None] * h2 / 6
                + du4
            )
        )
        * (1 - o1**2)
    )  # (26)
    return {
        "s1": s1,
        "o1": o1,
        "m2": m2,
        "v2": v2,
        "r2": r2,
        "h2": h2,
        "s2": s2,
        "s3": s3,
        "o3": o3,
        "s4": s4,
        "u4": u4,
        "s5": s5,
        "L": L,
        "delta5": delta5,
        "du4": du4,
        "delta4": delta4,
        "delta3": delta3,
        "delta2": delta2,
        "dh2": dh2,
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

    def _bind(self, n):
        """Make the step for batches of n samples, with every array and function at hand."""
        dtype, ndarray = self._dtype, np.ndarray
        x_shape, y_shape = (n, *INPUT_SHAPE), (n, *TARGET_SHAPE)
        rate = self._rate
        W1, b1, gamma2, beta2, W3, b3, W4, b4, W5, b5 = self._views
        dW1, db1, dgamma2, dbeta2, dW3, db3, dW4, db4, dW5, db5 = _split(self._gradient)
        flat, gradient = self._flat, self._gradient
        W1b1 = flat[0:30].reshape(5, 6)
        dW1b1 = gradient[0:30].reshape(5, 6)
        x_1 = self._array("x_1", n, 5)
        x_1[:, 4] = 1
        x_0 = x_1[:, :4]
        W3b3 = flat[42:98].reshape(7, 8)
        dW3b3 = gradient[42:98].reshape(7, 8)
        s2_1 = self._array("s2_1", n, 7)
        s2_1[:, 6] = 1
        s2_0 = s2_1[:, :6]
        W4b4 = flat[98:152].reshape(9, 6)
        dW4b4 = gradient[98:152].reshape(9, 6)
        o3_1 = self._array("o3_1", n, 9)
        o3_1[:, 8] = 1
        o3_0 = o3_1[:, :8]
        W5b5 = flat[152:166].reshape(7, 2)
        dW5b5 = gradient[152:166].reshape(7, 2)
        u4_1 = self._array("u4_1", n, 7)
        u4_1[:, 6] = 1
        u4_0 = u4_1[:, :6]
        s1 = self._array("0", n, 6)
        o1 = self._array("0", n, 6)
        t1 = self._array("2", n)
        m2 = self._array("2", n)
        t2 = self._array("4", n, 6)
        t3 = self._array("5", n, 6)
        t4 = self._array("2", n)
        v2 = self._array("2", n)
        t5 = self._array("2", n)
        t6 = self._array("2", n)
        r2 = self._array("2", n)
        h2 = self._array("4", n, 6)
        t7 = self._array("5", n, 6)
        s2 = self._array("5", n, 6)
        s3 = self._array("14", n, 8)
        t8 = self._array("15", n, 8)
        t9 = self._array("15", n, 8)
        t10 = self._array("17", n, 8, dtype=bool)
        t11 = self._array("15", n, 8)
        t12 = self._array("15", n, 8)
        t13 = self._array("20", n, 8)
        t14 = self._array("21", n, 8)
        t15 = self._array("20", n, 8)
        t16 = self._array("23", n, 8)
        t17 = self._array("23", n, 8)
        t18 = self._array("23", n, 8)
        t19 = self._array("23", n, 8)
        t20 = self._array("23", n, 8)
        t21 = self._array("23", n, 8)
        t22 = self._array("23", n, 8)
        t23 = self._array("23", n, 8)
        t24 = self._array("23", n, 8)
        t25 = self._array("23", n, 8)
        t26 = self._array("23", n, 8)
        t27 = self._array("23", n, 8)
        t28 = self._array("23", n, 8)
        t29 = self._array("23", n, 8)
        t30 = self._array("23", n, 8)
        t31 = self._array("23", n, 8)
        t32 = self._array("23", n, 8)
        t33 = self._array("23", n, 8)
        t34 = self._array("23", n, 8)
        t35 = self._array("23", n, 8)
        t36 = self._array("23", n, 8)
        t37 = self._array("23", n, 8)
        t38 = self._array("23", n, 8)
        t39 = self._array("23", n, 8)
        t40 = self._array("23", n, 8)
        t41 = self._array("23", n, 8)
        t42 = self._array("23", n, 8)
        t43 = self._array("23", n, 8)
        t44 = self._array("23", n, 8)
        t45 = self._array("23", n, 8)
        t46 = self._array("23", n, 8)
        t47 = self._array("23", n, 8)
        t48 = self._array("23", n, 8)
        t49 = self._array("23", n, 8)
        t50 = self._array("23", n, 8)
        t51 = self._array("23", n, 8)
        t52 = self._array("23", n, 8)
        t53 = self._array("23", n, 8)
        t54 = self._array("23", n, 8)
        t55 = self._array("23", n, 8)
        t56 = self._array("23", n, 8)
        t57 = self._array("23", n, 8)
        t58 = self._array("23", n, 8)
        t59 = self._array("23", n, 8)
        t60 = self._array("20", n, 8)
        t61 = self._array("20", n, 8)
        t62 = self._array("20", n, 8)
        t63 = self._array("23", n, 8)
        t64 = self._array("23", n, 8)
        t65 = self._array("21", n, 8)
        t66 = self._array("20", n, 8)
        t67 = self._array("23", n, 8)
        o3 = self._array("23", n, 8)
        s4 = self._array("5", n, 6)
        u4 = self._array("5", n, 6)
        s5 = self._array("78", n, 2)
        t68 = self._array("78", n, 2)
        delta5 = self._array("78", n, 2)
        du4 = self._array("5", n, 6)
        t69 = self._array("23", n, 8)
        t70 = self._array("20", n, 8)
        t71 = self._array("21", n, 8)
        t72 = self._array("21", n, 8)
        t73 = self._array("21", n, 8)
        t74 = self._array("14", n, 8)
        t75 = self._array("14", n, 8)
        t76 = self._array("20", n, 8)
        delta3 = self._array("23", n, 8)
        delta2 = self._array("91", n, 6)
        dh2 = self._array("92", n, 6)
        t77 = self._array("93", n, 6)
        t78 = self._array("94", n)
        t79 = self._array("94", n)
        t80 = self._array("94", n)
        t81 = self._array("93", n, 6)
        t82 = self._array("92", n, 6)
        t83 = self._array("94", n)
        t84 = self._array("2", n)
        t85 = self._array("92", n, 6)
        t86 = self._array("92", n, 6)
        t87 = self._array("93", n, 6)
        t88 = self._array("93", n, 6)
        t89 = self._array("0", n, 6)
        t90 = self._array("0", n, 6)
        delta1 = self._array("93", n, 6)
        t91 = self._array("4", n, 6)
        x_1_dot = x_1.dot
        tanh = np.tanh
        o1_dot = o1.dot
        ones_6 = np.ones((6,), dtype)
        number1 = np.array(0.16666666666666666, dtype)
        multiply = np.multiply
        m2_x1 = m2[:, None]
        subtract = np.subtract
        t3_dot = t3.dot
        number2 = np.array(1, dtype)
        number3 = np.array(1e-05, dtype)
        add = np.add
        sqrt = np.sqrt
        divide = np.divide
        r2_x1 = r2[:, None]
        s2_1_dot = s2_1.dot
        number4 = np.array(0.5, dtype)
        negative = np.negative
        number5 = np.array(math.sqrt(2), dtype)
        number6 = np.array(0, dtype)
        less = np.less
        number7 = np.array(2, dtype)
        number8 = np.array(-2.428383181037168e-10, dtype)
        absolute = np.absolute
        number9 = np.array(40, dtype)
        minimum = np.minimum
        number10 = np.array(3.75, dtype)
        number11 = np.array(-2.8317431223875074e-09, dtype)
        number12 = np.array(2.8461496087859928e-09, dtype)
        number13 = np.array(3.3853101478493466e-08, dtype)
        number14 = np.array(-2.6092739883306852e-08, dtype)
        number15 = np.array(-2.543003175072746e-07, dtype)
        number16 = np.array(2.788860619761132e-07, dtype)
        number17 = np.array(1.6474463894957575e-06, dtype)
        number18 = np.array(-3.288762429350935e-06, dtype)
        number19 = np.array(-8.89886673862872e-06, dtype)
        number20 = np.array(3.747141362441219e-05, dtype)
        number21 = np.array(1.0592041305059113e-05, dtype)
        number22 = np.array(-0.00034864677629479736, dtype)
        number23 = np.array(0.0007948235779689006, dtype)
        number24 = np.array(0.000986338067815038, dtype)
        number25 = np.array(-0.012535880112698615, dtype)
        number26 = np.array(0.04911877861624072, dtype)
        number27 = np.array(-0.13195540117257462, dtype)
        number28 = np.array(0.2790620490337476, dtype)
        number29 = np.array(-0.4904702912079074, dtype)
        number30 = np.array(0.736318925221752, dtype)
        number31 = np.array(-0.9587415766529069, dtype)
        number32 = np.array(1.0919229095627891, dtype)
        exp = np.exp
        copyto = np.copyto
        o3_1_dot = o3_1.dot
        u4_1_dot = u4_1.dot
        t68_flat = t68.ravel()
        t68_flat_dot = t68_flat.dot
        number33 = np.array(2.0 * rate / n, dtype)
        W5_T = W5.T
        delta5_dot = delta5.dot
        W4_T = W4.T
        du4_dot = du4.dot
        number34 = np.array(-0.5, dtype)
        number35 = np.array(math.sqrt(2 * np.pi), dtype)
        W3_T = W3.T
        delta3_dot = delta3.dot
        dh2_dot = dh2.dot
        t80_x1 = t80[:, None]
        t82_dot = t82.dot
        t84_x1 = t84[:, None]
        x_1_T = x_1.T
        x_1_T_dot = x_1_T.dot
        ones_n = np.ones((n,), dtype)
        ones_n_dot = ones_n.dot
        s2_1_T = s2_1.T
        s2_1_T_dot = s2_1_T.dot
        o3_1_T = o3_1.T
        o3_1_T_dot = o3_1_T.dot
        u4_1_T = u4_1.T
        u4_1_T_dot = u4_1_T.dot

        def step(x, y, checked=False):
            fits = type(x) is type(y) is ndarray and x.dtype is y.dtype is dtype
            if not (fits and x.shape == x_shape and y.shape == y_shape or checked):
                return None
            x_0[...] = x
            x_1_dot(W1b1, s1)                                         # (1)
            tanh(s1, o1)                                              # (1)
            o1_dot(ones_6, t1)                                        # (2)
            multiply(t1, number1, m2)
            subtract(o1, m2_x1, t2)                                   # (3)
            multiply(t2, t2, t3)
            t3_dot(ones_6, t4)
            multiply(t4, number1, v2)
            add(v2, number3, t5)                                      # (4)
            sqrt(t5, t6)
            divide(number2, t6, r2)
            multiply(r2_x1, t2, h2)                                   # (5)
            multiply(gamma2, h2, t7)                                  # (6)
            add(t7, beta2, s2)
            s2_0[...] = s2
            s2_1_dot(W3b3, s3)                                        # (7)
            negative(s3, t8)                                          # (7)
            divide(t8, number5, t9)
            less(t9, number6, t10)
            absolute(t9, t11)
            minimum(t11, number9, out=t12)
            subtract(t12, number10, t13)
            add(t12, number10, t14)
            divide(t13, t14, t15)
            multiply(number8, t15, t16)
            add(t16, number11, t17)
            multiply(t17, t15, t18)
            add(t18, number12, t19)
            multiply(t19, t15, t20)
            add(t20, number13, t21)
            multiply(t21, t15, t22)
            add(t22, number14, t23)
            multiply(t23, t15, t24)
            add(t24, number15, t25)
            multiply(t25, t15, t26)
            add(t26, number16, t27)
            multiply(t27, t15, t28)
            add(t28, number17, t29)
            multiply(t29, t15, t30)
            add(t30, number18, t31)
            multiply(t31, t15, t32)
            add(t32, number19, t33)
            multiply(t33, t15, t34)
            add(t34, number20, t35)
            multiply(t35, t15, t36)
            add(t36, number21, t37)
            multiply(t37, t15, t38)
            add(t38, number22, t39)
            multiply(t39, t15, t40)
            add(t40, number23, t41)
            multiply(t41, t15, t42)
            add(t42, number24, t43)
            multiply(t43, t15, t44)
            add(t44, number25, t45)
            multiply(t45, t15, t46)
            add(t46, number26, t47)
            multiply(t47, t15, t48)
            add(t48, number27, t49)
            multiply(t49, t15, t50)
            add(t50, number28, t51)
            multiply(t51, t15, t52)
            add(t52, number29, t53)
            multiply(t53, t15, t54)
            add(t54, number30, t55)
            multiply(t55, t15, t56)
            add(t56, number31, t57)
            multiply(t57, t15, t58)
            add(t58, number32, t59)
            negative(t12, t60)
            multiply(t60, t12, t61)
            exp(t61, t62)
            multiply(t59, t62, t63)
            divide(t63, t14, t64)
            subtract(number7, t64, t65)
            t66[...] = t64
            copyto(t66, t65, where=t10)
            multiply(s3, t66, t67)
            multiply(number4, t67, o3)
            o3_0[...] = o3
            o3_1_dot(W4b4, s4)                                        # (8)
            add(o1, s4, u4)                                           # (9)
            u4_0[...] = u4
            u4_1_dot(W5b5, s5)                                        # (10)
            subtract(s5, y, t68)                                      # (11)
            sum1 = float(t68_flat_dot(t68_flat))
            loss = ((sum1) / n)
            if loss - loss != 0:  # not finite: see whether the targets are to blame
                _targets(y, n, dtype)
            multiply(t68, number33, delta5)                           # (17)
            delta5_dot(W5_T, du4)                                     # (18)
            du4_dot(W4_T, t69)                                        # (20)
            multiply(number4, t66, t70)
            multiply(s3, s3, t71)
            multiply(number34, t71, t72)
            exp(t72, t73)
            multiply(s3, t73, t74)
            divide(t74, number35, t75)
            add(t70, t75, t76)
            multiply(t69, t76, delta3)
            delta3_dot(W3_T, delta2)                                  # (21)
            multiply(gamma2, delta2, dh2)                             # (22)
            multiply(r2_x1, dh2, t77)                                 # (26)
            dh2_dot(ones_6, t78)
            multiply(r2, t78, t79)
            multiply(t79, number1, t80)
            subtract(t77, t80_x1, t81)
            multiply(dh2, h2, t82)
            t82_dot(ones_6, t83)
            multiply(r2, t83, t84)
            multiply(t84_x1, h2, t85)
            multiply(t85, number1, t86)
            subtract(t81, t86, t87)
            add(t87, du4, t88)
            multiply(o1, o1, t89)
            subtract(number2, t89, t90)
            multiply(t88, t90, delta1)
            x_1_T_dot(delta1, dW1b1)                                  # (28)
            multiply(delta2, h2, t91)                                 # (29)
            ones_n_dot(t91, dgamma2)
            ones_n_dot(delta2, dbeta2)                                # (29)
            s2_1_T_dot(delta3, dW3b3)                                 # (30)
            o3_1_T_dot(du4, dW4b4)                                    # (31)
            u4_1_T_dot(delta5, dW5b5)                                 # (32)
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
