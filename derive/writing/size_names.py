"""The letters of symbolic sizes: those of the network, where the notation leaves them free.

>>> from derive.profiles import profile
>>> written_sizes(profile("columns"), ["d", "k", "x1"])
{'d': 'd', 'k': 'K', 'x1': 'P1'}
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from derive.algebra.symbols import Extent, Tensor
from derive.writing.profile import INDICES, Profile
from derive.writing.signs import Sign

LAYER_SIZE = re.compile(r"([A-Za-z]\w*)\^\(([A-Za-z]\w*)?([+-]?\d+)?\)")  # d^(l-1)
_FREE = "PQRUVMDHKTBGpqruvmdhtbcg"  # letters for a size whose own letter is taken


def names_of_sizes(shapes: Mapping[Tensor, tuple[Extent, ...]]) -> list[str]:
    """The sizes that a network has by name, widths of generic layers not counted."""
    found = {e for shape in shapes.values() for e in shape if isinstance(e, str)}
    return sorted(e for e in found if not LAYER_SIZE.match(e))


def written_sizes(profile: Profile, names: Iterable[str]) -> dict[str, str]:
    """Size -> how the notation writes it: under another letter where an index or quantity has its.

    The letter of the sample index may stay: samples are counted up to N alone.
    """
    plain = {name: profile.sizes.get(name, name) for name in names}
    made = {n: w for n, w in plain.items() if not _taken(profile, w[0])}
    for name, written in plain.items():
        if name in made:
            continue
        letters = (written[0].upper(), *_FREE)
        ways = (letter + written[1:] for letter in letters if not _taken(profile, letter))
        made[name] = next((way for way in ways if way not in made.values()), written)
    return {name: made[name] for name in plain}


def _taken(profile: Profile, letter: str) -> bool:
    """Whether a size of that letter looks like something else."""
    indices = {profile.indices.get(i, i) for i in INDICES if i != "n"}
    layers = {*profile.labels.letters.values(), "l"}
    many = profile.sizes.get("N", "N")
    quantity = profile.drawn(Sign(letter)) or profile.taken(letter)
    own = Sign(letter) == profile.layer_size[0]
    return letter in {*indices, *layers, many} or (quantity and not own)
