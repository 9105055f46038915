import asyncio
import contextlib
import io
import json
from typing import Any

import httpx
import numpy as np
import pytest
from PIL import Image
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from openlpm.serving.characters import GALLERY, STYLES

pytestmark = pytest.mark.contract

KEY = "a key for the tests of the server"
OWN = {"authorization": ""}


def picture(size: tuple[int, int] = (300, 400), kind: str = "PNG") -> bytes:
    file = io.BytesIO()
    colours = np.random.default_rng(1).integers(0, 255, (size[1] // 20, size[0] // 20, 3), dtype=np.uint8)
    Image.fromarray(colours).resize(size).save(file, format=kind)
    return file.getvalue()


def code(answer: Any) -> tuple[int, str]:
    error = answer.json()["error"]
    assert set(error) == {"code", "message"}
    assert error["message"].endswith(".")
    return answer.status_code, error["code"]


def test_the_gallery_has_every_style_and_a_picture_of_everybody(serve, run) -> None:
    async def look() -> None:
        async with serve() as running, running.client() as client:
            found = (await client.get("/api/characters", headers=OWN)).json()
            assert [each["name"] for each in found["characters"]] == [name for name, _ in GALLERY]
            styles = [each["style"] for each in found["characters"]]
            assert {style: styles.count(style) for style in found["styles"]} == dict.fromkeys(STYLES, 3)
            assert "happy" in found["emotions"]
            answer = await client.get(found["characters"][0]["picture"])
            assert answer.headers["content-type"] == "image/webp"
            assert Image.open(io.BytesIO(answer.content)).size == (256, 256)
            assert code(await client.get("/api/characters/seed:5.webp")) == (404, "not_found")
            made = await client.post("/api/characters", json={"seed": 5})
            assert made.status_code == 201
            assert made.json()["id"] == "seed:5"
            again = (await client.get("/api/characters")).json()["characters"]
            assert [each["id"] for each in again][-1] == "seed:5"
            styled = (await client.post("/api/characters", json={"style": "ink"})).json()
            assert styled["style"] == "ink"
            for wrong in (
                {},
                {"seed": -1},
                {"seed": 1.5},
                {"seed": True},
                {"style": "oil"},
                {"seed": 1, "style": "ink"},
            ):
                assert code(await client.post("/api/characters", json=wrong)) == (400, "bad_request")

    run(look())


def test_an_uploaded_picture_becomes_a_character_that_only_its_sender_knows(serve, run) -> None:
    async def send() -> None:
        async with serve() as running, running.client() as client:
            for kind in ("PNG", "JPEG", "WEBP"):
                answer = await client.post("/api/characters", files={"picture": ("a.exe", picture(kind=kind))})
                assert answer.status_code == 201, answer.text
            made = answer.json()
            assert made["id"].startswith("upload:")
            assert "model knows" in made["about"]
            assert Image.open(io.BytesIO((await client.get(made["picture"])).content)).size == (256, 256)
            listed = (await client.get("/api/characters")).json()["characters"]
            assert made["id"] not in {each["id"] for each in listed}
            session = await running.open(client, character=made["id"])
            assert session["size"] == 256

    run(send())


def many_pixels() -> bytes:
    file = io.BytesIO()
    Image.new("1", (5_000, 4_000)).save(file, format="PNG")
    return file.getvalue()


def test_uploads_that_are_no_pictures_are_refused(serve, run) -> None:
    async def send() -> None:
        async with serve() as running, running.client() as client:
            gif = io.BytesIO()
            Image.new("RGB", (64, 64)).save(gif, format="GIF")
            for data, expected in (
                (gif.getvalue(), (415, "unsupported")),
                (b"<svg xmlns='http://www.w3.org/2000/svg'/>", (415, "unsupported")),
                (b"", (415, "unsupported")),
                (picture()[:200], (400, "bad_request")),
                (b"\x89PNG\r\n\x1a\n" + b"\0" * 500, (400, "bad_request")),
                (picture((20, 20)), (400, "bad_request")),
                (many_pixels(), (400, "bad_request")),
                (b"\x89PNG" + bytes(9 * 2**20), (413, "too_large")),
            ):
                answer = await client.post("/api/characters", files={"picture": ("a.png", data, "image/png")})
                assert code(answer) == expected, data[:20]
                assert "/" not in answer.json()["error"]["message"], "no path is told"
            wrong = await client.post("/api/characters", files={"other": ("a.png", picture())})
            assert code(wrong) == (400, "bad_request")
            plain = await client.post("/api/characters", content=b"x", headers={"content-type": "text/plain"})
            assert code(plain) == (415, "unsupported")
            url = await client.post("/api/characters", json={"url": "http://127.0.0.1/"})
            assert code(url) == (400, "bad_request")

    run(send())


def test_a_body_that_is_too_long_is_refused_before_it_is_read(serve, run) -> None:
    async def send() -> None:
        async with serve() as running, running.client() as client:
            read = 0

            async def endless():
                nonlocal read
                for _ in range(10_000):
                    read += 65_536
                    yield b"x" * 65_536

            json_type = {"content-type": "application/json"}
            with contextlib.suppress(httpx.WriteError, httpx.ReadError):  # it was hung up on while it went on
                answer = await client.post("/api/sessions", content=endless(), headers=json_type)
                assert code(answer) == (413, "too_large")
            assert read < 64 * 2**20

            head = f"POST /api/sessions HTTP/1.1\r\nHost: {running.url[7:]}\r\nContent-Length: {2**40}\r\n\r\n"
            reader, writer = await asyncio.open_connection(*running.url[7:].split(":"))
            writer.write(head.encode())
            assert (await reader.readline()).startswith(b"HTTP/1.1 413 ")
            await reader.read()  # to the end: it is hung up on
            writer.close()
            await writer.wait_closed()

    run(send())


def test_only_the_key_or_the_page_at_home_gets_tokens(serve, run) -> None:
    async def ask() -> None:
        async with serve() as running, running.client() as client:
            assert code(await client.post("/api/tokens", headers=OWN)) == (401, "unauthorized")
            wrong = {"authorization": f"Bearer {KEY}x"}
            assert code(await client.post("/api/tokens", headers=wrong)) == (401, "unauthorized")
            page = await client.get("/", headers=OWN)
            cookie = page.headers["set-cookie"].lower()
            assert "httponly" in cookie
            assert "samesite=strict" in cookie
            home = {"authorization": "", "origin": running.url}
            assert (await client.post("/api/tokens", headers=home)).status_code == 200
            assert code(await client.post("/api/tokens", headers=OWN)) == (401, "unauthorized")  # no origin: no page
            proxied = home | {"x-forwarded-for": "203.0.113.9"}
            assert code(await client.post("/api/tokens", headers=proxied)) == (401, "unauthorized")
            elsewhere = {"origin": "https://evil.example"}
            assert code(await client.post("/api/tokens", headers=elsewhere)) == (403, "forbidden_origin")
            rebound = {"host": "evil.example", "origin": "http://evil.example"}
            assert code(await client.post("/api/tokens", headers=rebound)) == (403, "forbidden_origin")

    run(ask())


def test_a_public_server_gives_no_cookie_and_serves_named_origins(serve, run) -> None:
    async def ask() -> None:
        async with serve(public=True, origins=("https://good.example",)) as running, running.client() as client:
            assert "set-cookie" not in (await client.get("/", headers=OWN)).headers
            good = {"origin": "https://good.example"}
            answer = await client.post("/api/tokens", headers=good)
            assert answer.headers["access-control-allow-origin"] == "https://good.example"
            asked = await client.options("/api/tokens", headers=good | {"access-control-request-method": "POST"})
            assert asked.status_code == 204
            bad = {"origin": "https://good.example.evil.example"}
            assert code(await client.post("/api/tokens", headers=bad)) == (403, "forbidden_origin")

    run(ask())


def test_a_token_opens_one_session_and_a_socket_opens_once(serve, run) -> None:
    async def ask() -> None:
        async with serve() as running, running.client() as client:
            token = (await client.post("/api/tokens")).json()["token"]
            wish = {"token": token, "character": "seed:900024"}
            session = (await client.post("/api/sessions", json=wish, headers=OWN)).json()
            assert code(await client.post("/api/sessions", json=wish)) == (401, "unauthorized")
            address = running.socket_url + session["socket"]
            for protocols in (["openlpm.1"], ["openlpm.1", "token.nonsense"], [f"token.{session['media_token']}"]):
                with pytest.raises(InvalidStatus) as refused:
                    await connect(address, subprotocols=protocols)
                assert refused.value.response.status_code == 401
                assert json.loads(refused.value.response.body)["error"]["code"] == "unauthorized"
            mine = ["openlpm.1", f"token.{session['media_token']}"]
            with pytest.raises(InvalidStatus) as refused:
                await connect(address, subprotocols=mine, origin="https://evil.example")
            assert refused.value.response.status_code == 403
            async with connect(address, subprotocols=mine):
                with pytest.raises(InvalidStatus):
                    await connect(address, subprotocols=mine)
            gone = {"authorization": f"Bearer {session['media_token']}"}
            async with asyncio.timeout(10):
                while running.serving.sessions._running:
                    await asyncio.sleep(0.01)
            path = f"/api/sessions/{session['session']}"
            assert [(await client.delete(path, headers=gone)).status_code for _ in range(2)] == [204, 204]
            assert code(await client.delete(path)) == (401, "unauthorized"), "it belongs to whoever had it"
            assert code(await client.delete("/api/sessions/nothing", headers=gone)) == (404, "not_found")

    run(ask())


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"character": "seed:1000000"}, (404, "not_found")),
        ({"character": "nobody"}, (404, "not_found")),
        ({"character": 7}, (400, "bad_request")),
        ({"prompt": "x" * 501}, (400, "bad_request")),
        ({"prompt": "\ud800"}, (400, "bad_request")),
        ({"emotion": "hungry"}, (400, "bad_request")),
        ({"emotion": ["happy"]}, (400, "bad_request")),
        ({"agent": 7}, (400, "bad_request")),
    ],
)
def test_wishes_that_cannot_be_met_are_refused(serve, run, change, expected) -> None:
    async def ask() -> None:
        async with serve() as running, running.client() as client:
            token = (await client.post("/api/tokens")).json()["token"]
            body = json.dumps({"token": token, "character": "seed:900024", **change})
            answer = await client.post("/api/sessions", content=body, headers={"content-type": "application/json"})
            assert code(answer) == expected

    run(ask())


