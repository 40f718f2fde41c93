"""Matrix forms: found, equal in numbers to the index terms, proved, and written."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from codegen.pages.latex_math import formula
from derive.algebra.equation import Equation
from derive.algebra.terms import (
    ONE,
    ZERO,
    Affine,
    Compare,
    Delta,
    Extremum,
    Index,
    Label,
    Piecewise,
    Size,
    Sum,
    Tensor,
    Term,
    call,
    exp,
    free_indices,
    mul,
    power,
    ref,
    refs,
)
from derive.derivation import Derivation, derive
from derive.matrices.expressions import (
    Diagonal,
    Hadamard,
    Mat,
    MatrixEquation,
    Plus,
    Product,
    Whole,
    ones,
    scaled,
    transposed,
)
from derive.matrices.form import form, proved
from derive.profiles import names, profile
from derive.spec import load
from derive.writing.notation import Context, Writer
from tests.matrix_values import Values, assert_same

N = Index("n", "N", sample=True)
A_, B_, C_ = Index("i", "d"), Index("j", 3), Index("k", 4)
U, V, P = Tensor("u", "quantity"), Tensor("v", "quantity"), Tensor("p", "parameter", batched=False)
Q = Tensor("q", "parameter", batched=False)
T = Tensor("t", "quantity")
M_, W_ = Tensor("m", "parameter", batched=False), Tensor("W", "weight", batched=False)
SIZES = {"N": 5, "d": 2}
RNG = np.random.default_rng(7)
VALUES = Values(
    {U: RNG.uniform(0.2, 2, (5, 2)), V: RNG.uniform(0.2, 2, (5, 3)), T: RNG.uniform(0.2, 2, (5, 4)),
     P: RNG.uniform(0.2, 2, 3), Q: RNG.uniform(0.2, 2, 4), M_: RNG.uniform(0.2, 2, (3, 4)),
     W_: RNG.uniform(0.2, 2, (2, 3))}, SIZES,
)  # fmt: skip
U_I, V_J, T_K, P_J, Q_K = ref(U, N, A_), ref(V, N, B_), ref(T, N, C_), ref(P, B_), ref(Q, C_)
M_JK, W_IJ = ref(M_, B_, C_), ref(W_, A_, B_)


def check(term: Term, row: Index | None, col: Index | None) -> list[Mat]:
    """Every form of the term that is found, in numbers and by proof equal to it."""
    found = []
    for batch, at in ((True, {}), (False, {N: 3})):
        for out_first in (False, True):
            if not batch and N in (row, col):
                continue
            if batch and N not in (row, col) and N in free_indices(term):
                continue
            mat = form(term, row, col, batch=batch, out_first=out_first)
            if mat is not None:
                assert_same(VALUES, mat, term, row, col, dict(at))
                assert proved(mat, term, row, col)
                found.append(mat)
    return found


CASES: list[tuple[Term, Index | None, Index | None]] = [
    (Sum(W_IJ * U_I, (A_,)) + P_J, B_, None),
    (Sum(W_IJ * U_I, (A_,)) + P_J, N, B_),
    (Sum(W_IJ * V_J, (B_,)) * (1 - power(U_I, 2)), A_, None),
    (Sum(W_IJ * V_J, (B_,)) * U_I * (1 - U_I), N, A_),
    (V_J * U_I, B_, A_),
    (V_J * U_I, A_, B_),
    (power(Size("N"), -1) * Sum(V_J * U_I, (N,)) + mul(3) * W_IJ, A_, B_),
    (Sum(V_J, (N,)), B_, None),
    (Sum(Sum(W_IJ * U_I, (A_,)) * M_JK, (B_,)), C_, None),
    (Sum(W_IJ * U_I * M_JK, (A_, B_)), N, C_),
    (Sum(W_IJ * V_J * M_JK, (B_,)), A_, C_),
    (exp(V_J) / Sum(exp(V_J), (B_,)), B_, None),
    (exp(V_J) / Sum(exp(V_J), (B_,)), N, B_),
    (V_J * (Delta(Affine.of(B_), Affine.of(Index("m", 3))) - ref(V, N, Index("m", 3))), B_,
     Index("m", 3)),
    (-Sum(V_J * call("log", V_J), (B_,)), None, None),
    (Sum(power(V_J - P_J, 2), (B_,)) / 2, None, None),
    (V_J * Sum(P_J, (B_,)), B_, None),
    (V_J * Sum(V_J, (B_,)), N, B_),
    (Piecewise(((ONE, Compare(">", V_J, P_J)), (ZERO, True))) * V_J, N, B_),
    (call("max", V_J, P_J), N, B_),
    (Sum(M_JK, (B_,)), C_, None),
    (Sum(mul(2) * P_J, (B_, C_)), None, None),
    (M_JK * P_J * Q_K + 1, B_, C_),
    (V_J * P_J / (1 + U_I), A_, B_),
    (mul(2), B_, C_),
]  # fmt: skip


@pytest.mark.parametrize(("term", "row", "col"), CASES, ids=range(len(CASES)))
def test_forms_are_found_and_true(term: Term, row: Index | None, col: Index | None) -> None:
    assert check(term, row, col)


@pytest.mark.parametrize(
    "term",
    [
        Extremum("max", ref(V, N, Index("m", 3)) * V_J, (Index("m", 3),)) * V_J,
        ref(M_, B_, Affine.of(C_) * 2),
        ref(Tensor("c", "parameter", batched=False), B_, C_, A_),
        Sum(M_JK * ref(M_, Index("r", 3), C_) * ref(M_, Index("s", 3), C_), (C_,)),
        ref(M_, B_, B_),
        call("max", V_J, Sum(V_J, (B_,))),
    ],
    ids=str,
)
def test_none_where_there_is_no_form(term: Term) -> None:
    assert form(term, B_, C_, batch=False, out_first=False) is None
    assert form(term, B_, None, batch=False, out_first=False) is None


factors = st.sampled_from([V_J, U_I, T_K, P_J, Q_K, M_JK, W_IJ, 1 - V_J, exp(T_K), mul(2)])
bodies = st.lists(factors, min_size=1, max_size=4).map(lambda parts: mul(*parts))


@st.composite
def sums(draw: Any) -> tuple[Term, Index | None, Index | None]:
    """A sum of products over some of its indices, and the rows and columns that are left."""
    term = draw(bodies)
    loose = sorted(i for i in free_indices(term) if not i.sample)
    kept = draw(st.lists(st.sampled_from(loose), max_size=2, unique=True)) if loose else []
    summed = tuple(i for i in loose if i not in kept)
    term = Sum(term, summed) if summed else term
    if draw(st.booleans()):
        term = term + draw(st.sampled_from([ONE, *(f for f in (V_J, P_J, U_I) if B_ in kept)]))
    free = sorted(i for i in free_indices(term) if not i.sample)
    row, col = (*free, None, None)[:2] if len(free) <= 2 else (None, None)
    return term, row, col


FOUND = {"forms": 0, "tried": 0}


@settings(max_examples=150, deadline=None, derandomize=True)
@given(sums())
def test_random_forms_are_true(drawn: tuple[Term, Index | None, Index | None]) -> None:
    term, row, col = drawn
    FOUND["tried"] += 1
    FOUND["forms"] += bool(check(term, row, col))


def test_most_random_terms_had_a_form() -> None:
    assert FOUND["forms"] >= 0.6 * FOUND["tried"] > 0, FOUND


def test_what_is_not_proved_is_not_given(monkeypatch: pytest.MonkeyPatch) -> None:
    """A finder that forgets a transpose is refused by the proof."""
    term = Sum(ref(M_, B_, C_) * V_J, (B_,))
    assert form(term, C_, None, batch=False, out_first=False) is not None
    square = Tensor("q2", "parameter", batched=False)
    m = Index("m", 3)
    term = Sum(ref(square, B_, m) * V_J, (B_,))
    assert form(term, m, None, batch=False, out_first=False) is not None
    monkeypatch.setattr("derive.matrices.items.transposed", lambda mat: mat)
    assert form(term, m, None, batch=False, out_first=False) is None


def test_shapes_are_checked_when_built() -> None:
    wide = Whole(M_, ("row", "col"), (3, 4))
    with pytest.raises(ValueError, match="3 x 4, 3 x 4; expected factors of a matrix product"):
        Product((wide, wide))
    with pytest.raises(ValueError, match="matrices of one shape"):
        Hadamard((wide, transposed(wide)))
    with pytest.raises(ValueError, match="matrices of one shape"):
        Plus((wide, ones(3)))
    with pytest.raises(ValueError, match="diagonal"):
        Diagonal(wide)
    with pytest.raises(ValueError, match="sides"):
        MatrixEquation(wide, ones(3))
    assert scaled(mul(2), scaled(mul(3), wide)) == scaled(mul(6), wide)


# ------------------------------------------------------------------ networks

NETWORKS = [
    "2 > 2 sigmoid > 1 sigmoid : binary_cross_entropy",
    "3 > 4 tanh > 3 softmax : cross_entropy",
    "1 > 1 gelu > 1 : half_squared_error",
    "3 > 2 leaky_relu > 3 elu > 2 softmax : huber",
    "n > m silu > 2 mish > 3 softsign : mean_squared_error",
]


@pytest.fixture(scope="module")
def derivations() -> list[Derivation]:
    return [derive(load(text)) for text in NETWORKS]


def equations(made: Derivation) -> list[Equation]:
    return [*made.forward, *made.backward, *made.gradients]


def in_numbers(made: Derivation) -> Values:
    """Random arrays for everything that stands on a right side or a left side."""
    rng = np.random.default_rng(3)
    sizes = {"N": 3, "n": 2, "m": 4}
    arrays: dict[Tensor, np.ndarray[Any, Any]] = {}
    for equation in (*equations(made), made.loss):
        for part in (equation.lhs, *refs(equation.rhs)):
            shape = [sizes.get(str(i.size), i.size) for p in part.at for i, _ in p.terms]
            arrays.setdefault(part.tensor, rng.uniform(0.1, 0.9, tuple(map(int, shape))))
    return Values(arrays, sizes)


@pytest.mark.parametrize("name", names())
def test_every_equation_of_dense_networks_has_both_forms(
    name: str, derivations: list[Derivation]
) -> None:
    for made in derivations:
        writer = Writer(profile(name), Context(last=made.forward[-1].lhs.tensor.label))
        values = in_numbers(made)
        for equation, batch in [(e, b) for e in equations(made) for b in (False, True)]:
            found = writer.matrix_form(equation, batch)
            assert found is not None, f"{equation.lhs} = {equation.rhs}"
            assert formula(writer.matrix_equation(found))
            free = [p.index for p in equation.lhs.at if batch or not (p.index and p.index.sample)]
            if profile(name).out_first and equation.lhs.tensor.letter == "W":
                free.reverse()
            row, col = (*free, None, None)[:2]
            at = {} if batch else {n: 1 for n in free_indices(equation.rhs) if n.sample}
            assert_same(values, found.rhs, equation.rhs, row, col, at)
        assert writer.matrix_form(made.loss) is not None


LINES = {
    "columns": [
        r"z^{(1)} = W^{(1)} x + b^{(1)}",
        r"Z^{(1)} = X W^{(1) \top} + \mathbf{1} b^{(1) \top}",
        r"\delta^{(1)} = \bigl(W^{(2) \top} \delta^{(2)}\bigr) \odot "
        r"\bigl(1 - \bigl(a^{(1)}\bigr)^{\odot 2}\bigr)",
        r"\Delta^{(1)} = \bigl(\Delta^{(2)} W^{(2)}\bigr) \odot "
        r"\bigl(1 - \bigl(A^{(1)}\bigr)^{\odot 2}\bigr)",
        r"\frac{\partial C}{\partial W^{(1)}} = \frac{1}{N} \sum_{n = 1}^{N} "
        r"\delta_{n}^{(1)} x_{n}^{\top}",
        r"\frac{\partial C}{\partial W^{(1)}} = \frac{1}{N} \Delta^{(1) \top} X",
    ],
    "rows": [
        r"\mathbf{s}^{(1)} = W^{(1) \top} \mathbf{x} + b^{(1)}",
        r"S^{(1)} = X W^{(1)} + b^{(1)}",
        r"\boldsymbol{\delta}^{(1)} = \bigl(W^{(2)} \boldsymbol{\delta}^{(2)}\bigr) \odot "
        r"\bigl(1 - \bigl(\mathbf{o}^{(1)}\bigr)^{\odot 2}\bigr)",
        r"\Delta^{(1)} = \bigl(\Delta^{(2)} W^{(2) \top}\bigr) \odot "
        r"\bigl(1 - \bigl(O^{(1)}\bigr)^{\odot 2}\bigr)",
        r"\nabla_{W^{(1)}} L = \frac{1}{N} \sum_{n = 1}^{N} "
        r"\mathbf{x}_{n} \boldsymbol{\delta}_{n}^{(1) \top}",
        r"\nabla_{W^{(1)}} L = \frac{1}{N} X^{\top} \Delta^{(1)}",
    ],
    "units": [
        r"\mathbf{s}^{1} = (\mathbf{W}^{1})^{\top} \mathbf{o}^{0} + \mathbf{b}^{1}",
        r"\mathbf{S}^{1} = \mathbf{O}^{0} \mathbf{W}^{1} + \mathbf{1} (\mathbf{b}^{1})^{\top}",
    ],
}


@pytest.mark.parametrize("name", LINES)
def test_lines_of_a_network(name: str, derivations: list[Derivation]) -> None:
    made = derivations[1]
    writer = Writer(profile(name), Context(last=Label(2), shapes=made.shapes, tints=False))
    delta = next(e for e in made.backward if str(e.lhs.tensor) == "delta1")
    gradient = next(e for e in made.gradients if str(e.lhs.tensor) == "W1")
    found = []
    for equation in (made.forward[0], delta, gradient):
        for batch in (False, True):
            form = writer.matrix_form(equation, batch)
            assert form is not None
            found.append(formula(writer.matrix_equation(form)))
    assert found[: len(LINES[name])] == LINES[name]


def test_a_number_beside_one_unit_is_not_repeated() -> None:
    """A factorisation machine has one output: z = ... + (|a|^2 - 1^T q)/2, without a factor 1."""
    layer = {
        "kind": "equations",
        "indices": {"i": 3, "f": 2, "j": 1},
        "parameters": {"v": ["i", "f"], "w": ["i", "j"]},
        "forward": [
            "a[f] = Sum(v[i,f]*x[i], i)",
            "s[j] = Sum(w[i,j]*x[i], i) + Sum(a[f]**2, f)/2",
        ],
    }
    made = derive({"name": "fm", "input": 3, "layers": [layer], "loss": "squared_error"})
    writer = Writer(profile("columns"), Context(last=Label(1), shapes=made.shapes, tints=False))
    form = writer.matrix_form(made.forward[-1], False)
    assert form is not None
    written = formula(writer.matrix_equation(form))
    assert written == (
        r"z^{(1)} = \mathsf{w}^{(1) \top} x + \tfrac{1}{2} \bigl\|\mathsf{a}^{(1)}\bigr\|^{2}"
    )
