"""Small files that commands write beside their main result: checked before the work, not after it."""

from pathlib import Path

from openlpm.core.errors import InputError


def require_writable(path: Path | None) -> None:
    """Make the folder of ``path`` and see that a file can be written there; None asks for nothing.

    Raises:
        InputError: it cannot; the text says why.
    """
    if path is None:
        return
    if path.is_dir():
        raise InputError(f"{path} is a folder; give the name of a file")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        existed = path.exists()
        path.open("a").close()
        if not existed:
            path.unlink()
    except OSError as error:
        raise InputError(f"{path} cannot be written: {error.strerror or error}") from error
