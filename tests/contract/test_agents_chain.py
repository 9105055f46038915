"""The chain against a real HTTP server that speaks the interface of OpenAI, well and badly."""

import asyncio
import io
import json
import wave
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import numpy as np
import pytest
import uvicorn
from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse, Response, StreamingResponse

from openlpm.agents.agent import Agent, BargedIn, Feeling, Trouble, TurnEnded, Voice, Who, Words
from openlpm.agents.endpoint import Endpoint, EndpointConfig
from openlpm.agents.registry import make_agent, settings_from
from openlpm.agents.services import chat
from openlpm.agents.settings import AgentSettings
from openlpm.agents.silence import Manners
from openlpm.core.errors import AgentError, ConfigError
from openlpm.core.seeds import Split
from openlpm.synth.sound.espeak import Synthesiser
from openlpm.synth.sound.voices import voices_of
from support.agents import Reader

pytestmark = pytest.mark.contract

KEY = "sk-this-must-never-be-shown"
USER = next(voice for voice in voices_of(Split.TEST) if voice.language.startswith("en"))


class Service:
    """What the server does, and what was asked of it."""

    def __init__(self) -> None:
        self.pieces: list[str | asyncio.Event] = ["Hello ", "to you. ", "[happy] How ", "are you?"]
        """Text of the chat; at an event it waits."""
        self.raw: bytes | None = None
        self.transcript = "what a day"
        self.sound = np.arange(-12_000, 12_000).astype("<i2").tobytes()
        self.failures: dict[str, list[int]] = {}
        self.asked: dict[str, list[Any]] = {"transcriptions": [], "completions": [], "speech": []}
        self.keys: set[str] = set()
        self.ended_early = asyncio.Event()
        self.hang = False

    def app(self) -> FastAPI:
        app = FastAPI()
        app.add_api_route("/v1/models", self.models)
        app.add_api_route("/v1/audio/transcriptions", self.transcriptions, methods=["POST"])
        app.add_api_route("/v1/chat/completions", self.completions, methods=["POST"])
        app.add_api_route("/v1/audio/speech", self.speech, methods=["POST"])
        return app

    async def failure(self, name: str, request: Request) -> Response | None:
        self.keys.add(request.headers.get("authorization", ""))
        if self.hang:
            await asyncio.sleep(30)
        if left := self.failures.get(name):
            return JSONResponse({"error": {"message": f"bad key {KEY}"}}, status_code=left.pop(0))
        return None

    async def models(self, request: Request) -> Response:
        return await self.failure("models", request) or JSONResponse({"data": []})

    async def transcriptions(self, request: Request) -> Response:
        async with request.form() as form:
            self.asked["transcriptions"].append({"model": form["model"], "wav": await form["file"].read()})
        return await self.failure("transcriptions", request) or JSONResponse({"text": self.transcript})

    async def completions(self, request: Request) -> Response:
        self.asked["completions"].append(await request.json())
        failed = await self.failure("completions", request)
        if failed is not None:
            return failed
        if self.raw is not None:
            return Response(self.raw, media_type="text/event-stream")
        return StreamingResponse(self.events(), media_type="text/event-stream")

    async def events(self) -> AsyncIterator[str]:
        try:
            yield ": a comment\n\n"
            for piece in self.pieces:
                if isinstance(piece, asyncio.Event):
                    await piece.wait()
                else:
                    yield f"data: {json.dumps({'choices': [{'delta': {'content': piece}}]})}\n\n"
            yield "data: [DONE]\n\n"
        except (asyncio.CancelledError, GeneratorExit):
            self.ended_early.set()
            raise

    async def speech(self, request: Request) -> Response:
        self.asked["speech"].append(await request.json())
        failed = await self.failure("speech", request)
        if failed is not None:
            return failed

        async def blocks() -> AsyncIterator[bytes]:
            for start in range(0, len(self.sound), 4_801):  # odd: samples are cut in two
                yield self.sound[start : start + 4_801]

        return StreamingResponse(blocks(), media_type="audio/pcm")


@asynccontextmanager
async def serving(service: Service) -> AsyncIterator[str]:
    """The address of a running server."""
    config = uvicorn.Config(service.app(), port=0, log_level="critical", lifespan="off", ws="none")
    server = uvicorn.Server(config)
    task = asyncio.create_task(server.serve())
    while not server.started:
        await asyncio.sleep(0.005)
    try:
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}/v1"
    finally:
        server.should_exit = server.force_exit = True
        await task


def settings(url: str, **changes: str) -> AgentSettings:
    environment = {f"OPENLPM_{name}_URL": url for name in ("STT", "CHAT", "TTS")}
    made = settings_from(environment | changes)
    return AgentSettings(character="Ada", chain=made.chain, manners=Manners(greets=False))


