"""Whole derivations: the forms that people know, and every member of every chain in numbers."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections import Counter
from itertools import product
from pathlib import Path
from typing import Any

import mpmath
import pytest
import sympy as sp

from derive.algebra.concrete import written_out
from derive.algebra.prove import SAMPLED
from derive.algebra.terms import (
    Add,
    Affine,
    Call,
    Compare,
    Const,
    Index,
    Mul,
    Num,
    Piecewise,
    Pow,
    Ref,
    Tensor,
    Term,
    free_indices,
    ordered,
)
from derive.derivation import Derivation, derive
from tests.brute import DIGITS, Brute, close
from tests.concrete_nets import ACTIVATIONS, SAMPLES, Net, assert_derivation

ALL = [*(a for a in ACTIVATIONS if a != "sin"), "softmax"]
LOSSES = [
    "squared_error",
    "half_squared_error",
    "mean_squared_error",
    "binary_cross_entropy",
    "cross_entropy",
    "huber",
]


@pytest.fixture(autouse=True)
def precise() -> Any:
    with mpmath.workdps(DIGITS):
        yield


def repeated(units: str, activation: str, **more: Any) -> dict[str, Any]:
    return {"kind": "dense", "units": units, "activation": activation, "repeat": "L", **more}


def dense(units: int | str, activation: str = "linear", **more: Any) -> dict[str, Any]:
    return {"kind": "dense", "units": units, "activation": activation, **more}


def spec(*layers: dict[str, Any], inputs: int | str = 2, **more: Any) -> dict[str, Any]:
    return {"name": "net", "input": inputs, "layers": list(layers), **more}


DEEP = {"d^(l-1)": 3, "d^(l)": 2, "d^(l+1)": 3, "d^(L-1)": 2, "d^(L)": 3, "d^(1)": 3, "d^(0)": 2}
ONE_KIND = {**DEEP, "m": 2}

# ------------------------------------------------------------------ every member, in numbers

NETS: dict[str, tuple[Any, Net]] = {
    "xor": (
        "2 > 2 sigmoid > 1 sigmoid : binary_cross_entropy",
        Net((2, 2, 1), ("sigmoid", "sigmoid"), "binary_cross_entropy"),
    ),
    "softmax and cross-entropy": (
        "2 > 3 tanh > 3 softmax : cross_entropy",
        Net((2, 3, 3), ("tanh", "softmax"), "cross_entropy", targets="unit"),
    ),
    "softmax and squared error": (
        "3 > 2 softplus > 3 softmax : squared_error",
        Net((3, 2, 3), ("softplus", "softmax"), "squared_error"),
    ),
    "softmax inside": (
        "2 > 3 softmax > 2 linear : half_squared_error",
        Net((2, 3, 2), ("softmax", "linear"), "half_squared_error"),
    ),
    "kinks": (
        "2 > 3 relu > 3 leaky_relu > 2 elu : mean_squared_error",
        Net((2, 3, 3, 2), ("relu", "leaky_relu", "elu"), "mean_squared_error"),
    ),
    "smooth ones": (
        "2 > 2 gelu > 2 silu > 2 mish > 2 softsign : squared_error",
        Net((2, 2, 2, 2, 2), ("gelu", "silu", "mish", "softsign"), "squared_error"),
    ),
    "huber on linear units": (
        "2 > 2 linear > 3 linear : huber",
        Net((2, 2, 3), ("linear", "linear"), "huber"),
    ),
    "thresholds, sum and decay": (
        spec(
            dense(3, "tanh", bias="threshold"),
            dense(2, "sigmoid", bias=False),
            loss="squared_error",
            reduction="sum",
            weight_decay=0.25,
        ),
        Net((2, 3, 2), ("tanh", "sigmoid"), "squared_error", (-1, 0), mean=False, decay=0.25),
    ),
    "gaussian": (
        spec(dense(2, "sigmoid"), dense(2), likelihood="gaussian"),
        Net((2, 2, 2), ("sigmoid", "linear"), "gaussian"),
    ),
    "bernoulli": (
        spec(dense(2, "sigmoid"), likelihood="bernoulli"),
        Net((2, 2), ("sigmoid",), "binary_cross_entropy"),
    ),
    "categorical": (
        spec(dense(3, "softmax"), likelihood="categorical"),
        Net((2, 3), ("softmax",), "cross_entropy", targets="unit"),
    ),
    "formulas": (
        spec(dense(3, "s*exp(-s**2)"), dense(2, "sin(s)/2"), loss="log(cosh(o - y))"),
        Net((2, 3, 2), ("phi", "psi"), "log_cosh"),
    ),
    "any depth, tanh": (
        spec(repeated("d", "tanh"), dense(2, "softmax"), loss="cross_entropy"),
        Net(
            (2, 3, 2, 3, 2),
            ("tanh", "tanh", "tanh", "softmax"),
            "cross_entropy",
            labels={"l": 2, "L": 3},
            sizes=DEEP,
            targets="unit",
        ),
    ),
    "any depth, thresholds": (
        spec(repeated("d", "sigmoid", bias="threshold"), inputs="m", loss="squared_error"),
        Net(
            (2, 3, 2, 3),
            ("sigmoid", "sigmoid", "sigmoid"),
            "squared_error",
            (-1, -1, -1),
            labels={"l": 2, "L": 3},
            sizes=ONE_KIND,
        ),
    ),
    "generic": (
        spec(repeated("d", "generic"), inputs="m", loss="generic"),
        Net(
            (2, 3, 2, 3),
            ("tanh", "sin", "sigmoid"),
            "generic",
            labels={"l": 2, "L": 3},
            sizes=ONE_KIND,
        ),
    ),
    "symbolic widths": (
        spec(dense("h", "tanh"), dense("t", "softmax"), inputs="m", loss="cross_entropy"),
        Net(
            (2, 3, 2),
            ("tanh", "softmax"),
            "cross_entropy",
            sizes={"m": 2, "h": 3, "t": 2},
            targets="unit",
        ),
    ),
}
PHIS = {"phi": lambda s: s * mpmath.exp(-(s**2)), "psi": lambda s: mpmath.sin(s) / 2}


@pytest.mark.parametrize("name", NETS)
def test_every_member_of_every_chain_in_numbers(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    source, net = NETS[name]
    for key, function in PHIS.items():
        monkeypatch.setitem(ACTIVATIONS, key, function)
    derivation = derive(source)
    assert assert_derivation(derivation, net) >= 40
    assert derivation.checks[SAMPLED] == 0


@pytest.mark.parametrize(
    "wrong",
    [
        Net((2, 2, 1), ("tanh", "sigmoid"), "binary_cross_entropy"),
        Net((2, 2, 1), ("sigmoid", "sigmoid"), "squared_error"),
        Net((2, 2, 1), ("sigmoid", "sigmoid"), "binary_cross_entropy", (-1, 1)),
        Net((2, 2, 1), ("sigmoid", "sigmoid"), "binary_cross_entropy", mean=False),
        Net((2, 2, 1), ("sigmoid", "sigmoid"), "binary_cross_entropy", decay=0.001),
    ],
    ids=["activation", "loss", "bias", "reduction", "decay"],
)
def test_the_oracle_sees_another_network(wrong: Net) -> None:
    with pytest.raises(AssertionError):
        assert_derivation(derive("2 > 2 sigmoid > 1 sigmoid : binary_cross_entropy"), wrong)


def test_the_fact_is_needed_where_it_is_cited() -> None:
    """With targets that do not sum to 1 exactly the step that cites the fact fails."""
    net = Net((2, 3), ("softmax",), "cross_entropy")
    with pytest.raises(AssertionError, match="a fact about the data"):
        assert_derivation(derive("2 > 3 softmax : cross_entropy"), net)


# ------------------------------------------------------------------ all built-in pairs


@pytest.fixture(scope="module")
def pairs() -> dict[tuple[str, str, str], Derivation]:
    """Every activation under every loss, with the three forms of bias in turn."""
    biases = ("added", "threshold", "absent")
    found = {}
    for k, (activation, loss) in enumerate(product(ALL, LOSSES)):
        bias = biases[k % 3]
        layers = (dense(3, activation, bias=bias), dense(3, activation, bias=biases[(k + 1) % 3]))
        found[activation, loss, bias] = derive(spec(*layers, loss=loss))
    for activation, bias in product(ALL, biases):
        made = derive(spec(dense(3, activation, bias=bias), loss="squared_error"))
        found[activation, "squared_error", f"{bias}, one layer"] = made
    return found


def test_every_step_of_every_pair_is_proved_or_tested(
    pairs: dict[tuple[str, str, str], Derivation],
) -> None:
    words: Counter[str] = Counter()
    for derivation in pairs.values():
        words.update(derivation.checks)
    assert words[SAMPLED] == 0
    assert sum(words.values()) > 3000
    assert {(a, loss) for a, loss, _ in pairs} == set(product(ALL, LOSSES))


def test_every_pair_has_a_short_error(pairs: dict[tuple[str, str, str], Derivation]) -> None:
    """No error of the last layer holds the loss or an exponential sum again."""
    for derivation in pairs.values():
        text = str(derivation.backward[0].rhs)
        assert "log(" not in text
        assert len(text) < 340, text


# ------------------------------------------------------------------ the forms that people know

ERRORS = {
    "sigmoid : squared_error": "2*o1[n,j]*(1 - o1[n,j])*(o1[n,j] - y[n,j])",
    "sigmoid : half_squared_error": "o1[n,j]*(1 - o1[n,j])*(o1[n,j] - y[n,j])",
    "linear : squared_error": "2*(s1[n,j] - y[n,j])",
    "linear : mean_squared_error": "2/3*(s1[n,j] - y[n,j])",
    "linear : half_squared_error": "s1[n,j] - y[n,j]",
    "sigmoid : binary_cross_entropy": "o1[n,j] - y[n,j]",
    "softmax : cross_entropy": "o1[n,j] - y[n,j]",
    "softmax : squared_error": (
        "2*o1[n,j]*(o1[n,j] - y[n,j] - Sum(o1[n,k]*(o1[n,k] - y[n,k]), k))"
    ),
    "tanh : half_squared_error": "(o1[n,j] - y[n,j])*(1 - o1[n,j]**2)",
    "relu : half_squared_error": "Piecewise((1, s1[n,j] > 0), (0, True))*(o1[n,j] - y[n,j])",
    "sigmoid : cross_entropy": "-y[n,j]*(1 - o1[n,j])",
}


@pytest.mark.parametrize("pair", ERRORS)
def test_errors_of_the_last_layer(pair: str) -> None:
    assert str(derive(f"2 > 3 {pair}").backward[0].rhs) == ERRORS[pair]


def test_without_the_fact_the_sum_of_the_targets_stays() -> None:
    """The member before the fact is cited; and without the fact, the result."""
    chain = next(c for c in derive("2 > 3 softmax : cross_entropy").layers if c.kind == "delta")
    before, after = chain.steps[-2:]
    assert str(before.rhs) == "o1[n,j]*Sum(y[n,k], k) - y[n,j]"
    assert after.cites == ("fact.targets",)
    plain = derive(spec(dense(3, "softmax"), loss="-Sum(y[k]*log(o[k]), k)"))
    assert not plain.facts
    assert str(plain.backward[0].rhs) == "o1[n,j]*Sum(y[n,k], k) - y[n,j]"


def test_slopes_of_losses() -> None:
    slopes = {
        name: str(chain.result)
        for name in LOSSES
        for chain in derive(f"2 > 3 sigmoid : {name}").lemmas
        if chain.kind == "loss slope"
    }
    assert slopes["squared_error"] == "2*(o1[n,j] - y[n,j])"
    assert slopes["binary_cross_entropy"] == "(o1[n,j] - y[n,j])/(o1[n,j]*(1 - o1[n,j]))"
    assert slopes["cross_entropy"] == "-y[n,j]/o1[n,j]"


def test_likelihoods_lead_to_their_losses() -> None:
    def loss(likelihood: str, activation: str) -> str:
        return str(derive(spec(dense(3, activation), likelihood=likelihood)).loss.rhs)

    assert loss("gaussian", "linear").startswith("1/2*Sum((y[n,k] - s1[n,k])**2, k) + ")
    assert loss("categorical", "softmax") == "-Sum(y[n,k]*log(o1[n,k]), k)"
    bernoulli = "-Sum(y[n,k]*log(o1[n,k]) + (1 - y[n,k])*log(1 - o1[n,k]), k)"
    assert loss("bernoulli", "sigmoid") == bernoulli


def test_the_generic_layer_stands_before_its_instances() -> None:
    derivation = derive("2 > 3 tanh > 1 linear : squared_error")
    results = {chain.key: str(chain.result) for chain in derivation.generic}
    assert results["generic.delta"] == "Sum(Wl+1[j,k]*deltal+1[n,k], k)*phil'(sl[n,j])"
    assert results["generic.W"] == "deltal[n,j]*ol-1[n,i]"
    assert results["generic.b.added"] == "deltal[n,j]"
    keys = [chain.key for chain in derivation.chains]
    assert keys.index("generic.delta") < keys.index("delta.1")
    assert str(derivation.backward[1].rhs) == "Sum(W2[j,k]*delta2[n,k], k)*(1 - o1[n,j]**2)"


def test_gradients_of_all_forms() -> None:
    derivation = derive(
        spec(dense(3, "tanh", bias="threshold"), dense(2), loss="squared_error", weight_decay=0.01)
    )
    found = {str(e.lhs.tensor): str(e.rhs) for e in derivation.gradients}
    assert found == {
        "W1": "Sum(delta1[n,j]*x[n,i], n)/N + 1/100*W1[i,j]",
        "b1": "Sum(-delta1[n,j], n)/N",
        "W2": "Sum(delta2[n,j]*o1[n,i], n)/N + 1/100*W2[i,j]",
        "b2": "Sum(delta2[n,j], n)/N",
    }


# ------------------------------------------------------------------ against SymPy's own derivative

SCALAR = [
    "2 > 2 sigmoid > 1 sigmoid : binary_cross_entropy",
    "2 > 3 tanh > 2 softmax : cross_entropy",
    "2 > 2 softplus > 2 linear : half_squared_error",
    "2 > 2 softsign > 1 gelu : squared_error",
]


@pytest.mark.parametrize("source", SCALAR)
def test_gradients_are_sympys_derivatives_of_the_one_expression(source: str) -> None:
    """The loss over all parameters is written out, differentiated by SymPy, and compared."""
    derivation = derive(source)
    outputs = derivation.network.output_shape[-1]
    assert isinstance(outputs, int)
    net = Net((2, outputs), (), "", targets="unit" if derivation.facts else "any")
    sample = Index("n", "N", sample=True)
    expression = written_out(derivation.expression, {"N": 1}, {sample: 0})
    symbols: dict[Ref, sp.Symbol] = {}
    loss = to_sympy(expression, symbols)
    values = [net.given(e.tensor.letter, _layer(e), _place(e)) for e in symbols]
    member = Brute(evaluated(derivation, net), {"N": 1})
    compared = 0
    for equation in derivation.gradients:
        for at in _all_places(equation.lhs):
            where = tuple(Affine(member.place(p, at)) for p in equation.lhs.at)
            label = equation.lhs.tensor.label
            role = "weight" if equation.lhs.tensor.letter == "W" else "bias"
            parameter = Ref(Tensor(equation.lhs.tensor.letter, role, label, False), where)
            slope = sp.diff(loss, symbols[parameter])
            expected = sp.lambdify(list(symbols.values()), slope, "mpmath")(*values)
            assert close(member(equation.rhs, at), expected, 15), str(equation.lhs)
            compared += 1
    assert compared == len([e for e in symbols if e.tensor.letter in "Wb"])


def to_sympy(term: Term, symbols: dict[Ref, sp.Symbol]) -> sp.Expr:
    match term:
        case Num():
            return sp.Rational(term.value.numerator, term.value.denominator)
        case Const():
            return sp.pi
        case Ref():
            name = f"{term.tensor}_{len(symbols)}"
            return symbols.setdefault(term, sp.Symbol(name, real=True))
        case Add():
            return sp.Add(*(to_sympy(a, symbols) for a in term.args))
        case Mul():
            return sp.Mul(*(to_sympy(a, symbols) for a in term.args))
        case Pow():
            exponent = sp.Rational(term.exponent.numerator, term.exponent.denominator)
            return sp.Pow(to_sympy(term.base, symbols), exponent)
        case Call():
            args = [to_sympy(a, symbols) for a in term.args]
            own = {
                "sigmoid": lambda s: 1 / (1 + sp.exp(-s)),
                "softplus": lambda s: sp.log(1 + sp.exp(s)),
                "abs": sp.Abs,
            }
            return (own.get(term.function) or getattr(sp, term.function))(*args)
        case Piecewise():
            branches = []
            for value, cond in term.branches:
                assert isinstance(cond, Compare | bool)
                test = True
                if isinstance(cond, Compare):
                    gap = to_sympy(cond.lhs - cond.rhs, symbols)
                    test = {"<": gap < 0, "<=": gap <= 0, ">": gap > 0, ">=": gap >= 0}[cond.op]
                branches.append((to_sympy(value, symbols), test))
            return sp.Piecewise(*branches)
    raise TypeError(type(term).__name__)


def _layer(entry: Ref) -> int:
    return entry.tensor.label.offset if entry.tensor.label else 0


def _place(entry: Ref) -> tuple[int, ...]:
    return tuple(p.offset for p in entry.at)


def _all_places(entry: Ref) -> list[dict[Index, int]]:
    free = ordered(free_indices(entry))
    ranges = [range(i.size if isinstance(i.size, int) else 1) for i in free]
    return [dict(zip(free, where, strict=True)) for where in product(*ranges)]


def evaluated(derivation: Derivation, net: Net) -> Any:
    """Entries by the derivation's own equations, in order, for one sample."""
    known: dict[tuple[Tensor, tuple[int, ...]], Any] = {}

    def entry(tensor: Tensor, where: tuple[int, ...]) -> Any:
        if (tensor, where) in known:
            return known[tensor, where]
        return net.given(tensor.letter, tensor.label.offset if tensor.label else 0, where)

    brute = Brute(entry, {"N": 1})
    for equation in (*derivation.forward, *derivation.backward):
        for at in _all_places(equation.lhs):
            known[equation.lhs.tensor, brute.where(equation.lhs, at)] = brute(equation.rhs, at)
    return entry


