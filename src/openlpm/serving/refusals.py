"""What a client is told when it cannot have what it asked for: a code, a sentence, nothing else."""

import math
from enum import StrEnum
from typing import final


class Code(StrEnum):
    """Why, in the words of the protocol."""

    BAD_REQUEST = "bad_request"
    UNAUTHORIZED = "unauthorized"
    FORBIDDEN_ORIGIN = "forbidden_origin"
    NOT_FOUND = "not_found"
    NOT_ALLOWED = "not_allowed"
    TOO_LARGE = "too_large"
    UNSUPPORTED = "unsupported"
    BUSY = "busy"
    TOO_MANY = "too_many"
    DRAINING = "draining"
    STARTING = "starting"
    INTERNAL = "internal"


STATUS: dict[Code, int] = {
    Code.BAD_REQUEST: 400,
    Code.UNAUTHORIZED: 401,
    Code.FORBIDDEN_ORIGIN: 403,
    Code.NOT_FOUND: 404,
    Code.NOT_ALLOWED: 405,
    Code.TOO_LARGE: 413,
    Code.UNSUPPORTED: 415,
    Code.BUSY: 429,
    Code.TOO_MANY: 429,
    Code.DRAINING: 503,
    Code.STARTING: 503,
    Code.INTERNAL: 500,
}


@final
class Refusal(Exception):  # noqa: N818 (nobody erred: the answer is no)
    """Ends a request or a message; ``message`` is one sentence that holds no path, key or setting."""

    def __init__(self, code: Code, message: str, *, retry_s: float | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.retry_s = retry_s

    @property
    def status(self) -> int:
        """Of the HTTP answer."""
        return STATUS[self.code]

    @property
    def body(self) -> dict[str, dict[str, str]]:
        """The JSON of the answer."""
        return {"error": {"code": self.code.value, "message": self.message}}

    @property
    def headers(self) -> dict[str, str]:
        """Of the answer, besides those that all have."""
        found = {"cache-control": "no-store"}
        if self.retry_s is not None:
            found["retry-after"] = str(max(1, math.ceil(self.retry_s)))
        if self.code is Code.UNAUTHORIZED:
            found["www-authenticate"] = "Bearer"
        return found
