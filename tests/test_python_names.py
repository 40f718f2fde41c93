"""What names of Python sheets stand for: as they are spelled, or as the other lines take them."""

from __future__ import annotations

from pathlib import Path

import pytest

from derive.marking.marker import mark
from derive.reading.latex_tokens import Refused
from derive.sheets.door import read_sheet
from derive.slips.diagnosis import Limit
from derive.spec import load
from tests.test_python_sheets import verdicts


def without_bias(inputs: int, hidden: int, activation: str, outputs: int, last: str) -> str:
    layer = "[[layers]]\nkind = 'dense'\nbias = false\n"
    return (
        f"name = 'plain'\ninput = {inputs}\nloss = 'half_squared_error'\n"
        f"{layer}units = {hidden}\nactivation = '{activation}'\n"
        f"{layer}units = {outputs}\nactivation = '{last}'\n"
    )


TINY = without_bias(3, 4, "sigmoid", 1, "sigmoid")
RELU = without_bias(3, 4, "relu", 2, "linear")
DEEP = "3 > 4 tanh > 5 tanh > 2 : half_squared_error"
TWO = "3 > 4 sigmoid > 2 sigmoid : half_squared_error"
CLASSES = "5 > 3 sigmoid > 4 softmax : cross_entropy"

#: Each line with its verdict: r right, d definition, W wrong.
SHEETS: dict[str, tuple[str, str]] = {
    "up the steps, with minus the slope and no rate": (
        TINY,
        """l1 = 1 / (1 + np.exp(-(np.dot(X, syn0))))  # r
l2 = 1 / (1 + np.exp(-(np.dot(l1, syn1))))  # r
l2_error = y - l2  # d
l2_delta = l2_error * (l2 * (1 - l2))  # r
l1_delta = l2_delta.dot(syn1.T) * (l1 * (1 - l1))  # r
syn1 += l1.T.dot(l2_delta)  # r
syn0 += X.T.dot(l1_delta)  # r
syn0 += l1.T.dot(l1_delta)  # W
""",
    ),
    "minus the slope under a name of the output": (
        TWO,
        """hidden = sigmoid(X @ W1 + b1)  # r
output = sigmoid(hidden @ W2 + b2)  # r
d_output = (y - output) * output * (1 - output)  # r
error_hidden = d_output @ W2.T  # d
d_hidden = error_hidden * hidden * (1 - hidden)  # r
W2 += lr * hidden.T @ d_output / len(X)  # r
b1 += lr * d_hidden.mean(axis=0)  # r
b1 += lr * (d_hidden * hidden).mean(axis=0)  # W
""",
    ),
    "a sign that nothing else asks for": (
        TWO,
        """delta2 = (y - y_hat) * y_hat * (1 - y_hat)  # W
dW2 = a1.T @ delta2 / n  # r
W2 -= lr * a1.T @ delta2 / n  # r
""",
    ),
    "h before the activation": (
        RELU,
        """h = x.dot(w1)  # r
h_relu = np.maximum(h, 0)  # d
y_pred = h_relu.dot(w2)  # r
grad_y_pred = (y_pred - y) / len(x)  # r
grad_h_relu = grad_y_pred.dot(w2.T)  # d
grad_h = grad_h_relu.copy()  # d
grad_h[h < 0] = 0  # r
grad_w1 = x.T.dot(grad_h)  # r
grad_w1 = x.T.dot(grad_h_relu)  # W
""",
    ),
    "an activation forgotten is no other name": (
        TWO,
        """h = X @ W1 + b1  # W
y_hat = sigmoid(h @ W2 + b2)  # r
dW2 = h.T @ ((y_hat - y) * y_hat * (1 - y_hat)) / n  # r
""",
    ),
    "a slope forgotten is no derivative by the activation": (
        TWO,
        "delta2 = (y_hat - y) * y_hat * (1 - y_hat)  # r\ndz1 = delta2 @ W2.T  # W\n",
    ),
    "no number for the layer before": (
        CLASSES,
        """h = sigmoid(x @ W1 + b1)  # r
p = softmax(h @ W2 + b2)  # r
dscores = (p - y) / len(x)  # r
dW2 = h.T @ dscores  # r
dh = dscores @ W2.T  # r
ds = dh * h * (1 - h)  # r
dW1 = x.T @ ds  # r
db1 = ds.sum(0)  # r
db1 = dh.sum(0)  # W
""",
    ),
    "layers counted from 0": (
        DEEP,
        """z0 = X @ W0 + b0  # r
a0 = np.tanh(z0)  # r
a1 = np.tanh(a0 @ W1 + b1)  # r
out = a1 @ W2 + b2  # r
dout = (out - y) / len(X)  # r
dW2 = a1.T @ dout  # r
dz1 = dout @ W2.T * (1 - a1**2)  # r
dW1 = a0.T @ dz1  # r
dW1 = a1.T @ dz1  # W
db0 = dz1.sum(axis=0)  # W
""",
    ),
    "lists with one array for each layer": (
        DEEP,
        """activations = [x]  # d
deltas[-1] = activations[-1] - y  # r
deltas[-2] = deltas[-1] @ weights[-1].T * (1 - activations[-2]**2)  # r
nabla_w[-1] = activations[-2].T @ deltas[-1] / n  # r
nabla_w[0] = x.T @ deltas[-3] / n  # r
nabla_w[1] = activations[-2].T @ deltas[-2] / n  # W
""",
    ),
    "one sample as a column": (
        TWO,
        """a1 = sigmoid(np.dot(w1, x) + b1)  # r
a2 = sigmoid(np.dot(w2, a1) + b2)  # r
delta = self.cost_derivative(a2, y) * sigmoid_prime(np.dot(w2, a1) + b2)  # r
nabla_w2 = np.dot(delta, a1.transpose())  # r
delta1 = np.dot(w2.transpose(), delta) * a1 * (1 - a1)  # r
nabla_w1 = np.dot(delta1, x.T)  # r
nabla_w1 = np.dot(delta1, a1.T)  # W
""",
    ),
    "the weights of one unit are a vector": (
        "4 > 1 tanh : squared_error",
        """a = np.tanh(np.dot(w, x) + b)  # r
dz = 2 * (a - y) * (1 - a**2)  # r
dw = dz * x  # r
w = w - lr * dw  # r
dw = (a - y) * x  # W
""",
    ),
    "matrices of SymPy": (
        RELU,
        """Eq(y_hat, W2 * a1)  # r
Eq(delta2, y_hat - y)  # r
Eq(dW2, delta2 * a1.T)  # r
Eq(da1, W2.T * delta2)  # r
Eq(dW2, a1 * delta2.T)  # W
Eq(da1, W2 * delta2)  # W
""",
    ),
    "sums of SymPy with numbers": (
        DEEP,
        """Eq(z1[j], Sum(W1[i, j]*x[i], (i, 1, 3)) + b1[j])  # r
Eq(z2[j], Sum(W2[i, j]*a1[i], (i, 0, 3)) + b2[j])  # r
Eq(z2[j], Sum(W2[i, j]*a1[i], (i, 0, 2)) + b2[j])  # W
Eq(dW1[i, j], x[i]*delta1[j])  # r
Eq(dW1[i, j], x[j]*delta1[i])  # W
""",
    ),
    "a regulariser by a letter": (
        "name = 'reg'\ninput = 2\nloss = 'half_squared_error'\nweight_decay = 0.01\n"
        "layers = ['dense 2 tanh']\n",
        """delta = (y_hat - y) * (1 - y_hat**2)  # r
dW = X.T @ delta / n + lam * W  # r
dW = X.T @ delta / n - lam * W  # W
db = delta.mean(0) + lam * b  # W
""",
    ),
    "functions of the sheet's own": (
        TWO,
        """sigmoid_slope = lambda a: a * (1 - a)  # d
act = lambda z: 1 / (1 + np.exp(-z))  # d
a1 = act(X @ W1 + b1)  # r
delta2 = (y_hat - y) * sigmoid_slope(y_hat)  # r
delta1 = delta2 @ W2.T * sigmoid_slope(X @ W1 + b1)  # W
""",
    ),
    "names that a line binds inside": (
        TWO,
        """(h := sigmoid(x @ W1 + b1))  # r
dW2 = h.T @ (delta2 := (y_hat - y) * y_hat * (1 - y_hat)) / len(x)  # rr
db2 = (delta2 := y_hat - y).mean(axis=0)  # WW
""",
    ),
    "a second name for a sum": (
        "2 > 3 silu > 1 : half_squared_error",
        """z1 = X @ W1 + b1  # r
s1 = sigmoid(z1)  # d
a1 = z1 * s1  # r
delta1 = (y_hat - y) @ W2.T * (s1 + a1 * (1 - s1))  # r
delta1 = (y_hat - y) @ W2.T * (s1 + a1 * s1)  # W
""",
    ),
    "sizes and shapes": (
        "4 > 3 softmax : cross_entropy",
        """N, D = X.shape  # rd
C = W.shape[1]  # d
dX = (y_hat - y) @ W.T / N  # r
dX = (y_hat - y) @ W / N  # W
""",
    ),
}


