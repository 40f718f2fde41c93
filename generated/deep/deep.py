# SPDX-License-Identifier: 0BSD
# Generated code: yours to use, copy, change and give away, with or without this notice.
# Made from the network spec with sha256 8cc1bafc5e4f30769987bd58394728229f954a4d27b96181201ba96b90868979
# by:  gradwright code deep.toml
# sha256 of the other lines: 8a108fbd83d52f012ca79af03ba678c7751438d92259106a0023892e96cc18e6
"""A deep tanh network.

Samples are rows: x has the shape (n, 4), y the shape (n, 2).
The error delta of a layer is the derivative of the loss of one sample by its pre-activation.
At a kink the last alternative counts: the slope of max(s, 0) at 0 is 0, and that of |s| is 0.

    (1)  s1[n,j] = Sum(W1[i,j]*x[n,i], i) + b1[j]
    (1)  o1[n,j] = tanh(s1[n,j])
    (2)  s2[n,j] = Sum(W2[i,j]*o1[n,i], i) + b2[j]
    (2)  o2[n,j] = tanh(s2[n,j])
    (2)  s3[n,j] = Sum(W3[i,j]*o2[n,i], i) + b3[j]
    (2)  o3[n,j] = tanh(s3[n,j])
    (2)  s4[n,j] = Sum(W4[i,j]*o3[n,i], i) + b4[j]
    (2)  o4[n,j] = tanh(s4[n,j])
    (2)  s5[n,j] = Sum(W5[i,j]*o4[n,i], i) + b5[j]
    (2)  o5[n,j] = tanh(s5[n,j])
    (3)  s6[n,j] = Sum(W6[i,j]*o5[n,i], i) + b6[j]
    (3)  o6[n,j] = tanh(s6[n,j])
    (4)  L[n] = 1/2*Sum((o6[n,k] - y[n,k])**2, k)
    (10)  delta6[n,j] = (o6[n,j] - y[n,j])*(1 - o6[n,j]**2)
    (11)  delta5[n,j] = Sum(W6[j,k]*delta6[n,k], k)*(1 - o5[n,j]**2)
    (11)  delta4[n,j] = Sum(W5[j,k]*delta5[n,k], k)*(1 - o4[n,j]**2)
    (11)  delta3[n,j] = Sum(W4[j,k]*delta4[n,k], k)*(1 - o3[n,j]**2)
    (11)  delta2[n,j] = Sum(W3[j,k]*delta3[n,k], k)*(1 - o2[n,j]**2)
    (12)  delta1[n,j] = Sum(W2[j,k]*delta2[n,k], k)*(1 - o1[n,j]**2)
    (14)  dL/dW1[i,j] = Sum(delta1[n,j]*x[n,i], n)/N
    (14)  dL/db1[j] = Sum(delta1[n,j], n)/N
    (15)  dL/dW2[i,j] = Sum(delta2[n,j]*o1[n,i], n)/N
    (15)  dL/db2[j] = Sum(delta2[n,j], n)/N
    (15)  dL/dW3[i,j] = Sum(delta3[n,j]*o2[n,i], n)/N
    (15)  dL/db3[j] = Sum(delta3[n,j], n)/N
    (15)  dL/dW4[i,j] = Sum(delta4[n,j]*o3[n,i], n)/N
    (15)  dL/db4[j] = Sum(delta4[n,j], n)/N
    (15)  dL/dW5[i,j] = Sum(delta5[n,j]*o4[n,i], n)/N
    (15)  dL/db5[j] = Sum(delta5[n,j], n)/N
    (16)  dL/dW6[i,j] = Sum(delta6[n,j]*o5[n,i], n)/N
    (16)  dL/db6[j] = Sum(delta6[n,j], n)/N

Loss and deltas are computed in forms that neither overflow nor cancel: for finite input the
error is at most 4 eps max(1, |value|) for each sample, given the pre-activations.
"""

import sys

import numpy as np

