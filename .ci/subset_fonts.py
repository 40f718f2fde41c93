"""Make the fonts of the HTML pages from the full STIX Two fonts; run by hand, needs fonttools.

    python .ci/subset_fonts.py TEXT_REGULAR TEXT_ITALIC TEXT_SEMIBOLD MATH

takes font files that hold at least the letters of TEXT and the signs of `derive.writing.marks`, and
writes templates/fonts/stix-*.woff2.  The fonts stay under their licence, OFL.txt.
"""
# ruff: noqa: RUF001  (signs that look alike are meant)

from __future__ import annotations

import sys
from pathlib import Path

from fontTools import subset

ROOT = Path(__file__).resolve().parent.parent
HERE = ROOT / "templates" / "fonts"
sys.path.insert(0, str(ROOT))

from derive.writing import marks  # noqa: E402

TEXT = {*range(0x20, 0x7F), *range(0xA0, 0x180), *map(ord, "‐‑–—‘’“”„…−×·✓→§¶†‡•")}
LATIN = {ord(c) for c in "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"}
SIGNS = {
    ord(c)
    for table in (
        marks.GREEK,
        marks.SYMBOLS,
        marks.OPERATORS,
        marks.BIG,
        marks.FENCES,
        marks.ACCENTS,
    )
    for sign in table.values()
    for c in sign
}
MATHEMATICS = (
    {*range(0x20, 0x7F), *LATIN, *SIGNS}
    | {*range(0x1D400, 0x1D468), 0x210E}  # bold, italic
    | {*range(0x1D49C, 0x1D4B6), *map(ord, "ℬℰℱℋℐℒℳℛ")}  # calligraphic capitals
    | {*range(0x1D538, 0x1D552), *map(ord, "ℂℍℕℙℚℝℤ")}  # blackboard capitals
    | {*range(0x1D5A0, 0x1D5D4), *range(0x1D670, 0x1D6A4)}  # sans, typewriter
    | {*range(0x1D6A8, 0x1D736)}  # bold and italic Greek
    | {0x1D7CE, 0x1D7CF}  # bold 0 and 1, for whole arrays of them
    | {*map(ord, "√⏟⏞‾¯ˆ˜˙¨←→⟵⟶✓′″‴"), 0x2061, 0x2062, 0x302, 0x303, 0x304, 0x307, 0x308, 0x20D7}
)


def cut(source: str, target: str, characters: set[int], *, mathematics: bool) -> None:
    """One font with the given characters only."""
    options = subset.Options()
    options.flavor = "woff2"
    options.layout_features = ["ssty", "dtls", "ssty2"] if mathematics else ["kern", "liga", "lnum"]
    options.hinting = False
    options.desubroutinize = False
    options.name_IDs = [0, 1, 2, 13, 14]
    options.notdef_outline = True
    font = subset.load_font(source, options)
    tool = subset.Subsetter(options)
    tool.populate(unicodes=characters)
    tool.subset(font)
    subset.save_font(font, str(HERE / target), options)
    print(f"{target}: {(HERE / target).stat().st_size} bytes")


if __name__ == "__main__":
    regular, italic, semibold, mathematics = sys.argv[1:]
    cut(regular, "stix-text.woff2", TEXT, mathematics=False)
    cut(italic, "stix-text-italic.woff2", TEXT, mathematics=False)
    cut(semibold, "stix-text-semibold.woff2", TEXT, mathematics=False)
    cut(mathematics, "stix-math.woff2", MATHEMATICS, mathematics=True)
