"""The referee is proved by what it refuses: every gradient with one slip in it must be caught.

A mutant is the text of a hand-written module with one edit.  A gross slip must be seen by each of
the referees alone; a slip in the last digits at least by those that look at single entries.
"""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from codegen.report import COMPLEX, DIGITS, GENERIC, Report
from codegen.verify import verify
from tests.contract_modules import SAMPLES

EACH = (GENERIC, COMPLEX, DIGITS)
ENTRIES = (GENERIC, COMPLEX)


@dataclass(frozen=True)
class Mutant:
    """One slip; `seen_by` must each object to it."""

    slip: str
    sample: str
    old: str
    new: str
    seen_by: tuple[str, ...] = EACH

    @property
    def source(self) -> str:
        """The module with the slip."""
        text = SAMPLES[self.sample].source
        assert text.count(self.old) == 1, f"{self.slip}: the edit is not unique"
        return text.replace(self.old, self.new)


RETURN = "    return value, slopes, o3, {"


def entry(factor: str, when: str = "True") -> str:
    """Scale one entry of the gradient of the last weights."""
    return f'    if {when}:\n        slopes["W3"][1, 2] *= 1 + {factor}\n{RETURN}'


MUTANTS = [
    Mutant("sign of a weight gradient", "classifier", "x.T @ delta1 / n", "-x.T @ delta1 / n"),
    Mutant("sign of delta", "classifier", "delta3 = o3 - y", "delta3 = y - o3"),
    Mutant("sign of a bias gradient", "xor", "delta1.sum(axis=0) / n", "-delta1.sum(axis=0) / n"),
    Mutant("factor 1/2", "regression", "delta3 = 2 * (s3 - y)", "delta3 = s3 - y"),
    Mutant("factor 2 extra", "xor", "delta2 = o2 - y", "delta2 = 2 * (o2 - y)"),
    Mutant("1/n missing", "classifier", "o1.T @ delta2 / n", "o1.T @ delta2"),
    Mutant("1/n missing in a bias", "xor", "delta2.sum(axis=0) / n", "delta2.sum(axis=0)"),
    Mutant("1/n twice", "classifier", "o2.T @ delta3 / n", "o2.T @ delta3 / n / n"),
    Mutant("1/t for 1/n", "classifier", "delta3.sum(axis=0) / n", "delta3.sum(axis=0) / len(b3)"),
    Mutant("mean for sum", "regression", '"W1": x.T @ delta1', '"W1": x.T @ delta1 / len(x)'),
    Mutant("sum for mean", "xor", "x.T @ delta1 / n", "x.T @ delta1"),
    Mutant("gradient transposed", "classifier", "o1.T @ delta2 / n", "delta2.T @ o1 / n"),
    Mutant("weights not transposed", "classifier", "(delta2 @ W2.T)", "(delta2 @ W2)"),
    Mutant("bias gradient lost", "classifier", "delta2.sum(axis=0) / n", "0 * b2"),
    Mutant("bias: one sample only", "classifier", "delta1.sum(axis=0) / n", "delta1[0] / n"),
    Mutant("s for o in a weight gradient", "classifier", "o2.T @ delta3", "s2.T @ delta3"),
    Mutant("s for o in a slope", "classifier", "(1 - o1 * o1)", "(1 - s1 * s1)"),
    Mutant("slope of the wrong layer", "classifier", "(1 - o1 * o1)", "(1 - o2 * o2)"),
    Mutant("slope of another function", "classifier", "(1 - o2 * o2)", "(1 - o2) * o2"),
    Mutant("slope lost", "classifier", "(delta2 @ W2.T) * (1 - o1 * o1)", "delta2 @ W2.T"),
    Mutant("slope twice", "xor", "o1 * (1 - o1)", "(o1 * (1 - o1)) ** 2"),
    Mutant("slope at the output kept", "xor", "= o2 - y", "= (o2 - y) * o2 * (1 - o2)"),
    Mutant("delta of the wrong layer", "classifier", "x.T @ delta1 / n", "x.T @ delta2 / n"),
    Mutant("weights of the wrong layer", "classifier", "(delta2 @ W2.T)", "(delta2 @ W3.T)"),
    Mutant("input of the wrong layer", "classifier", "o2.T @ delta3", "o1.T @ delta3"),
    Mutant(
        "softmax: the diagonal of the Jacobian only",
        "regression",
        "o2 * (back - (back * o2).sum(axis=1, keepdims=True))",
        "back * o2 * (1 - o2)",
    ),
    Mutant(
        "softmax: sum over the samples",
        "regression",
        "(back * o2).sum(axis=1, keepdims=True))",
        "(back * o2).sum(axis=0, keepdims=True))",
    ),
    Mutant("threshold with the sign of a bias", "regression", "-delta1.sum(", "delta1.sum("),
    Mutant(
        "kink: slope of the other side", "regression", "np.where(s1 > 0, 1, 0.2)", "0.2 + 0 * s1"
    ),
    Mutant("kink: slope by the wrong quantity", "regression", "s1 > 0, 1,", "s2 > 0, 1,"),
    Mutant("kink: slope of its first sample", "regression", "s1 > 0, 1,", "s1[:1] > 0, 1,"),
    Mutant("leak of 1/100", "regression", "s1 > 0, 1, 0.2", "s1 > 0, 1, 0.01"),
    Mutant(
        "kink: stale mask", "regression", "where(s1 > 0, 1,", "where(x @ W1 > 0, 1,", (GENERIC,)
    ),
    Mutant("weight decay missing", "classifier", "delta1 / n + 0.01 * W1", "delta1 / n"),
    Mutant("weight decay doubled", "classifier", "n + 0.01 * W2", "n + 0.02 * W2"),
    Mutant("weight decay by n", "classifier", "n + 0.01 * W1", "n + 0.01 * W1 / n"),
    Mutant(
        "weight decay on a bias",
        "classifier",
        '"b2": delta2.sum(axis=0) / n',
        '"b2": delta2.sum(axis=0) / n + 0.01 * b2',
    ),
    Mutant("last row lost", "classifier", "x.T @ delta1 / n", "x[:-1].T @ delta1[:-1] / n"),
    Mutant("rows off by one", "classifier", "o1.T @ delta2", "o1.T @ np.roll(delta2, 1, axis=0)"),
    Mutant("n - 1 for n", "xor", "o1.T @ delta2 / n", "o1.T @ delta2 / max(n - 1, 1)"),
    Mutant("targets of the next sample", "classifier", "= o3 - y", "= o3 - np.roll(y, 1, axis=0)"),
    Mutant("outputs in another order", "classifier", "o2.T @ delta3 /", "o2.T @ delta3[:, ::-1] /"),
    Mutant("relative 1e-8 in all", "classifier", "= o3 - y", "= (o3 - y) * (1 + 1e-8)", ENTRIES),
    Mutant("relative 1e-8 in one entry", "classifier", RETURN, entry("1e-8"), ENTRIES),
    Mutant("relative 1e-11 in one entry", "classifier", RETURN, entry("1e-11"), ENTRIES),
    Mutant(
        "relative 1e-3 in one entry of float32",
        "classifier",
        RETURN,
        entry("1e-3", "x.dtype == np.float32"),
        ENTRIES,
    ),
    Mutant(
        "computed in float16 in between",
        "xor",
        "delta2 = o2 - y",
        "delta2 = (o2 - y).astype(np.float16).astype(x.dtype)",
        ENTRIES,
    ),
    Mutant(
        "computed in float32 in between",
        "xor",
        "delta2 = o2 - y",
        "delta2 = (o2 - y).astype(np.float32).astype(x.dtype)",
        ENTRIES,
    ),
    Mutant(
        "central difference of step 1e-6 for the slope of tanh",
        "classifier",
        "(1 - o1 * o1)",
        "((np.tanh(s1 + 1e-6) - np.tanh(s1 - 1e-6)) / 2e-6)",
        ENTRIES,
    ),
]

