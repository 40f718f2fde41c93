"""The 2-2-1 sigmoid network as a page, put together by hand: what the printers are tested with."""
# ruff: noqa: E741, RUF001  (o is the output; the title has dashes)

from __future__ import annotations

from codegen.pages.diagrams import Column, Node, Note, network_picture, plot_loglog, value_graph
from codegen.pages.document import (
    Code,
    CodeLine,
    CodeListing,
    CrossRef,
    Display,
    Document,
    Emph,
    Equation,
    EquationRow,
    Equations,
    Exercise,
    Figure,
    Inlines,
    Lemma,
    Line,
    Listing,
    Math,
    Paragraph,
    Remark,
    Result,
    Section,
    Table,
    Tint,
)
from codegen.pages.numbering import numbered
from derive.writing.layout import (
    BigOp,
    Cases,
    Function,
    Ident,
    Layout,
    Matrix,
    Space,
    Symbol,
    Text,
    Underbrace,
    apply,
    backward,
    forward,
    frac,
    listed,
    number,
    paren,
    partial,
    prime,
    row,
    scientific,
    slashed,
    sub,
    sup,
    sup_more,
)

LOSS = Ident("L", "calligraphic")
TARGET = sup(Ident("y"), Symbol("star"))
O, Z, X, E = Ident("o"), Ident("z"), Ident("x"), Ident("e")
SIGMA, ELL = Ident("sigma"), Symbol("ell")
T = Ident("T", "sans")
ONE = number(1)
LN = Function("ln")
DOT = row(Space("thin"))


def at(letter: str | Layout, layer: int | Layout, index: Layout | None = None) -> Layout:
    base = Ident(letter) if isinstance(letter, str) else letter
    label = number(layer) if isinstance(layer, int) else layer
    made = sup(base, paren(label))
    return made if index is None else sub(made, index)


def delta(layer: int | Layout, index: Layout | None = None) -> Layout:
    return backward(at("delta", layer, index))


def ij(*names: str) -> Layout:
    return row(*(number(n) if n.isdigit() else Ident(n) for n in names))


def nabla(name: str, layer: int) -> Layout:
    return row(sub(Symbol("nabla"), at(name, layer)), LOSS)


def column(*entries: str) -> Matrix:
    return Matrix(tuple((number(e),) for e in entries), "right")


def math(*parts: Layout | str) -> Math:
    return Math(row(*parts))


A1, Z1, Z2, W1, W2 = at("a", 1), at("z", 1), at("z", 2), at("W", 1), at("W", 2)
EXP = sup(E, row("-", Z))
BELOW = row(ONE, "+", EXP)
A1J = at("a", 1, Ident("j"))


def network() -> Figure:
    columns = (
        Column((sub(X, ONE), sub(X, number(2))), "input"),
        Column((at("a", 1, ONE), at("a", 1, number(2))), row(Text("hidden, "), SIGMA)),
        Column((O,), row(Text("output, "), SIGMA)),
        Column((LOSS,), "loss", boxed=True),
    )
    weights: dict[tuple[int, int, int], Layout] = {
        (0, i, j): at("w", 1, ij(str(j + 1), str(i + 1))) for i in (0, 1) for j in (0, 1)
    }
    weights |= {(1, i, 0): at("w", 2, ij("1", str(i + 1))) for i in (0, 1)}
    alt = "Two inputs joined to two hidden units, these to one output, and the output to the loss"
    caption: Inlines = (
        "Two inputs, two hidden units, one output. ", math(at("w", ELL, ij("i", "j"))), " runs ",
        Emph(("from",)), " unit ", math(Ident("j")), " ", Emph(("to",)), " unit ",
        math(Ident("i")), ".",
    )  # fmt: skip
    return Figure(network_picture(columns, alt, weights), caption, "fig:net")