# ------------------------------------------------------------------ the same every time, and fast

ROOT = Path(__file__).parent.parent
SCRIPT = """
from derive.derivation import derive
for source in (
    "3 > 4 gelu > 3 softmax : cross_entropy",
    "2 > 3 mish > 2 softsign : huber",
    "2 > 2 s*tanh(s)+abs(s) > 2 linear : log(cosh(o-y))",
):
    d = derive(source)
    for chain in d.chains:
        print(chain.key, chain.lhs, [(str(s.rhs), s.why, s.check, s.cites) for s in chain.steps])
    for e in (*d.forward, d.loss, *d.backward, *d.gradients):
        print(e.lhs, e.rhs)
"""


def test_the_same_text_for_every_hash_seed() -> None:
    running = [
        subprocess.Popen(
            [sys.executable, "-c", SCRIPT],
            cwd=ROOT,
            env={**os.environ, "PYTHONHASHSEED": seed},
            stdout=subprocess.PIPE,
            text=True,
        )
        for seed in ("1", "4242")
    ]
    texts = [process.communicate()[0] for process in running]
    assert [process.returncode for process in running] == [0, 0]
    assert texts[0] == texts[1]
    assert texts[0].count("\n") > 40


def cpu(source: Any, runs: int = 3) -> float:
    """The least of some runs."""
    times = []
    for _ in range(runs):
        start = time.process_time()
        derive(source)
        times.append(time.process_time() - start)
    return min(times)