@pytest.mark.parametrize("name", SHEETS)
def test_names_as_people_give_them(name: str) -> None:
    spec, text = SHEETS[name]
    rows = [line.rpartition("  # ") for line in text.splitlines()]
    made = verdicts(spec, "\n".join(code for code, _, _ in rows))
    assert made == "".join(told for _, _, told in rows)


CALLS = """a1 = np.log1p(np.exp(x @ W1 + b1))  # r
p = counts * counts_sum**-1  # r
loss = -np.log(p[range(N), y]).mean()  # r
loss = -np.log(p[range(N), y] + 1e-9).sum() / N  # r
loss = np.log(p[range(N), y]).mean()  # W
delta1 = np.einsum('nk,jk,nj->nj', p - y, W2, sigmoid(z1))  # r
delta1 = (p - y).mm(W2.t()).mul(sigmoid(z1))  # U
delta1 = (p - y).mm(W2.t()) * sigmoid(z1)  # r
delta1 = (p - y).mm(W2.t()) * (z1 > 0).astype(int)  # W
z1 = np.maximum(x @ W1 + b1, np.minimum(x @ W1 + b1, -9e9))  # r
z1 = np.clip(x @ W1 + b1, -0.1, 0.1)  # W
"""
SOFTMAX = """logits = a1 @ W2 + b2
counts = (logits - logits.max(1, keepdim=True).values).exp()
counts_sum = counts.sum(1, keepdims=True)
"""