def test_limits_answer_429_and_say_when_to_come_again(serve, run) -> None:
    async def ask() -> None:
        few = {"requests_a_minute": 40, "sessions_an_address": 1}
        async with serve(limits=few) as running, running.client() as client:
            await running.open(client)
            token = (await client.post("/api/tokens")).json()["token"]
            second = await client.post("/api/sessions", json={"token": token, "character": "seed:900024"})
            assert code(second) == (429, "too_many")
            assert int(second.headers["retry-after"]) >= 1
            answers = [await client.get("/api/characters") for _ in range(10)]
            assert code(answers[-1]) == (429, "too_many")
            assert 1 <= int(answers[-1].headers["retry-after"]) <= 60
            assert (await client.get("/health")).status_code == 200, "who watches the server is not counted"

    run(ask())


def test_a_full_engine_says_busy_and_is_not_ready(serve, run, engine) -> None:
    async def ask() -> None:
        async with serve(limits={"sessions_an_address": 99}) as running, running.client() as client:
            for _ in range(engine.capacity):
                await running.open(client)
            token = (await client.post("/api/tokens")).json()["token"]
            answer = await client.post("/api/sessions", json={"token": token, "character": "seed:900024"})
            assert code(answer) == (429, "busy")
            ready = await client.get("/ready")
            assert (ready.status_code, ready.json()["status"]) == (503, "full")
            text = (await client.get("/metrics")).text
            assert f"\nsessions {float(engine.capacity)}\n" in text
            for name in ("session_create_ms", "tts_first_pcm_ms", "avatar_first_frame_ms", "webrtc_first_frame_ms"):
                assert f"{name}_count" in text
            for name in ("render_fps", "av_drift_ms", "queue_depth", "steady_chunk_ms"):
                assert name in text
            assert 'errors_total{code="busy"} 1.0' in text

    run(ask())


