"""Whole sheets in Python as people write them: what is right, what is wrong, what is not read."""

from __future__ import annotations

import pytest

from derive.marking.marker import mark
from derive.marking.verdicts import Marked
from derive.python_sheets.bindings import bound, own_names
from derive.sheets.door import read_sheet
from derive.slips.diagnosis import Limit
from derive.spec import load

TWO = "2 > 3 tanh > 1 sigmoid : binary_cross_entropy"
CLASSES = "4 > 5 relu > 3 softmax : cross_entropy"
REGRESSION = "3 > 4 tanh > 2 : half_squared_error"
LAYER = "3 > 2 sigmoid : squared_error"
FINE = ("RIGHT", "RIGHT_IF", "RIGHT_UNDER")


def marked(spec: str | None, text: str) -> Marked:
    network = None if spec is None else load(spec)
    return mark(read_sheet(text, "hand.py", "py"), network, limit=Limit(1, 1.0))  # verdicts alone


def verdicts(spec: str | None, text: str) -> str:
    """A letter for each claim: r right, d definition, W wrong, U unreadable, ? undecided."""
    letters = {
        "DEFINITION": "d",
        "WRONG": "W",
        "UNREADABLE": "U",
        "UNDECIDED": "?",
        "OUT_OF_SCOPE": "-",
    }
    return "".join(
        "r" if m.verdict in FINE else letters[m.verdict] for m in marked(spec, text).marks
    )


SCRIPT = """import numpy as np
np.random.seed(0)
W1, b1 = 0.1 * np.random.randn(2, 3), np.zeros(3)
W2 = np.random.randn(3, 1) / np.sqrt(3)
b2 = np.zeros((1, 1))
name = "xor"
grads = {}
lr = 0.1
hidden_size = 3
n = X.shape[0]
z1 = X @ W1 + b1
a1 = np.tanh(z1)
y_hat = 1 / (1 + np.exp(-(a1 @ W2 + b2)))
dz2 = (y_hat - y) / n
grads["W2"] = a1.T @ dz2
grads["b2"] = np.einsum("nj->j", dz2)
dz1 = dz2 @ W2.T * (1 - np.power(a1, 2))
grads["W1"], grads["b1"] = X.T @ dz1, dz1.sum(axis=0)
W1 -= lr * grads["W1"]
W2 = W2 - 0.05 * grads["W2"]
"""


def test_a_script_of_training() -> None:
    """What is only declared makes no claim; a number may stand for the learning rate."""
    assert verdicts(TWO, SCRIPT) == "dd" + 12 * "r"
    wrong = SCRIPT.replace("np.power(a1, 2)", "np.power(z1, 2)").replace("- 0.05", "+ 0.05")
    assert verdicts(TWO, wrong) == "ddrrrrrrrWrrrW"


CHANGED = """z1 = x @ W1 + b1
h = np.maximum(z1, 0)
scores = h @ W2 + b2
e = np.exp(scores - scores.max(axis=1, keepdims=True))
probs = e / e.sum(axis=1, keepdims=True)
dscores = probs.copy()
dscores[np.arange(N), y] -= 1
dscores /= N
dW2 = h.T @ dscores
dh = dscores @ W2.T
dh[h <= 0] = 0
dW1 = x.T @ dh
db1 = np.zeros_like(b1)
db1 += dh.sum(axis=0)
"""


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("", "", "rrrdrddrrdrrr"),
        ("/= N", "/= 2 * N", "rrrdrddWrdrrr"),
        ("h <= 0", "h > 0", "rrrdrddrrdWrr"),
        ("-= 1", "-= 2", "rrrdrdUUrdrrr"),
        ("e.sum(axis=1", "e.sum(axis=0", "rrrdWddrrdrrr"),
    ],
)
def test_values_that_change_in_place(old: str, new: str, expected: str) -> None:
    """Of a value on its way nothing is claimed; in the end it is what its name says."""
    assert verdicts(CLASSES, CHANGED.replace(old, new)) == expected


