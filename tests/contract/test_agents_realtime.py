"""The realtime agent against a real WebSocket server that speaks the protocol in both dialects, well and badly."""

import asyncio
import base64
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import numpy as np
import pytest
from websockets.asyncio.server import Request, Response, ServerConnection, serve
from websockets.datastructures import Headers
from websockets.exceptions import ConnectionClosed

from openlpm.agents.agent import BargedIn, Trouble, TurnEnded, Voice, Who, Words
from openlpm.agents.openai_realtime import RealtimeAgent
from openlpm.agents.realtime_messages import Dialect, RealtimeConfig
from openlpm.agents.registry import make_agent, settings_from
from openlpm.core.errors import AgentError, InputError
from support.agents import Reader

pytestmark = pytest.mark.contract

KEY = "sk-this-must-never-be-shown"
NAMES = {
    Dialect.GA: ("response.output_audio.delta", "response.output_audio_transcript.delta"),
    Dialect.BETA: ("response.audio.delta", "response.audio_transcript.delta"),
}


class Server:
    """Answers every request for a response with a second of sound; scenarios make it do other things."""

    def __init__(self, dialect: Dialect = Dialect.GA) -> None:
        self.dialect = dialect
        self.refusals: list[int] = []
        self.connections: list[ServerConnection] = []
        self.headers: list[Headers] = []
        self.paths: list[str] = []
        self.said: list[dict[str, Any]] = []
        self.news = asyncio.Event()
        self.finishes = True
        self._responses = 0

    def gate(self, connection: ServerConnection, request: Request) -> Response | None:
        self.headers.append(request.headers)
        self.paths.append(request.path)
        if self.refusals:
            return connection.respond(self.refusals.pop(0), f"bad key {KEY}")
        return None

    async def handle(self, connection: ServerConnection) -> None:
        self.connections.append(connection)
        self.news.set()
        try:
            await self.send({"type": "session.created", "session": {}})
            async for message in connection:
                event = json.loads(message)
                self.said.append(event)
                self.news.set()
                if event["type"] == "response.create":
                    await self.respond()
        except ConnectionClosed:
            pass

    async def send(self, *events: dict[str, Any] | str | bytes) -> None:
        for event in events:
            await self.connections[-1].send(json.dumps(event) if isinstance(event, dict) else event)

    async def respond(self) -> None:
        self._responses += 1
        names = {"response_id": f"resp_{self._responses}", "item_id": f"item_{self._responses}", "content_index": 0}
        sound, text = NAMES[self.dialect]
        await self.send({"type": "response.created", "response": {"id": names["response_id"]}})
        half = base64.b64encode(np.full(12_000, 8_192, "<i2").tobytes()).decode()
        for words in ("one two three ", "four five six"):
            await self.send({"type": text, "delta": words} | names, {"type": sound, "delta": half} | names)
        if self.finishes:
            await self.send({"type": "response.done", "response": {"id": names["response_id"], "status": "completed"}})

    async def until_told(self, kind: str) -> dict[str, Any]:
        async with asyncio.timeout(10):
            while True:
                for event in self.said:
                    if event["type"] == kind:
                        return event
                self.news.clear()
                await self.news.wait()

    async def until_connected(self, count: int) -> None:
        async with asyncio.timeout(10):
            while len(self.connections) < count:
                self.news.clear()
                await self.news.wait()

    def told(self, kind: str) -> list[dict[str, Any]]:
        return [event for event in self.said if event["type"] == kind]


@asynccontextmanager
async def running(server: Server) -> AsyncIterator[str]:
    async with serve(server.handle, "127.0.0.1", 0, process_request=server.gate) as listening:
        yield f"ws://127.0.0.1:{listening.sockets[0].getsockname()[1]}/v1/realtime"


@pytest.fixture(autouse=True)
def _keys(monkeypatch):
    monkeypatch.setenv("OPENLPM_REALTIME_KEY", KEY)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")


