import asyncio
import io
import json
import struct
import threading
import time
from typing import Any

import numpy as np
import pytest
from PIL import Image
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import InvalidStatus

from openlpm.engine.engine import Engine, Joining
from openlpm.engine.performer import Performer
from openlpm.serving import npc_wire
from openlpm.serving.matte import cut_out
from openlpm.serving.packets import HEADER, PICTURE, PICTURE_WITH_ALPHA, SOUND

pytestmark = pytest.mark.contract


async def opened(running: Any, client: Any) -> connect:
    token = (await client.post("/api/tokens")).json()["token"]
    return connect(running.socket_url + "/api/npc", subprotocols=["openlpm.npc.1", f"token.{token}"])


async def until(socket: ClientConnection, kind: str, **fields: Any) -> dict[str, Any]:
    async with asyncio.timeout(15):
        while True:
            message = await socket.recv()
            told = json.loads(message) if isinstance(message, str) else {}
            if told.get("type") == kind and fields.items() <= told.items():
                return told


async def moments(socket: ClientConnection, count: int) -> list[tuple[int, int, int, bytes]]:
    """Stream, kind, frame number and payload of binary messages."""
    found = []
    async with asyncio.timeout(20):
        while len(found) < count:
            message = await socket.recv()
            if isinstance(message, bytes):
                kind, _, _, number, _ = HEADER.unpack_from(message)
                stream, zero = struct.unpack_from("<HH", message, HEADER.size)
                assert zero == 0
                found.append((stream, kind, number, message[HEADER.size + 4 :]))
    return found


async def say(socket: ClientConnection, **message: Any) -> None:
    await socket.send(json.dumps(message))


def test_two_characters_on_one_connection_are_told_apart(serve, run) -> None:
    async def play() -> None:
        async with serve() as running, running.client() as client, await opened(running, client) as socket:
            hello = json.loads(await socket.recv())
            assert hello == {"type": "hello", "fps": 24, "sound_rate_hz": 48_000, "capacity": 8}
            await say(socket, type="join", id="guard", character="seed:900024")
            await say(socket, type="join", id="cook", character="seed:900012", sound=False)
            both = [await until(socket, "joined") for _ in range(2)]  # whoever is drawn first
            guard, cook = sorted(both, key=lambda each: each["id"], reverse=True)
            assert (guard["id"], cook["id"], guard["size"], guard["alpha"]) == ("guard", "cook", 256, False)
            assert guard["stream"] != cook["stream"]
            seen = await moments(socket, 120)
            kinds = {(stream, kind) for stream, kind, _, _ in seen}
            assert kinds == {(guard["stream"], SOUND), (guard["stream"], PICTURE), (cook["stream"], PICTURE)}
            await say(socket, type="say", id="guard", text="halt")
            assert (await until(socket, "words", id="guard"))["text"] == "halt"
            await until(socket, "state", id="guard", activity="speak")
            await say(socket, type="leave", id="cook")
            assert (await until(socket, "left", id="cook"))["reason"] == "left"
            after = await moments(socket, 48)
            assert {stream for stream, _, _, _ in after} == {guard["stream"]}
            await say(socket, type="join", id="cook", character="seed:900012")
            again = await until(socket, "joined", id="cook")
            assert again["stream"] not in {cook["stream"], guard["stream"]}
        assert [agent.closed for agent in running.agents] == [True] * 3

    run(play())


async def uploaded(client: Any, picture_HWC: np.ndarray) -> dict[str, Any]:
    """A character from a picture."""
    file = io.BytesIO()
    Image.fromarray(picture_HWC).save(file, format="PNG")
    answer = await client.post("/api/characters", files={"picture": ("me.png", file.getvalue(), "image/png")})
    assert answer.status_code == 201, answer.text
    return answer.json()


def test_whoever_is_before_one_colour_comes_without_it(serve, run, monkeypatch) -> None:
    # Test cards have no background: what is shown to the model stands for what it draws.
    shown: list[np.ndarray] = []
    original = Engine.join

    def join(self: Engine, joining: Joining) -> Performer:
        shown.append(joining.references[0].picture_HWC)
        return original(self, joining)

    monkeypatch.setattr(Engine, "join", join)
    monkeypatch.setattr(npc_wire, "cut_out", lambda picture_HWC, key: cut_out(shown[0], key))

    async def play() -> None:
        plain_HWC = np.full((256, 256, 3), (200, 210, 220), np.uint8)
        plain_HWC[90:, 80:180] = (90, 30, 20)
        async with serve() as running, running.client() as client, await opened(running, client) as socket:
            mine = (await uploaded(client, plain_HWC))["id"]
            for name, character in (("me", mine), ("guard", "seed:900024")):
                shown.clear()
                await say(socket, type="join", id=name, character=character, alpha=True)
                joined = await until(socket, "joined", id=name)
                assert joined["alpha"] is True
                seen = [each for each in await moments(socket, 30) if each[0] == joined["stream"] and each[3]]
                pictures = [payload for _, kind, _, payload in seen if kind == PICTURE_WITH_ALPHA]
                assert pictures
                assert not any(kind == PICTURE for _, kind, _, _ in seen)
                picture = Image.open(io.BytesIO(pictures[-1]))
                assert (picture.format, picture.mode, picture.size) == ("WEBP", "RGBA", (256, 256))
                alpha_HW = np.asarray(picture)[..., 3]
                assert alpha_HW[5, 5] == 0
                assert alpha_HW[200, 128] == 255
                await say(socket, type="leave", id=name)
                await until(socket, "left", id=name)

    run(play())