def symbols() -> Table:
    rows: tuple[tuple[Inlines, ...], ...] = (
        ((math(X),), ("input",), (math(number(2)),), (Code("x"),)),
        (
            (math(listed(W1, at("b", 1))),), ("weights and biases into the hidden layer",),
            (math(listed(row(number(2), "times", number(2)), number(2))),), (Code("W1, b1"),),
        ),
        (
            (math(listed(at("a", 1), O)),),
            ("activations, ", math(A1, "=", apply(SIGMA, Z1)), ", ",
             math(O, "=", apply(SIGMA, Z2))),
            (math(listed(number(2), ONE)),), (Code("a1, o"),),
        ),
        ((math(TARGET),), ("target, ", math(number(0)), " or ", math(ONE)), (math(ONE),),
         (Code("y"),)),
        (
            (math(delta(ELL)),), ("error, ", math(slashed(row(Symbol("partial"), LOSS),
            row(Symbol("partial"), at("z", ELL))))), (math(listed(number(2), ONE)),),
            (Code("d1, d2"),),
        ),
    )  # fmt: skip
    caption: Inlines = ("Notation. Vectors are columns; ", math(Ident("A"), "odot", Ident("B")),
                        " is the entrywise product.")  # fmt: skip
    return Table((("symbol",), ("meaning",), ("shape",), ("in code",)), rows, caption, "tab:not")


def forward_pass() -> tuple[Equations, Equations]:
    def layer(k: int, below: Layout, out: Layout, key: str) -> EquationRow:
        z = at("z", k)
        affine = row(at("W", k), below, "+", at("b", k))
        pair = (Equation(forward(z), "=", affine), Equation(forward(out), "=", apply(SIGMA, z)))
        return EquationRow(pair, key)

    loss = row("-", TARGET, LN, O, "-", paren(row(ONE, "-", TARGET)), LN, paren(row(ONE, "-", O)))
    return (
        Equations((layer(1, X, A1, "eq:f1"), layer(2, A1, O, "eq:f2"))),
        Equations((EquationRow((Equation(LOSS, "=", loss),), "eq:bce"),)),
    )


def sigmoid_lemma() -> Lemma:
    s, slope = apply(SIGMA, Z), apply(prime(SIGMA), Z)
    claim = row(s, paren(row(ONE, "-", s)))
    lines = (
        Line(slope, "=", frac(EXP, sup(paren(BELOW), number(2))), ("quotient rule",), "PROVED"),
        Line(
            None, "=", row(frac(ONE, BELOW), "cdot", frac(EXP, BELOW)),
            ("split the square",), "PROVED",
        ),
        Line(None, "=", claim, (math(slashed(EXP, paren(BELOW)), "=", ONE, "-",
             slashed(ONE, paren(BELOW))),), "PROVED"),
    )  # fmt: skip
    proof = (Paragraph(("Differentiate and separate the two factors:",)), Display(lines, qed=True))
    statement: Inlines = ("If ", math(s, "=", slashed(ONE, paren(BELOW))), " then ",
                          math(slope, "=", claim), ".")  # fmt: skip
    return Lemma(statement, proof, "lem:sig")


def loss_lemma() -> Lemma:
    split = paren(row("-", frac(TARGET, O), "+", frac(row(ONE, "-", TARGET), row(ONE, "-", O))))
    rest = paren(row(ONE, "-", O))
    lines = (
        Line(partial(LOSS, Z), "=", row(partial(LOSS, O), Space("thin"), partial(O, Z)),
             ("chain rule",), "PROVED"),
        Line(None, "=", row(split, O, rest),
             ("derivative of ", CrossRef("eq:bce"), "; ", CrossRef("lem:sig")), "PROVED"),
        Line(None, "=", row("-", TARGET, rest, "+", paren(row(ONE, "-", TARGET)), O),
             ("multiply out; the denominators cancel",), "TESTED"),
        Line(None, "=", row(O, "-", TARGET), (math(TARGET, O), " cancels"), "SAMPLED"),
    )  # fmt: skip
    statement: Inlines = ("For ", math(O, "=", apply(SIGMA, Z)), " and ", math(LOSS), " as in ",
                          CrossRef("eq:bce"), ", ", math(partial(LOSS, Z), "=", O, "-", TARGET),
                          ".")  # fmt: skip
    proof = (
        Paragraph(("The loss sees ", math(Z), " only through ", math(O), ", so")),
        Display(lines, qed=True),
    )
    return Lemma(statement, proof, "lem:bce")


