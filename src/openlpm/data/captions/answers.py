"""What models answered, kept on disk by the content of the question: asked once, answered the same ever after."""

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, final

from openlpm.core.errors import ConfigError

FOLDER_VARIABLE: Final = "OPENLPM_CAPTION_ANSWERS"
"""Names the folder; without it ``openlpm/answers`` in the user's cache folder."""


def answers_folder() -> Path:
    """Where answers are kept on this machine."""
    if named := os.environ.get(FOLDER_VARIABLE):
        return Path(named)
    cache = os.environ.get("XDG_CACHE_HOME")
    return (Path(cache) if cache else Path.home() / ".cache") / "openlpm" / "answers"


@final
class Answers:
    """A file an answer; processes may share a folder."""

    def __init__(self, folder: Path | None = None) -> None:
        self._folder = folder or answers_folder()

    def of(self, question: str, ask: Callable[[], Any]) -> Any:
        """The answer (JSON) to a question that ``question``, a digest, stands for; ``ask`` is called if there is none.

        Raises:
            ConfigError: the folder cannot be written; or whatever ``ask`` raises, and then nothing is kept.
        """
        path = self._folder / question[:2] / f"{question}.json"
        try:
            return json.loads(path.read_text(encoding="utf-8"))["answer"]
        except (OSError, ValueError, KeyError, TypeError):  # none, or what a dying machine left
            pass
        answer = ask()
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            # Of two processes that ask the same thing at once the later one wins; the file is always a whole one.
            draft = path.with_name(f".{path.name}.{os.getpid()}.part")
            draft.write_text(json.dumps({"answer": answer}, ensure_ascii=False) + "\n", encoding="utf-8")
            draft.replace(path)
        except OSError as error:
            raise ConfigError(f"{path} cannot be written ({error.strerror}): set {FOLDER_VARIABLE}") from error
        return answer
