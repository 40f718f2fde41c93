"""Profiles as data: complete, without clashes, and every mistake of a user's own told."""

from __future__ import annotations

from pathlib import Path
from string import ascii_letters

import pytest

import derive.profiles as shipped
from derive.errors import SpecError
from derive.profiles import load, loads, names, profile
from derive.writing.marks import GREEK
from derive.writing.profile import CHOICES, ROLES, STRATEGIES, clashing
from derive.writing.signs import Sign

FOLDER = Path(shipped.__file__).parent
TEXT = (FOLDER / "columns.toml").read_text()


def test_six_profiles_default_first() -> None:
    assert names() == ("columns", "named_layers", "neurons", "rows", "signals", "units")


@pytest.mark.parametrize("name", names())
def test_complete_and_without_clashes(name: str) -> None:
    made = profile(name)
    assert made.name == name
    assert set(made.roles) == set(ROLES)
    assert set(made.writing) == set(CHOICES)
    assert made.strategies
    assert set(made.strategies) <= set(STRATEGIES)
    assert not list(clashing(made))
    for renaming in (made.indices, made.sizes):
        written = [*renaming.values(), *(x for x in ascii_letters if x not in renaming)]
        assert len(set(written)) == len(written), "no two letters may become one"
    assert not set(made.indices.values()) & set(made.sizes.values()), "an index like a size"


def test_every_strategy_is_somebodys() -> None:
    assert {s for name in names() for s in profile(name).strategies} == set(STRATEGIES)


def test_what_the_design_says_of_each() -> None:
    assert [profile(n).out_first for n in names()] == [True, True, False, False, False, False]
    assert profile("signals").labels.letters["l"] == "k"
    assert profile("signals").roles["activation"].aliases == (Sign("chi"),)
    assert Sign("Q", "calligraphic") in profile("signals").roles["activation_function"].aliases
    assert profile("columns").writing["slope"] == "dot"
    assert profile("neurons").roles["bias"].fixed == 0
    assert str(profile("units").roles["target"].entry) == "y asterisk"
    assert profile("units").roles["learning_rate"].entry == Sign("alpha")


@pytest.mark.parametrize(
    "text", ["z", "bold Delta", "vec bold a", "cal L", "y star", "text apparent error", "hat w"]
)
def test_signs_round_trip(text: str) -> None:
    assert str(Sign.parse(text)) == text


@pytest.mark.parametrize("text", ["", "bold", "two letters", "y prime", "1", "\\alpha", "vec"])
def test_signs_refused(text: str) -> None:
    if text in ("bold", "vec"):
        assert Sign.parse(text).letter == text
        return
    with pytest.raises(SpecError, match="expected a sign such as"):
        Sign.parse(text)


