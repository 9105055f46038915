"""Files as somebody names them."""

from pathlib import Path

from openlpm.core.errors import InputError


def require_file(path: Path) -> None:
    """Raise the fitting ``InputError`` unless ``path`` is a file that can be read and is not empty."""
    try:
        if path.is_dir():
            raise InputError(f"{path} is a folder, not a file")
        with path.open("rb") as file:
            if not file.read(1):
                raise InputError(f"{path} is empty (0 bytes)")
    except FileNotFoundError:
        raise InputError(f"there is no file {path}") from None
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror or error}") from error
