"""Terms under the six notations: exact text, distinct names, parentheses that keep the meaning."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from itertools import pairwise, product

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from codegen.pages.latex_math import formula
from derive.algebra.terms import (
    ONE,
    ZERO,
    Affine,
    Apply,
    Argmax,
    Call,
    Compare,
    Const,
    Delta,
    Extremum,
    Function,
    Guard,
    Index,
    Label,
    Num,
    Partial,
    Piecewise,
    Size,
    Sum,
    Tensor,
    Term,
    add,
    call,
    exp,
    free_indices,
    mul,
    power,
    ref,
)
from derive.profiles import names, profile
from derive.writing.layout import Fenced, Layout, Operator, Script, walk
from derive.writing.notation import Context, Writer
from tests.layout_values import Reader, value_of_term

N = Index("n", "N", sample=True)
I_, J, K = Index("i", "d"), Index("j", 4), Index("k", 3)
LAST = Label(2)
X, Y, L = Tensor("x", "input"), Tensor("y", "target"), Tensor("L", "loss")
S1, O1 = Tensor("s", "preactivation", Label(1)), Tensor("o", "activation", Label(1))
O2, D1 = Tensor("o", "activation", LAST), Tensor("delta", "delta", Label(1))
D2 = Tensor("delta", "delta", LAST)
W1 = Tensor("W", "weight", Label(1), batched=False)
W2 = Tensor("W", "weight", LAST, batched=False)
B1 = Tensor("b", "bias", Label(1), batched=False)
WL, SL = Tensor("W", "weight", Label(0, "l"), False), Tensor("s", "preactivation", Label(0, "l"))
OB = Tensor("o", "activation", Label(-1, "l"))

X_I, Y_K, S1_J, O1_J, O2_K = (
    ref(X, N, I_),
    ref(Y, N, K),
    ref(S1, N, J),
    ref(O1, N, J),
    ref(O2, N, K),
)


def writer(name: str, **context: object) -> Writer:
    return Writer(profile(name), Context(**{"last": LAST, "tints": False, **context}))  # type: ignore[arg-type]


def written(name: str, term: Term, **context: object) -> str:
    return formula(writer(name, **context).write(term))


# ------------------------------------------------------------------ exact text

ENTRIES = {
    "signals": [
        "x_{i}^{(0)}", "t_{m}", "S_{j}^{(1)}", "x_{j}^{(1)}", "y_{m}",
        r"\delta_{j}^{(1)}", "w_{i j}^{(1)}", "b_{j}^{(1)}", "L",
        r"\sum_{i = 1}^{d} w_{i j}^{(1)} x_{i}^{(0)} - b_{j}^{(1)}",
        "S_{j}^{(k)}", "x_{1}^{(k - 1)}",
    ],
    "neurons": [
        "x_{i}^{(0)}", "y_{k}", "s_{j}^{(1)}", "x_{j}^{(1)}", "x_{k}^{(2)}",
        r"\delta_{j}^{(1)}", "w_{i j}^{(1)}", "w_{0 j}^{(1)}", "E_{n}",
        r"\sum_{i = 0}^{d} w_{i j}^{(1)} x_{i}^{(0)}", "s_{j}^{(l)}", "x_{1}^{(l - 1)}",
    ],
    "columns": [
        "x_{j}", "y_{k}", "z_{i}^{(1)}", "a_{i}^{(1)}", "a_{k}^{(2)}",
        r"\delta_{i}^{(1)}", "w_{i j}^{(1)}", "b_{i}^{(1)}", "C_{n}",
        r"\sum_{j = 1}^{d} w_{i j}^{(1)} x_{j} - b_{i}^{(1)}",
        r"z_{i}^{(\ell)}", r"a_{1}^{(\ell - 1)}",
    ],
    "units": [
        "o_{j}^{0}", r"y_{k}^{\ast}", "s_{i}^{1}", "o_{i}^{1}", "o_{k}^{2}",
        r"\delta_{i}^{1}", "w_{j i}^{1}", "b_{i}^{1}", "E",
        r"\sum_{j} w_{j i}^{1} o_{j}^{0} - b_{i}^{1}", "s_{i}^{l}", "o_{1}^{l - 1}",
    ],
    "named_layers": [
        r"a_{k}^{(\mathit{in})}", "y_{m}", "z_{j}^{(h)}", "a_{j}^{(h)}", r"a_{m}^{(\mathit{out})}",
        r"\delta_{j}^{(h)}", "w_{j, k}^{(h)}", "b_{j}^{(h)}", "L",
        r"\sum_{k = 1}^{d} w_{j, k}^{(h)} a_{k}^{(\mathit{in})} - b_{j}^{(h)}",
        "z_{j}^{(l)}", "a_{1}^{(l - 1)}",
    ],
    "rows": [
        "x_{i}", "y_{k}", "s_{j}^{(1)}", "o_{j}^{(1)}", "o_{k}^{(2)}",
        r"\delta_{j}^{(1)}", "w_{i j}^{(1)}", "b_{j}^{(1)}", "L_{n}",
        r"\sum_{i = 1}^{d} w_{i j}^{(1)} x_{i} - b_{j}^{(1)}", "s_{j}^{(l)}", "o_{1}^{(l - 1)}",
    ],
}  # fmt: skip
TERMS = [
    X_I, Y_K, S1_J, O1_J, O2_K, ref(D1, N, J), ref(W1, I_, J), ref(B1, J), ref(L, N),
    Sum(ref(W1, I_, J) * X_I, (I_,)) - ref(B1, J), ref(SL, N, J), ref(OB, N, Affine(0)),
]  # fmt: skip


@pytest.mark.parametrize("name", names())
def test_entries_in_every_notation(name: str) -> None:
    assert [written(name, term) for term in TERMS] == ENTRIES[name]


PARTIAL = Partial(ref(L, N), S1_J)
SIGMA = Function("phi", Label(1))
LINES = [
    ("columns", Apply(SIGMA, S1_J), r"\sigma^{(1)}\bigl(z_{i}^{(1)}\bigr)"),
    ("columns", Apply(SIGMA, S1_J, 1), r"{\dot{\sigma}}^{(1)}\bigl(z_{i}^{(1)}\bigr)"),
    ("columns", call("sigmoid", S1_J), r"\sigma\bigl(z_{i}^{(1)}\bigr)"),
    ("signals", Apply(SIGMA, S1_J, 1), r"\varphi^{\prime}\bigl(S_{j}^{(1)}\bigr)"),
    ("signals", Apply(SIGMA, O1_J, 0), r"\varphi\bigl(x_{j}^{(1)}\bigr)"),
    ("units", Apply(SIGMA, S1_J, 2), r"a^{\prime \prime 1}(s_{i}^{1})"),
    ("named_layers", Apply(Function("phi", LAST), ref(D2, N, K)),
     r"\phi^{(\mathit{out})}\bigl(\delta_{m}^{(\mathit{out})}\bigr)"),
    ("columns", PARTIAL, r"\frac{\partial C_{n}}{\partial z_{i}^{(1)}}"),
    ("neurons", PARTIAL * Partial(S1_J, ref(W1, I_, J)),
     r"\frac{\partial E_{n}}{\partial s_{j}^{(1)}} \times "
     r"\frac{\partial s_{j}^{(1)}}{\partial w_{i j}^{(1)}}"),
    ("units", PARTIAL * Partial(S1_J, ref(W1, I_, J)),
     r"\frac{\partial E}{\partial s_{i}^{1}} \frac{\partial s_{i}^{1}}{\partial w_{j i}^{1}}"),
    ("units", 1 - power(O1_J, 2), "1 - (o_{i}^{1})^{2}"),
    ("columns", 1 - power(O1_J, 2), r"1 - \bigl(a_{i}^{(1)}\bigr)^{2}"),
    ("columns", power(X_I, 2), "x_{j}^{2}"),
    ("units", Delta(Affine.of(I_), Affine.of(J)), r"\delta_{j, i}"),
    ("columns", Delta(Affine.of(I_), Affine.of(J)), "[j = i]"),
    ("columns", Guard(Affine.of(I_) + J - 1, 7), r"[1 \le j + i - 2 \le 7]"),
    ("columns", Piecewise(((ONE, Compare(">", S1_J, ZERO)), (ZERO, True))),
     r"\bigl[z_{i}^{(1)} > 0\bigr]"),
    ("columns", Piecewise(((S1_J, Compare(">", S1_J, ZERO)), (ZERO, True))),
     r"\begin{cases} z_{i}^{(1)} & \text{if } z_{i}^{(1)} > 0 \\ 0 & \text{otherwise} \end{cases}"),
    ("columns", Argmax(Extremum("max", ref(S1, N, K), (K,)), (Affine.of(J),)),
     r"\bigl[i = \operatorname*{arg\,max}_{k} z_{k}^{(1)}\bigr]"),
    ("columns", mul(-1, Y_K, call("log", O2_K)), r"-y_{k} \ln a_{k}^{(2)}"),
    ("units", call("log", O2_K) * Y_K, r"\log(o_{k}^{2}) y_{k}^{\ast}"),
    ("columns", exp(Y_K * call("log", O2_K)), r"\bigl(a_{k}^{(2)}\bigr)^{y_{k}}"),
    ("columns", exp(-S1_J), r"e^{-z_{i}^{(1)}}"),
    ("columns", exp(S1_J / O1_J), r"\exp\left( \frac{z_{i}^{(1)}}{a_{i}^{(1)}} \right)"),
    ("units", exp(S1_J), r"\exp(s_{i}^{1})"),
    ("columns", power(O1_J, Fraction(1, 2)), r"\sqrt{a_{i}^{(1)}}"),
    ("columns", call("abs", O1_J), r"\bigl|a_{i}^{(1)}\bigr|"),
    ("columns", call("max", S1_J, ZERO), r"\max\bigl(z_{i}^{(1)}, 0\bigr)"),
    ("columns", Num(Fraction(1, 2)) * X_I, r"\tfrac{1}{2} x_{j}"),
    ("columns", Num(Fraction(1, 100)) * X_I, "0.01 x_{j}"),
    ("columns", Num(Fraction(-17159, 10000)) * X_I, "-1.7159 x_{j}"),
    ("columns", Num(Fraction(-1, 3)) * X_I, r"-\tfrac{1}{3} x_{j}"),
    ("columns", mul(Fraction(1, 2), X_I, power(Y_K, -1)), r"\frac{x_{j}}{2 y_{k}}"),
    ("columns", power(Size("N"), -1) * Sum(ref(L, N), (N,)),
     r"\frac{1}{N} \sum_{n = 1}^{N} C_{n}"),
    ("named_layers", power(Size("N"), -1) * Sum(ref(L, N), (N,)),
     r"\frac{1}{n} \sum_{i = 1}^{n} L^{[i]}"),
    ("columns", Sum(ref(D1, N, J), (N,)), r"\sum_{n = 1}^{N} \delta_{n, i}^{(1)}"),
    ("signals", Sum(ref(D1, N, J), (J,)), r"\sum_{j = 1}^{4} \delta_{j}^{(1)}"),
    ("columns", ref(Tensor("z", "quantity", Label(1)), N, J), r"\mathsf{z}_{i}^{(1)}"),
    ("columns", ref(Tensor("dh", "adjoint", Label(1)), N, J), r"{\bar{h}}_{i}^{(1)}"),
    ("columns", ref(Tensor("do", "adjoint", Label(1)), N, J), r"{\bar{a}}_{i}^{(1)}"),
    ("columns", Num(Fraction(1, 10**5)) * X_I, "10^{-5} x_{j}"),
    ("columns", Sum(-ref(D1, N, J), (N,)), r"-\sum_{n = 1}^{N} \delta_{n, i}^{(1)}"),
    ("columns", X_I * Sum(-O1_J, (N,)), r"-x_{j} \sum_{n = 1}^{N} a_{n, i}^{(1)}"),
    ("columns", ref(Tensor("gamma", "parameter", Label(1), False), J), r"\gamma_{i}^{(1)}"),
    ("columns", ref(Tensor("W", "gradient", Label(1), False), I_, J),
     r"\frac{\partial C}{\partial w_{i j}^{(1)}}"),
    ("columns", ref(Tensor("x", "gradient"), N, I_), r"\frac{\partial C_{n}}{\partial x_{j}}"),
    ("columns", Size("d^(l-1)"), r"n_{\ell - 1}"),
    ("neurons", Size("d^(L)"), "d^{(L)}"),
    ("columns", Const("pi") * Size("n_h"), r"\pi n_{h}"),
    ("columns", ref(W1, Affine(0), Affine(11)), "w_{12, 1}^{(1)}"),
    ("columns", ref(W1, Affine.of(Index("p", 9)) * 2 + I_, J), "w_{i, 2 p + j - 2}^{(1)}"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "term", "text"), LINES, ids=range(len(LINES)))
def test_lines(name: str, term: Term, text: str) -> None:
    found = written(name, term)
    assert found == text


def test_one_output_needs_no_index() -> None:
    one = Index("k", 1)
    o, y = ref(O2, N, one), ref(Y, N, one)
    loss = -Sum(y * call("log", o), (one,))
    shapes = {O2: (1,), Y: (1,)}
    assert written("signals", loss, shapes=shapes) == r"-t \ln y"
    assert written("columns", loss, shapes=shapes) == r"-y \ln a_{1}^{(2)}"
    assert written("units", loss) == r"-y_{1}^{\ast} \log o_{1}^{2}"


def test_samples_are_shown_where_they_matter() -> None:
    assert written("columns", O1_J, samples=True) == "a_{n, i}^{(1)}"
    assert written("named_layers", O1_J, samples=True) == "a_{j}^{(h)[i]}"
    argument = replace(profile("rows"), writing={**profile("rows").writing, "sample": "argument"})
    made = Writer(argument, Context(samples=True, tints=False)).write(O1_J)
    assert formula(made) == "o_{j}^{(1)}(n)"


def test_colours_are_for_values_and_errors() -> None:
    term = ref(D2, N, K) * O1_J * X_I
    assert formula(Writer(profile("columns")).write(term)).count("{") > written(
        "columns", term
    ).count("{")


def test_names_for_tables() -> None:
    w = writer("columns")
    assert formula(w.tensor(W1)) == "W^{(1)}"
    assert formula(w.tensor(O1, batch=True)) == "A^{(1)}"
    assert formula(w.partial_tensor(W1)) == r"\frac{\partial C}{\partial W^{(1)}}"
    assert formula(writer("rows").partial_tensor(W1)) == r"\nabla_{W^{(1)}} L"
    assert formula(writer("named_layers").objective) == r"L(\mathbf{W}, \mathbf{b})"
    assert formula(writer("neurons").tensor(B1)) == r"\mathbf{w}_{0}^{(1)}"
    assert formula(writer("named_layers", last=Label(3)).label(Label(2))) == r"\mathit{h2}"
    assert formula(writer("units").label(Label(-1, "l"))) == "l - 1"


# ------------------------------------------------------------------ distinct entries


def entries() -> Iterator[Term]:
    """Entries of every role, at several layers, with one or two indices."""
    labels = [Label(1), Label(2), Label(0, "l"), Label(-1, "l"), Label(0, "L"), Label(3)]
    single = [Affine(0), Affine(1), Affine(10), Affine.of(I_), Affine.of(J), Affine.of(K), J_PLUS]
    samples = [Affine.of(N), Affine(0)]
    for label, p in product(labels, single):
        for letter, role in (("s", "preactivation"), ("o", "activation"), ("delta", "delta"),
                             ("h", "quantity"), ("z", "quantity"), ("mask", "mask"),
                             ("error", "error"), ("dh", "adjoint"), ("do", "adjoint"),
                             ("ds", "adjoint"), ("dy", "adjoint")):  # fmt: skip
            for n in samples:
                yield ref(Tensor(letter, role, label), n, p)
        yield ref(Tensor("b", "bias", label, False), p)
        yield ref(Tensor("gamma", "parameter", label, False), p)
        for q in single:
            yield ref(Tensor("W", "weight", label, False), p, q)
            yield ref(Tensor("u", "parameter", label, False), p, q)
            yield ref(Tensor("W", "gradient", label, False), p, q)
    for label, order in product(labels, (0, 1, 2)):
        yield Apply(Function("phi", label), S1_J, order)
    for p, n in product(single, samples):
        yield ref(X, n, p)
        yield ref(Y, n, p)
    yield from (ref(L, n) for n in samples)
    for p, q in product(single, single):
        yield Delta(p, q)


J_PLUS = Affine.of(J) + 1


@pytest.mark.parametrize("name", names())
def test_distinct_entries_are_written_distinct(name: str) -> None:
    w = writer(name, last=Label(3), samples=True)
    seen: dict[Layout, Term] = {}
    for term in entries():
        made = w.write(term)
        assert made not in seen, f"{term} and {seen[made]} are both {formula(made)}"
        seen[made] = term


@pytest.mark.parametrize("name", names())
@pytest.mark.parametrize("term", [S1_J, O2_K, Y_K, X_I, ref(W1, I_, J), exp(S1_J)], ids=str)
def test_a_power_never_looks_like_a_label(name: str, term: Term) -> None:
    made = writer(name).write(power(term, 2))
    assert isinstance(made, Script)
    labelled = any(isinstance(node, Script) and node.sup for node in walk(writer(name).write(term)))
    if labelled or (profile(name).labels.form == "bare" and term in (S1_J, O2_K, X_I)):
        assert isinstance(made.base, Fenced)


# ------------------------------------------------------------------ random terms

LEAVES = [X_I, Y_K, S1_J, O1_J, O2_K, ref(W1, I_, J), ref(B1, J), Size("N"), Size("d"), Const("pi")]
numbers = st.fractions(-5, 5, max_denominator=100).map(Num)
leaves = st.one_of(st.sampled_from(LEAVES), numbers)
exponents: st.SearchStrategy[int | Fraction] = st.sampled_from(
    [-2, -1, 2, 3, Fraction(1, 2), Fraction(-1, 2), Fraction(1, 3)]
)


def arithmetic(inner: st.SearchStrategy[Term]) -> st.SearchStrategy[Term]:
    return st.one_of(
        st.lists(inner, min_size=2, max_size=3).map(lambda ts: add(*ts)),
        st.lists(inner, min_size=2, max_size=4).map(lambda ts: mul(*ts)),
        st.tuples(inner, exponents).map(lambda p: p[0] if p[0] is ZERO else power(*p)),
        st.sampled_from(["exp", "log", "tanh", "sigmoid", "abs"]).flatmap(
            lambda f: inner.map(lambda t: call(f, t))
        ),
        st.tuples(inner, inner).map(lambda p: exp(p[0] * call("log", p[1]))),
        st.tuples(inner, st.sampled_from([I_, K])).map(lambda p: Sum(p[0], (p[1],))),
    )


def anything(inner: st.SearchStrategy[Term]) -> st.SearchStrategy[Term]:
    condition = st.one_of(
        st.booleans(),
        st.tuples(st.sampled_from(["<", "<=", ">", ">="]), inner, inner).map(lambda c: Compare(*c)),
    )
    return st.one_of(
        arithmetic(inner),
        st.lists(st.tuples(inner, condition), min_size=1, max_size=3).map(
            lambda rows: Piecewise(tuple(rows))
        ),
        inner.map(lambda t: Apply(Function("phi", Label(0, "l")), t, 1)),
        inner.map(lambda t: Apply(Function("tanh"), t, 4)),
        inner.map(lambda t: Extremum("max", t, (K,))),
        inner.map(lambda t: Argmax(Extremum("min", t, (K, J)), (Affine(1), Affine.of(J)))),
        inner.map(lambda t: Partial(t, ref(S1, N, J))),
        inner.map(lambda t: Sum(t, (N, Index("u'", 2)))),
        inner.map(lambda t: Call("max", (t, ZERO))),
        st.just(Guard(J_PLUS, "d^(l)")),
    )


@pytest.mark.parametrize("name", names())
@settings(max_examples=60, deadline=None, derandomize=True)
@given(st.recursive(leaves, anything, max_leaves=12))
def test_every_term_is_written(name: str, term: Term) -> None:
    w = writer(name, samples=True)
    made = w.write(term)
    assert formula(made)
    for node in walk(made):
        items = getattr(node, "items", ())
        signs = [isinstance(i, Operator) and i.name in ("+", "-") for i in items]
        assert not any(a and b for a, b in pairwise(signs)), formula(made)


@pytest.mark.parametrize("name", names())
@settings(max_examples=80, deadline=None, derandomize=True)
@given(st.recursive(leaves, arithmetic, max_leaves=10))
def test_parentheses_keep_the_meaning(name: str, term: Term) -> None:
    w = writer(name)
    values = {leaf: complex(k + 2, 1) / 3 for k, leaf in enumerate(LEAVES)}
    leaves = {
        w.write(leaf): (value, tuple(i.name for i in sorted(free_indices(leaf))))
        for leaf, value in values.items()
    }
    reader = Reader(leaves, {w.index(i): i for i in (I_, J, K)})
    try:
        expected = value_of_term(term, values, {})
    except (OverflowError, ZeroDivisionError, ValueError):
        assume(False)
    assume(abs(expected) < 1e12)
    made = w.write(term)
    assert reader.value(made, {}) == pytest.approx(expected, rel=1e-6, abs=1e-6), formula(made)


def test_derivatives_of_the_loss_stand_beside_fractions() -> None:
    """A fraction inside of a fraction would be set too small to be read."""
    slope = Partial(ref(L, N), ref(Tensor("v", "quantity", Label(1)), N))
    tex = written("columns", mul(slope, power(Size("N"), -1)))
    assert tex.startswith(r"\frac{1}{N} \cdot \frac{\partial C_{n}}")
