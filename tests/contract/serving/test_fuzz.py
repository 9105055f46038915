"""Thousands of broken requests and messages: every answer is one of the protocol, and the server lives on."""

import contextlib
import json
import logging
import random
from typing import Any

import httpx
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

pytestmark = pytest.mark.contract

_VALUES: list[Any] = [
    None, True, -1, 7, 1e308, "", "x" * 3_000, "\ud83d", [], {}, [[[]]], "seed:7", "seed:-1", "seed:9999999", "up:x",
    "../../etc/passwd", "\0", "happy", 2**80, float("nan"), "socket", {"a": {"b": 1}},
]  # fmt: skip
_NAMES = [
    "type",
    "text",
    "by",
    "name",
    "intensity",
    "t",
    "ms",
    "on",
    "token",
    "character",
    "sdp",
    "seed",
    "style",
    "agent",
]
_KINDS = ["say", "ask", "prompt", "emotion", "interrupt", "media", "ping", "seen", "microphone", "offer", "bye", ""]
_PATHS = [
    "/api/tokens",
    "/api/characters",
    "/api/sessions",
    "/api/sessions/x/offer",
    "/api/characters/x.webp",
    "/x",
    "/",
]


def junk(rng: random.Random) -> bytes | str:
    message: Any = {rng.choice(_NAMES): rng.choice(_VALUES) for _ in range(rng.randrange(4))}
    if rng.random() < 0.7:
        message["type"] = rng.choice(_KINDS)
    text = json.dumps(rng.choice([message, message, rng.choice(_VALUES)]))
    chance = rng.random()
    if chance < 0.15:
        return rng.randbytes(rng.choice([0, 1, 639, 640, 641, 6_400, 6_402, 9_000]))
    if chance < 0.3:
        at = rng.randrange(len(text) + 1)
        return text[:at] + rng.choice(["\0", "}", '"', "é", "[" * 50]) + text[at + 1 :]
    return text


def upload(rng: random.Random) -> dict[str, Any]:
    starts = [b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff\xe0", b"RIFF\0\0\0\0WEBPVP8 ", b"GIF89a", b""]
    data = rng.choice(starts) + rng.randbytes(rng.randrange(300))
    return {"files": {rng.choice(["picture", "picture", "other"]): ("a", data, "image/png")}}


async def send_one(rng: random.Random, client: httpx.AsyncClient, media: dict[str, str], *, decodes: bool) -> None:
    path = rng.choice([*_PATHS, media["offer"], f"{media['offer'][:-5]}nothing"])
    method = rng.choice(["POST", "POST", "POST", "GET", "DELETE", "PUT"])
    if path == "/api/characters" and method == "POST" and rng.random() < 0.5:
        if not decodes:
            return
        options = upload(rng)
    else:
        body = junk(rng)
        kind = rng.choice(
            ["application/json", "application/json", "multipart/form-data; boundary=x", "multipart/form-data", "x"]
        )
        options = {
            "content": body.encode("utf-8", "replace") if isinstance(body, str) else body,
            "headers": {"content-type": kind},
        }
    if "offer" in path:
        options.setdefault("headers", {})["authorization"] = f"Bearer {media['media_token']}"
    answer = await client.request(method, path, **options)
    assert answer.status_code < 500, (method, path, options)
    assert "Traceback" not in answer.text
    if answer.status_code >= 400:
        assert set(answer.json()) == {"error"}


@pytest.mark.parametrize(
    "count", [pytest.param(500, id="short"), pytest.param(2_000, id="whole", marks=pytest.mark.long)]
)
def test_nothing_that_is_sent_breaks_the_server(serve, run, caplog, count) -> None:
    rng = random.Random(count)

    async def attack() -> None:
        async with (
            serve(limits={"sessions_an_address": 9, "unopened_s": 600}) as running,
            running.client(timeout=30) as client,
        ):
            media = await running.open(client)
            for number in range(count // 2):
                # A decoder is a process of its own: few of them, or the test is about nothing else.
                await send_one(rng, client, media, decodes=number % 40 == 0)
            protocols = ["openlpm.1", f"token.{media['media_token']}"]
            sent = 0
            async with connect(running.socket_url + media["socket"], subprotocols=protocols) as socket:
                with contextlib.suppress(ConnectionClosed):
                    for _ in range(count // 2):
                        await socket.send(junk(rng))
                        sent += 1
                    await socket.send('{"type": "ping", "t": 77}')
                    async for message in socket:
                        if isinstance(message, str) and json.loads(message).get("t") == 77:
                            break
            assert sent == count // 2, "the socket stays open"
            assert (await client.get("/ready")).status_code == 200
            await running.open(client)

    with caplog.at_level(logging.ERROR):
        run(attack())
    assert [record.getMessage() for record in caplog.records if record.name.startswith(("openlpm", "uvicorn"))] == []
