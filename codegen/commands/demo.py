"""`gradwright demo`: every bundled example, one trained, a hand derivation marked."""

from __future__ import annotations

from pathlib import Path
from time import perf_counter

import numpy as np

from codegen import examples
from codegen.commands import files, shelf
from codegen.commands.checking import check_hand
from codegen.commands.hands import read_path
from codegen.marked.html import html
from codegen.marked.words import summary
from codegen.pages import pdf
from codegen.verify import load_source

TRAINED = "xor"
SHEET = "by_hand"


def demo(folder: Path, *, force: bool = False) -> None:
    """Build all examples, train the smallest, mark a hand derivation, print where to look."""
    made = shelf.made([], every=True, pdf=pdf.available())
    shelf.write(folder, made, every=True, force=force)
    steps = sum(sum(built.derivation.checks.values()) for built in made)
    modules = [built.report for built in made if built.report is not None]
    print(f"{len(made)} networks: {steps} steps derived and checked, {len(modules)} modules")
    print("verified against generic backpropagation, complex steps and 60-digit arithmetic.")
    print()
    source = next(b.files[f"{TRAINED}/{TRAINED}.py"] for b in made if TRAINED in b.source.label)
    print(_trained(source.decode()))
    print()
    print(_checked(folder, force=force))
    print()
    print("Where to look:")
    own = folder / TRAINED
    places = {own / "notes.html": "a chapter, in any browser"}
    if pdf.available():
        places[own / "notes.pdf"] = "the same on paper"
    places[own / f"{TRAINED}.py"] = "its NumPy module, which needs no other file"
    places[folder / f"{SHEET}.html"] = "the marked hand derivation"
    places[folder / shelf.INDEX] = "all examples"
    width = max(len(str(path)) for path in places)
    for path, what in places.items():
        print(f"  {path!s:{width}}  {what}")
    if not pdf.available():
        print("pdflatex is not installed: notes.tex was written, but no PDF was made of it.")


def _checked(folder: Path, *, force: bool) -> str:
    """Write the bundled hand derivation with its marks; what was found, in a sentence."""
    sheet = folder / f"{SHEET}.tex"
    files.write_file(sheet, examples.sheet(SHEET).encode(), force=force)
    marked = check_hand(read_path(sheet, sheet.name), None, None)
    page = html([(sheet.name, marked)])
    files.write_file(folder / f"{SHEET}.html", page.encode(), force=force)
    return f"A hand derivation with slips on purpose, {sheet.name}, was marked:\n{summary(marked)}."


def _trained(text: str) -> str:
    """What the module of the exclusive or learns, in a sentence."""
    module = load_source(text, TRAINED)
    x = np.array([[0, 0], [0, 1], [1, 0], [1, 1]], dtype=float)
    y = np.array([[0], [1], [1], [0]], dtype=float)
    start = perf_counter()
    params = module.init(seed=0)
    losses = module.fit(params, x, y)
    seconds = perf_counter() - start
    outputs = ", ".join(f"{value:.3f}" for value in module.forward(params, x)[:, 0])
    return (
        f"The module of {TRAINED} was trained on the truth table for {len(losses)} epochs in "
        f"{seconds:.1f} s:\nits loss fell from {losses[0]:.3f} to {losses[-1]:.5f}, and it now "
        f"answers {outputs}."
    )
