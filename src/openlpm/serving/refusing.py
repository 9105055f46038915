"""How an application answers what it refuses, does not know, or fails at."""

from fastapi import FastAPI, Request
from starlette.exceptions import HTTPException
from starlette.responses import Response

from openlpm.serving.guard import refused
from openlpm.serving.metrics import ServerMetrics
from openlpm.serving.refusals import Code, Refusal

_BY_STATUS = {404: Code.NOT_FOUND, 405: Code.NOT_ALLOWED, 413: Code.TOO_LARGE, 415: Code.UNSUPPORTED}
_SENTENCES = {Code.NOT_FOUND: "There is nothing here.", Code.NOT_ALLOWED: "This cannot be done here."}


def add_refusals(app: FastAPI, metrics: ServerMetrics) -> None:
    """Have whatever goes wrong answered with a code and a sentence."""

    async def refuse(_request: Request, error: Exception) -> Response:
        assert isinstance(error, Refusal)
        return refused(error, metrics)

    async def translate(_request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        code = _BY_STATUS.get(error.status_code, Code.BAD_REQUEST)
        return refused(Refusal(code, _SENTENCES.get(code, "This request cannot be answered.")), metrics)

    async def fail(_request: Request, _error: Exception) -> Response:
        return refused(Refusal(Code.INTERNAL, "Something went wrong here; it was written down."), metrics)

    app.add_exception_handler(Refusal, refuse)
    app.add_exception_handler(HTTPException, translate)
    app.add_exception_handler(Exception, fail)