NAME = "deep"
SPEC_SHA256 = "8cc1bafc5e4f30769987bd58394728229f954a4d27b96181201ba96b90868979"
PARAMETERS = {
    "W1": (4, 8),
    "b1": (8,),
    "W2": (8, 8),
    "b2": (8,),
    "W3": (8, 8),
    "b3": (8,),
    "W4": (8, 8),
    "b4": (8,),
    "W5": (8, 8),
    "b5": (8,),
    "W6": (8, 2),
    "b6": (2,),
}
STATE = {}
INPUT_SHAPE = (4,)
TARGET_SHAPE = (2,)


def init(seed=0, dtype=np.float64):
    """Return fresh parameters; the same seed gives the same numbers."""
    rng = np.random.default_rng(seed)
    params = {}
    params["W1"] = rng.uniform(-1, 1, (4, 8)) * np.sqrt(6 / (4 + 8))  # glorot
    params["b1"] = np.zeros((8,))
    params["W2"] = rng.uniform(-1, 1, (8, 8)) * np.sqrt(6 / (8 + 8))  # glorot
    params["b2"] = np.zeros((8,))
    params["W3"] = rng.uniform(-1, 1, (8, 8)) * np.sqrt(6 / (8 + 8))  # glorot
    params["b3"] = np.zeros((8,))
    params["W4"] = rng.uniform(-1, 1, (8, 8)) * np.sqrt(6 / (8 + 8))  # glorot
    params["b4"] = np.zeros((8,))
    params["W5"] = rng.uniform(-1, 1, (8, 8)) * np.sqrt(6 / (8 + 8))  # glorot
    params["b5"] = np.zeros((8,))
    params["W6"] = rng.uniform(-1, 1, (8, 2)) * np.sqrt(6 / (8 + 2))  # glorot
    params["b6"] = np.zeros((2,))
    return {name: value.astype(dtype) for name, value in params.items()}


def init_state(dtype=np.float64):
    """Return the state at the beginning: this network has none."""
    return {}


def forward(params, x, state=None):
    """Return the output for every row of x."""
    W1, b1, W2, b2, W3, b3, W4, b4, W5, b5, W6, b6 = _parameters(params)
    x = _samples(x, W1.dtype)
    s1 = x @ W1 + b1                                          # (1)
    o1 = np.tanh(s1)                                          # (1)
    s2 = o1 @ W2 + b2                                         # (2)
    o2 = np.tanh(s2)                                          # (2)
    s3 = o2 @ W3 + b3                                         # (2)
    o3 = np.tanh(s3)                                          # (2)
    s4 = o3 @ W4 + b4                                         # (2)
    o4 = np.tanh(s4)                                          # (2)
    s5 = o4 @ W5 + b5                                         # (2)
    o5 = np.tanh(s5)                                          # (2)
    s6 = o5 @ W6 + b6                                         # (3)
    o6 = np.tanh(s6)                                          # (3)
    return o6


def loss(params, x, y, *, masks=None):
    """Return the loss of a batch."""
    W1, b1, W2, b2, W3, b3, W4, b4, W5, b5, W6, b6 = _parameters(params)
    x = _samples(x, W1.dtype)
    _no_masks(masks)
    y = _targets(y, len(x), W1.dtype)
    n = len(x)
    s1 = x @ W1 + b1                                          # (1)
    o1 = np.tanh(s1)                                          # (1)
    s2 = o1 @ W2 + b2                                         # (2)
    o2 = np.tanh(s2)                                          # (2)
    s3 = o2 @ W3 + b3                                         # (2)
    o3 = np.tanh(s3)                                          # (2)
    s4 = o3 @ W4 + b4                                         # (2)
    o4 = np.tanh(s4)                                          # (2)
    s5 = o4 @ W5 + b5                                         # (2)
    o5 = np.tanh(s5)                                          # (2)
    s6 = o5 @ W6 + b6                                         # (3)
    o6 = np.tanh(s6)                                          # (3)
    L = 0.5 * ((o6 - y)**2).sum(axis=1)                       # (4)
    return float(L.sum() / n)


