"""The engine's walls: imports point one way, one place substitutes, and no derivative is typed."""

from __future__ import annotations

import ast
import re
from graphlib import TopologicalSorter
from pathlib import Path

import mpmath
import pytest

from derive import primitives
from derive.algebra import calculus
from derive.algebra.terms import ONE, Apply, Partial, Tensor, Term, lift, walk
from derive.formulas.formula import read_formula
from derive.identities import O, S
from tests.brute import Brute, close
from tests.concrete_nets import ACTIVATIONS as BY_HAND
from tests.concrete_nets import LOSSES as LOSSES_BY_HAND

DERIVE = Path(__file__).parent.parent / "derive"
FILES = sorted(DERIVE.rglob("*.py"))
LONGEST = 430  # lines of a file that can still be read in one sitting
#: What may stand under derive/: the standard library apart, nothing else.
THIRD_PARTY = {"sympy", "mpmath", "pydantic", "pydantic_core", "lark"}
NEVER = {"codegen", "numpy", "typer", "rich", "jinja2", "torch", "sklearn", "matplotlib"}


def module(path: Path) -> str:
    """The name of a file's module, without `derive.`."""
    parts = path.relative_to(DERIVE).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imports(path: Path, inside_functions: bool = True) -> set[str]:
    """The modules that a file imports."""
    tree = ast.parse(path.read_text())
    nodes = ast.walk(tree) if inside_functions else iter(tree.body)
    found: set[str] = set()
    for node in nodes:
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found.add(node.module or "")
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return found


@pytest.mark.parametrize("path", FILES, ids=module)
def test_derive_looks_neither_ahead_nor_aside(path: Path) -> None:
    roots = {name.split(".")[0] for name in imports(path)}
    assert not roots & NEVER, f"{path.name} looks ahead to {roots & NEVER}"


def test_imports_point_one_way() -> None:
    """At import no module needs itself; only the text of a term is fetched when it is printed."""
    names = {module(path) for path in FILES}
    graph = {
        module(path): {
            name.removeprefix("derive.")
            for name in imports(path, inside_functions=False)
            if name.removeprefix("derive.") in names - {module(path)}
        }
        for path in FILES
    }
    order = list(TopologicalSorter(graph).static_order())
    chain = [f"algebra.{name}" for name in ("terms", "substitution", "canon", "simplify")]
    chain += ["identities", "lemmas", "adjoint", "backward", "derivation"]
    assert [name for name in order if name in chain] == chain
    late = {
        module(path): imports(path) - imports(path, inside_functions=False)
        for path in FILES
        if any(n.startswith("derive.") for n in imports(path) - imports(path, False))
    }
    assert late == {"algebra.nodes": {"derive.algebra.text", "derive.algebra.text.plain"}}


#: What a room stands on, besides itself and libraries: nothing that is nearer to the commands.
STANDS_ON = {
    "derive/algebra": {"derive.errors", "derive.primitives"},
    "derive/formulas": {"derive.algebra", "derive.errors"},
    "derive/matrices": {"derive.algebra"},
    "codegen/lowering": {"derive.algebra", "derive.errors"},
    "codegen/stability": {"codegen.lowering", "derive.algebra", "derive.errors"},
    "codegen/pages": {"codegen.render", "derive.errors", "derive.reading", "derive.writing"},
}


@pytest.mark.parametrize("room", STANDS_ON)
def test_a_room_stands_on_those_below_it(room: str) -> None:
    own = room.replace("/", ".")
    for path in sorted((DERIVE.parent / room).rglob("*.py")):
        names = {n for n in imports(path) if n.split(".")[0] in ("derive", "codegen")}
        far = {n for n in names if not any(f"{n}.".startswith(f"{b}.") for b in STANDS_ON[room])}
        far = {n for n in far if not f"{n}.".startswith(f"{own}.")}
        assert not far - {"derive", "codegen"}, f"{path.name} looks ahead to {sorted(far)}"


