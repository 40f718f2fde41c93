"""Index terms against loops: every array form has the value that the term says, entry by entry."""

from __future__ import annotations

from fractions import Fraction
from itertools import product
from typing import Any

import numpy as np
import pytest

from codegen.emitting.python import Statement, source
from codegen.lowering.arrays import lower
from codegen.lowering.nodes import Node, walk
from derive.algebra.terms import (
    ONE,
    ZERO,
    Affine,
    Argmax,
    Call,
    Compare,
    Delta,
    Extremum,
    Guard,
    Index,
    Mul,
    Num,
    Piecewise,
    Pow,
    Ref,
    Size,
    Sum,
    Tensor,
    Term,
    add,
    call,
    exp,
    ref,
)
from derive.errors import NotYet

SIZES = {"N": 3}
N = Index("n", "N", sample=True)
M, J, K, R, P = Index("i", 4), Index("j", 5), Index("k", 4), Index("r", 2), Index("p", 4)
X = Tensor("x", "input")
W = Tensor("W", "weight", batched=False)
V = Tensor("v", "weight", batched=False)
B = Tensor("b", "bias", batched=False)
D = Tensor("delta", "delta")
Q = Tensor("q", "quantity")
SQUARE = Tensor("m", "weight", batched=False)
CUBE = Tensor("u", "weight", batched=False)
HEADS = Tensor("h", "quantity")
PAIRS = Tensor("e", "weight", batched=False)
SHAPES: dict[Tensor, tuple[int | str, ...]] = {
    X: (4,),
    W: (4, 5),
    V: (2, 4),
    B: (5,),
    D: (5,),
    Q: (4, 2),
    SQUARE: (4, 4),
    CUBE: (4, 4, 5),
    HEADS: (4, 4, 2),
    PAIRS: (4, 4, 2, 4),
}


def x(i: Index) -> Term:
    return ref(X, N, i)


