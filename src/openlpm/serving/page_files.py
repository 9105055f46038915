"""The web page that comes with the package, held in memory."""

import hashlib
import mimetypes
from dataclasses import dataclass
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import final

from starlette.responses import Response

_FOR_EVER = "public, max-age=31536000, immutable"
_ASK_AGAIN = "no-cache"
_TYPES = {".js": "text/javascript", ".css": "text/css", ".html": "text/html; charset=utf-8", ".svg": "image/svg+xml"}
_MISSING = b"<!doctype html><title>OpenLPM</title><p>This installation has no page; the API is at /api."


@final
@dataclass(frozen=True, slots=True)
class PageFile:
    """A file as it is sent."""

    data: bytes
    type: str
    tag: str

    def answer(self, asked_tag: str, *, for_ever: bool) -> Response:
        """The file, or word that the client has it."""
        headers = {"etag": self.tag, "cache-control": _FOR_EVER if for_ever else _ASK_AGAIN}
        if asked_tag == self.tag:
            return Response(status_code=304, headers=headers)
        return Response(self.data, media_type=self.type, headers=headers)


@final
class PageFiles:
    """All files of the page, by their path below it."""

    def __init__(self, folder: Traversable | None = None) -> None:
        """``folder``: another one than the package's."""
        self._files: dict[str, PageFile] = {}
        folder = folder or files("openlpm.serving").joinpath("page")
        if folder.is_dir():
            self._read(folder, "")
        self._files.setdefault("index.html", _file("index.html", _MISSING))

    def find(self, path: str) -> PageFile | None:
        """The file at a path; None where there is none. Nothing outside the page can be named."""
        return self._files.get(path)

    def _read(self, folder: Traversable, prefix: str) -> None:
        for entry in folder.iterdir():
            if entry.is_dir():
                self._read(entry, f"{prefix}{entry.name}/")
            elif not entry.name.startswith("."):
                self._files[prefix + entry.name] = _file(entry.name, entry.read_bytes())


def _file(name: str, data: bytes) -> PageFile:
    suffix = name[name.rfind(".") :]
    kind = _TYPES.get(suffix) or mimetypes.guess_type(name)[0] or "application/octet-stream"
    return PageFile(data, kind, f'"{hashlib.sha256(data).hexdigest()[:32]}"')