MISTAKES = [
    ('delta = { entry = "delta", batch', 'del = { entry = "delta", batch', "delta missing"),
    ('preactivation = { entry = "z"', 'preactivation = { entry = "a"', "written like"),
    ('preactivation = { entry = "z"', 'preactivation = { entry = "e"', "Euler"),
    ('"vec z"', '"vec a"', "vec a is already"),
    ('learning_rate = { entry = "eta"', 'learning_rate = { entry = "delta"', "written like"),
    ('order = "out in"', 'order = "sideways"', '"in out" or "out in"'),
    ('order = "out in"', 'oder = "out in"', 'did you mean "order"'),
    ('layer = "ell"', 'layer = "!"', "labels.layer"),
    ('i = "j"\nj = "i"', 'i = "j"\nk = "j"', "different letters"),
    ('strategies = ["activations", "delta"]', "strategies = []", "a list of"),
    ('place = "subscript"', 'place = "above"', '"superscript" or "subscript"'),
    ("[labels]", "[labels", "not TOML"),
    ('learning_rate = { entry = "eta"', 'learning_rate = { entry = "i"', "i is an index"),
    ('learning_rate = { entry = "eta"', 'learning_rate = { entry = "etta"', 'did you mean "eta"'),
    ('layer = "ell"', 'layer = "j"', "labels.layer: j is an index"),
    ('sign = "n"', 'sign = "w"', "layer_size.sign: w is one of the roles"),
    ('sign = "n"', 'sign = "i"', "layer_size.sign: i is an index or a layer"),
    ('sign = "n"', 'sign = "ell"', "layer_size.sign: ell is an index or a layer"),
    ('i = "j"\nj = "i"', 'i = "1"\nj = "i"', "different letters"),
    ('i = "j"\nj = "i"', 'i = "ij"\nj = "i"', "different letters"),
    ('i = "j"\nj = "i"', 'i = "alfa"\nj = "i"', "different letters"),
    ('i = "j"\nj = "i"', 'foo = "j"', "indices.foo: unknown"),
    ('i = "j"\nj = "i"', 'i = "j"\nj = "i"\nn = "l"', "labels.layer: ell is an index"),
    ("[layer_size]", '[sizes]\nN = "j"\n[layer_size]', "sizes.N: j is an index"),
    ("[layer_size]", '[sizes]\nN = "m"\nd = "n"\n[layer_size]', "sizes.d: n is an index"),
    ("[layer_size]", '[sizes]\nN = "w"\n[layer_size]', "sizes.N: w is one of the roles"),
    ("[layer_size]", '[sizes]\nN = "3"\n[layer_size]', "different letters"),
    ('sigmoid = "sigma"', 'sigmoidd = "sigma"', 'did you mean "sigmoid"'),
    ('layer = "ell"', 'layer = "w"', "labels.layer: w is one of the roles"),
    ('layer = "ell"', 'layer = "L"', "different names of layers"),
    ('layer = "ell"', 'hidden = "h"\noutput = "h"', "different names of layers"),
    ('like = "activation"', 'like = "output"', "roles.output.like"),
    ('mask = { entry = "q"', 'mask = { like = "output"', "a sign of its own"),
    ('bias = { entry = "b"', 'bias = { fixed = 7, entry = "b"', "the whole number 0"),
    ('name = "columns"', 'name = "../columns"', "name: found"),
    ('"activations", "delta"', '"delta", "delta"', "each once"),
    ('layer = "ell"', 'layer = "layer"', 'a letter, or the name of one such as "ell"'),
    ('layer = "ell"', 'layer = ["k"]', "labels.layer"),
    ('entry = "eta"', f'entry = "text {60 * "x"}"', "roles.learning_rate.entry"),
    ('aliases = ["alpha"]', f"aliases = {[*GREEK]}".replace("'", '"'), "at most 20"),
    ('layer = "ell"', 'output = "roman o"', 'labels.output: found "roman o", expected a letter or'),
    ('layer = "ell"', "hidden = 1", "labels.hidden: found 1, expected a letter or"),
    ('loss = { entry = "C"', 'loss = { entry = "text log"', "text log is a function"),
    ('entry = "z"', 'entry = "blackboard E"', "the sign of a space or of an expected value"),
    ('mask = { entry = "q"', 'mask = { entry = "hat x"', "the window of a kernel"),
    (
        'activation_function = { entry = "sigma"',
        'activation_function = { entry = "delta"',
        "delta is roles.delta.entry already",
    ),
    ('i = "j"\nj = "i"', 'i = "j"\nk = "j"', "i = 'j', k = 'j'"),
    (
        'bias = { entry = "b", aliases = ["vec b", "bold b", "vec bold b"] }\n',
        'bias = { like = "weight", fixed = 0, whole = "bold w" }\n',
        "0 is the first unit",
    ),
]


@pytest.mark.parametrize(("old", "new", "said"), MISTAKES, ids=range(len(MISTAKES)))
def test_mistakes_of_a_users_own(old: str, new: str, said: str) -> None:
    assert old in TEXT
    text = TEXT.replace(old, new, 1)
    if "first unit" in said:
        text = text.replace("[writing]", '[writing]\nfirst = "0"')
    with pytest.raises(SpecError) as caught:
        loads(text)
    assert said in "\n".join(caught.value.problems)


def test_letters_whose_place_is_taken_move_on() -> None:
    """A renaming is completed: with many letters taken by sizes no two become one."""
    sizes = "".join(f'{a} = "{b}"\n' for a, b in zip("NDMHKBPS", "fghmopvr", strict=True))
    indices = "".join(f'{a} = "{b}"\n' for a, b in zip("fghmopvr", "AEFGIJRU", strict=True))
    text = TEXT.replace("[layer_size]", f"[sizes]\n{sizes}[layer_size]")
    made = loads(text.replace('i = "j"\nj = "i"\n', indices))
    assert len(set(made.indices.values())) == len(made.indices) == 16
    assert not set(made.indices.values()) & set("fghmopvr")


def test_a_users_own_file(tmp_path: Path) -> None:
    own = tmp_path / "mine.toml"
    own.write_text(TEXT.replace('"columns"', '"mine"').replace('entry = "z"', 'entry = "u"'))
    assert load(str(own)).roles["preactivation"].entry == Sign("u")
    own.write_text(TEXT.replace('entry = "z"', 'entry = "?"'))
    with pytest.raises(SpecError, match=r"mine\.toml: roles\.preactivation\.entry"):
        load(own)
    with pytest.raises(SpecError, match="there is no such file"):
        load(tmp_path / "none.toml")
    with pytest.raises(SpecError, match='did you mean "columns"'):
        load("colums")