SUBSTITUTES = {"diff", "subs", "xreplace", "simplify", "doit", "expand", "lambdify", "sympify"}
SUBSTITUTES |= {"parse_expr", "Derivative", "Integral", "solve", "evalf", "nsimplify"}


@pytest.mark.parametrize("path", FILES, ids=module)
def test_sympy_factors_polynomials_and_nothing_else(path: Path) -> None:
    """It would capture bound indices, or execute text, if it did more."""
    if not any(name.split(".")[0] == "sympy" for name in imports(path)):
        return
    assert module(path) == "algebra.fraction"
    used = {
        node.attr
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Attribute)
    }
    assert not used & SUBSTITUTES


@pytest.mark.parametrize("path", FILES, ids=module)
def test_one_place_substitutes_and_one_differentiates(path: Path) -> None:
    """Only `substitution` makes places out of places, only `calculus` has rules of derivatives."""
    text = path.read_text()
    if module(path) != "algebra.calculus":
        assert not re.search(r"^CALCULUS\b", text, re.M)
        assert not re.search(r"order \+ 1\)", text)
    if module(path) != "algebra.substitution":
        defined = {n.name for n in ast.walk(ast.parse(text)) if isinstance(n, ast.FunctionDef)}
        assert not defined & {"define", "replace_term", "replace_refs", "relabel"}


@pytest.mark.parametrize("path", FILES, ids=module)
def test_a_file_can_be_read_in_one_sitting(path: Path) -> None:
    assert len(path.read_text().splitlines()) <= LONGEST


# ------------------------------------------------------------------ no derivative is typed


def test_primitives_hold_forward_formulas_only() -> None:
    source = (DERIVE / "primitives.py").read_text() + (DERIVE / "kinds.py").read_text()
    assert not re.search(r"Partial|Apply\(|derivative\(|slope\(|gradient|backward|delta\[", source)
    names = {name for name in vars(primitives) if name.isupper()} - {"ZERO"}
    assert names == {
        "ACTIVATIONS",
        "DEFINED",
        "INDEXED_ACTIVATIONS",
        "LIKELIHOODS",
        "LOSSES",
        "UNIT_SUM",
    }


def with_values(values: dict[Tensor, mpmath.mpf]) -> Brute:
    return Brute(lambda tensor, where: values[tensor])


NAMES: dict[str, Term] = {"s": S, "slope": lift(1) / 100, "alpha": ONE}


@pytest.mark.parametrize("name", primitives.ACTIVATIONS)
def test_an_activation_is_its_formula(name: str) -> None:
    """What stands in the table has the values of the function of that name."""
    phi = read_formula(primitives.ACTIVATIONS[name], NAMES)
    assert not any(isinstance(n, Apply | Partial) for n in walk(phi))
    for point in map(mpmath.mpf, (-2, -0.5, 0, 0.5, 3)):
        assert close(with_values({S.tensor: point})(phi, {}), BY_HAND[name](point), 12)


@pytest.mark.parametrize("name", primitives.LOSSES)
def test_a_loss_is_its_formula(name: str) -> None:
    names: dict[str, Term] = {"o": O, "y": S, "t": ONE, "delta": ONE}
    formula = read_formula(primitives.LOSSES[name], names)
    for o, y in ((0.3, 0.8), (0.9, 0.1), (0.5, 0.5)):
        output, target = mpmath.mpf(o), mpmath.mpf(y)
        found = with_values({O.tensor: output, S.tensor: target})(formula, {})
        assert close(found, LOSSES_BY_HAND[name]([output], [target]), 12)


def test_the_only_table_of_derivatives_is_the_calculus_own() -> None:
    """Eight functions that have no definition in terms of others; everything else is derived."""
    assert calculus.CALCULUS.keys() == {"exp", "log", "sin", "cos", "asin", "acos", "atan", "erf"}
    assert not calculus.CALCULUS.keys() & primitives.DEFINED.keys()