def backward_pass() -> Section:
    j = Ident("j")
    chain = row(
        partial(LOSS, at("z", 1, j)), "=",
        Underbrace(partial(LOSS, Z2), delta(2)), Space("thick"),
        Underbrace(partial(Z2, A1J), at("w", 2, ij("1", "j"))), Space("thick"),
        Underbrace(partial(A1J, at("z", 1, j)), row(A1J, paren(row(ONE, "-", A1J)))),
    )  # fmt: skip
    hidden = row(
        at("w", 2, ij("1", "j")), Space(), delta(2), Space(), A1J, paren(row(ONE, "-", A1J))
    )
    lines = (
        Line(delta(1, j), "=", chain, ("chain rule",), "PROVED"),
        Line(None, "=", hidden, (CrossRef("lem:sig"),), "PROVED", "eq:d1"),
    )
    i, layer = Ident("i"), ELL
    below = forward(at("a", row(ELL, "-", ONE), j))
    weight = Equation(
        partial(LOSS, at("w", layer, ij("i", "j"))), "=", row(delta(layer, i), Space(), below)
    )
    bias = Equation(partial(LOSS, at("b", layer, i)), "=", delta(layer, i))
    share = BigOp(
        "sum", Ident("k"), None, row(at("w", 2, ij("k", "j")), Space(), delta(2, Ident("k")))
    )
    blocks = (
        Paragraph(("This is ", CrossRef("lem:bce"), ", read at ", math(Z, "=", Z2), ":"),
                  ("Output layer.",)),
        Equations((EquationRow((Equation(delta(2), "=", row(O, "-", TARGET)),), "eq:d2"),)),
        Paragraph(("Unit ", math(j), " reaches the loss only through ", math(Z2), ":"),
                  ("Hidden layer.",)),
        Display(lines),
        Paragraph(
            ("With several output units every one of them would pass its share back, and ",
             CrossRef("eq:d1"), " would start with ", math(share), ". The sum runs over the ",
             Emph(("first",)), " index of ", math(W2), ", down column ", math(j),
             ", so it is entry ", math(j), " of ", math(sup_more(W2, T), delta(2)), "."),
            ("Where the transpose comes from.",)),
        Equations((EquationRow((weight, bias), "eq:grad"),)),
        result(),
    )  # fmt: skip
    return Section(("Backward pass",), blocks, "sec:back")


def result() -> Result:
    error = row(paren(row(sup_more(W2, T), delta(2))), "odot", A1, "odot", paren(row(ONE, "-", A1)))
    rows: tuple[tuple[Inlines, ...], ...] = (
        (("error",), (math(delta(2), "=", O, "-", TARGET),), (math(ONE),)),
        ((), (math(delta(1), "=", error),), (math(number(2)),)),
        (("weights",), (math(nabla("W", 2), "=", delta(2), Space(), forward(sup_more(A1, T))),),
         (math(ONE, "times", number(2)),)),
        ((), (math(nabla("W", 1), "=", delta(1), Space(), forward(sup(X, T))),),
         (math(number(2), "times", number(2)),)),
        (("biases",), (math(listed(row(nabla("b", 2), "=", delta(2)),
                                   row(Space("quad"), nabla("b", 1), "=", delta(1)))),),
         (math(listed(ONE, number(2))),)),
    )  # fmt: skip
    return Result(("The whole backward pass",), ((), ("in matrix form",), ("shape",)), rows)


