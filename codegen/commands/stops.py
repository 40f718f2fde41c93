"""How a command ends: exit codes, and one line on standard error in place of every traceback."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Sequence
from typing import Any, NoReturn

import typer

from codegen.commands.answers import No
from derive.errors import LONGEST_PROBLEM, NotYet, SpecError, Undefined

NO, WRONG_INPUT, INTERRUPTED = 1, 2, 130
TRACEBACK = "GRADWRIGHT_TRACEBACK"  # set it to see the traceback of a fault of ours


def run(app: typer.Typer, arguments: Sequence[str]) -> int:
    """Run a command line and return its exit code."""
    before = _prepare()
    try:
        command = typer.main.get_command(app)
        code = command.main(
            list(arguments) or ["--help"], prog_name="gradwright", standalone_mode=False
        )
        sys.stdout.flush()
        return _interrupted() if code == INTERRUPTED else int(code or 0)
    except SpecError as error:
        return _say(WRONG_INPUT, *error.problems)
    except (NotYet, Undefined) as error:
        return _say(WRONG_INPUT, str(error))
    except No as error:
        print(error, file=sys.stderr)
        return NO
    except (BrokenPipeError, SystemExit):  # the reader of our output has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        return 0
    except (KeyboardInterrupt, typer.Abort):
        return _interrupted()
    except Exception as error:
        return _unexpected(error)
    finally:
        if before is not None:
            signal.signal(signal.SIGTERM, before)


def _prepare() -> Any:
    """Let every character be printed somehow, and let a termination clean up as Ctrl-C does."""
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(errors="backslashreplace")
    try:
        return signal.signal(signal.SIGTERM, _terminated)
    except ValueError:  # not in the main thread
        return None


def _terminated(*_: Any) -> NoReturn:
    raise KeyboardInterrupt


def _interrupted() -> int:
    return _say(INTERRUPTED, "interrupted; no file is half-written")


def _unexpected(error: Exception) -> int:
    """A wrong command line, or a fault of ours."""
    told = getattr(error, "format_message", None)
    if told is not None:
        context = getattr(error, "ctx", None)
        path = context.command_path if context is not None else "gradwright"
        return _say(WRONG_INPUT, f"{path}: {told().rstrip('.')}; see {path} --help")
    if os.environ.get(TRACEBACK):
        raise error
    what = f"{type(error).__name__}: {error}"
    return _say(WRONG_INPUT, f"a fault of gradwright itself, please report it: {what}")


def _say(code: int, *lines: str) -> int:
    for line in lines:
        text = " ".join(line.split())
        short = text if len(text) <= LONGEST_PROBLEM else text[: LONGEST_PROBLEM - 3] + "..."
        print(short, file=sys.stderr)
    return code
