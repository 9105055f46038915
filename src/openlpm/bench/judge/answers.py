"""Answers by the content of what was asked: asked once, and still there after a crash."""

import hashlib
import json
import os
from pathlib import Path
from typing import final

from openlpm.bench.arena.question import Choice
from openlpm.bench.judge.asking import FORM, Showing
from openlpm.core.errors import InputError


@final
class Answers:
    """A file that only grows, a line an answer; a line that a crash left in halves is passed over.

    Raises:
        InputError: the file cannot be used.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._known: dict[str, Choice] = {}
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            content = path.read_bytes() if path.exists() else b""
            self._file = path.open("ab")
        except OSError as error:
            raise InputError(f"{path} cannot be used for answers: {error.strerror or error}") from error
        if content and not content.endswith(b"\n"):
            self._file.write(b"\n")
        for line in content.splitlines():
            try:
                told = json.loads(line)
                self._known[told["key"]] = Choice(told["choice"])
            except (ValueError, KeyError, TypeError):
                continue

    def find(self, key: str) -> Choice | None:
        """What was answered before."""
        return self._known.get(key)

    def keep(self, key: str, choice: Choice) -> None:
        """Write an answer down; on disk when this returns."""
        self._known[key] = choice
        self._file.write(json.dumps({"key": key, "choice": choice}).encode() + b"\n")
        self._file.flush()
        os.fsync(self._file.fileno())

    def close(self) -> None:
        """End with the file."""
        self._file.close()


def key_of(model: str, showing: Showing) -> str:
    """Names a question by everything that is asked and shown, in its order."""
    digest = hashlib.sha256(json.dumps([FORM, model, showing.question, showing.instruction]).encode())
    for picture in (showing.first, showing.second, showing.reference or b""):
        digest.update(hashlib.sha256(picture).digest())
    return digest.hexdigest()