def test_a_step_on_the_way_is_what_it_was() -> None:
    text = "delta2 = y_hat - y\ndW2 = a1.T @ delta2\ndb2 = dW2\ndW2 /= n\ndb2 = delta2.mean(axis=0)"
    sheet = read_sheet(text, "hand.py", "py")
    told = [(dict(f.changes.before), f.changes.unfinished) for f in sheet.formulas]
    assert told[1] == ({}, ("dW2",))
    assert told[2] == ({"dW2": "a1.T @ delta2"}, ())
    assert dict(sheet.formulas[3].changes.after) == {"dW2": "a1.T @ delta2 / n"}
    assert verdicts(REGRESSION, text) == "rdWrr"


def test_names_of_ones_own_may_be_bound_anew() -> None:
    """Each line takes the value that a name has there."""
    text = "g = x.T @ delta / len(x)\ndW = g\ng = delta.mean(axis=0)\ndb = g\n"
    assert verdicts(LAYER, text) == "drdr"
    assert verdicts(LAYER, text.replace("db = g", "dW = g")) == "drdW"


def test_layers_without_a_number() -> None:
    text = """hidden = np.tanh(x @ params["W1"] + params["b1"])
out = hidden @ params["W2"] + params["b2"]
error = out - y
dhidden = error @ params["W2"].T * (1 - hidden ** 2)
self.W1 -= self.lr * x.T @ dhidden / len(x)
grads = {"W2": hidden.T @ error / len(x), "b2": error.sum(axis=0)}
"""
    assert verdicts(REGRESSION, text) == "rrdrrrW"
    assert verdicts(REGRESSION, text.replace("(1 - hidden ** 2)", "(1 - hidden)")) == "rrdWrrW"


TOLERANCES = [
    ("np.allclose(db, {}, atol=1e-8)", "rW"),
    ("np.allclose(db, {}, 1e-5, 1e-8)", "rW"),
    ("np.allclose(db, {}, atol=1e9)", "UU"),
    ("np.allclose(db, {}, 1e-5, 10)", "UU"),
    ("np.allclose(db, {}, rtol=tol)", "UU"),
    ("np.isclose(db, {}, rtol=0.5).all()", "UU"),
    ("math.isclose(db, {}, rel_tol=1)", "UU"),
    ("np.abs(db - {}).max() < 1e-6", "rW"),
    ("1e-6 > np.max(np.abs(db - {}))", "rW"),
    ("np.linalg.norm(db - {}) < 10 ** -6", "rW"),
    ("np.abs(db - {}).max() < 1e6", "UU"),
    ("np.max(db - {}) < 1e-6", "--"),
    ("abs(np.sum(db - {})) < 1e-6", "--"),
]


def test_an_equality_has_a_small_tolerance() -> None:
    """A comparison that would let everything pass is no equality."""
    sides = ("delta.mean(axis=0)", "delta.sum(axis=0)")
    text = "".join(f"assert {test.format(side)}\n" for test, _ in TOLERANCES for side in sides)
    found = verdicts(LAYER, text)
    pairs = [found[2 * k : 2 * k + 2] for k in range(len(TOLERANCES))]
    assert pairs == [expected for _, expected in TOLERANCES]


UNREAD = """z1[True] = x[0]
z1[0] = x[True + 1]
db1 = delta1.sum(axis=0, keepdims=2)
dW1 = np.transpose(x, (1, 0)) @ delta1
z1 = np.dot(x, W1, out)
z1 = (x @ W1).astype(int)
dW1 = np.einsum('ii,nj->ij', x, delta1)
dW1 = np.einsum('ni,nj', x, delta1)
db2 *= 2
n, d = y_hat
"""


def test_what_would_be_read_as_something_else_is_not_read() -> None:
    assert verdicts(REGRESSION, UNREAD) == "U" * UNREAD.count("\n")


SUMS = [
    ("o = sigmoid(x @ W + b)", True),
    ("delta = np.einsum('nj,nj->nj', 2 * (o - y), o * (1 - o))", True),
    ("dW = np.einsum('ni,nj->ij', x, delta) / len(x)", True),
    ("dW = np.einsum('ni,nj->ji', x, delta) / len(x)", False),
    ("dx = np.einsum('nj,ij->ni', delta, W)", True),
    ("db = np.einsum('nj->j', delta) / len(x)", True),
    ("db = np.einsum('nj->n', delta) / len(x)", False),
    ("loss = np.einsum('nj,nj->', o - y, o - y) / len(x)", True),
    ("loss = np.mean(np.einsum('nj->n', (o - y)**2))", True),
    ("loss = np.sum((o - y)**2) * 2 / y.size", True),
    ("loss = np.sum((o - y)**2) * 3 / y.size", False),
    ("W -= lr * x.T @ delta / len(x)", True),
    ("W -= lr * x.T @ delta", False),
]