def example() -> Section:
    def node(
        name: Layout, x: float, y: float, up: str, down: str = "", boxed: bool = False
    ) -> Node:
        return Node(name, x, y, number(up), number(down) if down else "", boxed)

    nodes = (
        node(sub(X, ONE), 0, 0, "0.5"), node(sub(X, number(2)), 0, 1, "-1"),
        node(at("z", 1, ONE), 1.2, 0, "0.5", "-0.0659"),
        node(at("z", 1, number(2)), 1.2, 1, "-0.45", "0.0572"),
        node(at("a", 1, ONE), 2.2, 0, "0.6225", "-0.2806"),
        node(at("a", 1, number(2)), 2.2, 1, "0.3894", "0.2405"),
        node(Z2, 3.3, 0.5, "0.4021", "-0.4008"), node(O, 4.2, 0.5, "0.5992", "-1.6689"),
        node(LOSS, 5.1, 0.5, "0.5122", "1", True),
    )  # fmt: skip
    edges = ((0, 2), (0, 3), (1, 2), (1, 3), (2, 4), (3, 5), (4, 6), (5, 6), (6, 7), (7, 8))
    alt = "Every unit with its value and the derivative of the loss with respect to it"
    given = (
        Equation(None, "", row(W1, "=", Matrix(((number("0.4"), number("-0.2")),
                                               (number("0.3"), number("0.5"))), "right"), ",")),
        Equation(None, "", row(at("b", 1), "=", column("0.1", "-0.1"), ",")),
        Equation(None, "", row(at("b", 2), "=", number("0.2"))),
    )  # fmt: skip
    lines = (
        Line(delta(2), "=", row(number("0.5992"), "-", ONE, "=", number("-0.4008"))),
        Line(
            delta(1), "=",
            row(column("0.7", "-0.6"), paren(number("-0.4008")), "odot", column("0.2350", "0.2378"),
                "=", column("-0.0659", "0.0572")),
        ),
    )  # fmt: skip
    caption: Inlines = ("Values going ", Tint(("forward",), "forward"),
                        " (above each node) and derivatives of the loss coming ",
                        Tint(("back",), "backward"), " (below).")  # fmt: skip
    return Section(
        ("One example, with every number",),
        (
            Paragraph(("Take ", math(X, "=", paren(listed(number("0.5"), number("-1")))), ", ",
                       math(TARGET, "=", ONE), " and")),
            Equations((EquationRow(given),)),
            Figure(value_graph(nodes, edges, alt), caption, "fig:graph"),
            Display(lines),
        ),
    )  # fmt: skip


def code() -> Section:
    return Section(
        ("The same thing as code",),
        (
            CodeListing(
                (
                    CodeLine("z1 = W1 @ x + b1;   a1 = 1 / (1 + np.exp(-z1))", ("eq:f1",)),
                    CodeLine("z2 = W2 @ a1 + b2;  o = 1 / (1 + np.exp(-z2))", ("eq:f2",)),
                    CodeLine("d2 = o - y", ("eq:d2",)),
                    CodeLine("d1 = (W2.T @ d2) * a1 * (1 - a1)", ("eq:d1",)),
                    CodeLine("if shape != (2,):"),
                    CodeLine('    raise ValueError(f"shape {shape}: 100% wrong")  # said in full'),
                )
            ),
        ),
    )


def trust() -> Section:
    points = [(10.0**-k, 10.0**e) for k, e in enumerate((-4.1, -6.1, -8.1, -10.1, -11.1, -10.1,
                                                        -9.2, -8.1, -6.9, -6.4), 1)]  # fmt: skip
    h = Ident("h")
    notes = (
        Note(10**-2.7, 10**-6.3, row(Text("truncation, falls like "), sup(h, number(2)))),
        Note(10**-7.3, 10**-9.8, row(Text("rounding, grows like "), slashed(ONE, h))),
    )
    picture = plot_loglog(points, "The error falls, then grows again: a V", (row(Text("step "), h),
                          "largest error"), notes, falling=True)  # fmt: skip
    caption: Inlines = ("Largest difference between ", CrossRef("eq:grad"),
                        " and a central difference over all nine parameters, at best ",
                        math(scientific("7.6", -12)), ".")  # fmt: skip
    relu = Cases(((X, row(X, ">", number(0))), (number(0), Text("otherwise"))))
    return Section(
        ("Can we trust it?",),
        (
            Figure(picture, caption, "fig:check"),
            Remark((Paragraph(("The slope of ", math(apply(Function("relu"), X), "=", relu),
                               " at zero is a convention.")),)),
            Listing((("a correct gradient gives this V",), ("a wrong one gives a flat line",))),
        ),
    )  # fmt: skip


