import asyncio
import io
import json
import socket as socket_module
from typing import Any

import numpy as np
import pytest
from PIL import Image
from websockets.asyncio.client import ClientConnection, connect

from openlpm.engine.card import read_card
from openlpm.serving.packets import ENDS_SPEECH, HEADER, PICTURE, SOUND

pytestmark = pytest.mark.contract


def opened(running: Any, session: dict[str, Any], **options: Any) -> connect:
    protocols = ["openlpm.1", f"token.{session['media_token']}"]
    return connect(running.socket_url + session["socket"], subprotocols=protocols, **options)


async def until(socket: ClientConnection, kind: str) -> dict[str, Any]:
    async with asyncio.timeout(10):
        while True:
            message = await socket.recv()
            if isinstance(message, str) and json.loads(message)["type"] == kind:
                return json.loads(message)


async def moments(socket: ClientConnection, count: int) -> list[tuple[int, int, int, int, bytes]]:
    found = []
    async with asyncio.timeout(20):
        while len(found) < count:
            message = await socket.recv()
            if isinstance(message, bytes):
                kind, flags, _epoch, number, due_us = HEADER.unpack(message[: HEADER.size])
                found.append((kind, flags, number, due_us, message[HEADER.size :]))
    return found


def test_picture_and_sound_of_a_moment_come_together_and_none_is_left_out(serve, run) -> None:
    async def talk() -> None:
        async with serve() as running, running.client() as client:
            session = await running.open(client)
            async with opened(running, session) as socket:
                hello = json.loads(await socket.recv())
                assert hello["type"] == "hello"
                assert hello["size"] == 256
                assert hello["character"]["id"] == "seed:900024"
                await socket.send(json.dumps({"type": "media", "by": "socket"}))
                seen = await moments(socket, 96)
        sounds = [each for each in seen if each[0] == SOUND]
        pictures = [each for each in seen if each[0] == PICTURE]
        assert [each[2] for each in sounds] == list(range(sounds[0][2], sounds[0][2] + len(sounds)))
        assert {each[2] for each in pictures} <= {each[2] for each in sounds}
        assert len(pictures) >= 40
        due = {each[2]: each[3] for each in sounds}
        assert all(due[number] == due_us for _, _, number, due_us, _ in pictures)
        steps = np.diff([each[3] for each in sounds])
        assert abs(steps - 1e6 / 24).max() < 2
        assert all(len(each[4]) == 4_000 for each in sounds)
        offsets = {number - card_number(jpeg) for _, _, number, _, jpeg in pictures if jpeg}
        assert offsets == {0}  # the picture of a moment is the one that was drawn for it

    run(talk())


def card_number(jpeg: bytes) -> int:
    card = read_card(np.asarray(Image.open(io.BytesIO(jpeg)).convert("RGB")))
    assert card is not None
    return card[0]


def test_what_is_asked_is_answered_with_words_a_face_and_a_voice(serve, run) -> None:
    async def talk() -> None:
        async with serve() as running, running.client() as client:
            session = await running.open(client)
            async with opened(running, session) as socket:
                await socket.send(json.dumps({"type": "media", "by": "socket"}))
                await socket.send(json.dumps({"type": "ask", "text": " hello "}))
                words = await until(socket, "words")
                assert (words["who"], words["text"], words["final"]) == ("user", "hello", True)
                assert (await until(socket, "turn"))["hangover_s"] == 0.2
                assert await until(socket, "emotion") == {"type": "emotion", "name": "happy", "intensity": 0.5}
                assert (await until(socket, "words"))["text"] == "You said hello"
                samples, ended, loud = 0, False, np.zeros(0)
                while not ended:
                    (kind, flags, _, _, payload) = (await moments(socket, 1))[0]
                    if kind == SOUND:
                        heard_A = np.frombuffer(payload, "<i2")
                        samples += np.count_nonzero(heard_A)
                        loud = np.append(loud, heard_A)
                        ended = bool(flags & ENDS_SPEECH)
        assert 0.98 < samples / 48_000 < 1.02  # the tone lasts a second
        assert abs(np.abs(loud).max() / 32_767 - 0.3) < 0.02
        reports = running.agents[0].reports
        heard = [heard_s for heard_s, _ in reports]
        assert max(heard) > 0.8
        assert all(abs(heard_s + left_s - 1.0) < 0.01 for heard_s, left_s in reports if heard_s)
        assert running.agents[0].closed

    run(talk())