def loss_and_gradients(params, x, y, *, masks=None):
    """Return the loss of a batch and its gradient with respect to every parameter."""
    W1, b1, W2, b2, W3, b3, W4, b4, W5, b5, W6, b6 = _parameters(params)
    x = _samples(x, W1.dtype)
    _no_masks(masks)
    y = _targets(y, len(x), W1.dtype)
    n = len(x)
    s1 = x @ W1 + b1                                          # (1)
    o1 = np.tanh(s1)                                          # (1)
    s2 = o1 @ W2 + b2                                         # (2)
    o2 = np.tanh(s2)                                          # (2)
    s3 = o2 @ W3 + b3                                         # (2)
    o3 = np.tanh(s3)                                          # (2)
    s4 = o3 @ W4 + b4                                         # (2)
    o4 = np.tanh(s4)                                          # (2)
    s5 = o4 @ W5 + b5                                         # (2)
    o5 = np.tanh(s5)                                          # (2)
    s6 = o5 @ W6 + b6                                         # (3)
    o6 = np.tanh(s6)                                          # (3)
    gap = o6 - y
    L = 0.5 * (gap**2).sum(axis=1)                            # (4)
    delta6 = gap * (1 - o6**2)                                # (10)
    delta5 = (delta6 @ W6.T) * (1 - o5**2)                    # (11)
    delta4 = (delta5 @ W5.T) * (1 - o4**2)                    # (11)
    delta3 = (delta4 @ W4.T) * (1 - o3**2)                    # (11)
    delta2 = (delta3 @ W3.T) * (1 - o2**2)                    # (11)
    delta1 = (delta2 @ W2.T) * (1 - o1**2)                    # (12)
    dW1 = (x.T @ delta1) / n                                  # (14)
    db1 = delta1.sum(axis=0) / n                              # (14)
    dW2 = (o1.T @ delta2) / n                                 # (15)
    db2 = delta2.sum(axis=0) / n                              # (15)
    dW3 = (o2.T @ delta3) / n                                 # (15)
    db3 = delta3.sum(axis=0) / n                              # (15)
    dW4 = (o3.T @ delta4) / n                                 # (15)
    db4 = delta4.sum(axis=0) / n                              # (15)
    dW5 = (o4.T @ delta5) / n                                 # (15)
    db5 = delta5.sum(axis=0) / n                              # (15)
    dW6 = (o5.T @ delta6) / n                                 # (16)
    db6 = delta6.sum(axis=0) / n                              # (16)
    value = float(L.sum() / n)
    return value, {
        "W1": dW1,
        "b1": db1,
        "W2": dW2,
        "b2": db2,
        "W3": dW3,
        "b3": db3,
        "W4": dW4,
        "b4": db4,
        "W5": dW5,
        "b5": db5,
        "W6": dW6,
        "b6": db6,
    }


def gradients(params, x, y, *, masks=None):
    """Return the gradient of the loss with respect to every parameter."""
    return loss_and_gradients(params, x, y, masks=masks)[1]


