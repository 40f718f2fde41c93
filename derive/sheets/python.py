"""Sheets in Python: every assignment, assertion and equation is a formula; nothing is ever run."""

from __future__ import annotations

import ast
import io
import re
import tokenize
import warnings
from collections.abc import Iterator

from derive.reading.latex_tokens import Refused
from derive.sheets.sheet import Directive, Formula, Heading, Part, Prose
from derive.sheets.text import Placed, Source, directives, off_stretches

MOST_CHARACTERS = 200_000
MOST_STATEMENT = 20_000
DEEPEST = 60
_NESTING = re.compile(r"[-+~]\s*(?:[-+~]\s*){59}|(?:\bnot\s+){60}")
_DUNDER = re.compile(r"__\w+__")
#: Names of functions that run text, open files or reach into objects.
FORBIDDEN = frozenset(
    (
        "exec", "eval", "compile", "open", "getattr", "setattr", "delattr", "globals",
        "locals", "vars", "breakpoint", "exit", "quit", "system", "popen", "subprocess",
        "sympify", "parse_expr", "lambdify", "load", "loads", "fromfile", "save", "savez",
    )
)  # fmt: skip
_IGNORED = ("print", "seed", "show", "figure", "plot", "init_printing", "set_printoptions")
#: What statements of a program are called.
_PROGRAM = {
    "FunctionDef": "a function (def)", "AsyncFunctionDef": "a function (async def)",
    "ClassDef": "a class", "For": "a loop (for)", "AsyncFor": "a loop (for)",
    "While": "a loop (while)", "If": "a branch (if)", "Delete": "the statement del",
}  # fmt: skip
_EMPTY = ("zeros", "zeros_like", "empty", "empty_like", "dict", "list")
_CHANCE = ("default_rng", "randn", "rand", "RandomState", "normal", "uniform", "standard_normal",
           "random", "randint", "choice", "permutation", "integers")  # fmt: skip
_DECLARING = ("symbols", "Symbol", "IndexedBase", "Idx", "Function", "MatrixSymbol")
_STATEMENTS = (ast.Assign, ast.AnnAssign, ast.AugAssign, ast.Assert, ast.Expr)


def python_parts(source: Source) -> list[Part]:
    """Formulas, and the words of comments and texts between them, in order."""
    _within_limits(source)
    made: list[Placed] = list(_comments(source))
    told = [placed for placed in made if isinstance(placed[1], Directive)]
    off = off_stretches(told, len(source.text))
    for start, end, node, problem in _statements(source):
        if any(low <= start < high for low, high in off):
            continue
        if node is not None:
            _only_expressions(source, start, node)
            if (words := _text(node)) is not None:
                made.append((start, Prose(source.name, words, source.line(start))))
                continue
            if _is_ignored(node):
                continue
        line, column = source.place(start)
        text = source.text[start:end]
        made.append(
            (
                start,
                Formula(source.name, text, line, column, start, language="python", problem=problem),
            )
        )
    kept = [
        (at, part)
        for at, part in made
        if isinstance(part, Directive) or not any(low <= at < high for low, high in off)
    ]
    return [part for _, part in sorted(kept, key=lambda placed: placed[0])]


