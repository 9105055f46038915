"""A development server for the page: speaks ``docs/live.md`` with drawn test pictures. Not the product's server.

``PYTHONPATH=src python clients/web/dev/server.py [--port 8070] [--no-webrtc] [--busy S]``
"""

import argparse
import asyncio
import io
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import uvicorn
from fastapi import FastAPI, Request, WebSocket
from fastapi.responses import FileResponse, JSONResponse, Response
from fastapi.staticfiles import StaticFiles
from npc import Crowd
from pictures import FIRST_SEED, character, portrait, poses
from session import Session

from openlpm.core.emotion import EMOTIONS
from openlpm.synth.look.identity import STYLES

PAGE = Path(__file__).parents[3] / "src/openlpm/serving/page"
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; media-src 'self' blob:; "
    "worker-src 'self' blob:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
options = argparse.Namespace(webrtc=True, busy=0)
sessions: dict[str, Session] = {}
uploads: dict[str, bytes] = {}


@asynccontextmanager
async def _life(_: FastAPI) -> AsyncIterator[None]:
    yield
    for session in sessions.values():
        await session.offering.close()


app = FastAPI(lifespan=_life)


def _error(status: int, code: str, message: str, headers: dict[str, str] | None = None) -> JSONResponse:
    return JSONResponse({"error": {"code": code, "message": message}}, status, headers)


@app.get("/")
def page() -> FileResponse:
    """The page."""
    return FileResponse(PAGE / "index.html", headers={"Content-Security-Policy": POLICY})


@app.post("/api/tokens")
def tokens() -> dict[str, Any]:
    """A token, for nothing."""
    return {"token": secrets.token_urlsafe(), "expires_s": 60}


@app.get("/api/characters")
def characters() -> dict[str, Any]:
    """The cast."""
    cast = [character(seed) for seed in range(FIRST_SEED, FIRST_SEED + 24)]
    return {"characters": cast, "emotions": list(EMOTIONS), "styles": list(STYLES)}


@app.get("/api/characters/{name}.webp")
def picture(name: str) -> Response:
    """A portrait."""
    return Response(uploads.get(name) or portrait(_seed_of(name)), media_type="image/webp")


def _seed_of(name: str) -> int:
    return int(name.removeprefix("seed:")) if name.startswith("seed:") else FIRST_SEED


@app.post("/api/characters")
async def create(request: Request) -> Response:
    """A character by seed, style or picture."""
    if request.headers["content-type"].startswith("multipart/"):
        form = await request.form()
        data = await form["picture"].read()
        if data[:4] not in (b"\x89PNG", b"\xff\xd8\xff\xe0", b"\xff\xd8\xff\xe1", b"RIFF"):
            return _error(415, "unsupported", "The picture must be a PNG, JPEG or WebP file.")
        key = f"upload:{secrets.token_hex(4)}"
        uploads[key] = _square(data)
        about = "Your picture. It is unlike all that the model knows, so the likeness will be loose."
        return JSONResponse(
            {"id": key, "name": "Your picture", "style": "", "about": about, "picture": f"/api/characters/{key}.webp"},
            201,
        )
    wish = await request.json()
    if "seed" in wish:
        return JSONResponse(character(int(wish["seed"])), 201)
    seeds = (secrets.randbelow(1_000_000) for _ in range(200))
    return JSONResponse(next(c for c in map(character, seeds) if c["style"] == wish["style"]), 201)


def _square(data: bytes) -> bytes:
    from PIL import Image, ImageOps

    written = io.BytesIO()
    ImageOps.fit(Image.open(io.BytesIO(data)).convert("RGB"), (256, 256)).save(written, "WEBP")
    return written.getvalue()


@app.post("/api/sessions")
async def open_session(request: Request) -> Response:
    """A place for a character."""
    if options.busy:
        return _error(429, "busy", "All places are taken.", {"Retry-After": str(options.busy)})
    wish = await request.json()
    key = secrets.token_hex(8)
    await asyncio.to_thread(poses, _seed_of(wish["character"]))
    sessions[key] = Session(_seed_of(wish["character"]))
    path = f"/api/sessions/{key}"
    answer = {"session": key, "media_token": key, "socket": f"{path}/socket", "offer": f"{path}/offer"}
    answer |= {"size": 256, "idle_s": 300, "longest_s": 1800}
    return JSONResponse(answer, 201)


@app.post("/api/sessions/{key}/offer")
async def offer(key: str, request: Request) -> Response:
    """Connect by WebRTC."""
    if not options.webrtc:
        return _error(500, "internal", "No WebRTC today.")
    return JSONResponse(await sessions[key].offering.answer(await request.json()))


@app.delete("/api/sessions/{key}")
async def close(key: str) -> Response:
    """End a session; here its socket does."""
    del key
    return Response(status_code=204)


@app.websocket("/api/sessions/{key}/socket")
async def socket(ws: WebSocket, key: str) -> None:
    """Control, and media if WebRTC is not to be had."""
    session = sessions[key]
    await ws.accept("openlpm.1")
    try:
        await session.run(ws)
    finally:
        await session.offering.close()
        del sessions[key]


@app.websocket("/api/npc")
async def npc(ws: WebSocket) -> None:
    """Many characters on one connection."""
    await ws.accept("openlpm.npc.1")
    await Crowd(ws).run()


def main() -> None:
    """Serve on this machine alone."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, default=8070)
    parser.add_argument("--no-webrtc", dest="webrtc", action="store_false")
    parser.add_argument("--busy", type=int, default=0, help="answer every session with 429 and this Retry-After")
    parser.parse_args(namespace=options)
    app.mount("/assets", StaticFiles(directory=PAGE / "assets"))
    uvicorn.run(app, host="127.0.0.1", port=options.port, log_level="warning")


if __name__ == "__main__":
    main()