TERMS: dict[str, tuple[Term, tuple[Index, ...]]] = {
    "dense": (Sum(ref(W, M, J) * x(M), (M,)) + ref(B, J), (N, J)),
    "threshold": (Sum(ref(W, M, J) * x(M), (M,)) - ref(B, J), (N, J)),
    "backward": (Sum(ref(W, M, J) * ref(D, N, J), (J,)), (N, M)),
    "gradient": (Sum(ref(D, N, J) * x(M), (N,)) / Size("N"), (M, J)),
    "bias gradient": (Sum(ref(D, N, J), (N,)), (J,)),
    "weighted rows": (Sum(ref(W, M, J) * x(M) * ref(B, J), (J,)), (N, M)),
    "softmax": (exp(x(M)) / Sum(exp(x(K)), (K,)), (N, M)),
    "squares": (Sum(ref(W, M, J) ** 2, (M, J)), ()),
    "bilinear": (Sum(ref(CUBE, M, K, J) * x(M) * x(K), (M, K)), (N, J)),
    "distances": (Sum((x(M) - ref(W, M, J)) ** 2, (M,)), (N, J)),
    "scores": (Sum(ref(Q, N, M, R) * ref(Q, N, K, R), (R,)), (N, M, K)),
    "mixed": (
        Sum(Sum(ref(Q, N, M, R) * ref(Q, N, K, R), (R,)) * x(K), (K,)),
        (N, M),
    ),
    "two axes": (Sum(ref(Q, N, M, R) * ref(V, R, M) * ref(B, J), (M, R)), (N, J)),
    "stack of products": (
        Sum(ref(HEADS, N, K, M, R) * ref(HEADS, N, P, M, R), (M, R)),
        (N, P, K),
    ),
    "stack with wide products": (
        Sum(ref(CUBE, M, K, J) * ref(PAIRS, K, M, R, P), (M,)),
        (J, P, R, K),
    ),
    "stack of rows": (Sum(ref(HEADS, N, K, M, R) * x(K), (N, M)), (R, K)),
    "axes in another order": (ref(W, M, J) * ref(V, R, M), (J, M, R)),
    "outer": (x(M) * ref(D, N, J), (N, M, J)),
    "trace": (Sum(ref(SQUARE, M, M), (M,)), ()),
    "diagonal": (ref(SQUARE, M, M) * x(M), (N, M)),
    "one place": (Ref(W, (Affine.of(2), Affine.of(J))) + ref(B, J), (J,)),
    "delta": (Sum(x(M) * (Delta(Affine.of(M), Affine.of(K)) - x(K)), (M,)), (N, K)),
    "guard": (Guard(Affine.of(M) - 1, 2) * x(M), (N, M)),
    "shifted delta": (Delta(Affine.of(M), Affine.of(J) + 1) * ref(W, M, J), (M, J)),
    "constant sum": (Sum(Num(Fraction(1, 3)) * ref(B, J), (M,)), (J,)),
    "maximum": (Extremum("max", x(M) * ref(B, J), (M,)), (N, J)),
    "minimum of all": (Extremum("min", ref(W, M, J), (M, J)), ()),
    "place of the maximum": (
        Argmax(Extremum("max", x(M), (M,)), (Affine.of(K),)) * ref(B, J),
        (N, K, J),
    ),
    "cases": (
        Piecewise(((x(M), Compare(">", x(M), ZERO)), (x(M) * Fraction(1, 100), True))),
        (N, M),
    ),
    "mask": (Piecewise(((ONE, Compare(">", x(M), ZERO)), (ZERO, True))) * ref(B, J), (N, M, J)),
    "two numbers": (
        Piecewise(((ONE, Compare(">", x(M), ZERO)), (ONE * Fraction(1, 100), True))),
        (N, M),
    ),
    "sign": (
        Piecewise(
            (
                (ONE, Compare(">", x(M), ZERO)),
                (ONE * -1, Compare("<", x(M), ZERO)),
                (ZERO, True),
            )
        ),
        (N, M),
    ),
    "one minus mask": (1 - Piecewise(((ONE, Compare("<=", x(M), ZERO)), (ZERO, True))), (N, M)),
    "functions": (
        call("max", call("abs", x(M)), 1) * call("sin", x(M)) + call("atan", x(M)),
        (N, M),
    ),
    "roots": (Pow(x(M) ** 2 + 1, Fraction(-1, 2)) + Pow(x(M) ** 2, Fraction(1, 3)), (N, M)),
    "negative": (-x(M) - ref(V, R, M), (N, M, R)),
    "quotients": (x(M) / (1 + ref(B, J) ** 2) / 3, (N, M, J)),
    "sum of fractions": (Sum(x(M) / (1 + ref(W, M, J) ** 2), (M,)), (N, J)),
    "independent": (ref(B, J) * 2, (N, J)),
}


def data(dtype: Any = np.float64) -> dict[str, Any]:
    rng = np.random.default_rng(0)
    shapes = {
        str(t): tuple(SIZES.get(str(s), s) for s in ((("N",) if t.batched else ()) + shape))
        for t, shape in SHAPES.items()
    }
    return {name: rng.normal(size=shape).astype(dtype) for name, shape in shapes.items()}  # type: ignore[arg-type]


def extent(index: Index) -> int:
    return index.size if isinstance(index.size, int) else SIZES[index.size]


def value(term: Term, at: dict[Index, int], arrays: dict[str, Any]) -> Any:
    """The meaning of a term, by loops over its bound indices."""

    def of(t: Term) -> Any:
        return value(t, at, arrays)

    def place(p: Affine) -> int:
        return p.offset + sum(c * at[i] for i, c in p.terms)

    match term:
        case Num():
            return float(term.value)
        case Size():
            return SIZES.get(str(term.extent), term.extent)
        case Ref():
            return arrays[str(term.tensor)][tuple(place(p) for p in term.at)]
        case Mul():
            return np.prod([of(a) for a in term.args])
        case Pow():
            return of(term.base) ** float(term.exponent)
        case Call():
            args = [of(a) for a in term.args]
            names: dict[str, Any] = {"max": max, "abs": abs, "atan": np.arctan}
            return (names.get(term.function) or getattr(np, term.function))(*args)
        case Piecewise():
            for branch, cond in term.branches:
                if cond is True or (
                    isinstance(cond, Compare)
                    and eval("a " + cond.op + " b", {"a": of(cond.lhs), "b": of(cond.rhs)})
                ):
                    return of(branch)
        case Delta():
            return float(place(term.left) == place(term.right))
        case Guard():
            return float(0 <= place(term.place) < int(term.size))
        case Argmax():
            return float(place(term.at[0]) == int(np.argmax(_rows(term.extremum, at, arrays))))
        case Sum():
            return sum(_rows(term, at, arrays))
        case Extremum():
            return {"max": max, "min": min}[term.kind](_rows(term, at, arrays))
    return sum(of(a) for a in term.args)  # type: ignore[attr-defined]