def parsed(text: str) -> ast.Module:
    """The tree of a text within the limits; SyntaxError where it is no Python."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return ast.parse(text)
        except (RecursionError, MemoryError):
            raise Refused("found an expression nested too deep, expected less nesting") from None
        except ValueError as problem:
            raise SyntaxError(str(problem)) from None


def _within_limits(source: Source) -> None:
    text = source.text
    if len(text) > MOST_CHARACTERS:
        raise Refused(
            f"{source.name}: found {len(text)} characters of Python, expected at most "
            f"{MOST_CHARACTERS}"
        )
    depth = 0
    for found in re.finditer(r"[()\[\]{}]", text):
        depth = max(0, depth + (1 if found.group() in "([{" else -1))
        if depth > DEEPEST:
            raise source.refused(found.start(), f"found brackets nested {depth} deep")
    if found_signs := _NESTING.search(text):
        raise source.refused(found_signs.start(), "found more than 60 signs before one term")


def _comments(source: Source) -> Iterator[Placed]:
    """Comments: words to the checker, titles of sections and prose."""
    try:
        for token in tokenize.generate_tokens(io.StringIO(source.text).readline):
            if token.type != tokenize.COMMENT:
                continue
            offset = source.starts[token.start[0] - 1] + token.start[1]
            words = token.string.lstrip("#").strip()
            told = directives(source, offset, words)
            if told:
                yield from told
            elif token.string.startswith(("##", "# %%", "#%%")) and words.strip("% -="):
                yield offset, Heading(source.name, words.strip("% -="), token.start[0])
            elif re.search(r"\w", words):
                yield offset, Prose(source.name, words, token.start[0])
    except (tokenize.TokenError, IndentationError, SyntaxError):
        return


# -------------------------------------------------------------------- statements


def _statements(source: Source) -> Iterator[tuple[int, int, ast.stmt | None, str]]:
    """Start, end, tree and problem of every statement."""
    try:
        body = parsed(source.text).body
    except SyntaxError:
        yield from _one_by_one(source)
        return
    for node in body:
        start, end = _extent(source, node)
        yield start, end, node, ""


def _extent(source: Source, node: ast.stmt) -> tuple[int, int]:
    """Places in characters; the tree counts bytes."""
    ends = []
    last_line, last_column = node.end_lineno or node.lineno, node.end_col_offset or 0
    for line, column in ((node.lineno, node.col_offset), (last_line, last_column)):
        start = source.starts[line - 1]
        stop = source.starts[line] if line < len(source.starts) else len(source.text)
        row = source.text[start:stop].encode()
        ends.append(start + len(row[:column].decode()))
    return ends[0], ends[1]


def _one_by_one(source: Source) -> Iterator[tuple[int, int, ast.stmt | None, str]]:
    """The statements of a file that does not parse as a whole: bad ones are problems of theirs."""
    lines = source.text.split("\n")  # as the places of the source are counted
    row = 0
    while row < len(lines):
        start, depth, last = source.starts[row], 0, row
        for last in range(row, len(lines)):
            code = lines[last].partition("#")[0]
            depth += sum(code.count(c) for c in "([{") - sum(code.count(c) for c in ")]}")
            if depth <= 0 or last - row > 40:
                break
        if depth > 0:
            last = row  # what is opened here is never closed
        text = "\n".join(lines[row : last + 1])
        row = last + 1
        code = text.strip()
        if not code or code.startswith("#"):
            continue
        at = start + len(text) - len(text.lstrip())
        try:
            found = parsed(code).body
        except SyntaxError as problem:
            said = str(problem.msg).replace(";", ",")
            yield at, at + len(code), None, f"no Python ({said}); a statement"
            continue
        inner = Source(source.name, code)
        for node in found:
            low, high = _extent(inner, node)
            yield at + low, at + high, node, ""


def _only_expressions(source: Source, start: int, node: ast.stmt) -> None:
    """Refuse everything but expressions, assignments and assertions; imports are passed over."""
    if not isinstance(node, (*_STATEMENTS, ast.Import, ast.ImportFrom, ast.Pass)):
        kind = type(node).__name__
        said = _PROGRAM.get(kind, f"the statement {kind.lower()}")
        hint = " (or gradwright.assert_backward for a function)" if kind.endswith("Def") else ""
        raise source.refused(
            start,
            f"found {said}, which a sheet that is never run cannot have; expected assignments and "
            f'equations, or "# gradwright: off" and "on" around it{hint}',
        )
    waiting: list[tuple[ast.AST, int]] = [(node, 0)]
    size = 0
    while waiting:
        part, depth = waiting.pop()
        size += 1
        if depth > 4 * DEEPEST or size > MOST_STATEMENT:
            raise source.refused(start, "found an expression that is too large")
        name = part.id if isinstance(part, ast.Name) else getattr(part, "attr", "")
        if isinstance(part, ast.Call) and _called(part) == "input":
            name = "input()"  # as a name it is that of the network
        bad = isinstance(name, str) and (_DUNDER.fullmatch(name) or name in FORBIDDEN)
        if bad or name == "input()":
            raise source.refused(start, f"found {name}, expected expressions of arrays")
        waiting += [(child, depth + 1) for child in ast.iter_child_nodes(part)]


def _text(node: ast.stmt) -> str | None:
    """The words of a text that stands alone."""
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
        value = node.value.value
        return " ".join(value.split()) if isinstance(value, str) else None
    return None


def _is_ignored(node: ast.stmt) -> bool:
    """Imports, prints, and names of symbols that are only declared."""
    if isinstance(node, ast.Import | ast.ImportFrom | ast.Pass):
        return True
    value = getattr(node, "value", None)
    if isinstance(node, ast.Assert) and _of_shapes(node.test):
        return True
    if isinstance(node, ast.Assign) and _is_data(value):
        return True
    if not isinstance(value, ast.Call):
        return False
    name = _called(value)
    if isinstance(node, ast.Expr):
        return name in _IGNORED
    if name in ("array", "Array"):  # data are declared; an array of another array is a claim
        return bool(value.args) and isinstance(value.args[0], ast.List | ast.Tuple)
    return name in _DECLARING


def _is_data(value: ast.AST | None) -> bool:
    """Whether a value is only declared: words, something empty, zeros to begin with, or chance."""
    match value:
        case ast.Constant():
            return not isinstance(value.value, int | float) or isinstance(value.value, bool)
        case ast.Tuple() | ast.List() if value.elts:
            return all(map(_is_data, value.elts))
        case ast.List() | ast.Dict():
            members = value.elts if isinstance(value, ast.List) else value.values
            return all(map(_is_data, members))
        case ast.Call():
            return _called(value) in (*_EMPTY, *_DECLARING) or _is_chance(value)
        case ast.ListComp():  # [np.zeros(b.shape) for b in biases]
            return _is_data(value.elt)
    return value is not None and _is_chance(value)


def _of_shapes(test: ast.expr) -> bool:
    """Whether a test compares what shape arrays have, of which there is nothing to derive."""
    return isinstance(test, ast.Compare) and any(
        isinstance(part, ast.Attribute) and part.attr in ("shape", "ndim", "dtype")
        for part in (test.left, *test.comparators)
    )


def _is_chance(value: ast.AST) -> bool:
    """Whether random numbers stand in a value."""
    return any(isinstance(part, ast.Call) and _called(part) in _CHANCE for part in ast.walk(value))


def _called(node: ast.Call) -> str:
    func = node.func
    return func.id if isinstance(func, ast.Name) else getattr(func, "attr", "")
