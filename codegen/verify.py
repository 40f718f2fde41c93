"""Does an emitted module compute what its spec says?  Four referees that share nothing with it.

    generic backprop   outputs, losses, gradients and every named quantity, entry by entry
    complex step       Im L(w + ih) / h of the generic forward in textbook form
    60 digits          (L(w + hv) - L(w)) / h for a random direction v, and the loss itself
    descent            w - h g lowers the loss by h |g|^2, to first order, at 60 digits,
                       g measured by its largest entry, so that tiny gradients move w as well

and the module's own `Trainer`, held against the generic backprop step by step; under accuracy =
"exact" also the last places of the output layer's loss and delta.  The unit of every
difference is eps times the size of the terms that make a quantity (see `sized`).
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Callable, Mapping
from functools import partial
from types import ModuleType
from typing import Any

import numpy as np

from codegen.backprop import backprop_of, loss_value, passed, precise, sizes
from codegen.referee.arithmetic import PRECISE
from codegen.referee.draws import Draw, Floats, draw, takes_labels
from codegen.referee.ties import tied
from codegen.report import COMPLEX, CONTRACT, DIGITS, GENERIC, Report, Row
from codegen.verify_exactness import exactness
from codegen.verify_trainer import trains
from derive.errors import SpecError
from derive.spec import Network

LIMIT = 100.0  # times eps and the scale; random networks need at most 24
STEP = 1e-30  # of the complex step: no rounding is involved, so it may be tiny
#: Of the difference quotient at 60 digits: what the step leaves out and what is rounded are both of
#: this size, so that of smaller gradients nothing is said.
DIGITS_STEP = PRECISE.context.mpf("1e-30")
BATCHES = (1, 7, 2)
LARGE = 50_000  # multiplications for one sample, above which some comparisons take fewer samples
MOST_ENTRIES = 40  # for the complex step of single entries
MEMBERS = (
    *("NAME", "SPEC_SHA256", "PARAMETERS", "STATE", "INPUT_SHAPE", "TARGET_SHAPE"),
    *("init", "init_state", "forward", "loss", "loss_and_gradients", "gradients", "trace"),
    *("Trainer", "fit", "save", "load"),
)
FORBIDDEN = {"eval", "exec", "compile", "__import__", "globals", "getattr", "setattr", "input"}


def verify(subject: Any, module: ModuleType | str, *, seed: int = 0) -> Report:
    """Hold a module, or its source, against the referees; the subject is a network or derivation.

    Random data are drawn from the seed, in float64 and float32, in batches of 1, 2 and 7, and whole
    numbers on which relu and max meet exact ties.
    """
    network = subject if isinstance(subject, Network) else subject.network
    if not network.numeric:
        raise SpecError(
            f"{network.name}: verify needs a number for every size and a formula for every"
            " activation and loss, found symbolic sizes or generic functions"
        )
    judge = Judge(network, load_source(module) if isinstance(module, str) else module)
    if judge.interface():
        with np.errstate(all="ignore"):
            for dtype in (np.float64, np.float32):
                judge.precision(np.dtype(dtype), np.random.default_rng(seed))
    rows = tuple(judge.rows.values())
    exact = network.accuracy == "exact" and all(row.ok for row in rows)
    places = exactness(network, judge.module) if exact else None
    return Report(network.name, network.sha256, rows, places)


def load_source(source: str, name: str = "emitted") -> ModuleType:
    """The module that an emitted text defines, after a look at its imports and calls."""
    tree = ast.parse(source)
    for node in ast.walk(tree):
        found = _forbidden(node)
        if found:
            raise ValueError(f"line {getattr(node, 'lineno', 0)} of the module uses {found}")
    module = ModuleType(name)
    exec(compile(tree, f"<{name}>", "exec"), module.__dict__)
    return module


def _forbidden(node: ast.AST) -> str | None:
    """What an emitted module has no business to use, if this node uses it."""
    modules: list[str] = []
    match node:
        case ast.Import(names=names):
            modules = [alias.name for alias in names]
        case ast.ImportFrom(module=origin):
            modules = [origin or "."]
        case ast.Name(id=name) if name in FORBIDDEN:
            return f"the name {name}"
        case ast.Attribute(attr=name) if name.startswith("__") and name != "__init__":
            return f"the attribute {name}"
    allowed = sys.stdlib_module_names | {"numpy"}
    strange = [m for m in modules if m.partition(".")[0] not in allowed]
    return f"the module {strange[0]}" if strange else None


class Judge:
    """Compares one module with the referees and keeps the worst of every comparison."""

    def __init__(self, network: Network, module: ModuleType) -> None:
        """Nothing is compared yet."""
        self.network, self.module = network, module
        self.net = backprop_of(network)
        self.rows: dict[tuple[str, str, str], Row] = {}

    def note(
        self, referee: str, quantity: str, dtype: Any, worst: float, limit: float, detail: str = ""
    ) -> None:
        """Keep the worse of this and an earlier comparison of the same quantity."""
        key = (referee, quantity, str(dtype))
        known = self.rows.get(key)
        if known is None or not worst <= known.worst:
            self.rows[key] = Row(*key, float(worst), limit, detail)

    def compare(
        self, referee: str, quantity: str, at: Draw, found: Any, true: Any, size: Any
    ) -> None:
        """Entry by entry, in units of eps * size."""
        worst = worst_ratio(found, true, size, at.x.dtype)
        self.note(referee, quantity, at.x.dtype, worst, LIMIT)

    def must(self, promise: str, dtype: Any, holds: Callable[[], Any]) -> bool:
        """A promise of the module's contract; an exception breaks it."""
        try:
            detail = "" if holds() else "broken"
        except Exception as error:
            detail = f"{type(error).__name__}: {error}"
        self.note(CONTRACT, promise, dtype, 1.0 if detail else 0.0, 0.0, detail)
        return not detail

    def interface(self) -> bool:
        """The names, shapes and stamps of the module."""
        module, network = self.module, self.network
        missing = [name for name in MEMBERS if not hasattr(module, name)]
        if missing:
            detail = f"the module lacks {', '.join(missing)}"
            self.note(CONTRACT, "interface", "any", 1.0, 0.0, detail)
            return False
        parameters = {name: tuple(shape) for name, shape in module.PARAMETERS.items()}
        claims = {
            "NAME": (module.NAME, network.name),
            "SPEC_SHA256": (module.SPEC_SHA256, network.sha256),
            "PARAMETERS": (parameters, self.net.shapes()),
            "STATE": ({n: tuple(shape) for n, shape in module.STATE.items()}, self.net.state),
            "INPUT_SHAPE": (tuple(module.INPUT_SHAPE), tuple(network.input)),
            "TARGET_SHAPE": (tuple(module.TARGET_SHAPE), tuple(network.output_shape)),
        }
        wrong = [f"{k} is {a}, expected {b}" for k, (a, b) in claims.items() if a != b]
        worst = 1.0 if wrong else 0.0
        self.note(CONTRACT, "interface", "any", worst, 0.0, "; ".join(wrong))
        return not wrong

    def precision(self, dtype: Any, rng: np.random.Generator) -> None:
        """All comparisons in one precision."""
        self.must("init", dtype, lambda: self.fresh(dtype))
        large = self.net.work > LARGE
        for samples in BATCHES:
            count = 1 if large and samples == BATCHES[-1] else samples
            if self.net.state:  # a variance of one sample is 0, and that of two nearly a constant
                count = max(count, 2 if samples == BATCHES[0] else 3)
            at = draw(self.network, rng, count, dtype)
            if not self.must("runs", dtype, partial(self.generic, at)):
                continue
            if samples == BATCHES[-1]:
                digits = not large or dtype == np.float64
                self.must("every referee answers", dtype, partial(self.slow, at, rng, digits))
            if samples == BATCHES[1]:
                self.must("Trainer runs", dtype, partial(trains, self, at))
        ties = tied(self.network, rng, 3, dtype)
        if ties is not None:
            self.must("runs at ties", dtype, partial(self.generic, ties))

    def slow(self, at: Draw, rng: np.random.Generator, digits: bool) -> bool:
        """The referees that cost more, on one small batch."""
        gradients = self.module.gradients(at.params, at.x, at.y, **at.masked)
        self.complex_step(at, gradients, rng)
        if digits:
            self.digits(at, gradients, rng)
        self.must("all forms of targets agree", at.x.dtype, partial(self.forms, at))
        if at.masks:
            whole = passed(self.network, at.params, at.x, at.y, np.float64)
            size = sizes(self.network, at.params, at.x, at.y).loss
            found = self.module.loss(at.params, at.x, at.y)
            self.compare(GENERIC, "loss without masks", at, found, whole.loss, size)
        return True

    def fresh(self, dtype: Any) -> bool:
        """`init` gives finite parameters of the promised shapes, the same for the same seed.

        And `init_state` the running averages of standard normal numbers.
        """
        one, two = self.module.init(3, dtype=dtype), self.module.init(3, dtype=dtype)
        shapes = {name: value.shape for name, value in one.items()}
        same = all(np.array_equal(one[name], two[name]) for name in one)
        fine = all(v.dtype == dtype and np.isfinite(v).all() for v in one.values())
        state = self.module.init_state(dtype=dtype)
        kept = {name: value.shape for name, value in state.items()} == self.net.state
        for name, value in state.items():  # means of 0 and variances of 1
            kept = kept and value.dtype == dtype and bool((value == name.startswith("var")).all())
        return shapes == self.net.shapes() and same and fine and kept

    def generic(self, at: Draw) -> bool:
        """Output, loss, gradients and named quantities against the generic backprop."""
        given = {**at.params, **at.masks, **at.state}
        before = {name: value.copy() for name, value in given.items()}
        loss, gradients = self.module.loss_and_gradients(at.params, at.x, at.y, **at.masked)
        output = self.module.forward(at.params, at.x, **at.stated)
        trace = self.module.trace(at.params, at.x, at.y, **at.masked)
        answer, size = at.answer, at.size
        self.compare(GENERIC, "output", at, output, at.inferred, at.inferred_size)
        self.compare(GENERIC, "loss", at, loss, answer.loss, size.loss)
        alone = self.module.loss(at.params, at.x, at.y, **at.masked)
        self.compare(GENERIC, "loss alone", at, alone, answer.loss, size.loss)
        for name, true in answer.gradients.items():
            found = gradients.get(name, np.nan)
            self.compare(GENERIC, f"gradient of {name}", at, found, true, size.gradients[name])
        for name, true in answer.trace.items():
            letter = name.rstrip("0123456789")
            kind = f"every {letter}" if letter in ("s", "o", "delta") else "other quantities"
            self.compare(GENERIC, kind, at, trace.get(name, np.nan), true, size.trace[name])
        again = self.module.gradients(at.params, at.x, at.y, **at.masked)
        repeated = all(np.array_equal(again[name], gradients[name]) for name in gradients)
        self.must("gradients repeat", at.x.dtype, lambda: repeated)
        whole = isinstance(loss, float) and isinstance(alone, float)
        self.must("loss is a float", at.x.dtype, lambda: whole)
        kept = all(np.array_equal(before[name], given[name]) for name in before)
        self.must("parameters untouched", at.x.dtype, lambda: kept)
        same = {str(g.dtype) for g in (*gradients.values(), output)} == {str(at.x.dtype)}
        self.must("precision kept", at.x.dtype, lambda: same and set(gradients) == set(at.params))
        return True

    def complex_step(
        self, at: Draw, gradients: Mapping[str, Floats], rng: np.random.Generator
    ) -> None:
        """Single entries, all of them in a small network; and all entries at once."""
        wide = {name: value.astype(np.complex128) for name, value in at.params.items()}
        entries = [(name, i) for name in wide for i in np.ndindex(wide[name].shape)]
        if len(entries) > MOST_ENTRIES:
            chosen = rng.choice(len(entries), MOST_ENTRIES, replace=False)
            entries = [entries[k] for k in np.sort(chosen)]
        for name, i in entries:
            moved = {**wide, name: wide[name].copy()}
            moved[name][i] += STEP * 1j
            true = self.loss_value(at, moved).imag / STEP
            size = at.size.gradients[name][i]
            self.compare(COMPLEX, f"gradient of {name}", at, gradients[name][i], true, size)
        way = _signs(at.params, rng)
        moved = {name: wide[name] + STEP * 1j * way[name] for name in wide}
        true = self.loss_value(at, moved).imag / STEP
        found, size = _along(gradients, way), _along(at.size.gradients, way, np.abs)
        self.compare(COMPLEX, "random direction", at, found, true, size)

    def digits(self, at: Draw, gradients: Mapping[str, Floats], rng: np.random.Generator) -> None:
        """Difference quotients at 60 digits: along a random direction, and down the gradient."""
        exact = {name: precise(value) for name, value in at.params.items()}
        here = self.loss_value(at, exact)
        loss = self.module.loss(at.params, at.x, at.y, **at.masked)
        self.compare(DIGITS, "loss", at, loss, float(here), at.size.loss)
        largest = max((np.abs(g).max(initial=0.0) for g in gradients.values()), default=0.0)
        scale = float(largest) if 0 < largest < np.inf else 1.0
        down = {name: -g.astype(np.float64) / scale for name, g in gradients.items()}
        for quantity, way in (("random direction", _signs(at.params, rng)), ("descent step", down)):
            moved = {n: exact[n] + precise(way[n]) * DIGITS_STEP for n in exact}
            slope = (self.loss_value(at, moved) - here) / DIGITS_STEP
            found, size = _along(gradients, way), _along(at.size.gradients, way, np.abs)
            unseen = float(DIGITS_STEP) * max(float(at.size.loss), 1.0)
            size += unseen / float(np.finfo(np.float64).eps)
            self.compare(DIGITS, quantity, at, found, float(slope), size)

    def loss_value(self, at: Draw, params: Mapping[str, Any]) -> Any:
        """The generic loss at other parameters, in their arithmetic."""
        return loss_value(self.network, params, at.x, at.y, masks=at.masks)

    def forms(self, at: Draw) -> bool:
        """Whole labels for one-hot rows, and flat targets for a single output."""
        module, outputs = self.module, at.y.shape[1:]
        if takes_labels(self.network):
            labels = at.y.argmax(axis=1)
            rows = np.eye(*outputs, dtype=at.y.dtype)[labels]
            pair = (rows, labels)
        elif outputs == (1,):
            pair = (at.y, at.y[:, 0])
        else:
            return True
        (a, first), (b, second) = (
            module.loss_and_gradients(at.params, at.x, form, **at.masked) for form in pair
        )
        return a == b and all(np.array_equal(first[name], second[name]) for name in first)


def worst_ratio(found: Any, true: Any, size: Any, dtype: Any) -> float:
    """The largest |found - true| / (eps * size + the smallest normal number); NaN is infinite."""
    found, true = np.asarray(found, dtype=np.float64), np.asarray(true, dtype=np.float64)
    if found.shape != true.shape:
        return float("inf")
    limits = np.finfo(dtype)
    with np.errstate(all="ignore"):
        ratio = np.abs(found - true) / (float(limits.eps) * np.asarray(size) + float(limits.tiny))
    return float(np.where(np.isnan(ratio), np.inf, ratio).max(initial=0.0))


def _signs(params: Mapping[str, Floats], rng: np.random.Generator) -> dict[str, Floats]:
    """A direction in which every entry counts alike: +1 or -1."""
    return {name: rng.choice([-1.0, 1.0], size=value.shape) for name, value in params.items()}


def _along(
    gradients: Mapping[str, Floats], way: Mapping[str, Floats], of: Callable[..., Floats] = np.array
) -> float:
    """The sum over all entries of gradient times direction, or of |direction| for sizes."""
    return float(sum((gradients[n].astype(np.float64) * of(way[n])).sum() for n in way))
