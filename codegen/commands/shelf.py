"""Several specs at once: built, written below one folder, compared with what stands there."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from codegen import examples
from codegen.build import Built, build, same_report
from codegen.commands import files
from codegen.commands.progress import tracked
from codegen.commands.sources import example, read_source
from codegen.pages.markdown import escape
from derive.errors import SpecError

INDEX = "INDEX.md"
RULES = {"report.json": same_report}


def made(
    specs: Sequence[str], notation: str | None = None, *, every: bool = False, pdf: bool = False
) -> list[Built]:
    """Everything of every spec; with `every` of all bundled examples.  Nothing is written."""
    sources = [example(name) for name in examples.names()] if every else []
    sources += [read_source(spec) for spec in specs]
    names: dict[str, str] = {}
    for source in sources:
        name = source.network.name
        if name.lower() in names:
            other = names[name.lower()]
            raise SpecError(f'{source.label}: name: found "{name}", which {other} has as well')
        names[name.lower()] = source.label
    doing = tracked(sources, lambda source: source.network.name)
    return [build(source, notation, pdf=pdf) for source in doing]


def all_files(made: Sequence[Built], *, every: bool = False) -> dict[str, bytes]:
    """The files of all specs by their names below the folder, with an index of the examples."""
    together = {name: data for built in made for name, data in built.files.items()}
    return together | ({INDEX: index(made).encode()} if every else {})


def write(folder: Path, made: Sequence[Built], *, every: bool = False, force: bool = False) -> None:
    """Write all files, or none."""
    files.write_folder(folder, all_files(made, every=every), force=force, same=RULES)


def differences(folder: Path, made: Sequence[Built], *, every: bool = False) -> list[str]:
    """What is missing, different or left over below the folder, one line each."""
    expected = all_files(made, every=every)
    lines = []
    for name, data in expected.items():
        path = files.target(folder, name)
        old = files.read(path)
        rule = RULES.get(path.name, files.identical)
        if old is None:
            lines.append(f"{path}: missing")
        elif not rule(old, data):
            lines.append(f"{path}: differs from what is made now")
    return lines + [f"{path}: left over" for path in _left_over(folder, made, expected, every)]


def _left_over(
    folder: Path, made: Sequence[Built], expected: dict[str, bytes], every: bool
) -> Iterator[Path]:
    """Files that were once made here and are made no longer."""
    wanted = {files.target(folder, name) for name in expected}
    own = [folder / built.source.network.name for built in made]
    if every and folder.is_dir():
        own = sorted(path for path in (folder, *folder.iterdir()) if path.is_dir())
    for parent in own:
        for name in files.remembered(parent):
            path = parent / name
            if path not in wanted and path.suffix != ".pdf" and path.is_file():
                yield path


def listing(folder: Path, made: Sequence[Built]) -> Iterator[str]:
    """What was written, one line for each spec."""
    for built in made:
        name = built.source.network.name
        parts = ", ".join(key.removeprefix(f"{name}/") for key in built.files)
        why = "" if built.report else " (no module: it has generic or symbolic parts)"
        yield f"{folder / name}: {parts}{why}"


def index(made: Sequence[Built]) -> str:
    """The table of all examples in Markdown."""
    rows = [_row(built) for built in made]
    return "\n".join(
        [
            "# The bundled examples",
            "",
            "Made by `gradwright build --all`; a test makes them anew and compares every byte.",
            "",
            "| example | what it is | notation | notes | module | steps | referees |",
            "|---|---|---|---|---|---|---|",
            *rows,
            "",
        ]
    )


def _row(built: Built) -> str:
    network = built.source.network
    name = network.name
    code = f"[{name}.py]({name}/{name}.py), [test]({name}/test_{name}.py)"
    steps = ", ".join(f"{count} {word}" for word, count in built.derivation.checks.items() if count)
    cells = (
        f"[{name}]({name}/{name}.toml)",
        escape(network.title or ""),
        network.notation,
        f"[LaTeX]({name}/notes.tex), [HTML]({name}/notes.html)",
        code if built.report else "-",
        steps,
        "agree" if built.report else "-",
    )
    return f"| {' | '.join(cells)} |"