def trace(params, x, y, *, masks=None):
    """Return every named quantity of the equations above, sample by sample."""
    W1, b1, W2, b2, W3, b3, W4, b4, W5, b5, W6, b6 = _parameters(params)
    x = _samples(x, W1.dtype)
    _no_masks(masks)
    y = _targets(y, len(x), W1.dtype)
    s1 = x @ W1 + b1                                          # (1)
    o1 = np.tanh(s1)                                          # (1)
    s2 = o1 @ W2 + b2                                         # (2)
    o2 = np.tanh(s2)                                          # (2)
    s3 = o2 @ W3 + b3                                         # (2)
    o3 = np.tanh(s3)                                          # (2)
    s4 = o3 @ W4 + b4                                         # (2)
    o4 = np.tanh(s4)                                          # (2)
    s5 = o4 @ W5 + b5                                         # (2)
    o5 = np.tanh(s5)                                          # (2)
    s6 = o5 @ W6 + b6                                         # (3)
    o6 = np.tanh(s6)                                          # (3)
    gap = o6 - y
    L = 0.5 * (gap**2).sum(axis=1)                            # (4)
    delta6 = gap * (1 - o6**2)                                # (10)
    delta5 = (delta6 @ W6.T) * (1 - o5**2)                    # (11)
    delta4 = (delta5 @ W5.T) * (1 - o4**2)                    # (11)
    delta3 = (delta4 @ W4.T) * (1 - o3**2)                    # (11)
    delta2 = (delta3 @ W3.T) * (1 - o2**2)                    # (11)
    delta1 = (delta2 @ W2.T) * (1 - o1**2)                    # (12)
    return {
        "s1": s1,
        "o1": o1,
        "s2": s2,
        "o2": o2,
        "s3": s3,
        "o3": o3,
        "s4": s4,
        "o4": o4,
        "s5": s5,
        "o5": o5,
        "s6": s6,
        "o6": o6,
        "L": L,
        "delta6": delta6,
        "delta5": delta5,
        "delta4": delta4,
        "delta3": delta3,
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
        self._flat = np.zeros(387, self._dtype)
        self._views = _split(self._flat)
        for view, array in zip(self._views, arrays):
            view[...] = array
        # of each layer whose outputs have a bias next: a unit that is 1, whose slope is 0
        self._flat[44] = 80.0
        self._flat[125] = 80.0
        self._flat[206] = 80.0
        self._flat[287] = 80.0
        self._flat[368] = 80.0
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
        W1, b1, W2, b2, W3, b3, W4, b4, W5, b5, W6, b6 = self._views
        dW1, db1, dW2, db2, dW3, db3, dW4, db4, dW5, db5, dW6, db6 = _split(self._gradient)
        flat, gradient = self._flat, self._gradient
        W1b1 = flat[0:45].reshape(5, 9)
        dW1b1 = gradient[0:45].reshape(5, 9)
        x_1 = self._array("x_1", n, 5)
        x_1[:, 4] = 1
        x_0 = x_1[:, :4]
        W2b2 = flat[45:126].reshape(9, 9)
        dW2b2 = gradient[45:126].reshape(9, 9)
        W3b3 = flat[126:207].reshape(9, 9)
        dW3b3 = gradient[126:207].reshape(9, 9)
        W4b4 = flat[207:288].reshape(9, 9)
        dW4b4 = gradient[207:288].reshape(9, 9)
        W5b5 = flat[288:369].reshape(9, 9)
        dW5b5 = gradient[288:369].reshape(9, 9)
        W6b6 = flat[369:387].reshape(9, 2)
        dW6b6 = gradient[369:387].reshape(9, 2)
        together = self._array("together", n, 47)
        o6 = together.ravel()[n * 0 : n * 2].reshape(n, 2)
        o5 = together.ravel()[n * 2 : n * 11].reshape(n, 9)
        o4 = together.ravel()[n * 11 : n * 20].reshape(n, 9)
        o3 = together.ravel()[n * 20 : n * 29].reshape(n, 9)
        o2 = together.ravel()[n * 29 : n * 38].reshape(n, 9)
        o1 = together.ravel()[n * 38 : n * 47].reshape(n, 9)
        s1 = self._array("0", n, 9)
        s2 = self._array("0", n, 9)
        s3 = self._array("0", n, 9)
        s4 = self._array("0", n, 9)
        s5 = self._array("0", n, 9)
        s6 = self._array("5", n, 2)
        t1 = self._array("5", n, 2)
        t2 = self._array("7", n, 47)
        t3 = self._array("7", n, 47)
        t4 = self._array("5", n, 2)
        delta6 = self._array("5", n, 2)
        t5 = self._array("0", n, 9)
        delta5 = self._array("0", n, 9)
        t6 = self._array("13", n, 9)
        delta4 = self._array("13", n, 9)
        t7 = self._array("15", n, 9)
        delta3 = self._array("15", n, 9)
        t8 = self._array("17", n, 9)
        delta2 = self._array("17", n, 9)
        t9 = self._array("19", n, 9)
        delta1 = self._array("19", n, 9)
        x_1_dot = x_1.dot
        tanh = np.tanh
        o1_dot = o1.dot
        o2_dot = o2.dot
        o3_dot = o3.dot
        o4_dot = o4.dot
        o5_dot = o5.dot
        subtract = np.subtract
        t1_flat = t1.ravel()
        t1_flat_dot = t1_flat.dot
        number1 = np.array(1, dtype)
        multiply = np.multiply
        t3_o6 = t3.ravel()[n * 0 : n * 2].reshape(n, 2)
        t3_o5 = t3.ravel()[n * 2 : n * 11].reshape(n, 9)
        t3_o4 = t3.ravel()[n * 11 : n * 20].reshape(n, 9)
        t3_o3 = t3.ravel()[n * 20 : n * 29].reshape(n, 9)
        t3_o2 = t3.ravel()[n * 29 : n * 38].reshape(n, 9)
        t3_o1 = t3.ravel()[n * 38 : n * 47].reshape(n, 9)
        number2 = np.array(rate / n, dtype)
        W6b6_T = W6b6.T
        delta6_dot = delta6.dot
        W5b5_T = W5b5.T
        delta5_dot = delta5.dot
        W4b4_T = W4b4.T
        delta4_dot = delta4.dot
        W3b3_T = W3b3.T
        delta3_dot = delta3.dot
        W2b2_T = W2b2.T
        delta2_dot = delta2.dot
        x_1_T = x_1.T
        x_1_T_dot = x_1_T.dot
        o1_T = o1.T
        o1_T_dot = o1_T.dot
        o2_T = o2.T
        o2_T_dot = o2_T.dot
        o3_T = o3.T
        o3_T_dot = o3_T.dot
        o4_T = o4.T
        o4_T_dot = o4_T.dot
        o5_T = o5.T
        o5_T_dot = o5_T.dot

        def step(x, y, checked=False):
            fits = type(x) is type(y) is ndarray and x.dtype is y.dtype is dtype
            if not (fits and x.shape == x_shape and y.shape == y_shape or checked):
                return None
            x_0[...] = x
            x_1_dot(W1b1, s1)                                         # (1)
            tanh(s1, o1)                                              # (1)
            o1_dot(W2b2, s2)                                          # (2)
            tanh(s2, o2)                                              # (2)
            o2_dot(W3b3, s3)                                          # (2)
            tanh(s3, o3)                                              # (2)
            o3_dot(W4b4, s4)                                          # (2)
            tanh(s4, o4)                                              # (2)
            o4_dot(W5b5, s5)                                          # (2)
            tanh(s5, o5)                                              # (2)
            o5_dot(W6b6, s6)                                          # (3)
            tanh(s6, o6)                                              # (3)
            subtract(o6, y, t1)                                       # (4)
            sum1 = float(t1_flat_dot(t1_flat))
            loss = ((0.5 * sum1) / n)
            if loss - loss != 0:  # not finite: see whether the targets are to blame
                _targets(y, n, dtype)
            multiply(together, together, t2)
            subtract(number1, t2, t3)
            multiply(t1, t3_o6, t4)                                   # (10)
            multiply(t4, number2, delta6)
            delta6_dot(W6b6_T, t5)                                    # (11)
            multiply(t5, t3_o5, delta5)
            delta5_dot(W5b5_T, t6)                                    # (11)
            multiply(t6, t3_o4, delta4)
            delta4_dot(W4b4_T, t7)                                    # (11)
            multiply(t7, t3_o3, delta3)
            delta3_dot(W3b3_T, t8)                                    # (11)
            multiply(t8, t3_o2, delta2)
            delta2_dot(W2b2_T, t9)                                    # (12)
            multiply(t9, t3_o1, delta1)
            x_1_T_dot(delta1, dW1b1)                                  # (14)
            o1_T_dot(delta2, dW2b2)                                   # (15)
            o2_T_dot(delta3, dW3b3)                                   # (15)
            o3_T_dot(delta4, dW4b4)                                   # (15)
            o4_T_dot(delta5, dW5b5)                                   # (15)
            o5_T_dot(delta6, dW6b6)                                   # (16)
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
    W1b1 = flat[0:45].reshape(5, 9)
    W2b2 = flat[45:126].reshape(9, 9)
    W3b3 = flat[126:207].reshape(9, 9)
    W4b4 = flat[207:288].reshape(9, 9)
    W5b5 = flat[288:369].reshape(9, 9)
    W6b6 = flat[369:387].reshape(9, 2)
    return [
        W1b1[:4, :8],
        W1b1[4, :8],
        W2b2[:8, :8],
        W2b2[8, :8],
        W3b3[:8, :8],
        W3b3[8, :8],
        W4b4[:8, :8],
        W4b4[8, :8],
        W5b5[:8, :8],
        W5b5[8, :8],
        W6b6[:8],
        W6b6[8],
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