def config(url: str, dialect: Dialect = Dialect.GA, **changes: Any) -> RealtimeConfig:
    usual = {"greeting": "", "first_pause_s": 0.01, "attempts": 3, "key_variable": "OPENLPM_REALTIME_KEY"}
    return RealtimeConfig(url=url, dialect=dialect, **(usual | changes))


def talk(
    scenario: Callable[[Reader, Server], Awaitable[None]], dialect: Dialect = Dialect.GA, **changes: Any
) -> tuple[Server, list[Any]]:
    """A conversation; returns the server and the events that were read."""

    async def run() -> tuple[Server, list[Any]]:
        server = Server(dialect)
        async with running(server) as url:
            agent = RealtimeAgent(config(url, dialect, **changes))
            await agent.start()
            reader = Reader(agent)
            try:
                await scenario(reader, server)
            finally:
                await agent.close()
                await agent.close()
        assert KEY not in repr(reader.seen)
        return server, reader.seen

    return asyncio.run(run())


@pytest.mark.parametrize("dialect", list(Dialect))
def test_typed_words_are_answered_in_both_dialects(dialect):
    async def scenario(reader: Reader, server: Server) -> None:
        reader.agent.ask("How are you?")
        assert await reader.utterance() == "one two three four five six"

    server, seen = talk(scenario, dialect)
    assert server.told("conversation.item.create")[0]["item"]["content"] == [
        {"type": "input_text", "text": "How are you?"}
    ]
    sounds = [event for event in seen if isinstance(event, Voice)]
    assert {event.rate_hz for event in sounds} == {24_000}
    sound_A = np.concatenate([event.samples_A for event in sounds if not event.last])
    assert sound_A.shape == (24_000,)
    assert np.allclose(sound_A, 0.25)
    session = server.told("session.update")[0]["session"]
    if dialect is Dialect.GA:
        assert session["audio"]["input"]["format"] == {"type": "audio/pcm", "rate": 24_000}
        assert session["audio"]["input"]["turn_detection"]["type"] == "server_vad"
        assert session["output_modalities"] == ["audio"]
    else:
        assert session["input_audio_format"] == session["output_audio_format"] == "pcm16"
    assert server.headers[0]["Authorization"] == f"Bearer {KEY}"
    assert ("OpenAI-Beta" in server.headers[0]) == (dialect is Dialect.BETA)
    assert server.paths[0] == "/v1/realtime?model=gpt-realtime"


def test_a_session_is_described_before_anything_else_is_asked():
    async def scenario(reader: Reader, server: Server) -> None:
        await reader.utterance()

    server, _ = talk(scenario, greeting="Say hello.")
    assert [event["type"] for event in server.said] == ["session.update", "response.create"]
    assert server.said[1]["response"]["instructions"] == "Say hello."