def _rows(term: Sum | Extremum, at: dict[Index, int], arrays: dict[str, Any]) -> list[Any]:
    ranges = [range(extent(i)) for i in term.indices]
    return [
        value(term.body, {**at, **dict(zip(term.indices, point, strict=True))}, arrays)
        for point in product(*ranges)
    ]


def assert_same(term: Term, order: tuple[Index, ...], dtype: Any, tolerance: float) -> None:
    arrays = data(dtype)
    lines = source([Statement("found", lower(term, order, SHAPES))])
    scope = {**arrays, "np": np, "n": SIZES["N"]}
    exec("\n".join(lines), scope)
    shape = tuple(map(extent, order))
    found = scope["found"]
    assert np.asarray(found).dtype == dtype, f"{lines}: {np.asarray(found).dtype}"
    exact = {name: a.astype(np.float64) for name, a in arrays.items()}
    for point in product(*map(range, shape)):
        true = value(term, dict(zip(order, point, strict=True)), exact)
        entry = np.broadcast_to(found, shape)[point]
        np.testing.assert_allclose(entry, true, tolerance, tolerance, err_msg="\n".join(lines))


@pytest.mark.parametrize("name", TERMS)
def test_arrays_mean_what_terms_say(name: str) -> None:
    term, order = TERMS[name]
    assert_same(term, order, np.float64, 1e-13)


@pytest.mark.parametrize("name", TERMS)
def test_arrays_keep_their_precision(name: str) -> None:
    term, order = TERMS[name]
    assert_same(term, order, np.float32, 2e-5)


def operations(term: Term, order: tuple[Index, ...]) -> list[str]:
    return [n.op for n in walk(lower(term, order, SHAPES))]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("dense", "x @ W + b"),
        ("threshold", "x @ W - b"),
        ("backward", "delta @ W.T"),
        ("gradient", "(x.T @ delta) / n"),
        ("bias gradient", "delta.sum(axis=0)"),
        ("squares", "(W**2).sum()"),
        ("scores", "q @ q.transpose(0, 2, 1)"),
        ("distances", "((x[:, None, :] - W.T)**2).sum(axis=2)"),
        ("sign", "np.sign(x)"),
    ],
)
def test_the_text_is_that_of_a_textbook(name: str, text: str) -> None:
    term, order = TERMS[name]
    (line,) = source([Statement("found", lower(term, order, SHAPES))])
    assert line == f"found = {text}"


def test_contractions_are_products_and_never_einsum_for_two_axes() -> None:
    for name in ("bilinear", "mixed", "two axes", "scores", "stack of products"):
        assert "einsum" not in operations(*TERMS[name])
    assert "matmul" in operations(*TERMS["stack with wide products"])


def test_bound_names_do_not_matter() -> None:
    one = lower(exp(x(M)) / Sum(exp(x(K)), (K,)), (N, M), SHAPES)
    other = Index("other", 4)
    two = lower(exp(x(M)) / Sum(exp(x(other)), (other,)), (N, M), SHAPES)
    assert one is two


def test_shared_parts_are_computed_once() -> None:
    term, order = TERMS["softmax"]
    lines = source([Statement("found", lower(term, order, SHAPES))])
    assert lines == ["e = np.exp(x)", "found = e / e.sum(axis=1, keepdims=True)"]


def test_what_has_no_array_form_says_so() -> None:
    with pytest.raises(NotYet, match="no array form for the function zeta"):
        lower(call("zeta", x(M)), (N, M), SHAPES)
    shifted = Ref(X, (Affine.of(N) + 1, Affine.of(M)))
    with pytest.raises(NotYet, match="access"):
        lower(shifted, (N, M), SHAPES)


def test_nodes_of_equal_parts_are_the_same() -> None:
    one: Node = lower(add(x(M), 1), (N, M), SHAPES)
    assert lower(add(x(M), 1), (N, M), SHAPES) is one
