"""The referee on layers with windows, statistics, masks and branches: every slip must be caught."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from codegen.report import COMPLEX, CONTRACT, DIGITS, GENERIC, Report
from codegen.verify import verify
from tests.contract_layers import SAMPLES

EACH = (GENERIC, COMPLEX, DIGITS)
SEEN = (GENERIC,)


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


MUTANTS = [
    Mutant(
        "kernel flipped where it should not be",
        "sequence",
        "delta2, W2[:, :, u])",
        "delta2, W2[:, :, 2 - u])",
    ),
    Mutant(
        "kernel not flipped", "sequence", "2 * u : 2 * u + 5] += ", "4 - 2 * u : 9 - 2 * u] += "
    ),
    Mutant("overlap not added", "sequence", "2 * u + 5] += ", "2 * u + 5] = "),
    Mutant("dilation ignored", "sequence", "do1[:, :, 2 * u : 2 * u + 5]", "do1[:, :, u : u + 5]"),
    Mutant(
        "dilation ignored in dW",
        "sequence",
        "reads = [wide[:, :, 2 * u : 2 * u + 5]",
        "reads = [wide[:, :, u : u + 5]",
    ),
    Mutant(
        "stride ignored",
        "sequence",
        "delta1, edged[:, :, u : u + 9 : 2]",
        "delta1, edged[:, :, u : u + 5]",
    ),
    Mutant(
        "stride ignored along one axis",
        "pictures",
        "seen = edged[:, :, u : u + 5 : 2,",
        "seen = edged[:, :, u : u + 3,",
    ),
    Mutant("padding off by one", "sequence", "do1[:, :, 2:-2]", "do1[:, :, 1:-3]"),
    Mutant(
        "padding at one end", "pictures", "(1, 1), (1, 1)))", "(1, 1), (0, 2)))", (GENERIC, DIGITS)
    ),
    Mutant(
        "bias gradient of one position",
        "sequence",
        "delta1.sum(axis=(0, 2))",
        "delta1[:, :, 0].sum(axis=0)",
    ),
    Mutant(
        "weights shared by one position only",
        "sequence",
        "delta2, read)",
        "delta2[:, :, :1], read[:, :, :1])",
    ),
    Mutant(
        "maximum: the last at a tie",
        "pictures",
        "windows.argmax(axis=0)",
        "3 - windows[::-1].argmax(axis=0)",
        SEEN,
    ),
    Mutant(
        "maximum: every entry at a tie",
        "pictures",
        "np.where(first == k, dg1, 0)",
        "np.where(windows[k] == g1, dg1, 0)",
        SEEN,
    ),
    Mutant("relu: slope 1 at 0", "pictures", "do1 * (s1 > 0)", "do1 * (s1 >= 0)", SEEN),
    Mutant("relu: slope lost", "pictures", "do1 * (s1 > 0)", "do1"),
    Mutant("maximum: the slope to all", "pictures", "np.where(first == k, dg1, 0)", "dg1 / 4"),
    Mutant("maximum: overlap not added", "pictures", "v : v + 4] += np", "v : v + 4] = np"),
    Mutant(
        "mean: the divisor lost for one entry",
        "sequence",
        "padded[:, :, 1:] += dg2 / 2",
        "padded[:, :, 1:] += dg2",
    ),
    Mutant(
        "mean: the divisor lost",
        "sequence",
        "padded[:, :, :6] += dg2 / 2",
        "padded[:, :, :6] += dg2",
    ),
    Mutant(
        "layer norm: mean term lost",
        "sequence",
        "dh5 - dh5.mean(axis=1, keepdims=True) - h5",
        "dh5 - h5",
    ),
    Mutant("layer norm: variance term lost", "sequence", " - h5 * along)", ")"),
    Mutant("layer norm: r lost", "sequence", "delta4 = r5[:, None] *", "delta4 ="),
    Mutant(
        "layer norm: mean over the samples",
        "sequence",
        "along = (dh5 * h5).mean(axis=1,",
        "along = (dh5 * h5).mean(axis=0,",
    ),
    Mutant("layer norm: gain lost", "sequence", "dh5 = gamma5 * delta5", "dh5 = delta5"),
    Mutant(
        "layer norm: statistics taken as constants",
        "sequence",
        "(dh5 - dh5.mean(axis=1, keepdims=True) - h5 * along)",
        "dh5",
    ),
    Mutant(
        "unbiased variance in the norm",
        "sequence",
        "** 2).mean(axis=1)",
        "** 2).sum(axis=1) / 3",
        (GENERIC, DIGITS),
    ),
    Mutant("eps outside the root", "sequence", "np.sqrt(v5 + 1e-5)", "(np.sqrt(v5) + 1e-5)", SEEN),
    Mutant(
        "eps of 1e-3", "pictures", "np.sqrt(v2 + 1e-5)", "np.sqrt(v2 + 1e-3)", (GENERIC, DIGITS)
    ),
    Mutant(
        "batch norm: mean term lost",
        "pictures",
        "dh2 - dh2.mean(axis=axes, keepdims=True) - h2",
        "dh2 - h2",
    ),
    Mutant("batch norm: variance term lost", "pictures", " - h2 * along)", ")"),
    Mutant(
        "batch norm: mean over the samples only",
        "pictures",
        "along = (dh2 * h2).mean(axis=axes,",
        "along = (dh2 * h2).mean(axis=0,",
    ),
    Mutant(
        "batch norm: statistics of the batch outside training",
        "pictures",
        'if state is None else state["mean2"]',
        "",
        SEEN,
    ),
    Mutant("running variance biased", "pictures", "count / (count - 1)", "1", SEEN),
    Mutant(
        "running variance over the samples only",
        "pictures",
        "count = samples * 8",
        "count = samples",
        SEEN,
    ),
    Mutant(
        "running mean: momentum the other way round",
        "pictures",
        '0.9 * old["mean2"] + 0.1 *',
        '0.1 * old["mean2"] + 0.9 *',
        SEEN,
    ),
    Mutant(
        "running averages start at 0", "pictures", "np.ones(3, dtype)}", "np.zeros(3, dtype)}", ()
    ),
    Mutant("mask not applied in the backward pass", "pictures", "df2 = mask * (", "df2 = ("),
    Mutant(
        "mask not applied in the forward pass",
        "pictures",
        "d2 = mask * f2",
        "d2 = f2",
        (GENERIC, DIGITS),
    ),
    Mutant("mask not applied in a weight gradient", "pictures", "d2.T @ delta3", "f2.T @ delta3"),
    Mutant("mask without scale", "pictures", ">= 0.25) / 0.75)", ">= 0.25) * 1.0)", (CONTRACT,)),
    Mutant("residual path lost", "sequence", "do3 = du5 + delta4 @ W4.T", "do3 = delta4 @ W4.T"),
    Mutant("residual branch lost", "sequence", "do3 = du5 + delta4 @ W4.T", "do3 = du5"),
    Mutant("residual: slope on one path only", "sequence", "do3 = du5 +", "do3 = delta6 @ W6.T +"),
    Mutant(
        "residual: input added twice",
        "sequence",
        "u5 = o3 + s5",
        "u5 = 2 * o3 + s5",
        (GENERIC, DIGITS),
    ),
    Mutant(
        "decay of a gain",
        "pictures",
        '"gamma2": (delta2 * h2).sum(axis=axes) / n',
        '"gamma2": (delta2 * h2).sum(axis=axes) / n + 0.01 * gamma2',
    ),
    Mutant("no decay of a kernel", "pictures", "dW1 / n + 0.01 * W1", "dW1 / n"),
    Mutant(
        "flatten in another order",
        "pictures",
        "df2.reshape(s2.shape)",
        "df2.reshape(-1, 4, 2, 3).transpose(0, 3, 2, 1)",
    ),
    Mutant(
        "input channels swapped",
        "sequence",
        '"ncp,nkp->ck", delta1, edged[:, :, u',
        '"ncp,nkp->ck", delta1, edged[:, ::-1, u',
    ),
]


def objecting(report: Report) -> set[str]:
    """The referees that found something wrong."""
    return {row.referee for row in report.failures}


@pytest.mark.parametrize("name", SAMPLES)
def test_right_modules_pass(name: str) -> None:
    for seed in range(5):
        report = verify(SAMPLES[name].network, SAMPLES[name].source, seed=seed)
        assert report.ok, report.table()


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda m: m.slip)
def test_every_slip_is_caught(mutant: Mutant) -> None:
    report = verify(SAMPLES[mutant.sample].network, mutant.source)
    assert not report.ok, f"{mutant.slip} went unseen\n{report.table()}"
    missing = set(mutant.seen_by) - objecting(report)
    assert not missing, f"{mutant.slip}: not seen by {missing}\n{report.table()}"


def test_enough_different_mutants() -> None:
    assert len({mutant.source for mutant in MUTANTS}) == len(MUTANTS) >= 40
