"""The command `translate`: a hand derivation in another notation, to the terminal or a file."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from codegen.commands import files
from codegen.commands.hands import Hand, parted, read_hand
from codegen.commands.sources import read_source
from derive.errors import LONGEST_PROBLEM, SpecError
from derive.profiles import load
from derive.rewriting.translating import Translation, translate


def translate_hand(arguments: list[str], source: str | None, target: str) -> Translation:
    """The sheet that [SPEC] HAND name, in the notation `target`; refused if nothing can be read."""
    for option, name in (("--to", target), ("--from", source or target)):
        try:
            load(name)
        except SpecError as error:
            raise error.under(option) from None
    spec, names = parted(arguments)
    if len(names) > 1:
        raise SpecError(f"HAND: found {len(names)} hand derivations, expected one")
    hand = read_hand(names[0])
    file = hand.sheet.file
    if any(f.language != "latex" for f in hand.sheet.formulas):
        raise SpecError(f"{file}: found Python, expected LaTeX or Markdown")
    network = read_source(spec) if spec is not None else hand.network()
    text = hand.text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")
    about = None if network is None else network.network
    made = translate(text, hand.sheet, about, source, target)
    if not made.done:
        raise SpecError(_unread(hand, made))
    crlf = "\r\n" in hand.text
    return replace(made, text=made.text.replace("\n", "\r\n")) if crlf else made


def remarks(made: Translation) -> list[str]:
    """What to say beside the text: a guess, what was taken for granted, what was left."""
    guess = [f"note: the sheet is read as {made.source}; --from says otherwise"]
    lines = (guess if made.guessed else []) + [f"note: {note}" for note in made.notes]
    return [_short(line) for line in (*lines, *map(str, made.left))]


def _short(line: str) -> str:
    text = " ".join(line.split())
    return text if len(text) <= LONGEST_PROBLEM else text[: LONGEST_PROBLEM - 3] + "..."


def _unread(hand: Hand, made: Translation) -> str:
    if not made.left:
        return f"{hand.sheet.file}: found no formula, expected formulas between dollars or displays"
    return f"none of {len(made.left)} formulas can be translated; {made.left[0]}"


def write(made: Translation, path: Path, *, force: bool) -> None:
    """Write the sheet to a file, never over what a person has changed."""
    files.write_outputs({path: made.text.encode()}, force=force)
