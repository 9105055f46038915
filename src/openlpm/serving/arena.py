"""The rating arena as an ASGI application: its page, its trials, its clips, and the votes."""

import asyncio
from collections.abc import Mapping
from importlib.resources import files
from pathlib import PurePosixPath
from typing import Any, Final, cast, final

from fastapi import FastAPI, Request
from starlette.background import BackgroundTask
from starlette.responses import FileResponse, JSONResponse, Response

from openlpm.bench.arena.question import Choice, Mode, Question, Track
from openlpm.bench.arena.rater import Anonymiser
from openlpm.bench.arena.session import Arena
from openlpm.bench.arena.showing import Showing
from openlpm.bench.arena.trial import Trial
from openlpm.bench.arena.votes import AnswerRefused
from openlpm.serving.guard import Guard
from openlpm.serving.limits import RateLimit, read_body
from openlpm.serving.messages import number_of, parse_object, text_of
from openlpm.serving.metrics import ServerMetrics
from openlpm.serving.page_files import PageFiles
from openlpm.serving.refusals import Code, Refusal
from openlpm.serving.refusing import add_refusals
from openlpm.serving.security import Doors, Keyring
from openlpm.serving.settings import ServerSettings

RATER_HEADER: Final = "x-rater"
"""What the rater's browser made up; it is hashed at once and never kept."""
_MOST_BYTES, _BODY_S = 4_096, 10.0
_MOST_REPLAYS, _MOST_MS, _MOST_ID = 10_000, 24 * 3_600_000, 64
_TYPES = {".mp4": "video/mp4", ".webp": "image/webp"}


def create_arena_app(arena: Arena, mode: Mode, anonymiser: Anonymiser, settings: ServerSettings) -> FastAPI:
    """The application; whoever calls this closes the store behind the arena."""
    metrics = ServerMetrics()
    doors = Doors(settings, Keyring(settings.server_key, token_s=settings.limits.token_s))
    app = FastAPI(title="OpenLPM arena", docs_url=None, redoc_url=None, openapi_url=None)
    page = PageFiles(files("openlpm.serving").joinpath("arena_page"))
    rating = Rating(arena, mode, anonymiser, page)
    for method, path, handler in (
        ("GET", "/", rating.index),
        ("GET", "/assets/{path:path}", rating.asset),
        ("POST", "/api/trials", rating.next_trial),
        ("POST", "/api/votes", rating.vote),
        ("GET", "/clips/{key}/{name}", rating.clip),
    ):
        app.add_api_route(path, handler, methods=[method], response_model=None)
    add_refusals(app, metrics)
    rate = RateLimit(settings.limits.requests_a_minute, settings.limits.requests_a_minute_overall)
    app.add_middleware(Guard, doors=doors, rate=rate, metrics=metrics)
    return app


@final
class Rating:
    """Answers requests; what cannot be it refuses."""

    def __init__(self, arena: Arena, mode: Mode, anonymiser: Anonymiser, page: PageFiles) -> None:
        self._arena, self._mode, self._anonymiser, self._page = arena, mode, anonymiser, page

    async def index(self, request: Request) -> Response:
        """The page."""
        file = self._page.find("index.html")
        assert file is not None
        return file.answer(request.headers.get("if-none-match", ""), for_ever=False)

    async def asset(self, request: Request, path: str) -> Response:
        """A file of the page."""
        file = self._page.find(f"assets/{path}")
        if file is None:
            raise Refusal(Code.NOT_FOUND, "There is no such file.")
        return file.answer(request.headers.get("if-none-match", ""), for_ever=True)

    async def next_trial(self, request: Request) -> Response:
        """The trial that this rater is to answer; the same until it is answered."""
        rater = self._rater(request)
        found = await asyncio.to_thread(self._arena.next, rater)
        answered = await asyncio.to_thread(self._arena.answered, rater)
        if found is None:
            return JSONResponse({"trial": None, "answered": answered})
        trial, showing = found
        told = {"trial": trial.id, "answered": answered, "mode": self._mode, **_told(trial, showing)}
        return JSONResponse(told, background=BackgroundTask(self._arena.prepare, rater))

    async def vote(self, request: Request) -> Response:
        """Answers to a trial; it is on disk before this is acknowledged, and sent again it is the same vote."""
        self._rater(request)
        fields = parse_object(await read_body(request.headers, request.stream(), _MOST_BYTES, _BODY_S))
        key = text_of(fields, "trial", _MOST_ID)
        answers = _answers(fields)
        replays = int(number_of(fields, "replays", 0, _MOST_REPLAYS))
        took_ms = int(number_of(fields, "ms", 0, _MOST_MS))
        try:
            new = await asyncio.to_thread(self._arena.answer, key, answers, replays=replays, ms=took_ms)
        except AnswerRefused as refused:
            raise Refusal(Code.BAD_REQUEST, f"{str(refused)[:1].upper()}{str(refused)[1:]}.") from refused
        return JSONResponse({"stored": True}, status_code=201 if new else 200)

    async def clip(self, request: Request, key: str, name: str) -> Response:
        """A file of a trial; its name and its bytes say nothing of whose it is."""
        showing = await asyncio.to_thread(self._arena.shown, key)
        path = None if showing is None else showing.files.get(name)
        if path is None:
            raise Refusal(Code.NOT_FOUND, "There is no such clip.")
        headers = {"cache-control": "private, max-age=3600"}
        return FileResponse(path, media_type=_TYPES[PurePosixPath(name).suffix], headers=headers)

    def _rater(self, request: Request) -> str:
        rater = self._anonymiser.hash(request.headers.get(RATER_HEADER, ""))
        if rater is None:
            raise Refusal(Code.UNAUTHORIZED, "This needs the key that the page makes for a rater.")
        return rater


def _answers(fields: Mapping[str, Any]) -> dict[Question, Choice]:
    given = fields.get("answers")
    if not isinstance(given, dict):
        raise Refusal(Code.BAD_REQUEST, "answers: give a choice for each question.")
    try:
        return {Question(name): Choice(value) for name, value in cast("dict[Any, Any]", given).items()}
    except ValueError:
        raise Refusal(Code.BAD_REQUEST, f"answers: choose {', '.join(Choice)} for each question.") from None


def _told(trial: Trial, showing: Showing) -> dict[str, Any]:
    """What the page may know: nothing that tells the sides apart."""

    def address(name: str) -> str | None:
        return f"/clips/{trial.id}/{name}" if name in showing.files else None

    return {
        "track": trial.track,
        "questions": list(trial.questions),
        "seconds": showing.seconds,
        # Other tracks have a caption, too: a description that nobody is asked about.
        "instruction": showing.instruction if trial.track is Track.TEXT else "",
        "reference": address("reference.webp"),
        "sides": [
            {
                "clip": address(f"{side}.mp4"),
                "partner": address(f"partner-{side}.mp4"),
                "own_voice": showing.own.get(side, []),
                "partner_voice": showing.partner.get(side, []),
            }
            for side in ("left", "right")
        ],
    }
