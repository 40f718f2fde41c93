"""The picture of the network and the table of its symbols."""

from __future__ import annotations

from itertools import pairwise

from codegen.chapter import words
from codegen.chapter.groups import Group
from codegen.chapter.sheet import MOST_PICTURED, Sheet
from codegen.diagrams import Column, Step, block_picture, elided, network_picture
from codegen.document import Code, Emph, Figure, Inline, Inlines, Math, Section, Table
from codegen.picture import Content, Picture
from derive import layout as lay
from derive.layers import Dense
from derive.layout import Layout, row
from derive.terms import Extent, Function, Index, Label, Ref, Tensor, ref

MOST_NAMED = 6  # weights that are named in the picture
MOST_LISTED = 4  # layers whose shapes are listed one by one


def section(sheet: Sheet) -> Section:
    """Picture and table."""
    return Section(("The network",), (figure(sheet), symbols(sheet)), "sec:network")


# ------------------------------------------------------------------ the picture


def figure(sheet: Sheet) -> Figure:
    """Units where they fit, else blocks."""
    units = in_units(sheet)
    picture = _units(sheet) if units else _blocks(sheet)
    return Figure(picture, _caption(sheet, units), "fig:network")


def in_units(sheet: Sheet) -> bool:
    """Whether the network is drawn unit by unit."""
    network = sheet.derivation.network
    return (
        sheet.dense
        and len(network.layers) <= MOST_PICTURED
        and len(network.input) == 1
        and all(isinstance(size, int) for size in sizes(sheet))
    )


def sizes(sheet: Sheet) -> list[Extent]:
    """The widths from the input to the output, for a network of dense layers."""
    layers = [layer for layer in sheet.derivation.network.layers if isinstance(layer, Dense)]
    return [sheet.derivation.network.input[-1], *(layer.units for layer in layers)]


def _units(sheet: Sheet) -> Picture:
    tensors = [sheet.derivation.forward_pass.stages[0].source]
    tensors += [stage.output for stage in sheet.derivation.forward_pass.stages]
    widths = [int(size) for size in sizes(sheet)]
    columns = [
        Column(elided([_name(sheet, tensor, k) for k in range(width)]), caption)
        for tensor, width, caption in zip(tensors, widths, _captions(sheet), strict=True)
    ]
    loss = sheet.write(sheet.derivation.loss.lhs)
    columns.append(Column((loss,), "loss", boxed=True))
    many = sum(a * b for a, b in pairwise(widths))
    named = _weights(sheet, widths) if many <= MOST_NAMED else {}
    alt = "A network of " + words.joined([words.number(width) for width in widths]) + " units"
    return network_picture(columns, alt, named)


def _name(sheet: Sheet, tensor: Tensor, k: int) -> Layout:
    made = sheet.write(sheet.place(tensor, k))
    return made.body if isinstance(made, lay.Tinted) else made


def _weights(sheet: Sheet, widths: list[int]) -> dict[tuple[int, int, int], Layout]:
    made = {}
    for k, stage in enumerate(sheet.derivation.forward_pass.stages):
        weight = next(t for t in stage.parameters if t.role == "weight")
        for i in range(widths[k]):
            for j in range(widths[k + 1]):
                made[k, i, j] = sheet.write(sheet.place(weight, i, j))
    return made


def _captions(sheet: Sheet) -> list[Content]:
    stages = sheet.derivation.forward_pass.stages
    made: list[Content] = ["input"]
    for k, stage in enumerate(stages):
        where = "output" if k == len(stages) - 1 else "hidden"
        if stage.function is None:
            made.append(f"{where}, linear")
        else:
            made.append(row(lay.Text(f"{where}, "), sheet.writer.names.function(stage.function)))
    return made


def _blocks(sheet: Sheet) -> Picture:
    """The layers as blocks, alike ones in one block."""
    derivation = sheet.derivation
    steps = [Step("input", _shape(sheet, derivation.network.input))]
    for group in sheet.groups:
        if group.forward:
            out = group.forward[-1].lhs.tensor
            shape = derivation.shapes.get(group.each(out)[0], ())
            steps.append(Step(_block_name(sheet, group), _shape(sheet, shape)))
    loss = Step("loss", sheet.write(derivation.loss.lhs))
    return block_picture([*steps, loss], "The layers of the network as blocks in a row")


