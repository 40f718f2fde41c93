"""Random terms for hypothesis: small, over two sizes and three tensors."""

from __future__ import annotations

from fractions import Fraction

from hypothesis import strategies as st

from derive.algebra.terms import (
    ONE,
    ZERO,
    Affine,
    Compare,
    Delta,
    Guard,
    Index,
    Num,
    Piecewise,
    Sum,
    Tensor,
    Term,
    add,
    call,
    mul,
    power,
    ref,
)

I, J, K = Index("i", 3), Index("j", 3), Index("k", 2)  # noqa: E741
M = Index("m", "n")
INDICES = (I, J, K, M)
X = Tensor("x", "input", batched=False)
W = Tensor("w", "weight", batched=False)
C = Tensor("c", "parameter", batched=False)
SIZES = {"n": 2}

indices = st.sampled_from(INDICES)
places = st.builds(
    lambda i, k, c: Affine.of(i) * k + c,
    indices,
    st.sampled_from((1, 1, 1, 2, -1)),
    st.integers(-1, 1),
)
numbers = st.sampled_from([Num(Fraction(v)) for v in ("1", "2", "-1", "1/2", "-3", "2/3")])
entries = st.one_of(
    st.builds(lambda p: ref(X, p), places),
    st.builds(lambda p, q: ref(W, p, q), places, places),
    st.just(ref(C)),
)
deltas = st.builds(Delta, places, places)
guards = st.builds(Guard, places, st.sampled_from((2, 3)))


def comparisons(inner: st.SearchStrategy[Term]) -> st.SearchStrategy[Compare]:
    return st.builds(Compare, st.sampled_from(("<", "<=", ">", ">=")), inner, inner)


def brackets(inner: st.SearchStrategy[Term]) -> st.SearchStrategy[Term]:
    return st.builds(lambda c: Piecewise(((ONE, c), (ZERO, True))), comparisons(inner))


def _grown(inner: st.SearchStrategy[Term]) -> st.SearchStrategy[Term]:
    return st.one_of(
        st.builds(add, inner, inner),
        st.builds(add, inner, inner, inner),
        st.builds(lambda a, b: a - b, inner, inner),
        st.builds(mul, inner, inner),
        st.builds(mul, inner, inner, inner),
        st.builds(power, inner, st.sampled_from((2, 3, -1, -2, Fraction(1, 2), Fraction(-1, 2)))),
        st.builds(
            call,
            st.sampled_from(
                ("exp", "log", "sigmoid", "tanh", "softplus", "abs", "sin", "cos", "relu", "erf")
            ),
            inner,
        ),
        st.builds(lambda f, a, b: call(f, a, b), st.sampled_from(("max", "min")), inner, inner),
        st.builds(lambda b, i: Sum(b, (i,)), inner, indices),
        st.builds(lambda b, i, j: Sum(b, (i, j) if i != j else (i,)), inner, indices, indices),
        st.builds(lambda v, c, r: Piecewise(((v, c), (r, True))), inner, comparisons(inner), inner),
    )


#: Any term; its free indices are among INDICES.
terms = st.recursive(st.one_of(entries, numbers, entries, deltas, guards), _grown, max_leaves=7)
#: Terms without kinks, jumps and deltas: those with a derivative everywhere in their domain.
smooth = st.recursive(
    st.one_of(entries, numbers, entries),
    lambda inner: st.one_of(
        st.builds(add, inner, inner),
        st.builds(lambda a, b: a - b, inner, inner),
        st.builds(mul, inner, inner),
        st.builds(power, inner, st.sampled_from((2, -1, Fraction(1, 2), Fraction(-3, 2)))),
        st.builds(call, st.sampled_from(("exp", "log", "sigmoid", "tanh", "erf", "sin")), inner),
        st.builds(lambda b, i: Sum(b, (i,)), inner, indices),
    ),
    max_leaves=6,
)
