"""What a strategy tells: parts of checked chains, or why it has nothing to say."""

from __future__ import annotations

from dataclasses import dataclass

from derive.steps import Chain


@dataclass(frozen=True)
class Part:
    """Chains that belong together; `kind` says what they are about, so that a page finds words."""

    kind: str
    chains: tuple[Chain, ...]
    bias: str = ""  # the form of the bias, where the part is about layers with that form only


@dataclass(frozen=True)
class Told:
    """A strategy at work on a network; without parts, `missing` says why."""

    name: str
    parts: tuple[Part, ...] = ()
    missing: str = ""

    @property
    def chains(self) -> tuple[Chain, ...]:
        """Every chain in order."""
        return tuple(chain for part in self.parts for chain in part.chains)