def test_sums_in_other_words() -> None:
    expected = "".join("r" if right else "W" for _, right in SUMS)
    assert verdicts(LAYER, "\n".join(line for line, _ in SUMS)) == expected


def test_equations_of_sympy() -> None:
    text = """from sympy import *
s = symbols("s", real=True)
sigma = 1 / (1 + exp(-s))
assert simplify(diff(sigma, s) - sigma * (1 - sigma)) == 0
assert diff(s * sigma, s).equals(sigma + s * sigma * (1 - sigma))
assert diff(tanh(s), s).equals(1 - tanh(s))
"""
    assert verdicts(None, text) == "drrW"


NEURON = """w, b, x, y = symbols("w b x y")
z = w*x + b
a = 1/(1 + exp(-z))
L = -(y*log(a) + (1 - y)*log(1 - a))
dL_dw = simplify(diff(L, w))
assert simplify(dL_dw - (a - y)*x) == 0
assert simplify(diff(L, b) - (y - a)) == 0
Eq(diff(L, z), a - y)
"""


def test_a_neuron_without_a_network() -> None:
    """Every name is what the sheet assigns; by an expression nothing is differentiated."""
    assert verdicts(None, NEURON) == "ddddrWU"


CLASSIFIER = """logits = x.dot(W) + b
logits -= np.max(logits, axis=1, keepdims=True)
probs = np.exp(logits) / np.sum(np.exp(logits), axis=1, keepdims=True)
loss = -np.mean(np.sum(y * np.log(np.clip(probs, 1e-12, 1 - 1e-12)), axis=1))
dW = x.T.dot(probs - y) / len(x)
W += -epsilon * dW
W += epsilon * dW
loss = -np.mean(np.sum(y * np.log(np.clip(probs, 0.1, 0.9)), axis=1))
"""


def test_guards_of_numbers_change_nothing() -> None:
    """The largest number taken off, limits of a logarithm, a rate by any name."""
    assert verdicts("4 > 3 softmax : cross_entropy", CLASSIFIER) == "rdrrrrWU"


ABOVE = """a1 = np.tanh(x.dot(W1) + b1)
delta3 = sigmoid(a1.dot(W2) + b2) - y
dW2 = a1.T.dot(delta3) / len(x)
delta2 = delta3.dot(W2.T) * (1 - a1**2)
db2 = delta2.mean(axis=0)
self.b1 -= lr * delta2.mean(axis=0)
dW1 = self.input.T.dot(delta2) / len(x)
"""


def test_deltas_may_be_numbered_from_the_input() -> None:
    """Corrections keep to the numbers of the sheet."""
    assert verdicts(TWO, ABOVE) == "rrrrWrr"
    sheet = read_sheet(ABOVE.replace("a1.T.dot(delta3)", "a1.T.dot(y_hat)"), "hand.py", "py")
    wrong = [m for m in mark(sheet, load(TWO)).marks if m.verdict == "WRONG"]
    assert any("delta3" in m.corrected for m in wrong)
    assert not any("delta1" in m.corrected for m in wrong)


def test_a_loss_is_a_number() -> None:
    """Short names that are losses elsewhere stand for what the sheet assigns to them."""
    names = own_names(
        read_sheet("e = np.exp(z2)\nc = 1 - a1\nE = (o - y)**2\nj = loss", "h", "py").parts
    )
    assert set(names) == {"e", "c", "j"}


def test_what_names_stand_for_stays_small() -> None:
    text = "foo = x @ W\n" + "foo = foo * foo\n" * 40
    parts = bound(read_sheet(text, "hand.py", "py").parts)
    assert max(len(value) for f in parts for _, value in f.changes.before) < 3_001  # type: ignore[union-attr]
    assert set(verdicts(LAYER, text)) <= set("dU")
