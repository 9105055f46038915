"""The HTTP interface: characters, tokens, sessions."""

from typing import Any, final

from fastapi import APIRouter, Request
from starlette.responses import JSONResponse, Response

from openlpm.core.emotion import EMOTIONS
from openlpm.core.seeds import Split, seeds_of
from openlpm.serving.characters import STYLES, Characters
from openlpm.serving.guard import address_of
from openlpm.serving.limits import read_body
from openlpm.serving.messages import MOST_PROMPT, number_of, parse_object, text_of
from openlpm.serving.refusals import Code, Refusal
from openlpm.serving.security import Doors, Keyring, bearer
from openlpm.serving.session import Session, Wish
from openlpm.serving.sessions import Sessions
from openlpm.serving.settings import ServerSettings
from openlpm.serving.uploads import PictureDecoder, read_upload

_PICTURE_SIDE = 256
_MOST_NAME = 64
_MOST_TOKEN = 256
_LAST_SEED = seeds_of(Split.TEST).stop - 1


@final
class Api:
    """Answers requests; what it cannot answer it refuses."""

    def __init__(
        self, settings: ServerSettings, keyring: Keyring, doors: Doors, characters: Characters, sessions: Sessions
    ) -> None:
        self._settings, self._keyring, self._doors = settings, keyring, doors
        self._characters, self._sessions = characters, sessions
        self._decoder = PictureDecoder(_PICTURE_SIDE)

    def router(self) -> APIRouter:
        """All its routes."""
        router = APIRouter(prefix="/api")
        for method, path, handler in (
            ("POST", "/tokens", self.make_token),
            ("GET", "/characters", self.list_characters),
            ("POST", "/characters", self.make_character),
            ("GET", "/characters/{key}.webp", self.picture),
            ("POST", "/sessions", self.open_session),
            ("POST", "/sessions/{key}/offer", self.offer),
            ("DELETE", "/sessions/{key}", self.close_session),
        ):
            router.add_api_route(path, handler, methods=[method], response_model=None)
        return router

    async def make_token(self, request: Request) -> Response:
        """A token, for who has the key."""
        self._doors.require_key(request.headers, request.cookies)
        return JSONResponse({"token": self._keyring.make_token(), "expires_s": self._keyring.token_s})

    async def list_characters(self, request: Request) -> Response:
        """Whom one can talk to."""
        found = [character.as_json() for character in await self._characters.listed()]
        return JSONResponse({"characters": found, "emotions": list(EMOTIONS), "styles": list(STYLES)})

    async def picture(self, request: Request, key: str) -> Response:
        """A portrait."""
        return Response(
            await self._characters.picture(key),
            media_type="image/webp",
            headers={"cache-control": "private, max-age=3600"},
        )

    async def make_character(self, request: Request) -> Response:
        """Somebody new: by seed, by style, or from a picture."""
        self._doors.require_key(request.headers, request.cookies)
        kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        if kind == "multipart/form-data":
            limits = self._settings.limits
            data = await read_upload(request.headers, request.stream(), limits.picture_bytes, limits.body_s)
            character = await self._characters.add(await self._decoder.decode(data))
        elif kind == "application/json":
            fields = await self._object(request)
            if ("seed" in fields) == ("style" in fields):
                raise Refusal(Code.BAD_REQUEST, "Give seed or style.")
            seed = None
            if "seed" in fields:
                number = number_of(fields, "seed", 0, _LAST_SEED)
                seed = int(number)
                if seed != number:
                    raise Refusal(Code.BAD_REQUEST, "seed: give a whole number.")
            style = None if seed is not None else text_of(fields, "style", _MOST_NAME)
            character = await self._characters.make(seed=seed, style=style)
        else:
            raise Refusal(Code.UNSUPPORTED, "Send JSON, or a picture as multipart/form-data.")
        return JSONResponse(character.as_json(), status_code=201)

    async def open_session(self, request: Request) -> Response:
        """A character begins to perform for a client."""
        fields = await self._object(request)
        # Whoever has no token learns nothing else; a token is used up whatever comes of it.
        self._keyring.spend(text_of(fields, "token", _MOST_TOKEN))
        session = await self._sessions.open(await read_wish(fields, self._characters), address_of(request.scope))
        path = f"/api/sessions/{session.id}"
        limits = self._settings.limits
        answer = JSONResponse(
            {
                "session": session.id,
                "media_token": session.token.text,
                "socket": f"{path}/socket",
                "offer": f"{path}/offer",
                "size": session.conversation.performer.size,
                "idle_s": limits.idle_s,
                "longest_s": limits.longest_s,
            },
            status_code=201,
        )
        session.token.forget_text()
        return answer

    async def offer(self, request: Request, key: str) -> Response:
        """A WebRTC connection for a session."""
        session = self._mine(request, key)
        fields = await self._object(request)
        sdp = fields.get("sdp")
        if fields.get("type") != "offer" or not isinstance(sdp, str):
            raise Refusal(Code.BAD_REQUEST, "Give an SDP offer.")
        return JSONResponse({"sdp": await session.offer(sdp), "type": "answer"})

    async def close_session(self, request: Request, key: str) -> Response:
        """A client is done; it may say so again, or when the session has ended already."""
        self._sessions.close(key, bearer(request.headers))
        return Response(status_code=204)

    def _mine(self, request: Request, key: str) -> Session:
        session = self._sessions.find(key)
        session.token.require(bearer(request.headers))
        return session

    async def _object(self, request: Request) -> dict[str, Any]:
        limits = self._settings.limits
        return parse_object(await read_body(request.headers, request.stream(), limits.json_bytes, limits.body_s))


async def read_wish(fields: dict[str, Any], characters: Characters) -> Wish:
    """What a client asks for when it opens a session.

    Raises:
        Refusal: something of it cannot be.
    """
    emotion = fields.get("emotion") or "neutral"
    if emotion not in EMOTIONS:
        raise Refusal(Code.BAD_REQUEST, "emotion: give one of the emotions that /api/characters lists.")
    agent = fields.get("agent")
    return Wish(
        character=await characters.find(text_of(fields, "character", _MOST_NAME)),
        prompt=text_of({"prompt": fields.get("prompt") or ""}, "prompt", MOST_PROMPT, empty=True),
        emotion=emotion,
        agent=None if agent is None else text_of(fields, "agent", _MOST_NAME),
    )
