"""The folder in which an engine saves performances, and the end of those whose engine was killed."""

import contextlib
import shutil
import tempfile
from pathlib import Path
from typing import IO, final

try:
    import fcntl
except ImportError:  # a system without file locks: what is left behind stays there
    fcntl = None

_MEMORY = Path("/dev/shm")
_PREFIX = "openlpm-"
_LOCK = "owner"


@final
class SavedFolder:
    """A folder of this process alone, until ``close`` or the end of the process.

    The process holds a lock on a file in it, which the system lets go however the process ends: a folder whose lock
    can be had belongs to nobody. Process numbers would not do, since containers that share ``/dev/shm`` count anew.
    """

    def __init__(self, parent: Path | None = None) -> None:
        """Make it in ``parent``, else in memory where there is such a folder: a row of nano is 90 MB."""
        parent = parent or (_MEMORY if _MEMORY.is_dir() else Path(tempfile.gettempdir()))
        _remove_orphans(parent)
        self.path = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=parent))
        self._lock = (self.path / _LOCK).open("wb")
        _is_locked_now(self._lock)

    def close(self) -> None:
        """Remove it; a second call does nothing."""
        shutil.rmtree(self.path, ignore_errors=True)
        self._lock.close()


def _remove_orphans(parent: Path) -> None:
    # One without the file is being made at this moment, or is of somebody else.
    for path in parent.glob(f"{_PREFIX}*/{_LOCK}"):
        with contextlib.suppress(OSError), path.open("r+b") as lock:
            if _is_locked_now(lock):
                shutil.rmtree(path.parent, ignore_errors=True)


def _is_locked_now(file: IO[bytes]) -> bool:
    """Lock a file until it is closed; False if somebody else has."""
    if fcntl is None:
        return False
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True