@pytest.fixture(autouse=True)
def _keys(monkeypatch):
    for name in ("STT", "CHAT", "TTS"):
        monkeypatch.setenv(f"OPENLPM_{name}_KEY", KEY)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")


def talk(service: Service, scenario: Callable[[Reader], Awaitable[None]], **changes: str) -> list[Any]:
    """A conversation; returns the events that were read."""

    async def run() -> list[Any]:
        async with serving(service) as url:
            agent = make_agent("chain", settings(url, **changes))
            await agent.start()
            reader = Reader(agent)
            try:
                await scenario(reader)
            finally:
                await agent.close()
            assert KEY not in repr(reader.seen)
            return reader.seen

    return asyncio.run(run())


def spoken(text: str = "I would like to know how you are today.") -> np.ndarray:
    said_A = Synthesiser().say(text, USER).samples_A
    return np.concatenate([np.zeros(8_000, np.float32), said_A, np.zeros(14_000, np.float32)])


def push(agent: Agent, sound_A: np.ndarray) -> None:
    for start in range(0, sound_A.shape[0], 320):
        agent.hear(sound_A[start : start + 320], 16_000)


def test_a_spoken_turn_goes_through_all_three_servers():
    service = Service()

    async def scenario(reader: Reader) -> None:
        push(reader.agent, spoken())
        await reader.until(TurnEnded)
        words = await reader.until(Words)
        assert (words.who, words.text) == (Who.USER, "what a day")
        assert await reader.utterance() == "Hello to you. How are you?"

    seen = talk(service, scenario)
    with wave.open(io.BytesIO(service.asked["transcriptions"][0]["wav"])) as file:
        assert file.getframerate() == 16_000
        assert 1.5 < file.getnframes() / 16_000 < 5.0
    assert [asked["input"] for asked in service.asked["speech"]] == ["Hello to you.", "How are you?"]
    assert service.asked["completions"][0]["messages"][-1] == {"role": "user", "content": "what a day"}
    assert "Your name is Ada." in service.asked["completions"][0]["messages"][0]["content"]
    assert service.keys == {f"Bearer {KEY}"}
    assert Feeling(emotion="happy", intensity=0.8) in seen
    sound_A = np.concatenate([event.samples_A for event in seen if isinstance(event, Voice) and not event.last])
    assert {event.rate_hz for event in seen if isinstance(event, Voice)} == {24_000}
    wanted_A = np.frombuffer(service.sound, "<i2").astype(np.float32) / 32_768
    assert np.array_equal(sound_A, np.concatenate([wanted_A, wanted_A])), "no sample is lost or cut in two"


def test_the_first_sentence_is_spoken_while_the_second_is_being_written():
    service = Service()

    async def scenario(reader: Reader) -> None:
        gate = asyncio.Event()
        service.pieces = ["This is the first. ", "And ", gate, "this the second."]
        reader.agent.ask("go")
        await reader.until(Voice)
        assert not gate.is_set()
        gate.set()
        assert await reader.utterance() == "This is the first. And this the second."

    talk(service, scenario)


def test_an_interruption_ends_the_writing_at_once_and_keeps_what_was_heard():
    service = Service()

    async def scenario(reader: Reader) -> None:
        service.pieces = ["Twelve words of mine are going to be cut in two here. ", "More ", asyncio.Event()]
        reader.agent.ask("go")
        await reader.until(Voice)
        async with asyncio.timeout(5):
            while sum(e.samples_A.shape[0] for e in reader.seen if isinstance(e, Voice)) < 24_000:
                await reader.until(Voice)
        reader.agent.playing(heard_s=0.5, left_s=0.5)
        push(reader.agent, spoken())
        await reader.until(BargedIn)
        async with asyncio.timeout(5):
            await service.ended_early.wait()
        service.pieces = ["I stopped already."]
        await reader.until(Words, lambda words: words.who is Who.USER)
        assert await reader.utterance() == "I stopped already."

    talk(service, scenario)
    history = service.asked["completions"][-1]["messages"][1:]
    assert [message["role"] for message in history] == ["user", "assistant", "user"]
    assert history[1]["content"] == "Twelve words of mine are going"


def test_what_was_said_is_remembered_within_bounds():
    service = Service()

    async def scenario(reader: Reader) -> None:
        for number in range(15):
            reader.agent.ask(f"question {number}")
            await reader.utterance()
            reader.heard_whole()

    talk(service, scenario, OPENLPM_TTS="espeak")
    last = service.asked["completions"][-1]["messages"]
    assert len(last) == 25
    assert last[-1]["content"] == "question 14"
    assert last[-2] == {"role": "assistant", "content": "Hello to you. How are you?"}
    assert not service.asked["speech"]


def test_a_turn_without_words_is_not_answered():
    service = Service()
    service.transcript = " "

    async def scenario(reader: Reader) -> None:
        push(reader.agent, spoken())
        await reader.until(TurnEnded)
        reader.agent.say("Done now.")
        assert await reader.utterance() == "Done now."

    talk(service, scenario, OPENLPM_TTS="espeak")
    assert len(service.asked["transcriptions"]) == 1
    assert not service.asked["completions"]