def _block_name(sheet: Sheet, group: Group) -> Content:
    label = sheet.writer.label
    first, last = label(group.numbers[0]), label(group.numbers[-1])
    name: list[lay.Part] = [lay.Text("layer "), first]
    if group.run:
        dots = row(first, ",", lay.Symbol("ldots"), ",", last)
        name = [lay.Text("layers "), dots]
    function = _function(sheet, group)
    if function is not None:
        name += [lay.Text(": "), sheet.writer.names.function(function)]
    return row(*name)


def _function(sheet: Sheet, group: Group) -> Function | None:
    stages = sheet.derivation.forward_pass.stages
    found = [s for s in stages if s.label in (group.label, group.numbers[0])]
    return found[-1].function if found else None


def _shape(sheet: Sheet, shape: tuple[Extent, ...]) -> Layout:
    sides: list[lay.Part] = []
    for size in shape or (1,):
        sides += ["times"] if sides else []
        sides.append(sheet.writer.size(size))
    return row(*sides)


def _caption(sheet: Sheet, units: bool) -> Inlines:
    network = sheet.derivation.network
    made: list[Inline] = []
    if units:
        *_, out = widths = [int(size) for size in sizes(sheet)]
        parts = [words.count(widths[0], "input"), *_hidden(widths[1:-1])]
        parts.append(words.count(out, "output"))
        made.append(words.capital(", ".join(parts)) + ".")
    else:
        several = len(network.layers) > 1 or any(group.run for group in sheet.groups)
        made.append("The layers in order" if several else "The layer")
        made.append("; below each block the size of what comes out of it.")
    weight = _a_weight(sheet)
    if weight is not None:
        source, target = sheet.index("i"), sheet.index("j")
        made += [" The weight ", weight, " leads ", Emph(("from",)), " unit ", source, " ",
                 Emph(("to",)), " unit ", target, "."]  # fmt: skip
    return tuple(made)


def _hidden(widths: list[int]) -> list[str]:
    """The hidden layers in words."""
    if len(widths) < 2:
        return [words.count(width, "hidden unit") for width in widths]
    each = words.joined([words.number(width) for width in widths])
    return [f"hidden layers of {each} units"]


def _a_weight(sheet: Sheet) -> Math | None:
    if not any(layer.kind == "dense" for layer in sheet.derivation.network.layers):
        return None
    weight = Tensor("W", "weight", Label(0, "l"), batched=False)
    return sheet.math(ref(weight, Index("i", "p"), Index("j", "q")))


# ------------------------------------------------------------------ the table


def symbols(sheet: Sheet) -> Table:
    """Every symbol with its meaning, its shape and its name in the code."""
    columns: tuple[Inlines, ...] = (("symbol",), ("meaning",), ("shape",), ("in code",))
    return Table(columns, tuple(_rows(sheet)), _conventions(sheet), "tab:notation")


def _rows(sheet: Sheet) -> list[tuple[Inlines, ...]]:
    derivation = sheet.derivation
    shapes = derivation.shapes
    x = next(t for t in shapes if t.role == "input")
    y = next(t for t in shapes if t.role == "target")
    rows = [_row(sheet, (x,), "input")]
    for group in sheet.groups:
        rows += _parameters(sheet, group)
    for role, meaning in (("preactivation", "pre-activation: what a layer sums up"),
                          ("activation", "activation: what a layer hands on")):  # fmt: skip
        found = [e.lhs.tensor for g in sheet.groups for e in g.forward if e.lhs.tensor.role == role]
        rows += _many(sheet, found, meaning)
    for equation in derivation.forward:
        if equation.lhs.tensor.role not in ("preactivation", "activation"):
            rows.append(
                _row(sheet, (equation.lhs.tensor,), equation.why or "intermediate quantity")
            )
    rows.append(_row(sheet, (y,), _target_meaning(sheet)))
    errors = [c.lhs for g in sheet.groups for c in g.errors if c.kind == "delta"]
    deltas = [lhs.tensor for lhs in errors if isinstance(lhs, Ref)]
    if any(t.label and t.label.base for t in deltas):
        deltas = deltas[:1]
    rows += _many(sheet, deltas, "error: the derivative of the loss by the pre-activation")
    rows += _losses(sheet)
    return rows


def _row(sheet: Sheet, tensors: tuple[Tensor, ...], meaning: str) -> tuple[Inlines, ...]:
    symbols = (Math(lay.listed(*map(sheet.writer.tensor, tensors))),)
    shapes = Math(lay.listed(*(_matrix_shape(sheet, t) for t in tensors)))
    return symbols, (meaning,), (shapes,), (Code(", ".join(map(str, tensors))),)


