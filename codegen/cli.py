"""The command line: what each command takes and says; the work is done elsewhere."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from codegen.commands.help import PlainCommand
from codegen.commands.sheets import check, translate
from codegen.commands.stops import run
from codegen.commands.words import FORCE, SPEC
from derive.errors import SpecError

# SymPy, NumPy and all that builds on them are imported inside the commands, so that `--help`
# answers at once.

app = typer.Typer(
    name="gradwright",
    help="Backpropagation derived by machine: LaTeX notes, NumPy code and checked hand derivations "
    "from one network spec.",
    epilog='SPEC is a file, "-", the name of an example (see "gradwright examples"), or a network '
    'in one line: "2 > 3 tanh > 1 sigmoid : binary_cross_entropy".',
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
Spec = Annotated[str, typer.Argument(metavar="SPEC", help=SPEC, show_default=False)]
Force = Annotated[bool, typer.Option("--force", help=FORCE)]
Notation = Annotated[
    str | None,
    typer.Option(
        "--notation",
        metavar="NAME",
        help="In place of the notation of the spec: columns, rows, "
        "signals, neurons, units, named_layers, or a FILE.toml.",
    ),
]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command and return its exit code: 0 well, 1 the answer is no, 2 wrong input."""
    return run(app, sys.argv[1:] if arguments is None else list(arguments))


def _version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import PackageNotFoundError, version

        try:
            print(f"gradwright {version('gradwright')}")
        except PackageNotFoundError:  # a checkout that was not installed
            print("gradwright, not installed")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None: ...


@app.command(cls=PlainCommand)
def demo(
    folder: Annotated[
        Path, typer.Option("-o", "--output", metavar="DIR", help="The folder to write to.")
    ] = Path("gradwright-demo"),
    force: Force = False,
) -> None:
    """Build every bundled example, train one, mark a hand derivation."""
    from codegen.commands.demo import demo

    demo(folder, force=force)


@app.command(cls=PlainCommand)
def build(
    specs: Annotated[
        list[str] | None, typer.Argument(metavar="SPEC...", help=SPEC, show_default=False)
    ] = None,
    folder: Annotated[
        Path, typer.Option("-o", "--output", metavar="DIR", help="One folder for each name in DIR.")
    ] = Path("generated"),
    every: Annotated[
        bool, typer.Option("--all", help="Every bundled example, with an INDEX.md.")
    ] = False,
    check: Annotated[
        bool, typer.Option("--check", help="Write nothing; exit 1 if anything would change.")
    ] = False,
    notation: Notation = None,
    force: Force = False,
) -> None:
    """Make notes, module, its test and a report of one spec or more."""
    from codegen.commands import shelf

    if every and specs:
        raise SpecError("build: found SPEC and --all, expected one of them")
    if not every and not specs:
        raise SpecError("build: found no SPEC, expected one or more, or --all")
    made = shelf.made(specs or [], notation, every=every)
    if check:
        different = shelf.differences(folder, made, every=every)
        for line in different:
            print(line)
        raise typer.Exit(1 if different else 0)
    shelf.write(folder, made, every=every, force=force)
    for line in shelf.listing(folder, made):
        print(line)


@app.command(cls=PlainCommand)
def notes(
    spec: Spec,
    notation: Notation = None,
    formats: Annotated[
        str, typer.Option("--format", metavar="LIST", help="Of tex, html, pdf, md, ipynb and text.")
    ] = "tex,html",
    folder: Annotated[
        Path, typer.Option("-o", "--output", metavar="DIR", help="The folder to write to.")
    ] = Path(),
    force: Force = False,
) -> None:
    """Write the chapter; the format text goes to the terminal."""
    from codegen import build
    from codegen.commands import files
    from codegen.commands.sources import read_source
    from codegen.refusals import outside
    from derive.derivation import derive

    wanted = _formats(formats)
    source = read_source(spec)
    derivation = derive(source.network)
    page = build.document(derivation, notation or source.notation)
    made = build.notes(page, wanted, derivation)
    shown = made.pop("notes.text", b"").decode()
    files.write_folder(folder, made, force=force)
    for problem in outside(derivation):
        print(f"warning: {source.label}: {problem}", file=sys.stderr)
    print(shown, end="")
    for name in made:
        print(folder / name)