def test_width_costs_nothing() -> None:
    """Bounds with a generous margin: 0.05 s each were measured."""
    small, large = (cpu(f"{w} > {w} relu > {w} softmax : cross_entropy") for w in (4, 4096))
    assert large <= 3 * small + 0.2


def test_depth_costs_little() -> None:
    layers = " > ".join(f"{4 + k} {('tanh', 'relu', 'gelu')[k % 3]}" for k in range(60))
    assert cpu(f"3 > {layers} > 2 softmax : cross_entropy", 1) < 8


def test_samples_are_never_mixed() -> None:
    """The gradient of sample n holds entries of sample n alone; only the objective sums them."""
    derivation = derive("2 > 3 tanh > 2 softmax : cross_entropy")
    for chain in derivation.chains:
        for term in (chain.lhs, *(s.rhs for s in chain.steps)):
            assert not any(i.sample for n in [term] for i in getattr(n, "indices", ()))
    assert SAMPLES > 1


DOMAINS = {
    "log(1 + sqrt(o)) + o - y": {"o": False, "1 + o**(1/2)": True},
    "log(5 + sqrt(o - 2)) + o - y": {"o - 2": False, "5 + (o - 2)**(1/2)": True},
    "log(1/o**2) + o - y": {"o**(-2)": False},
}


@pytest.mark.parametrize("loss", DOMAINS)
def test_a_part_that_has_no_value_is_another_condition(loss: str) -> None:
    derivation = derive(f"2 > 1 tanh : {loss}")
    found = {str(c.positive).replace("o1[n,k]", "o"): c.holds for c in derivation.conditions}
    assert found == DOMAINS[loss]