def _matrix_shape(sheet: Sheet, tensor: Tensor) -> Layout:
    shape = sheet.derivation.shapes.get(tensor, ())
    if tensor.role == "weight" and len(shape) == 2 and sheet.writer.profile.out_first:
        shape = (shape[1], shape[0])
    return _shape(sheet, shape)


def _parameters(sheet: Sheet, group: Group) -> list[tuple[Inlines, ...]]:
    tensors = tuple(g.parameter.tensor for g in group.gradients)
    if not tensors:
        return []
    what = _parameter_words(tensors)
    if not group.run:
        layer = f"{what} of layer "
        made = _row(sheet, tensors, layer)
        return [(made[0], (layer, sheet.label(group.label)), *made[2:])]
    shown = group.each(tensors[0])
    symbols = (Math(lay.listed(*map(sheet.writer.tensor, tensors))),)
    shapes = Math(lay.listed(*(_matrix_shape(sheet, group.each(t)[0]) for t in tensors)))
    code = "" if group.open else ", ".join(f"{group.each(t)[0]}" for t in tensors)
    code += f", …, {', '.join(str(group.each(t)[-1]) for t in tensors)}" if len(shown) > 1 else ""
    meaning: Inlines = (f"{what} of layer ", sheet.span(group))
    return [(symbols, meaning, (shapes,), (Code(code),) if code else ("",))]


def _parameter_words(tensors: tuple[Tensor, ...]) -> str:
    names = {"weight": "weights", "bias": "biases"}
    return words.joined(list(dict.fromkeys(names.get(t.role, "parameters") for t in tensors)))


def _many(sheet: Sheet, tensors: list[Tensor], meaning: str) -> list[tuple[Inlines, ...]]:
    """One row for the same quantity of several layers."""
    if not tensors:
        return []
    if len(tensors) <= 2 and not any(t.label and t.label.base for t in tensors):
        return [_row(sheet, tuple(tensors), meaning)]
    generic = Tensor(tensors[0].letter, tensors[0].role, Label(0, "l"), tensors[0].batched)
    each = [t for tensor in tensors for t in _expanded(sheet, tensor)]
    letters = any(t.label and t.label.base for t in each)
    shapes = [_matrix_shape(sheet, t) for t in each]
    same = len({sheet.derivation.shapes.get(t, ()) for t in each}) == 1
    if (len(each) > MOST_LISTED and not same) or (letters and len(each) > 1):
        shown: Inline = "as wide as its layer"
        if letters:
            shown = Math(shapes[0])
    else:
        shown = Math(shapes[0] if same else lay.listed(*shapes))
    names = [str(t) for t in each]
    code = ", ".join(names) if len(names) <= MOST_LISTED else f"{names[0]}, …, {names[-1]}"
    codes: Inlines = ("",) if letters else (Code(code),)
    return [((sheet.tensor(generic),), (meaning,), (shown,), codes)]


def _expanded(sheet: Sheet, tensor: Tensor) -> tuple[Tensor, ...]:
    for group in sheet.groups:
        if tensor.label == group.label:
            return group.each(tensor)
    return (tensor,)


def _target_meaning(sheet: Sheet) -> str:
    if sheet.derivation.facts:
        return "target: " + "; ".join(fact.sentence for fact in sheet.derivation.facts)
    return "target"


def _losses(sheet: Sheet) -> list[tuple[Inlines, ...]]:
    names = sheet.writer
    loss = Math(sheet.write(sheet.derivation.loss.lhs))
    one = Math(lay.number(1))
    objective = (Math(names.objective),)
    rows: list[tuple[Inlines, ...]] = [((loss,), ("loss of one sample",), (one,), (Code("L"),))]
    rows.append((objective, ("what training minimises",), (one,), (Code("loss(...)"),)))
    many = Math(names.size("N"))
    rows.append(((many,), ("number of samples",), ("",), (Code("n"),)))
    return rows


def _conventions(sheet: Sheet) -> Inlines:
    hadamard = Math(row(lay.Ident("u"), sheet.writer.profile.writing["hadamard"], lay.Ident("v")))
    rows = sheet.writer.profile.name == "rows"
    vectors = (
        "The vectors of all samples are the rows of a matrix" if rows else "Vectors are columns"
    )
    return ("Notation. ", vectors, "; ", hadamard, " is the entrywise product.")