@app.command(cls=PlainCommand)
def code(
    spec: Spec,
    path: Annotated[
        Path | None,
        typer.Option(
            "-o",
            "--output",
            metavar="FILE.py",
            help="The file to write; - prints it.  [default: NAME.py]",
        ),
    ] = None,
    test: Annotated[
        bool, typer.Option("--test", help="Also write test_FILE.py beside it.")
    ] = False,
    force: Force = False,
) -> None:
    """Write the NumPy module, one file that stands on its own."""
    from codegen import build
    from codegen.commands import files
    from codegen.commands.sources import read_source
    from derive.derivation import derive

    source = read_source(spec)
    name = source.network.name
    path = path or Path(f"{name}.py")
    if test:
        _check_importable(path)
    derivation = derive(source.network)
    made = {path: build.module(derivation, source.label).encode()}
    if str(path) == "-":
        print(made[path].decode(), end="")
        return
    if test:
        beside = path.with_name(f"test_{path.name}")
        made[beside] = build.module_test(derivation, path.stem).encode()
    files.write_files(made, force=force)
    for each in made:
        print(each)


@app.command(cls=PlainCommand)
def verify(
    spec: Spec,
    json: Annotated[bool, typer.Option("--json", help="Print the report as JSON.")] = False,
) -> None:
    """Hold the module of a network against four independent referees."""
    from codegen import build
    from codegen.commands.sources import read_source
    from codegen.verify import verify
    from derive.derivation import derive

    source = read_source(spec)
    derivation = derive(source.network)
    report = verify(derivation, build.module(derivation, source.label))
    print(report.to_json() if json else report.table(), end="" if json else "\n")
    raise typer.Exit(0 if report.ok else 1)


app.command(cls=PlainCommand)(check)
app.command(cls=PlainCommand)(translate)


@app.command(cls=PlainCommand)
def new(
    name: Annotated[str, typer.Argument(metavar="NAME", help="The name of the network.")],
    folder: Annotated[
        Path, typer.Option("-o", "--output", metavar="DIR", help="The folder to write to.")
    ] = Path(),
    force: Force = False,
) -> None:
    """Write a commented spec to start from."""
    from codegen.commands import files
    from codegen.render import NewSpec, render
    from derive.network.values import read_name

    try:
        name = read_name(name)
    except SpecError as error:
        raise error.under("NAME") from None
    text = render("new_spec.toml.j2", NewSpec(name))
    files.write_file(folder / f"{name}.toml", text.encode(), force=force)
    print(folder / f"{name}.toml")


@app.command(cls=PlainCommand)
def examples(
    names: Annotated[
        list[str] | None, typer.Argument(metavar="NAME...", help="To copy.", show_default=False)
    ] = None,
    folder: Annotated[
        Path, typer.Option("-o", "--output", metavar="DIR", help="The folder to write to.")
    ] = Path(),
    force: Force = False,
) -> None:
    """List the bundled examples, or copy some of them."""
    from codegen import examples
    from codegen.commands import files
    from derive.errors import listed, shown, suggestion

    known = (*examples.names(), *examples.sheets())
    unknown = [name for name in names or [] if name not in known]
    if unknown:
        expected = f", expected {listed(known)}"
        raise SpecError(
            *(f"NAME: found {shown(name)}{suggestion(name, known) or expected}" for name in unknown)
        )
    if not names:
        width = max(map(len, known))
        for name in known:
            print(f"{name:{width}}  {examples.title(name)}")
        return
    sheets = [name for name in names if name in examples.sheets()]
    specs = [name for name in names if name in examples.names()]
    made = {folder / f"{name}.toml": examples.text(name).encode() for name in specs}
    made |= {folder / f"{name}.tex": examples.sheet(name).encode() for name in sheets}
    files.write_files(made, force=force)
    for path in made:
        print(path)


@app.command(cls=PlainCommand)
def schema(
    what: Annotated[
        str, typer.Argument(metavar="spec|check", help="Of a spec, or of check --json.")
    ] = "spec",
) -> None:
    """Print the JSON schema of a spec, or of check --json."""
    import json

    from codegen.marked import json as marked_json
    from derive.errors import shown
    from derive.network.schema import schema

    if what not in ("spec", "check"):
        raise SpecError(f"schema: found {shown(what)}, expected spec or check")
    print(json.dumps(schema() if what == "spec" else marked_json.schema(), indent=2))


def _formats(text: str) -> tuple[str, ...]:
    from codegen.build import FORMATS
    from derive.errors import listed, shown, suggestion

    wanted = tuple(dict.fromkeys(part.strip() for part in text.split(",")))
    for word in wanted:
        if word not in FORMATS:
            expected = listed(FORMATS) + suggestion(word, FORMATS)
            raise SpecError(f"--format: found {shown(word)}, expected {expected}")
    return wanted


def _check_importable(path: Path) -> None:
    from derive.network.values import read_name

    try:
        if path.suffix != ".py":
            raise SpecError(f"found {path.name[:60]}, expected FILE.py, which its test can import")
        read_name(path.stem)
    except SpecError as error:
        raise error.under("--output") from None


if __name__ == "__main__":
    sys.exit(main())
