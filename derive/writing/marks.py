"""The closed tables of marks that formulas are set from: the name of each, and its Unicode sign."""
# ruff: noqa: RUF001  (look-alike signs are what these tables are about)

# letters that are written by name: an italic or bold `Ident` of such a name is that letter
GREEK = {
    "alpha": "α", "beta": "β", "gamma": "γ", "delta": "δ", "epsilon": "ϵ", "varepsilon": "ε",
    "zeta": "ζ", "eta": "η", "theta": "θ", "vartheta": "ϑ", "iota": "ι", "kappa": "κ",
    "lambda": "λ", "mu": "μ", "nu": "ν", "xi": "ξ", "pi": "π", "rho": "ρ", "varrho": "ϱ",
    "sigma": "σ", "tau": "τ", "upsilon": "υ", "phi": "ϕ", "varphi": "φ", "chi": "χ", "psi": "ψ",
    "omega": "ω", "Gamma": "Γ", "Delta": "Δ", "Theta": "Θ", "Lambda": "Λ", "Xi": "Ξ", "Pi": "Π",
    "Sigma": "Σ", "Upsilon": "Υ", "Phi": "Φ", "Psi": "Ψ", "Omega": "Ω",
}  # fmt: skip

STYLES = ("italic", "roman", "bold", "calligraphic", "sans", "blackboard", "typewriter")

# marks that stand for themselves, without space around them
SYMBOLS = {
    "partial": "∂", "nabla": "∇", "infinity": "∞", "ldots": "…", "cdots": "⋯", "vdots": "⋮",
    "ddots": "⋱", "star": "⋆", "asterisk": "∗", "prime": "′", "ell": "ℓ", "top": "⊤",
    "dagger": "†", "bullet": "∙", "empty": "∅", "blank": "",
}  # fmt: skip

BINARY = {
    "+": "+", "-": "−", "pm": "±", "cdot": "⋅", "times": "×", "odot": "⊙", "otimes": "⊗",
    "oplus": "⊕", "circ": "∘", "ast": "∗",
}  # fmt: skip
RELATIONS = {
    "=": "=", "ne": "≠", "approx": "≈", "equiv": "≡", "sim": "∼", "propto": "∝", "<": "<",
    ">": ">", "le": "≤", "ge": "≥", "ll": "≪", "gg": "≫", "in": "∈", "notin": "∉",
    "subset": "⊂", "to": "→", "mapsto": "↦", "gets": "←", "implies": "⇒", "iff": "⇔",
    ":=": "≔", "colon": ":", "mid": "∣",
}  # fmt: skip
PREFIXES = ("-", "+", "pm")  # before a part, without space, where no part stands before them
PUNCTUATION = {",": ",", ";": ";"}
TIGHT = {"/": "/", "!": "!", ".": "."}  # no space on either side
OPERATORS = {**BINARY, **RELATIONS, **PUNCTUATION, **TIGHT}

BIG = {
    "sum": "∑", "prod": "∏", "max": "max", "min": "min", "argmax": "arg max",
    "argmin": "arg min", "lim": "lim", "int": "∫",
}  # fmt: skip

FENCES = {
    "(": "(", ")": ")", "[": "[", "]": "]", "{": "{", "}": "}", "|": "|", "||": "‖",
    "floor(": "⌊", "floor)": "⌋", "ceil(": "⌈", "ceil)": "⌉", "<": "⟨", ">": "⟩", "": "",
}  # fmt: skip

ACCENTS = {"vec": "→", "bar": "¯", "dot": "˙", "ddot": "¨", "hat": "^", "tilde": "~"}

SPACES = {"thin": 3, "medium": 4, "thick": 5, "quad": 18, "qquad": 36}  # in eighteenths of an em

TINTS = ("forward", "backward", "soft", "good")
