"""How a command ends: one clear sentence and an exit code, never a traceback."""

import contextlib
import math
import os
import signal
import threading
import time
from collections.abc import Callable, Generator, Sequence
from types import FrameType

import typer

from openlpm.core.errors import OpenLPMError

EXIT_FAILED = 2
EXIT_STOPPED = 130
_NOTHING_LEFT = "stopped before the end; nothing was written"
_SAME_WISH_S = 2.0
DEBUG_VARIABLE = "OPENLPM_DEBUG"


class Stopped(Exception):  # noqa: N818 (nobody erred)
    """A command was stopped and left something behind that it can go on from; the text says what."""


def run(app: Callable[..., object], arguments: Sequence[str] | None) -> int:
    """Run a typer application and return its exit code; ``OPENLPM_DEBUG=1`` lets exceptions through."""
    try:
        with _termination_as_interrupt():
            outcome = app(args=None if arguments is None else list(arguments), standalone_mode=False)
    except typer.Exit as leaving:
        # typer turns Ctrl-C into this exit code.
        if leaving.exit_code == EXIT_STOPPED:
            return _stopped()
        return leaving.exit_code
    except (KeyboardInterrupt, typer.Abort, Stopped) as stop:
        return _stopped(str(stop) if isinstance(stop, Stopped) else _NOTHING_LEFT)
    except Exception as error:  # the process boundary: whatever it is, the user gets a sentence
        if os.environ.get(DEBUG_VARIABLE, "") not in {"", "0"}:
            raise
        _say(_sentence(error))
        return EXIT_FAILED
    if outcome == EXIT_STOPPED:
        return _stopped()
    return outcome if isinstance(outcome, int) else 0


def _stopped(sentence: str = _NOTHING_LEFT) -> int:
    _say(sentence)
    return EXIT_STOPPED


def _sentence(error: Exception) -> str:
    if isinstance(error, typer.TyperException):
        return f"{error.format_message()} (openlpm --help shows what there is)"
    if isinstance(error, OpenLPMError):
        return str(error)
    if isinstance(error, MemoryError) or "out of memory" in str(error).lower():
        return "there is not enough memory for this; close other programs, or use --device cpu"
    if isinstance(error, ModuleNotFoundError):
        return f"the Python package {error.name} is not installed; pip install 'openlpm[{_extra_with(error.name)}]'"
    kind = type(error).__name__
    return f"something unexpected happened ({kind}: {error}); {DEBUG_VARIABLE}=1 shows where, please report it"


def _extra_with(module: str | None) -> str:
    """The smallest extra that brings a module; that of the server if none is known to."""
    from openlpm.cli.checks.packages import EXTRAS

    bringing = [extra for extra, modules in EXTRAS.items() if module in modules]
    return min(bringing, key=lambda extra: len(EXTRAS[extra]), default="live")


def _say(sentence: str) -> None:
    typer.echo(f"openlpm: {' '.join(sentence.split())}", err=True)


@contextlib.contextmanager
def _termination_as_interrupt() -> Generator[None, None, None]:
    """Let SIGTERM end a command as Ctrl-C does, so that half-written files are removed then too.

    ``timeout`` sends it twice, to the process and to its group: the second must not stop the tidying up.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    owner, asked_at_s = os.getpid(), -math.inf

    def interrupt(number: int, _frame: FrameType | None) -> None:
        nonlocal asked_at_s
        if os.getpid() != owner:  # a worker that was forked ends quietly, whoever ends it
            signal.signal(number, signal.SIG_DFL)
            os.kill(os.getpid(), number)
        repeated = time.monotonic() - asked_at_s < _SAME_WISH_S
        asked_at_s = time.monotonic()
        if not repeated:
            raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
