"""The agent of an OpenAI-compatible realtime endpoint: it hears, thinks and speaks on the other side of a socket."""

import logging
import re
from collections.abc import AsyncIterator
from typing import Any, final

import numpy as np
from numpy.typing import NDArray

from openlpm.agents.agent import AgentEvent, BargedIn, Trouble, TurnEnded, Voice, Who, Words
from openlpm.agents.ear import check_sound
from openlpm.agents.optional import live_package
from openlpm.agents.outbox import Outbox
from openlpm.agents.realtime_history import History
from openlpm.agents.realtime_line import RealtimeLine
from openlpm.agents.realtime_messages import (
    RATE_HZ,
    Event,
    RealtimeConfig,
    cancel,
    hear,
    literally,
    respond,
    seconds_of,
    sound_of,
    text_of,
    truncate,
    typed,
)
from openlpm.agents.spoken import SpokenLog

_LOG = logging.getLogger(__name__)
_END_A = np.zeros(RATE_HZ // 100, np.float32)
_HARMLESS = frozenset({"response_cancel_not_active", "conversation_already_has_active_response"})
"""Errors that say only that both sides did something at once."""
_UNNAMED = "unnamed"
"""An answer whose events do not say which it is."""
_CODE = re.compile(r"[a-z0-9_.]{1,60}")


@final
class RealtimeAgent:
    """``Agent`` of one realtime session; turns are detected by the server."""

    def __init__(self, config: RealtimeConfig | None = None) -> None:
        self._config = config or RealtimeConfig()
        self._outbox = Outbox()
        self._line = RealtimeLine(
            self._config,
            recall=lambda: self._history.events(self._config.dialect),
            tell=self._tell,
            lost=self._lost,
            trouble=lambda text: self._outbox.put(Trouble(message=text)),
        )
        self._history = History()
        self._asked = 0
        self._spoken = SpokenLog()
        self._resampler: Any = None
        self._rate_hz = 0
        self._sent_s = 0.0  # microphone sound since the connection began: the server's clock
        self._response = ""  # the answer that is being given
        self._item = ""
        self._cut = ""  # an answer of which no more is wanted
        self._user_words = ""
        self._closed = False

    async def start(self) -> None:
        await self._line.start()
        if self._config.greeting:
            self._line.send(respond(self._config.greeting))

    def hear(self, samples_A: NDArray[np.float32], rate_hz: int) -> None:
        check_sound(samples_A, rate_hz)
        sound_A = self._resampled(np.nan_to_num(samples_A.astype(np.float32, copy=False)), rate_hz)
        if sound_A.shape[0] and self._line.send_sound(hear(sound_A)):
            self._sent_s += sound_A.shape[0] / RATE_HZ

    def ask(self, text: str) -> None:
        if self._is_busy():
            self._barge_in(0.0)
        if self._send(typed(text), respond()):
            self._asked += 1
            self._history.put(f"typed {self._asked}", Who.USER, text)

    def say(self, text: str) -> None:
        self._send(literally(text))

    def playing(self, *, heard_s: float, left_s: float) -> None:
        self._spoken.playing(heard_s=heard_s, left_s=left_s)

    def interrupt(self) -> None:
        self._stop()

    def events(self) -> AsyncIterator[AgentEvent]:
        return self._outbox.events()

    async def close(self) -> None:
        if not self._closed:
            self._closed = True
            await self._line.close()
            self._outbox.close()

    def _send(self, *events: Event) -> bool:
        sent = all(self._line.send(event) for event in events)
        if not sent:
            self._outbox.put(Trouble(message="The realtime server is not connected; try again in a moment."))
        return sent

    def _tell(self, event: Event) -> None:
        match event["type"]:
            case "response.created":
                self._cut = ""  # of the answer before no more can come
            case "response.output_audio.delta":
                self._hear_answer(event)
            case "response.output_audio_transcript.delta":
                self._read_answer(event)
            case "response.done":
                self._end_answer()
            case "input_audio_buffer.speech_started":
                if self._is_busy():
                    self._barge_in(self._since(event, "audio_start_ms"))
            case "input_audio_buffer.speech_stopped":
                self._outbox.put(TurnEnded(hangover_s=self._since(event, "audio_end_ms")))
            case "input_audio_buffer.committed":
                self._history.put(text_of(event, "item_id"), Who.USER, "")
            case "conversation.item.input_audio_transcription.delta":
                self._user_words += text_of(event, "delta")
                self._outbox.put(Words(who=Who.USER, text=self._user_words, final=False))
            case "conversation.item.input_audio_transcription.completed":
                self._user_words = ""
                text = text_of(event, "transcript").strip()
                self._history.put(text_of(event, "item_id"), Who.USER, text)
                self._outbox.put(Words(who=Who.USER, text=text))
            case "error":
                self._report(event)
            case _:
                pass  # there are many more, and new ones come

    def _hear_answer(self, event: Event) -> None:
        samples_A = sound_of(event)
        response = text_of(event, "response_id") or _UNNAMED
        if samples_A is None or response == self._cut:
            return
        self._begin_answer(response)
        self._item = text_of(event, "item_id")
        self._spoken.add_sound(samples_A.shape[0] / RATE_HZ)
        self._outbox.put(Voice(samples_A=samples_A, rate_hz=RATE_HZ))

    def _read_answer(self, event: Event) -> None:
        response = text_of(event, "response_id") or _UNNAMED
        if response == self._cut:
            return
        self._begin_answer(response)
        self._spoken.add_words(text_of(event, "delta"))
        self._outbox.put(Words(who=Who.AGENT, text=self._spoken.last_words, final=False, line=self._spoken.last_line))

    def _begin_answer(self, response: str) -> None:
        if response != self._response:
            self._end_answer()
            self._response = response
            self._spoken.begin()
            self._spoken.begin_line("")
            self._history.put(f"answer {self._spoken.last_line}", Who.AGENT, "")

    def _end_answer(self) -> None:
        if self._response:
            self._response = ""
            self._tell_spoken(self._spoken.last_line, self._spoken.complete().strip())
            self._outbox.put(Voice(samples_A=_END_A, rate_hz=RATE_HZ, last=True))

    def _tell_spoken(self, line: int, text: str) -> None:
        """What an answer said in the end."""
        self._history.put(f"answer {line}", Who.AGENT, text)
        self._outbox.put(Words(who=Who.AGENT, text=text, line=line))

    def _is_busy(self) -> bool:
        return bool(self._response) or not self._spoken.is_empty

    def _barge_in(self, onset_s: float) -> None:
        self._stop()
        self._outbox.put(BargedIn(onset_s=onset_s))

    def _stop(self) -> None:
        if not self._is_busy():
            return
        if self._response:
            self._cut, self._response = self._response, ""
            self._line.send(cancel())
        if self._item:
            self._line.send(truncate(self._item, self._spoken.heard_s))
            self._item = ""
        self._outbox.drop_voice()
        for heard in self._spoken.interrupt():
            self._tell_spoken(heard.line, heard.words.strip())

    def _lost(self) -> None:
        """The connection is gone, and with it what was being said."""
        self._end_answer()
        self._item, self._user_words, self._sent_s = "", "", 0.0

    def _since(self, event: Event, name: str) -> float:
        """How long ago, in sound that was sent, something was heard."""
        then_s = seconds_of(event, name)
        return 0.0 if then_s is None else max(self._sent_s - then_s, 0.0)

    def _report(self, event: Event) -> None:
        # Only the code is told: the text of an error may quote a key.
        details = event.get("error")
        code = text_of(details, "code") or text_of(details, "type") if isinstance(details, dict) else ""
        if code in _HARMLESS:
            return
        shown = code if _CODE.fullmatch(code) else "an error"
        _LOG.warning("the realtime server reports an error", extra={"code": shown})
        self._outbox.put(Trouble(message=f"The realtime server reports {shown}."))

    def _resampled(self, samples_A: NDArray[np.float32], rate_hz: int) -> NDArray[np.float32]:
        if rate_hz == RATE_HZ:
            return samples_A
        if rate_hz != self._rate_hz:
            self._resampler = live_package("soxr").ResampleStream(rate_hz, RATE_HZ, 1, dtype="float32", quality="MQ")
            self._rate_hz = rate_hz
        return self._resampler.resample_chunk(samples_A)