def test_an_engine_can_make_the_voices_itself(serve, run) -> None:
    async def play() -> None:
        async with serve() as running, running.client() as client, await opened(running, client) as socket:
            await say(socket, type="join", id="a", character="seed:900024")
            stream = (await until(socket, "joined"))["stream"]
            tone = (np.sin(np.arange(22_050) * 0.1) * 9_000).astype("<i2")
            for part in np.split(tone, 10):
                await socket.send(struct.pack("<BBHI", 2, 0, stream, 22_050) + part.tobytes())
            await socket.send(struct.pack("<BBHI", 2, 1, stream, 22_050))
            await until(socket, "state", activity="speak")
            for part in np.split(tone, 10):
                await socket.send(struct.pack("<BBHI", 1, 0, stream, 22_050) + part.tobytes())
            await until(socket, "state", activity="both")
            assert running.agents[0].heard_samples == 0, "without an agent it says only what it is told"
            await say(socket, type="interrupt", id="a")
            await until(socket, "state", epoch=1)

    run(play())


def test_what_cannot_be_is_answered_and_the_others_go_on(serve, run) -> None:
    async def play() -> None:
        async with serve() as running, running.client() as client, await opened(running, client) as socket:
            busy = await uploaded(client, np.random.default_rng(1).integers(0, 255, (64, 64, 3), np.uint8))
            await say(socket, type="join", id="a", character="seed:900024")
            await until(socket, "joined")
            for message, code in (
                ({"type": "join", "id": "a", "character": "seed:900024"}, "bad_request"),
                ({"type": "join", "id": "b", "character": "nobody"}, "not_found"),
                ({"type": "join", "id": "b", "character": busy["id"], "alpha": True}, "unsupported"),
                ({"type": "join", "id": "b", "character": "seed:900024", "sound": 1}, "bad_request"),
                ({"type": "say", "id": "b", "text": "x"}, "not_found"),
                ({"type": "say", "id": "a", "text": ""}, "bad_request"),
                ({"type": "media", "id": "a", "by": "webrtc"}, "bad_request"),
                ({"type": "fly", "id": "a"}, "bad_request"),
            ):
                await say(socket, **message)
                told = await until(socket, "error")
                assert (told["id"], told["code"]) == (message["id"], code), message
            for broken in ("[]", "{", '{"type": "join", "id": "a b"}', b"", b"123", bytes(8), bytes(9_000)):
                await socket.send(broken)
                assert (await until(socket, "error"))["id"] is None
            await socket.send(struct.pack("<BBHI", 1, 0, 999, 16_000) + bytes(640))  # ignored: nobody is there
            await say(socket, type="ping", t=4)
            assert (await until(socket, "pong"))["t"] == 4.0
            assert await moments(socket, 4)

    run(play())


def test_a_server_that_ends_says_so(serve, run) -> None:
    async def play() -> None:
        async with serve() as running, running.client() as client, await opened(running, client) as socket:
            await say(socket, type="join", id="a", character="seed:900024")
            await until(socket, "joined")
            running.server.should_exit = True
            assert (await until(socket, "left"))["reason"] == "draining"
            assert (await until(socket, "bye"))["reason"] == "draining"

    run(play())


def test_the_connection_needs_a_token_of_its_own(serve, run) -> None:
    async def play() -> None:
        async with serve() as running, running.client() as client:
            way = await opened(running, client)
            async with way:
                pass
            with pytest.raises(InvalidStatus) as refused:
                await way
            assert refused.value.response.status_code == 401

    run(play())


def test_who_hangs_up_while_joining_keeps_no_place(serve, run, engine, monkeypatch) -> None:
    original, joined, began = Engine.join, [], threading.Event()

    def slow(self: Engine, joining: Joining) -> Performer:
        began.set()
        time.sleep(0.5)
        joined.append(original(self, joining))
        return joined[-1]

    async def play() -> None:
        async with serve() as running, running.client() as client:
            async with await opened(running, client) as socket:
                await say(socket, type="join", id="a", character="seed:900024")
                await asyncio.to_thread(began.wait, 20)
            async with asyncio.timeout(5):
                while not joined or engine.streams:
                    await asyncio.sleep(0.02)
            assert (await client.get("/ready")).json()["streams"] == 0

    monkeypatch.setattr(Engine, "join", slow)
    run(play())
