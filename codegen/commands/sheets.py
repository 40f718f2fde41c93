"""The commands about hand derivations: check and translate."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from codegen.commands.words import FORCE

# what builds on SymPy or NumPy is imported inside the commands, so that `--help` answers at once


def check(
    arguments: Annotated[
        list[str],
        typer.Argument(
            metavar="[SPEC] HAND...",
            help="SPEC is a file, an example or one line; HAND a .tex, .md or .py, or - for LaTeX"
            " from standard input. Without SPEC: statements about activations, losses and chain"
            " rules alone.",
            show_default=False,
        ),
    ],
    notation: Annotated[
        str | None,
        typer.Option(
            "--notation",
            metavar="NAME|FILE.toml",
            help="The notation of the sheet; else the sheet says it, or it is guessed.",
        ),
    ] = None,
    formats: Annotated[
        str | None,
        typer.Option(
            "--format", metavar="LIST", help="Of text (default), html, md, json and github."
        ),
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="The same as --format json.")] = False,
    path: Annotated[
        Path | None,
        typer.Option(
            "-o",
            "--output",
            metavar="FILE",
            help="The file to write; of several formats html, md and json. Else all is printed.",
        ),
    ] = None,
    reveal: Annotated[
        str,
        typer.Option(
            "--reveal",
            metavar="LEVEL",
            help="How much is said: none, place, slip, or line with the corrected line.",
        ),
    ] = "line",
    strict: Annotated[
        bool, typer.Option("--strict", help="What cannot be read or decided also gives 1.")
    ] = False,
    least: Annotated[
        int,
        typer.Option("--min-checked", metavar="N", min=0, help="Fewer claims checked gives 1."),
    ] = 0,
    force: Annotated[bool, typer.Option("--force", help=FORCE)] = False,
) -> None:
    """Mark a hand derivation line by line; exit code 1 if wrong."""
    from codegen.commands import checking
    from codegen.marked.words import Demands

    checking.check_level(reveal)
    places = checking.destinations(checking.chosen_formats(formats, json), path)
    sheets = checking.check_files(arguments, notation)
    for each in checking.report(sheets, places, reveal, force=force):
        print(each)
    demands = Demands(strict, least)
    marked = [each for _, each in sheets]
    for problem in demands.unmet(marked):
        print(problem, file=sys.stderr)
    raise typer.Exit(0 if demands.met(marked) else 1)


def translate(
    arguments: Annotated[
        list[str],
        typer.Argument(
            metavar="[SPEC] HAND",
            help="SPEC is a file, an example or one line; HAND a .tex or .md, or - for standard"
            " input. SPEC says how many layers there are and whether biases are thresholds.",
            show_default=False,
        ),
    ],
    target: Annotated[
        str, typer.Option("--to", metavar="NAME|FILE.toml", help="The notation to write.")
    ],
    source: Annotated[
        str | None,
        typer.Option(
            "--from",
            metavar="NAME|FILE.toml",
            help="The notation of the sheet; else the sheet says it, or it is guessed.",
        ),
    ] = None,
    path: Annotated[
        Path | None,
        typer.Option(
            "-o", "--output", metavar="FILE", help="The file to write; else it is printed."
        ),
    ] = None,
    strict: Annotated[
        bool, typer.Option("--strict", help="A formula that is left as it is gives 1.")
    ] = False,
    force: Annotated[bool, typer.Option("--force", help=FORCE)] = False,
) -> None:
    """Write the formulas of a hand derivation in another notation."""
    from codegen.commands import translate as command

    made = command.translate_hand(arguments, source, target)
    if path is None or str(path) == "-":
        print(made.text, end="")
    else:
        command.write(made, path, force=force)
        print(path)
    for line in command.remarks(made):
        print(line, file=sys.stderr)
    raise typer.Exit(1 if strict and made.left else 0)
