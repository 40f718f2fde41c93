"""Gradwright: backpropagation derived by machine.

    >>> import gradwright
    >>> d = gradwright.derive("2 > 2 tanh > 1 sigmoid : binary_cross_entropy")
    >>> print(d.backward[0].rhs)
    o2[n,j] - y[n,j]

Names are loaded when they are first used, so that importing this module costs nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from codegen.api import code, notes, verify
    from codegen.asserts.asserting import assert_derivation, check
    from codegen.asserts.backward_assert import assert_backward
    from codegen.report import Report
    from derive.derivation import Derivation, derive
    from derive.errors import NotYet, SpecError, Undefined
    from derive.marking.verdicts import Marked
    from derive.network.schema import schema
    from derive.spec import Network, load, load_text

__all__ = [
    "Derivation",
    "Marked",
    "Network",
    "NotYet",
    "Report",
    "SpecError",
    "Undefined",
    "assert_backward",
    "assert_derivation",
    "check",
    "code",
    "derive",
    "load",
    "load_text",
    "notes",
    "schema",
    "verify",
]
_HOMES = {
    "codegen.api": ("code", "notes", "verify"),
    "codegen.asserts.asserting": ("assert_derivation", "check"),
    "codegen.asserts.backward_assert": ("assert_backward",),
    "codegen.report": ("Report",),
    "derive.derivation": ("Derivation", "derive"),
    "derive.errors": ("NotYet", "SpecError", "Undefined"),
    "derive.network.schema": ("schema",),
    "derive.spec": ("Network", "load", "load_text"),
    "derive.marking.verdicts": ("Marked",),
}
_HOME = {name: home for home, names in _HOMES.items() for name in names}


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(_HOME[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)


if __name__ == "__main__":  # `python -m gradwright` is `gradwright`
    import sys

    from codegen.cli import main

    sys.exit(main())