def test_the_button_silences_the_character_at_once(serve, run) -> None:
    async def talk() -> None:
        async with serve() as running, running.client() as client:
            session = await running.open(client)
            async with opened(running, session) as socket:
                await socket.send(json.dumps({"type": "media", "by": "socket"}))
                for _ in range(5):
                    await socket.send(json.dumps({"type": "say", "text": "a long story"}))
                while not any(kind == SOUND and any(payload) for kind, _, _, _, payload in await moments(socket, 1)):
                    pass
                await socket.send(json.dumps({"type": "interrupt"}))
                told = await until(socket, "interrupted")
                assert told["by"] == "button"
                assert told["epoch"] == 1
                after = [each for each in await moments(socket, 72) if each[0] == SOUND]
                while (steps := (await until(socket, "numbers"))["interruption"]) is None or steps["shown_s"] is None:
                    pass
            counted = (await client.get("/metrics")).text
        assert steps["epoch"] == 1
        assert 0 <= steps["silent_s"] < 0.2
        assert 0 <= steps["ordered_s"] <= steps["made_s"] <= steps["shown_s"] + 1 / 24 < 1.0
        assert "silent_ms_count 1.0" in counted
        assert "silent_picture_ms_count 1.0" in counted
        loud = [bool(np.abs(np.frombuffer(each[4], "<i2").astype(int)).max() > 50) for each in after]
        assert not any(loud[12:]), "nothing is heard beyond the chunk that was being shown"
        assert running.agents[0].interrupted == 1

    run(talk())


def test_the_microphone_reaches_character_and_agent(serve, run) -> None:
    async def talk() -> None:
        async with serve() as running, running.client() as client:
            session = await running.open(client)
            async with opened(running, session) as socket:
                await until(socket, "hello")
                await until(socket, "state")
                loud = (np.sin(np.arange(16_000 * 3) / 20) * 9_000).astype("<i2")
                for part in np.split(loud, 30):
                    await socket.send(part.tobytes())
                    await asyncio.sleep(0.05)
                while (await until(socket, "state"))["activity"] != "listen":
                    pass
        assert running.agents[0].heard_samples >= 48_000 * 1.5
        assert 0.25 < running.agents[0].loudest < 0.3

    run(talk())


def test_a_viewer_that_never_reads_does_not_stall_others(serve, run) -> None:
    async def talk() -> None:
        async with serve() as running, running.client() as client:
            stuck = await running.open(client)
            small = socket_module.socket()
            small.setsockopt(socket_module.SOL_SOCKET, socket_module.SO_RCVBUF, 4_096)
            small.connect(("127.0.0.1", int(running.url.rpartition(":")[2])))
            async with opened(running, stuck, max_queue=1, sock=small) as deaf:
                await deaf.send(json.dumps({"type": "media", "by": "socket"}))
                deaf.transport.pause_reading()
                session = await running.open(client)
                async with opened(running, session) as socket:
                    await socket.send(json.dumps({"type": "media", "by": "socket"}))
                    seen = await moments(socket, 192)  # four seconds: more than every buffer on the way holds
                pictures = [each[2] for each in seen if each[0] == PICTURE]
                assert len(pictures) >= 90
                assert pictures == sorted(pictures)
                dropped = running.serving.metrics.dropped
                filled = running.serving.sessions.find(stuck["session"]).queue.waiting
                assert filled == 24, "a second of sound waits, no more"
                assert dropped.labels("picture")._value.get() > 0
                deaf.transport.abort()

    run(talk())