OWN_COPY = "self.now = {name: value.copy()"

#: Slips outside the gradients: in the loss, in a named quantity, in training, in the contract.
OTHERS = [
    Mutant("loss without its decay", "classifier", "/ n + decay", "/ n", (GENERIC, DIGITS)),
    Mutant("loss: sum for mean", "xor", ".sum() / n\n", ".sum()\n", (GENERIC, DIGITS)),
    Mutant("forward without bias", "xor", "o1 @ W2 + b2", "o1 @ W2", (GENERIC, DIGITS)),
    Mutant("delta with 1/n in the trace", "xor", '"delta2": delta2', '"delta2": delta2 / n', ()),
    Mutant("a quantity missing in the trace", "xor", '"o1": o1, ', "", ()),
    Mutant("ascent", "xor", "- self.rate * slope", "+ self.rate * slope", ()),
    Mutant("momentum forgotten", "regression", "= self.momentum * self", "= 0 * self", ()),
    Mutant(
        "mean over the full batch in a shorter one",
        "classifier",
        "- self.rate * slope",
        "- self.rate * slope * len(x) / self.batch_size",
        (),
    ),
    Mutant("loss after the step", "xor", "return value\n", "return loss(self.now, x, y)\n", ()),
    Mutant("the caller's parameters trained", "xor", OWN_COPY, OWN_COPY.replace(".copy()", ""), ()),
    Mutant("shape of a parameter", "xor", "'W2': (2, 1)", "'W2': (1, 2)", ()),
    Mutant("shape of a gradient", "classifier", "delta3.sum(axis=0) / n", "delta3.sum() / n", ()),
    Mutant("stamp of another spec", "xor", 'SPEC_SHA256 = "', 'SPEC_SHA256 = "0', ()),
    Mutant("float64 whatever comes", "xor", 'dtype=params["W1"].dtype', "dtype=np.float64", ()),
    Mutant(
        "labels off by one", "classifier", "(TARGET_SHAPE[0])[y]", "(TARGET_SHAPE[0])[y - 1]", ()
    ),
    Mutant("a crash", "xor", "delta2 = o2 - y", "delta2 = o2 - z", ()),
]


def objecting(report: Report) -> set[str]:
    """The referees that found something wrong."""
    return {row.referee for row in report.failures}


@pytest.mark.parametrize("name", SAMPLES)
def test_right_modules_pass(name: str) -> None:
    for seed in range(5):
        report = verify(SAMPLES[name].network, SAMPLES[name].source, seed=seed)
        assert report.ok, report.table()


@pytest.mark.parametrize("mutant", [*MUTANTS, *OTHERS], ids=lambda m: m.slip)
def test_every_slip_is_caught(mutant: Mutant) -> None:
    report = verify(SAMPLES[mutant.sample].network, mutant.source)
    assert not report.ok, f"{mutant.slip} went unseen\n{report.table()}"
    missing = set(mutant.seen_by) - objecting(report)
    assert not missing, f"{mutant.slip}: not seen by {missing}\n{report.table()}"


def test_enough_different_mutants() -> None:
    assert len({mutant.source for mutant in MUTANTS}) == len(MUTANTS) >= 25
