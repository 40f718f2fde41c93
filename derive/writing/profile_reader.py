"""Reading one profile from its TOML data; every mistake is told at once."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import replace
from string import ascii_letters
from typing import Any

from derive.errors import SpecError, listed, shown, suggestion
from derive.primitives import ACTIVATIONS, DEFINED, INDEXED_ACTIVATIONS
from derive.writing.marks import GREEK
from derive.writing.profile import CHOICES, LABEL_FORMS, ROLES, STRATEGIES, Labels, Profile, Role
from derive.writing.signs import Sign

_TEXT_KEYS = ("name", "title", "lecture", "strategies")
_WORD = re.compile(r"[A-Za-z][A-Za-z0-9]{0,19}")  # the name of a layer
MOST_SIGNS = 20  # of one role
_TABLES = ("labels", "writing", "indices", "sizes", "layer_size", "functions", "roles")

_LETTERS = tuple(ascii_letters)
_FUNCTIONS = tuple(dict.fromkeys(("loss", *ACTIVATIONS, *INDEXED_ACTIVATIONS, *DEFINED)))
SPARE = ("nu", "mu", "kappa", "rho", "tau", "omega")  # for letters whose place others have taken


class ProfileReader:
    """Reads one profile and gathers every mistake in it."""

    def __init__(self) -> None:
        self.problems: list[str] = []

    def read(self, data: Mapping[str, Any]) -> Profile:
        """The profile, or a SpecError with every mistake."""
        self._keys("", data, (*_TEXT_KEYS, *_TABLES))
        tables = {k: self._table(k, data.get(k, {})) for k in _TABLES}
        layer_size = tables["layer_size"]
        self._keys("layer_size.", layer_size, ("sign", "place"))
        sizes = self._letters("sizes", tables["sizes"])
        made = Profile(
            name=self._name(data.get("name")),
            title=self._text("title", data.get("title")),
            strategies=self._strategies(data.get("strategies", [])),
            roles=self._roles(tables["roles"]),
            labels=self._labels(tables["labels"]),
            writing=self._writing(tables["writing"]),
            indices=self._letters("indices", tables["indices"], tables["sizes"].values()),
            sizes=sizes,
            layer_size=(
                self._sign("layer_size.sign", layer_size.get("sign")),
                self._word("layer_size.place", layer_size, "place", ("superscript", "subscript")),
            ),
            functions=self._functions(tables["functions"]),
            lecture=self._text("lecture", data.get("lecture", "-")),
        )
        if self.problems:
            raise SpecError(*self.problems)
        return made

    def _wrong(self, place: str, found: object, wanted: str) -> None:
        self.problems.append(f"{place}: found {shown(found)}, expected {wanted}")

    def _keys(
        self, place: str, table: Mapping[str, Any], known: tuple[str, ...] | list[str]
    ) -> None:
        for key in table:
            if key not in known:
                hint = suggestion(key, known)
                self.problems.append(f"{place}{key}: unknown; expected {listed(known)}{hint}")

    def _table(self, place: str, found: Any) -> Mapping[str, Any]:
        if isinstance(found, dict):
            return found
        self._wrong(place, found, "a table")
        return {}

    def _text(self, place: str, found: Any) -> str:
        if isinstance(found, str) and 0 < len(found) <= 200 and found.isprintable():
            return found
        self._wrong(place, found, "a text of one line")
        return ""

    def _name(self, found: Any) -> str:
        """The name, which is also that of files and directives."""
        name = self._text("name", found)
        if not re.fullmatch(r"[\w .-]*", name) or name.startswith("."):
            self._wrong("name", found, "letters, digits, spaces and _ - .")
        return name

    def _functions(self, table: Mapping[str, Any]) -> Mapping[str, Sign]:
        self._keys("functions.", table, _FUNCTIONS)
        return {k: self._sign(f"functions.{k}", v) for k, v in table.items()}

    def _sign(self, place: str, found: Any) -> Sign:
        try:
            return Sign.parse(found if isinstance(found, str) else "")
        except SpecError as error:
            self.problems += error.under(place).problems
            return Sign("x")

    def _signs(self, place: str, found: Any) -> tuple[Sign, ...]:
        if isinstance(found, list) and len(found) > MOST_SIGNS:
            self._wrong(place, f"{len(found)} signs", f"at most {MOST_SIGNS}")
            return ()
        if isinstance(found, list):
            return tuple(self._sign(f"{place}[{n}]", one) for n, one in enumerate(found))
        self._wrong(place, found, "a list of signs")
        return ()

    def _word(self, place: str, table: Mapping[str, Any], key: str, words: tuple[str, ...]) -> str:
        found = table.get(key, words[0])
        if found in words:
            return str(found)
        self._wrong(place, found, listed(f'"{word}"' for word in words))
        return words[0]

    def _strategies(self, found: Any) -> tuple[str, ...]:
        known = isinstance(found, list) and found and all(s in STRATEGIES for s in found)
        if known and len(set(found)) == len(found):
            return tuple(found)
        self._wrong("strategies", found, f"a list of {listed(STRATEGIES)}, each once")
        return ()

    def _writing(self, table: Mapping[str, Any]) -> Mapping[str, str]:
        self._keys("writing.", table, tuple(CHOICES))
        return {k: self._word(f"writing.{k}", table, k, words) for k, words in CHOICES.items()}

    def _letters(
        self, place: str, table: Mapping[str, Any], taken: Collection[str] = ()
    ) -> Mapping[str, str]:
        """A renaming of letters, completed: no two become the same, none becomes a taken one."""
        values = list(table.values())
        if place == "indices":
            self._keys("indices.", table, _LETTERS)
        if not all(v in (*_LETTERS, *GREEK) for v in values) or len(set(values)) != len(values):
            said = ", ".join(f"{k} = {v!r}" for k, v in table.items())
            self._wrong(place, said, "different letters for different letters")
            return {}
        used = {*table, *values, *taken}
        free = [letter for letter in sorted(set(table) - set(values)) if letter not in taken]
        free += [letter for letter in (*SPARE, *_LETTERS) if letter not in used]
        wanted = sorted(set(values) - set(table))
        return {**table, **dict(zip(wanted, free[: len(wanted)], strict=True))}

    def _labels(self, table: Mapping[str, Any]) -> Labels:
        self._keys("labels.", table, ("form", "layer", "last", "input", "hidden", "output"))
        form = self._word("labels.form", table, "form", LABEL_FORMS)
        letters = {"l": table.get("layer", "l"), "L": table.get("last", "L")}
        for base, letter in letters.items():
            place = f"labels.{'layer' if base == 'l' else 'last'}"
            if letter in (*_LETTERS, *GREEK, "ell"):
                continue
            self._wrong(place, letter, 'a letter, or the name of one such as "ell"')
        texts = {k: table.get(k, "") for k in ("input", "hidden", "output")}
        for key, text in texts.items():
            if text != "" and not (isinstance(text, str) and _WORD.fullmatch(text)):
                self._wrong(f"labels.{key}", text, 'a letter or a word without a style: "out"')
        named = [text for text in (*letters.values(), *texts.values()) if text != ""]
        if len({str(text) for text in named}) < len(named):
            self._wrong("labels", ", ".join(map(str, named)), "different names of layers")
        return Labels(form, letters, **texts)

    def _roles(self, table: Mapping[str, Any]) -> Mapping[str, Role]:
        self._keys("roles.", table, ROLES)
        missing = [role for role in ROLES if role not in table]
        if missing:
            self.problems.append(f"roles: {listed(missing)} missing; every role must be written")
        made = {r: self._role(r, self._table(f"roles.{r}", table[r])) for r in ROLES if r in table}
        for name, role in made.items():
            if role.like in made and made[role.like].like:
                wanted = "a role that has a sign of its own"
                self._wrong(f"roles.{name}.like", role.like, wanted)
        return {name: self._likened(role, made) for name, role in made.items()}

    def _likened(self, role: Role, made: Mapping[str, Role]) -> Role:
        """The role with the signs of the role that it is written like."""
        if role.like not in made:
            return role
        other = made[role.like]
        if role.fixed is not None:  # its whole has a sign of its own: w_0 beside W
            return replace(role, entry=other.entry, batch=role.whole)
        return replace(role, entry=other.entry, whole=other.whole, batch=other.batch)

    def _role(self, name: str, table: Mapping[str, Any]) -> Role:
        place = f"roles.{name}"
        self._keys(
            f"{place}.",
            table,
            [
                "entry",
                "whole",
                "batch",
                "aliases",
                "like",
                "fixed",
                "sample",
                "label",
                "scalar",
                "arguments",
            ],
        )
        others = tuple(role for role in ROLES if role != name)
        like = self._word(f"{place}.like", table, "like", ("", *others))
        fixed = table.get("fixed")
        if fixed is not None and (isinstance(fixed, bool) or fixed != 0):
            self._wrong(f"{place}.fixed", fixed, "the whole number 0, the index of a fixed input")
            fixed = None
        entry = self._sign(f"{place}.entry", table.get("entry", "x" if like else None))
        whole = self._sign(f"{place}.whole", table["whole"]) if "whole" in table else entry
        return Role(
            entry=entry,
            whole=whole,
            batch=self._sign(f"{place}.batch", table["batch"]) if "batch" in table else whole,
            aliases=self._signs(f"{place}.aliases", table.get("aliases", [])),
            like=like,
            fixed=fixed,
            sample=self._word(f"{place}.sample", table, "sample", ("auto", "always")),
            label=self._word(f"{place}.label", table, "label", ("shown", "hidden")),
            scalar=self._word(f"{place}.scalar", table, "scalar", ("indexed", "bare")),
            arguments=self._signs(f"{place}.arguments", table.get("arguments", [])),
        )
