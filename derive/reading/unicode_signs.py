"""Signs of Unicode in formulas, as the LaTeX that means the same."""

# ruff: noqa: RUF001  (look-alike signs are what the tables are about)
from __future__ import annotations

import re
import unicodedata

SIGNS = {
    "∑": r"\sum", "∏": r"\prod", "∂": r"\partial", "∇": r"\nabla", "−": "-", "·": r"\cdot",
    "⋅": r"\cdot", "×": r"\times", "⊙": r"\odot", "∘": r"\circ", "⊗": r"\otimes", "∗": "*",
    "≈": r"\approx", "≠": r"\ne", "≤": r"\le", "≥": r"\ge", "←": r"\leftarrow", "→": r"\to",
    "⇒": r"\implies", "⟹": r"\implies", "⇔": r"\iff", "∴": r"\therefore", "∝": r"\propto",
    "≡": r"\equiv", "≔": ":=", "∞": r"\infty", "ℓ": r"\ell", "′": "'", "⊤": r"\top",
    "√": r"\sqrt", "∈": r"\in", "…": r"\ldots", "⋯": r"\cdots", "‖": r"\|", "½": r"\frac{1}{2}",
    "⋆": r"\star", "\u00a0": " ", "″": "''", "∥": r"\|", "≜": "=", "⟵": r"\leftarrow",
    "⟶": r"\to", "↦": r"\mapsto", "⟨": r"\langle ", "⟩": r"\rangle ", "∀": r"\forall ",
    "∆": r"\Delta", "•": r"\bullet", "⊺": r"\top", "±": r"\pm", "∣": r"\mid", "∕": "/",
    "⁄": "/", "¼": r"\frac{1}{4}", "⋮": r"\vdots", "⋱": r"\ddots", "∵": r"\because",
    "≪": r"\ll", "≫": r"\gg", "∼": r"\sim", "≃": r"\simeq", "∉": r"\notin",
    "α": r"\alpha", "β": r"\beta", "γ": r"\gamma", "δ": r"\delta", "ε": r"\varepsilon",
    "ϵ": r"\epsilon", "ζ": r"\zeta", "η": r"\eta", "θ": r"\theta", "κ": r"\kappa",
    "λ": r"\lambda", "μ": r"\mu", "ν": r"\nu", "ξ": r"\xi", "π": r"\pi", "ρ": r"\rho",
    "σ": r"\sigma", "τ": r"\tau", "υ": r"\upsilon", "φ": r"\varphi", "ϕ": r"\phi",
    "χ": r"\chi", "ψ": r"\psi", "ω": r"\omega", "Γ": r"\Gamma", "Δ": r"\Delta",
    "Θ": r"\Theta", "Λ": r"\Lambda", "Σ": r"\Sigma", "Φ": r"\Phi", "Ψ": r"\Psi", "Ω": r"\Omega",
}  # fmt: skip
_BELOW = {"ᵢ": "i", "ⱼ": "j", "ₖ": "k", "ₗ": "l", "ₘ": "m", "ₙ": "n", "ₚ": "p", "ₜ": "t",
          "ₓ": "x", "₊": "+", "₋": "-", "₍": "(", "₎": ")",
          **{chr(0x2080 + k): str(k) for k in range(10)}}  # fmt: skip
_ABOVE = {"¹": "1", "²": "2", "³": "3", "⁰": "0", **{chr(0x2070 + k): str(k) for k in range(4, 10)},
          "⁺": "+", "⁻": "-", "⁽": "(", "⁾": ")", "ⁱ": "i", "ʲ": "j", "ᵏ": "k", "ˡ": "l",
          "ᴸ": "L", "ᵐ": "m", "ⁿ": "n", "ᵗ": "t", "ˣ": "x", "ᵀ": r"\top "}  # fmt: skip
_SCRIPT = re.compile(f"(?P<below>[{''.join(_BELOW)}]+)|(?P<above>[{''.join(_ABOVE)}]+)")
_ACCENTS = {"\u0302": "hat", "\u0304": "bar", "\u0305": "bar", "\u0303": "tilde", "\u0307": "dot",
            "\u0308": "ddot", "\u20d7": "vec"}  # fmt: skip
_STYLES = (("BOLD", "mathbf"), ("DOUBLE-STRUCK", "mathbb"), ("SCRIPT", "mathcal"),
           ("SANS-SERIF", "mathsf"), ("ITALIC", ""))  # fmt: skip
_ACCENTED = re.compile(rf"(\w)([{''.join(_ACCENTS)}])")


def written(text: str, at: int) -> tuple[str, int] | None:
    """What the Unicode signs at a place are in LaTeX, and where they end; None for plain ones."""
    if text[at] in SIGNS and text[at + 1 : at + 2] not in _ACCENTS:
        return SIGNS[text[at]], at + 1
    if found := _SCRIPT.match(text, at):
        signs, mark = (_BELOW, "_") if found["below"] else (_ABOVE, "^")
        inside = "".join(signs[c] for c in found.group())
        return mark + "{" + inside + "}", found.end()
    if found := _ACCENTED.match(text, at):
        return _accented(found[1], found[2]), found.end()
    if text[at].isascii():
        return None
    parts = unicodedata.normalize("NFD", text[at])
    if len(parts) == 2 and parts[0].isascii() and parts[1] in _ACCENTS:
        return _accented(*parts), at + 1
    return _styled(text[at], at)


def _accented(letter: str, accent: str) -> str:
    return rf"\{_ACCENTS[accent]}{{{SIGNS.get(letter, letter)}}}"


def _styled(sign: str, at: int) -> tuple[str, int] | None:
    """A mathematical letter or digit of another face: a bold W is \\mathbf{W}."""
    name, plain = unicodedata.name(sign, ""), unicodedata.normalize("NFKD", sign)
    if not name.startswith("MATHEMATICAL") or len(plain) != 1:
        return None
    plain = SIGNS.get(plain, plain)
    style = next((style for word, style in _STYLES if word in name.split()), None)
    if style is None or not (plain.isascii() and (plain.isalnum() or plain.startswith("\\"))):
        return None
    return (rf"\{style}{{{plain}}}" if style else plain), at + 1
