"""The commands and words that the grammar knows."""

from __future__ import annotations

from derive.reading.latex_tokens import Token

RELATIONS = {
    "=": "=", r"\approx": "approx", r"\propto": "propto", r"\equiv": "equiv", r"\ne": "ne",
    r"\neq": "ne", r"\leftarrow": "gets", r"\gets": "gets", ":=": ":=", r"\coloneqq": ":=",
    r"\coloneq": ":=", r"\in": "in", r"\le": "le", r"\leq": "le", r"\ge": "ge", r"\geq": "ge",
    r"\lt": "<", r"\gt": ">", "<": "<", ">": ">", r"\sim": "sim", r"\simeq": "approx", r"\to": "to",
    r"\rightarrow": "to", r"\ll": "ll", r"\gg": "gg", r"\triangleq": "=", r"\doteq": "=",
    r"\cong": "approx", "<=": "le", ">=": "ge", "!=": "ne", "==": "=", r"\leqslant": "le",
    r"\geqslant": "ge", r"\longrightarrow": "to", ":": "colon", r"\colon": "colon",
    r"\mapsto": "mapsto",
    r"\longleftarrow": "gets", r"\notin": "notin", r"\overset": "=", r"\eqqcolon": "=",
    "+=": "plus", "-=": "minus",
}  # fmt: skip
PRODUCTS = {
    r"\cdot": "cdot", r"\times": "times", r"\odot": "odot", r"\circ": "circ", r"\ast": "ast",
    "*": "ast", r"\otimes": "otimes", r"\bullet": "odot", r"\cdotp": "cdot",
}  # fmt: skip
BIG = {
    r"\sum": "sum", r"\prod": "prod", r"\max": "max", r"\min": "min", r"\lim": "lim"
}  # fmt: skip
FRACTIONS = (r"\frac", r"\tfrac", r"\dfrac", r"\cfrac")
DOTS = (r"\dots", r"\ldots", r"\cdots", r"\vdots", r"\ddots", r"\dotsc", r"\dotsb", r"\dotsm",
        r"\dotso", r"\hdots")  # fmt: skip
MATRICES = ("matrix", "pmatrix", "bmatrix", "Bmatrix", "smallmatrix", "array", "matrix*",
            "pmatrix*", "bmatrix*", "psmallmatrix", "bsmallmatrix")  # fmt: skip
OTHERWISE = ("otherwise", "else", "in all other cases", "elsewhere")
CASES = ("cases", "dcases", "rcases", "cases*", "dcases*")
PLACE_SIGNS = ("+", "-", "'", "^", "{", "}", r"\prime")  # of an index expression
FUNCTION_WORDS = ("max", "min", "exp", "log", "ln", "tanh", "relu", "ReLU", "softmax", "sigmoid",
                  "sqrt", "diag", "softplus", "sinh", "cosh")  # without a backslash  # fmt: skip
OPERAND = 'a symbol, a number, "(" or another beginning of an expression'


#: Commands that end an expression.
STOPS = (r"\quad", r"\qquad", r"\implies", r"\Rightarrow", r"\iff", r"\Leftrightarrow",
         r"\therefore", r"\because", r"\\", r"\Longrightarrow", r"\Longleftrightarrow",
         r"\land", r"\wedge", r"\forall")  # fmt: skip
CONJUNCTIONS = (
    "and", "or", "where", "for", "so", "hence", "therefore", "thus", "if", "when", "then", "with",
    "since", "because", "as", "that is", "i.e.", "assume", "using", "by", "let", "for all",
    "if and only if", "iff", "which is", "gives", "implies", "similarly", "in particular", "also",
    "while", "but", "such that", "s.t.", "s.t", "subject to",
)  # fmt: skip


def conjunction(token: Token) -> bool:
    """Whether the words of a text token stand between formulas."""
    words = token.raw.strip().strip(",.;:()[]").strip().lower()
    return not words or words in CONJUNCTIONS or words.split()[0] in CONJUNCTIONS
