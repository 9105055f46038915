"""Who rates, without knowing who: a keyed hash of what the rater's browser made up.

The key ("salt") lies in a file of its own, never beside the votes: whoever has only the votes cannot tell whether a
known browser gave them, and once the file is deleted nobody can.
"""

import hashlib
import hmac
import os
import re
import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Final, final

from openlpm.core.errors import InputError

SALT_VARIABLE: Final = "OPENLPM_ARENA_SALT"
"""Names another file for the salt."""
_KEY = re.compile(r"[A-Za-z0-9_-]{8,64}")
_SALT_BYTES, _HASH_DIGITS = 32, 24


def usual_salt_file(environment: Mapping[str, str]) -> Path:
    """Where the salt is kept: as the environment says, or in the user's folder for the state of programs."""
    if named := environment.get(SALT_VARIABLE):
        return Path(named)
    state = environment.get("XDG_STATE_HOME") or str(Path.home() / ".local" / "state")
    return Path(state) / "openlpm" / "arena-salt"


@final
class Anonymiser:
    """Makes rater hashes.

    Raises:
        InputError: the salt's file holds something else, or cannot be written.
    """

    def __init__(self, salt_file: Path) -> None:
        """The file is made, for its owner alone, where there is none."""
        try:
            salt_file.parent.mkdir(parents=True, exist_ok=True)
            try:
                place = os.open(salt_file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            except FileExistsError:
                pass
            else:
                with os.fdopen(place, "w") as file:
                    file.write(secrets.token_hex(_SALT_BYTES))
                    file.flush()
                    os.fsync(file.fileno())
            self._salt = bytes.fromhex(salt_file.read_text().strip())
        except (OSError, ValueError) as error:
            raise InputError(f"{salt_file} cannot be used as the salt of rater hashes: {error}") from error
        if len(self._salt) < _SALT_BYTES:
            raise InputError(f"{salt_file} is too short for a salt; delete it, and a new one is made")

    def hash(self, key: str) -> str | None:
        """What stands for a rater in the votes; None: this is no key that a page makes."""
        if not _KEY.fullmatch(key):
            return None
        return hmac.digest(self._salt, key.encode(), hashlib.sha256).hex()[:_HASH_DIGITS]
