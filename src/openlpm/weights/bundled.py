"""The weights that come with the package."""

from pathlib import Path

from openlpm.core.errors import WeightsError

_DATA = Path(__file__).parent / "data"


def root() -> Path:
    """The folder that holds them all."""
    return _DATA


def folder(model: str = "nano") -> Path:
    """Where the bundled weights of ``model`` lie.

    Raises:
        WeightsError: no weights of that name are bundled; the text names those that are.
    """
    found = sorted(child.name for child in _DATA.iterdir() if child.is_dir()) if _DATA.is_dir() else []
    if model in found:
        return _DATA / model
    raise WeightsError(f"no weights named {model!r} are bundled: there is {', '.join(found) or 'nothing'}")