@pytest.mark.parametrize("ends", ["idle", "longest", "unopened", "draining"])
def test_sessions_end_and_say_why(serve, run, ends) -> None:
    async def ask() -> None:
        limits = {} if ends == "draining" else {f"{ends}_s": 1.2}
        async with serve(limits=limits) as running, running.client() as client:
            session = await running.open(client)
            if ends == "unopened":
                while running.serving.metrics.sessions._value.get():
                    await client.get("/health")
                return
            protocols = ["openlpm.1", f"token.{session['media_token']}"]
            async with connect(running.socket_url + session["socket"], subprotocols=protocols) as socket:
                if ends == "draining":
                    running.server.should_exit = True
                said = [json.loads(message) async for message in socket]
            assert said[-1] == {"type": "bye", "reason": ends}

    run(ask())


def test_every_answer_carries_the_headers_that_keep_a_page_safe(serve, run) -> None:
    async def ask() -> None:
        async with serve() as running, running.client() as client:
            for path in ("/", "/health", "/nothing", "/api/characters", "/assets/../app.py", "/assets/%2e%2e/app.py"):
                answer = await client.get(path)
                assert answer.headers["x-content-type-options"] == "nosniff"
                assert "default-src 'none'" in answer.headers["content-security-policy"]
                assert answer.headers["cache-control"] in {"no-store", "no-cache"}
                assert "server" not in answer.headers
            assert code(await client.get("/assets/%2e%2e/app.py")) == (404, "not_found")
            assert code(await client.put("/api/tokens")) == (405, "not_allowed")
            page = await client.get("/")
            assert (await client.get("/", headers={"if-none-match": page.headers["etag"]})).status_code == 304

    run(ask())
