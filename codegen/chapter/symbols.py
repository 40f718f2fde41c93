"""The table of symbols: meaning, shape and name in the code."""

from __future__ import annotations

from collections.abc import Sequence

from codegen.chapter import words
from codegen.chapter.errors import adjoint
from codegen.chapter.groups import Group, place_of
from codegen.chapter.shapes import shape_of
from codegen.chapter.sheet import Sheet
from codegen.chapter.stage_names import mask_words, quantity_words, stage_name, state_words
from codegen.pages.document import Code, Inline, Inlines, Math, Table
from derive.algebra.terms import Label, Ref, Tensor
from derive.writing import layout as lay
from derive.writing.layout import Layout, row

MOST_LISTED = 4  # layers whose shapes are listed one by one
MOST_ALIKE = 3  # arrays of one layer in one row


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
    rows += _quantities(sheet)
    rows.append(_row(sheet, (y,), _target_meaning(sheet)))
    errors = [c.lhs for g in sheet.groups for c in g.errors if c.kind == "delta"]
    deltas = [lhs.tensor for lhs in errors if isinstance(lhs, Ref)]
    if any(t.label and t.label.base for t in deltas):
        deltas = deltas[:1]
    of = "the losses of the batch" if sheet.mixed else "the loss"
    rows += _many(sheet, deltas, f"error: the derivative of {of} by the pre-activation")
    rows += _losses(sheet)
    return rows


def _quantities(sheet: Sheet) -> list[tuple[Inlines, ...]]:
    """What else the layers compute, draw or keep, the same of several layers in one row."""
    found: dict[tuple[str, str], list[Tensor]] = {}
    own: dict[str, list[Tensor]] = {}  # of layers whose letters say nothing
    for stage in sheet.derivation.forward_pass.stages:
        for equation in stage.body:
            tensor = equation.lhs.tensor
            if tensor.role not in ("preactivation", "activation"):
                meaning = quantity_words(stage, tensor)
                if stage.kind == "equations":
                    own.setdefault(meaning, []).append(tensor)
                else:
                    found.setdefault((tensor.letter, meaning), []).append(tensor)
        for tensor in stage.masks:
            found.setdefault((tensor.letter, mask_words(stage)), []).append(tensor)
        for tensor in stage.state:
            found.setdefault((tensor.letter, state_words(tensor)), []).append(tensor)
    rows = [
        _row(sheet, alike, words_) for words_, mine in own.items() for alike in _alike(sheet, mine)
    ]
    rows += [row for (_, words_), same in found.items() for row in _many(sheet, same, words_)]
    return rows


def _row(sheet: Sheet, tensors: tuple[Tensor, ...], meaning: str) -> tuple[Inlines, ...]:
    symbols = (Math(lay.listed(*map(sheet.writer.tensor, tensors))),)
    return symbols, (meaning,), _shapes(sheet, tensors), (Code(", ".join(map(str, tensors))),)


def _shapes(sheet: Sheet, tensors: tuple[Tensor, ...]) -> Inlines:
    """The shapes in order; of three and more that are alike said once."""
    shapes = [_matrix_shape(sheet, t) for t in tensors]
    if len(tensors) > 2 and len({sheet.derivation.shapes.get(t, ()) for t in tensors}) == 1:
        return (Math(shapes[0]), " each")
    return (Math(lay.listed(*shapes)),)


def _alike(sheet: Sheet, tensors: Sequence[Tensor]) -> list[tuple[Tensor, ...]]:
    """Few arrays together; many in rows of those that have the same shape."""
    if len(tensors) <= 2:
        return [tuple(tensors)]
    by_shape: dict[object, list[Tensor]] = {}
    for tensor in tensors:
        by_shape.setdefault(sheet.derivation.shapes.get(tensor, ()), []).append(tensor)
    return [
        tuple(same[k : k + MOST_ALIKE])
        for same in by_shape.values()
        for k in range(0, len(same), MOST_ALIKE)
    ]


def _matrix_shape(sheet: Sheet, tensor: Tensor) -> Layout:
    shape = sheet.derivation.shapes.get(tensor, ())
    if tensor.turns and len(shape) == 2 and sheet.writer.profile.out_first:
        shape = (shape[1], shape[0])
    return shape_of(sheet, shape)


def _parameters(sheet: Sheet, group: Group) -> list[tuple[Inlines, ...]]:
    tensors = tuple(g.parameter.tensor for g in group.gradients)
    if not tensors:
        return []
    what = _parameter_words(tensors)
    if not group.run:
        layer = f"{what} of layer "
        names = [stage_name(s) for s in sheet.derivation.forward_pass.stages
                 if set(s.parameters) & set(tensors)]  # fmt: skip
        kind = "" if sheet.dense else f", {names[0]}"
        rows = [_row(sheet, alike, layer) for alike in _alike(sheet, tensors)]
        return [(made[0], (layer, sheet.label(group.label), kind), *made[2:]) for made in rows]
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
    if sheet.mixed:
        total = Math(names.of_sample)
        rows.append(((total,), ("sum of the losses of a batch",), (one,), (Code("L.sum()"),)))
    many = Math(names.size("N"))
    rows.append(((many,), ("number of samples",), ("",), (Code("n"),)))
    return rows


def _conventions(sheet: Sheet) -> Inlines:
    hadamard = Math(row(lay.Ident("u"), sheet.writer.profile.writing["hadamard"], lay.Ident("v")))
    rows = sheet.writer.profile.name == "rows"
    vectors = (
        "The vectors of all samples are the rows of a matrix" if rows else "Vectors are columns"
    )
    made: Inlines = ("Notation. ", vectors, "; ", hadamard, " is the entrywise product")
    errors = [c for group in sheet.groups for c in group.errors if c.kind == "adjoint"]
    if errors:
        first = place_of(errors[0]).tensor
        made += ("; the bar of ", sheet.tensor(adjoint(first)), " stands for the derivative of the"
                 " loss by ", sheet.tensor(first))  # fmt: skip
    return (*made, ".")