@pytest.mark.parametrize("rate_hz", [16_000, 24_000, 48_000])
def test_the_microphone_arrives_at_the_rate_of_the_server(rate_hz):
    tone_A = (0.5 * np.sin(2 * np.pi * 440 * np.arange(rate_hz) / rate_hz)).astype(np.float32)

    async def scenario(reader: Reader, server: Server) -> None:
        for start in range(0, rate_hz, rate_hz // 50):
            reader.agent.hear(tone_A[start : start + rate_hz // 50], rate_hz)
        reader.agent.say("end")
        await reader.utterance()
        while len(sound(server)) < 22_000:
            server.news.clear()
            await server.news.wait()

    server, _ = talk(scenario)
    heard_A = sound(server)[2_000:20_000]
    spectrum = np.abs(np.fft.rfft(heard_A * np.hanning(heard_A.shape[0])))
    assert spectrum.argmax() * 24_000 / heard_A.shape[0] == pytest.approx(440, abs=2)
    assert np.abs(heard_A).max() == pytest.approx(0.5, abs=0.02)


def sound(server: Server) -> np.ndarray:
    pieces = [base64.b64decode(event["audio"]) for event in server.told("input_audio_buffer.append")]
    return np.frombuffer(b"".join(pieces), "<i2") / 32_767


def test_turns_and_transcripts_of_the_user_are_told():
    async def scenario(reader: Reader, server: Server) -> None:
        reader.agent.hear(np.zeros(48_000, np.float32), 24_000)
        await server.until_told("input_audio_buffer.append")
        name = "conversation.item.input_audio_transcription"
        await server.send(
            {"type": "input_audio_buffer.speech_started", "audio_start_ms": 300},
            {"type": "input_audio_buffer.speech_stopped", "audio_end_ms": 1_500},
            {"type": f"{name}.delta", "delta": "good "},
            {"type": f"{name}.delta", "delta": "day"},
            {"type": f"{name}.completed", "transcript": "Good day.\n"},
        )
        ended = await reader.until(TurnEnded)
        assert ended.hangover_s == pytest.approx(0.5)
        await reader.until(Words, lambda words: words.final)
        assert [event.text for event in reader.seen if isinstance(event, Words)] == ["good ", "good day", "Good day."]
        assert not any(isinstance(event, BargedIn) for event in reader.seen), "the agent was silent"

    talk(scenario)


def test_an_interruption_cuts_the_answer_where_it_was_heard():
    async def scenario(reader: Reader, server: Server) -> None:
        server.finishes = False
        reader.agent.hear(np.zeros(24_000, np.float32), 24_000)
        reader.agent.ask("go")
        await reader.until(Voice)
        await reader.until(Voice)
        reader.agent.playing(heard_s=0.5, left_s=0.5)
        await server.send({"type": "input_audio_buffer.speech_started", "audio_start_ms": 700})
        barged = await reader.until(BargedIn)
        assert barged.onset_s == pytest.approx(0.3)
        cut = await server.until_told("conversation.item.truncate")
        assert (cut["item_id"], cut["content_index"], cut["audio_end_ms"]) == ("item_1", 0, 500)
        assert len(server.told("response.cancel")) == 1
        words = [event for event in reader.seen if isinstance(event, Words)][-1]
        assert words == Words(who=Who.AGENT, text="one two three", line=1)
        # What was on its way when the answer was cut is not spoken.
        late = {"type": NAMES[Dialect.GA][0], "response_id": "resp_1", "item_id": "item_1", "delta": "AAAA"}
        reader.seen.clear()
        server.finishes = True
        await server.send(late, {"type": "error", "error": {"code": "response_cancel_not_active"}})
        reader.agent.ask("again")
        assert await reader.utterance() == "one two three four five six"
        seconds = sum(event.samples_A.shape[0] for event in reader.seen if isinstance(event, Voice)) / 24_000
        assert seconds == pytest.approx(1.01)
        assert not any(isinstance(event, Trouble) for event in reader.seen)

    talk(scenario)


def test_the_button_cuts_an_answer_that_is_written_but_still_heard():
    async def scenario(reader: Reader, server: Server) -> None:
        reader.agent.ask("go")
        await reader.utterance()
        reader.agent.playing(heard_s=0.25, left_s=0.75)
        reader.agent.interrupt()
        cut = await server.until_told("conversation.item.truncate")
        assert cut["audio_end_ms"] == 250
        assert not server.told("response.cancel"), "there was nothing left to cancel"
        reader.agent.interrupt()

    server, seen = talk(scenario)
    assert len(server.told("conversation.item.truncate")) == 1
    assert not any(isinstance(event, BargedIn) for event in seen)


def test_an_answer_that_was_heard_whole_is_not_cut():
    async def scenario(reader: Reader, server: Server) -> None:
        reader.agent.ask("go")
        await reader.utterance()
        reader.agent.playing(heard_s=0.5, left_s=0.5)
        reader.agent.playing(heard_s=1.0, left_s=0.0)
        await server.send({"type": "input_audio_buffer.speech_started", "audio_start_ms": 0})
        await server.send({"type": "input_audio_buffer.speech_stopped", "audio_end_ms": 0})
        await reader.until(TurnEnded)

    server, seen = talk(scenario)
    assert not server.told("conversation.item.truncate")
    assert not any(isinstance(event, BargedIn) for event in seen)


def test_words_are_asked_to_be_said_literally():
    async def scenario(reader: Reader, server: Server) -> None:
        reader.agent.say("Mind the gap.")
        await reader.utterance()

    server, _ = talk(scenario)
    assert server.told("response.create")[0]["response"]["instructions"].endswith("Mind the gap.")


def test_a_lost_connection_is_sought_again_and_the_conversation_goes_on():
    async def scenario(reader: Reader, server: Server) -> None:
        server.refusals = [503, 503]
        server.finishes = False
        reader.agent.ask("go")
        await reader.until(Voice)
        await server.connections[0].close()
        assert (await reader.until(Trouble)).message == "The realtime server hung up; connecting again."
        assert [event for event in reader.seen if isinstance(event, Voice)][-1].last, "the broken answer was ended"
        reader.agent.playing(heard_s=0.5, left_s=0.5)
        reader.agent.playing(heard_s=1.0, left_s=0.0)
        await server.until_connected(2)
        server.finishes = True
        async with asyncio.timeout(5):
            while len(server.told("session.update")) < 2:
                server.news.clear()
                await server.news.wait()
        reader.agent.ask("again")
        assert await reader.utterance() == "one two three four five six"

    server, seen = talk(scenario)
    assert len(server.paths) == 4
    assert len([event for event in seen if isinstance(event, Trouble)]) == 1


@pytest.mark.parametrize("dialect", list(Dialect))
def test_a_new_connection_is_told_what_was_said_before_in_order_and_as_far_as_it_was_heard(dialect):
    async def scenario(reader: Reader, server: Server) -> None:
        reader.agent.ask("What is a fjord?")
        await reader.utterance()
        reader.agent.playing(heard_s=0.5, left_s=0.5)
        reader.agent.interrupt()
        spoken = {"item_id": "item_user"}
        name = "conversation.item.input_audio_transcription.completed"
        await server.send({"type": "input_audio_buffer.committed"} | spoken)
        await server.respond()
        await reader.utterance()
        reader.agent.playing(heard_s=0.9, left_s=0.1)
        reader.agent.playing(heard_s=1.0, left_s=0.0)
        await server.send({"type": name, "transcript": "And a bay?"} | spoken)
        await reader.until(Words, lambda words: words.text == "And a bay?")
        server.said.clear()
        await server.connections[0].close()
        reader.agent.hear(np.zeros(480, np.float32), 24_000)
        await server.until_connected(2)
        async with asyncio.timeout(5):
            while len(server.said) < 5:
                server.news.clear()
                await server.news.wait()

    server, _ = talk(scenario, dialect)
    assert server.said[0]["type"] == "session.update"
    items = [event["item"] for event in server.told("conversation.item.create")]
    own = "output_text" if dialect is Dialect.GA else "text"
    assert [(item["role"], item["content"]) for item in items] == [
        ("user", [{"type": "input_text", "text": "What is a fjord?"}]),
        ("assistant", [{"type": own, "text": "one two three"}]),
        ("user", [{"type": "input_text", "text": "And a bay?"}]),
        ("assistant", [{"type": own, "text": "one two three four five six"}]),
    ]
    assert not server.told("response.create"), "nobody has asked anything"


def test_a_server_that_stays_away_is_given_up():
    async def scenario(reader: Reader, server: Server) -> None:
        server.refusals = [503] * 3
        await server.connections[0].close()
        await reader.until(Trouble, lambda trouble: "cannot be reached any more" in trouble.message)
        reader.agent.ask("hello?")
        assert "not connected" in (await reader.until(Trouble)).message
        reader.agent.hear(np.zeros(480, np.float32), 24_000)

    server, _ = talk(scenario)
    assert len(server.paths) == 4


@pytest.mark.parametrize("garbage", ["{broken", "[]", '"text"', "{}", '{"type": 7}', b"\xff\x00", "null"])
def test_garbage_is_passed_over(garbage):
    async def scenario(reader: Reader, server: Server) -> None:
        await server.until_connected(1)
        await server.send(garbage)
        await server.send({"type": NAMES[Dialect.GA][0], "delta": 5}, {"type": NAMES[Dialect.GA][0], "delta": "%%%"})
        await server.send({"type": "input_audio_buffer.speech_stopped", "audio_end_ms": "soon"}, {"type": "error"})
        await server.send({"type": "response.done"}, {"type": "something.new"})
        reader.agent.ask("go")
        assert await reader.utterance() == "one two three four five six"

    server, _ = talk(scenario)
    assert len(server.connections) == 1


def test_an_error_is_told_by_its_code_and_not_by_its_text():
    async def scenario(reader: Reader, server: Server) -> None:
        await server.until_connected(1)
        await server.send({"type": "error", "error": {"code": "rate_limit_exceeded", "message": f"key {KEY}"}})
        assert (await reader.until(Trouble)).message == "The realtime server reports rate_limit_exceeded."
        await server.send({"type": "error", "error": {"code": f"Key {KEY}", "message": "no"}})
        assert (await reader.until(Trouble)).message == "The realtime server reports an error."

    talk(scenario)


@pytest.mark.parametrize(
    ("status", "message"),
    [
        (401, "The realtime server refuses the key (401): set OPENLPM_REALTIME_KEY."),
        (429, "The realtime server refuses (429): check OPENLPM_REALTIME_URL and model."),
        (500, "The realtime server refuses (500): check OPENLPM_REALTIME_URL and model."),
    ],
)
def test_a_refusal_at_the_start_names_what_to_change(status, message):
    async def run() -> None:
        server = Server()
        server.refusals = [status]
        async with running(server) as url:
            agent = RealtimeAgent(config(url))
            with pytest.raises(AgentError) as caught:
                await agent.start()
            await agent.close()
        assert str(caught.value) == message

    asyncio.run(run())


def test_a_server_that_is_not_there_or_does_not_answer_is_told_of():
    async def run() -> None:
        stop = asyncio.Event()

        async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await stop.wait()
            writer.close()

        listening = await asyncio.start_server(silent, "127.0.0.1", 0)
        port = listening.sockets[0].getsockname()[1]
        for url in ("ws://127.0.0.1:1/", f"ws://127.0.0.1:{port}/"):
            agent = RealtimeAgent(config(url, connect_s=0.1))
            with pytest.raises(AgentError, match="cannot be reached: check OPENLPM_REALTIME_URL"):
                await agent.start()
            await agent.close()
        stop.set()
        listening.close()
        await listening.wait_closed()

    asyncio.run(run())


def test_the_registry_makes_it_from_the_environment():
    async def run() -> None:
        server = Server()
        async with running(server) as url:
            settings = settings_from(
                {"OPENLPM_REALTIME_URL": url, "OPENLPM_REALTIME_MODEL": "tiny", "OPENLPM_REALTIME_KEY": KEY}
            )
            agent = make_agent("realtime", settings)
            await agent.start()
            await Reader(agent).utterance()
            with pytest.raises(InputError, match="rate_hz"):
                agent.hear(np.zeros(10, np.float32), 10)
            await agent.close()
        assert server.paths == ["/v1/realtime?model=tiny"]
        assert server.told("session.update")[0]["session"]["instructions"].startswith("Your name is Nano.")
        assert server.headers[0]["Authorization"] == f"Bearer {KEY}"

    asyncio.run(run())