def test_functions_of_arrays() -> None:
    rows = [line.rpartition("  # ") for line in CALLS.splitlines()]
    text = SOFTMAX + "\n".join(code for code, _, _ in rows)
    told = "".join(told for _, _, told in rows)
    assert verdicts("3 > 4 softplus > 3 softmax : cross_entropy", text) == "rdd" + told


NEURON = """x1, w1, b = symbols("x1 w1 b")
n = x1 * w1 + b
o = tanh(n)
assert diff(n, x1) == w1
assert simplify(diff(o, w1) - (1 - o**2) * x1) == 0
assert simplify(diff(o, b) - (1 - o)) == 0
assert diff(tanh(b), b, 2) == -2 * tanh(b) * (1 - tanh(b)**2)
assert diff(tanh(b), b, 2) == 2 * tanh(b) * (1 - tanh(b)**2)
"""


def test_without_a_network_names_with_numbers_are_numbers_too() -> None:
    assert verdicts(None, NEURON) == "ddrrWrW"


HOSTILE = (
    "sigmoid = lambda z: (lambda: mkdir('pwned'))()\na1 = sigmoid(z1)",
    "a1 = [mkdir('pwned') for _ in x]\nz1 = sum(mkdir('pwned') for _ in x)",
    "z1 = f\"{mkdir('pwned')}\"\nz1 = x[mkdir('pwned')]\nz1 = np.dot(*[mkdir('pwned')])",
    "f = lambda z=mkdir('pwned'): z\nz1 = f(x)\nw = lambda z: z(z)\nz1 = w(w)",
    "f = lambda z: z * z\nz1 = " + "f(" * 50 + "x" + ")" * 50,
    "q = lambda z: z\n"
    + "".join(f"q{k} = lambda z: q{k and k - 1}(z) * q{k and k - 1}(z)\n" for k in range(30))
    + "z1 = q29(x)",
    "z1 = " + "np.maximum(x @ W1, " * 12 + "0" + ")" * 12,
    "z1 = " + "np.where(x @ W1 > 0, 1, " * 20 + "0" + ")" * 20,
    "z1 = x * 10**10**10\nweights[10**9] = x\nweights[99] = x @ weights[-99]",
)


@pytest.mark.parametrize("text", HOSTILE)
def test_nothing_of_a_sheet_is_run(
    text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nor does it cost much, and none of it is right."""
    monkeypatch.chdir(tmp_path)
    for call in ("os.mkdir", "mkdir"):
        with_call = f"from os import mkdir\n{text.replace('mkdir', call)}\n"
        try:
            made = mark(
                read_sheet(with_call, "hand.py", "py"),
                load("2 > 3 tanh > 1 : squared_error"),
                limit=Limit(1, 1.0),
            )
        except Refused:
            continue
        assert not made.count("RIGHT", "RIGHT_IF", "RIGHT_UNDER")
        if call not in text and "mkdir" not in text:
            break
    assert not list(tmp_path.iterdir())


def test_corrections_name_what_the_sheet_has() -> None:
    """The number of samples as the line writes it, or by the input; the whole of a statement."""
    text = (
        "delta2 = y_hat - y\ndW2 = a1.T @ delta2\ndW1 = X @ delta1 / X.shape[0]\n"
        "delta1 = (delta2\n          @ W2.T * (1 + a1**2))\n"
    )
    made = mark(read_sheet(text, "hand.py", "py"), load("3 > 4 tanh > 2 : half_squared_error"))
    assert [m.corrected for m in made.marks if m.verdict == "WRONG"] == [
        "dW2 = 1 / len(X) * a1.T @ delta2",
        "dW1 = X.T @ delta1 / X.shape[0]",
        "delta1 = (delta2 @ W2.T * (1 - a1**2))",
    ]