def exercises() -> Section:
    half = row(number("1"), "/", number("2"))
    first = Exercise(
        (Paragraph(("Replace ", CrossRef("eq:bce"), " by ", math(LOSS, "=", half,
                    sup(paren(row(O, "-", TARGET)), number(2))), ". What is ", math(delta(2)),
                    " now?")),),
        (Paragraph((math(delta(2), "=", paren(row(O, "-", TARGET)), O, paren(row(ONE, "-", O))),
                    ".")),),
        "ex:se",
    )  # fmt: skip
    second = Exercise(
        (Paragraph(("Give the hidden layer ", math(Function("tanh")), " units. Which of ",
                    CrossRef("eq:d2"), " to ", CrossRef("eq:grad"), " change?")),),
        (Paragraph(("Only ", CrossRef("eq:d1"), ", see ", CrossRef("ex:se"), ".")),),
    )  # fmt: skip
    return Section(("Exercises",), (first, second))


def sample(title: str = "A 2–2–1 sigmoid network with binary cross-entropy") -> Document:
    opening = Paragraph(
        ("We want the derivative of the loss with respect to each of the nine parameters of the "
         "network in ", CrossRef("fig:net"), ". The plan is the same for every network: compute "
         "the error ", math(backward(Ident("delta")), "=", slashed(row(Symbol("partial"), LOSS),
         row(Symbol("partial"), Z))), " at the last layer, carry it back one layer, and read every "
         "gradient off as “error times input”.")
    )  # fmt: skip
    badges: tuple[Inlines, ...] = (
        ("24 of 24 steps PROVED",),
        ("all 9 gradients agree with central differences to ", math(scientific("7.6", -12))),
        ("generated code agrees with generic backpropagation to ", math(number(0)), " ulp"),
    )
    sections = (
        Section(("The network",), (network(), symbols())),
        Section(("Forward pass",), forward_pass(), "sec:forward"),
        Section(("Two facts we need",), (
            sigmoid_lemma(), loss_lemma(),
            Paragraph(("The cancellation is the reason for pairing this loss with this activation: "
                       "the factor ", math(O, paren(row(ONE, "-", O))), ", which is tiny when the "
                       "unit is saturated, is gone, so a confident mistake still learns.")),
        )),
        backward_pass(), example(), code(), trust(), exercises(),
    )  # fmt: skip
    subtitle = "Every gradient, derived step by step, and one example in full"
    return numbered(Document(title, subtitle, badges, (opening,), sections))


HOSTILE = (
    r"\input{/etc/passwd} \write18{x} % }{ <script>alert('1')</script> \"q\" & # _ ~ ^^41 $x$ `a` "
    "é Ł 中 λ ∑ \u202e x -- ?` ![a](b) \\end{document} Ünï"
)


def hostile_document(words: str) -> Document:
    """A page that has the words of a user wherever words may stand."""
    inside: Inlines = (
        words,
        Code(words),
        math(Text(words[:16])),
        Emph((words,)),
        Tint((words,), "soft"),
    )
    line = Line(O, "=", row(X, Text(words)), (words,), "TESTED", "eq:x", words)
    section = Section(
        (words, math(SIGMA)),
        (
            Paragraph(inside, (words,)),
            Display((line,)),
            Table(((words,), (words,)), ((inside, inside),), (words,), "tab:x"),
            Result((words,), ((words,),), ((inside,),)),
            Figure(network_picture((Column((words[:30],), words[:60]),), words), (words,)),
            CodeListing((CodeLine(words, ("eq:x",)), CodeLine(r"\end{code}"), CodeLine("`" * 9))),
            Lemma(inside, (Paragraph(inside), Display((line_again(line),), True)), name=(words,)),
            Remark((Paragraph(inside),), (words,)),
            Listing((inside, inside), True),
            Exercise((Paragraph(inside),), (Paragraph(inside),)),
        ),
        short=words,
    )
    return numbered(Document(words, words, (inside,), (Paragraph(inside),), (section,)))


def line_again(line: Line) -> Line:
    return Line(line.lhs, line.relation, line.rhs, line.why, line.checked)