@pytest.mark.parametrize("name", ["completions", "speech"])
def test_one_failure_is_forgiven(name):
    service = Service()
    service.failures = {name: [500]}

    async def scenario(reader: Reader) -> None:
        reader.agent.ask("go")
        assert await reader.utterance() == "Hello to you. How are you?"

    assert not [event for event in talk(service, scenario) if isinstance(event, Trouble)]


@pytest.mark.parametrize(
    ("name", "failures", "message", "attempts"),
    [
        ("completions", [401], "The chat server refuses the key (401): set OPENLPM_CHAT_KEY.", 1),
        ("completions", [429, 429], "The chat server has too much to do (429); try again in a while.", 2),
        ("completions", [500, 503], "The chat server has failed (503); try again in a while.", 2),
        ("completions", [404], "The chat server cannot do this (404): check OPENLPM_CHAT_URL and its model.", 1),
        ("speech", [403], "The text-to-speech server refuses the key (403): set OPENLPM_TTS_KEY.", 1),
    ],
)
def test_a_failing_server_is_told_of_in_one_sentence(name, failures, message, attempts):
    service = Service()
    service.failures = {name: failures}

    async def scenario(reader: Reader) -> None:
        reader.agent.ask("go")
        assert (await reader.until(Trouble)).message == message
        assert len(service.asked[name]) == attempts
        service.failures = {}
        reader.heard_whole()
        reader.agent.ask("once more")
        await reader.until(Words, lambda words: words.final and words.text.endswith("How are you?"))

    talk(service, scenario)


@pytest.mark.parametrize(
    "raw",
    [b"data: {broken\n\n", b"data: [1, 2]\n\n", b'data: {"error": {"message": "no"}}\n\n', b"<html>hello</html>", b""],
)
def test_an_answer_that_cannot_be_read_is_told_of(raw):
    service = Service()
    service.raw = raw

    async def scenario(reader: Reader) -> None:
        reader.agent.ask("go")
        message = (await reader.until(Trouble)).message
        assert message == "The chat server sent what cannot be read; check OPENLPM_CHAT_URL."

    talk(service, scenario)


def test_events_without_text_are_passed_over():
    service = Service()
    events = [
        {"choices": []},
        {"choices": [{"delta": {"role": "assistant"}}]},
        {"choices": [{"delta": {"content": "Well then."}}]},
    ]
    service.raw = b"".join(b"data: " + json.dumps(event).encode() + b"\n\n" for event in events)

    async def scenario(reader: Reader) -> None:
        reader.agent.ask("go")
        assert await reader.utterance() == "Well then."

    talk(service, scenario)


def test_a_server_that_does_not_answer_in_time_is_told_of():
    service = Service()

    async def run() -> None:
        async with serving(service) as url:
            service.hang = True
            endpoint = Endpoint(EndpointConfig(what="chat", setting="X", url=url, model="m", timeout_s=0.1))
            with pytest.raises(AgentError, match=r"did not answer in 0\.1 s"):
                [piece async for piece in chat(endpoint, [])]
            await endpoint.close()

    asyncio.run(run())


def test_a_server_that_is_not_there_or_refuses_is_found_at_the_start():
    async def run(url: str) -> str:
        agent = make_agent("chain", settings(url))
        try:
            with pytest.raises(AgentError) as caught:
                await agent.start()
            return str(caught.value)
        finally:
            await agent.close()

    async def refused() -> str:
        service = Service()
        service.failures = {"models": [401]}
        async with serving(service) as url:
            return await run(url)

    missing = asyncio.run(run("http://127.0.0.1:1/v1"))
    assert missing == "The speech-to-text server cannot be reached: check OPENLPM_STT_URL."
    assert asyncio.run(refused()) == "The speech-to-text server refuses the key (401): set OPENLPM_STT_KEY."


def test_a_voice_that_is_no_raw_sound_is_refused():
    service = Service()
    service.sound = b"RIFF" + bytes(20_000)

    async def scenario(reader: Reader) -> None:
        reader.agent.ask("go")
        assert "cannot be read" in (await reader.until(Trouble)).message
        assert not any(isinstance(event, Voice) and not event.last for event in reader.seen)

    talk(service, scenario)


@pytest.mark.parametrize("url", ["ftp://127.0.0.1/v1", "http://user:word@127.0.0.1/v1", "http://127.0.0.1:port/v1"])
def test_an_address_that_cannot_be_is_refused(url):
    async def run() -> None:
        with pytest.raises(ConfigError, match="OPENLPM_STT_URL") as caught:
            make_agent("chain", settings(url, OPENLPM_TTS="espeak"))
        assert "word" not in str(caught.value).replace("password", "")

    asyncio.run(run())
