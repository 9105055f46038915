"""The rows of ``openlpm bench live``."""

import asyncio
import time
from collections.abc import Callable, Collection, Coroutine, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any, final

import numpy as np
from numpy.typing import NDArray

from openlpm.bench import statistics
from openlpm.bench.live import mouths, scenes
from openlpm.bench.live.host import Host, hosted
from openlpm.bench.live.hostile import hostile_rows
from openlpm.bench.live.leaks import stream_rows, tensor_rows
from openlpm.bench.live.rough import rough_network
from openlpm.bench.live.rows import count, drift_ms, p95, p99, row, skews_s
from openlpm.bench.live.scenes import GIVE_UP_S, BargeIn
from openlpm.bench.live.steps import Steps, step_rows
from openlpm.bench.live.tones import says_tones, tone_server
from openlpm.bench.live.visitor import MICROPHONE_RATE_HZ, Notes, visiting
from openlpm.bench.reading import Judges
from openlpm.bench.result import Bar, Row
from openlpm.bench.statistics import Estimate
from openlpm.core.seeds import Split, generator
from openlpm.core.units import AUDIO_RATE_HZ, FRAME_RATE_HZ
from openlpm.engine.sound import Resampler
from openlpm.engine.stage import StageConfig
from openlpm.synth.sound.espeak import Synthesiser
from openlpm.synth.sound.nonverbal import make_sound
from openlpm.synth.sound.speech_bank import SpeechBank, build
from openlpm.synth.sound.vocal_kinds import EMOTIONS_OF, VocalKind
from openlpm.synth.sound.voices import voices_of

_SEED = 17
_UTTERANCES = 240
_CHARACTERS = ("seed:900024", "seed:900012")
Report = Callable[[str, int, int], None]


@final
@dataclass(frozen=True, kw_only=True, slots=True)
class LiveConfig:
    """How much of each is done."""

    turns: int = 20
    barge_ins: int = 20
    back_channels: int = 40
    tones: int = 50
    streams: int = 200
    skew_s: float = 600.0
    together_s: float = 30.0
    rough_s: float = 60.0


@final
@dataclass(frozen=True, kw_only=True, slots=True)
class LiveOptions:
    """Which model the server runs, and where."""

    model: Path | None = None
    device: str = "cpu"

    def serve(self) -> list[str]:
        """As options of ``openlpm serve``."""
        return ["--device", self.device, *([] if self.model is None else ["--model", str(self.model)])]


QUICK = LiveConfig(
    turns=3, barge_ins=3, back_channels=4, tones=4, streams=10, skew_s=20.0, together_s=6.0, rough_s=12.0
)


@final
class Section(StrEnum):
    """What is measured, each by itself where somebody asks for it."""

    TALK = "talk"
    """Turns, interruptions and back-channels."""
    TOGETHER = "together"
    """Two characters at once."""
    TONES = "tones"
    """What is still heard of what was interrupted."""
    SKEW = "skew"
    ROUGH = "rough"
    """A bad network."""
    HOSTILE = "hostile"
    """Viewers and microphones that behave badly."""
    STREAMS = "streams"
    """Many streams, one after another, and what they leave."""
    TENSORS = "tensors"


def measure_live(
    config: LiveConfig, judges: Judges, options: LiveOptions, report: Report, sections: Collection[Section]
) -> Iterator[list[Row]]:
    """The rows of each section as soon as it is over.

    Raises:
        OpenLPMError: the server does not start.
    """
    if Section.TALK in sections:
        bank = build(Split.TEST, _UTTERANCES, seed=_SEED)
        with hosted(options.serve()) as host:
            yield asyncio.run(_talked(host, config, bank, judges, report))
    if Section.TOGETHER in sections:
        with hosted([*options.serve(), "--sessions", "2"]) as host:  # room for two, however slow this moment is
            yield asyncio.run(_together(host, config, judges, report))
    with tone_server() as address:
        if Section.TONES in sections:
            with hosted(options.serve(), says_tones(address)) as host:
                yield asyncio.run(_toned(host, config, report))
        carded: dict[Section, Callable[[Host], Coroutine[Any, Any, list[Row]]]] = {
            Section.SKEW: lambda host: _skewed(host, config, report),
            Section.ROUGH: lambda host: rough_network(host, config.rough_s, report),
            Section.HOSTILE: lambda host: hostile_rows(host, report),
            Section.STREAMS: lambda host: stream_rows(host, config.streams, report),
        }
        wanted = [section for section in carded if section in sections]
        if wanted:
            with hosted(["--card"], says_tones(address)) as host:
                for section in wanted:
                    yield asyncio.run(carded[section](host))
    if Section.TENSORS in sections:
        stage = StageConfig(model=options.model, device=options.device)
        yield tensor_rows(config.streams, stage, report)


async def _talked(host: Host, config: LiveConfig, bank: SpeechBank, judges: Judges, report: Report) -> list[Row]:
    sentences = _utterances(bank, VocalKind.SPEECH, config.turns + config.barge_ins)
    words = _utterances(bank, VocalKind.BACKCHANNEL, max(config.back_channels // 4, 1))
    report("turns", 0, 1)
    async with visiting(host, character=_CHARACTERS[0]) as visitor:
        turns = await scenes.take_turns(visitor, sentences[: config.turns])
    report("barge-ins", 0, 1)
    async with visiting(host, character=_CHARACTERS[0]) as visitor:
        bold = await scenes.barge_in(visitor, sentences[config.turns :])
        closed_s = [_closed_s(judges, visitor.notes, one) for one in bold]
        steps = _steps(visitor.notes, bold, closed_s)
    report("back-channels", 0, 1)
    async with visiting(host, character=_CHARACTERS[0]) as visitor:
        meek = await scenes.barge_in(visitor, _hums(config.back_channels), seconds=1.5)
        agreeing = await scenes.barge_in(visitor, words, seconds=1.5)
    mouth_s = [GIVE_UP_S if shut is None else shut - one.spoke_s for one, shut in zip(bold, closed_s, strict=True)]
    sound_s = [one.sound_s for one in bold]
    over_s = [max(each) for each in zip(sound_s, mouth_s, strict=True)]
    voiced_s = turns.voiced + [GIVE_UP_S] * turns.missed
    return [
        row("first_voiced_frame_s_median", np.median, voiced_s, "s", Bar(at_most=0.7)),
        row("first_voiced_frame_s_p95", p95, voiced_s, "s", Bar(at_most=1.0)),
        row("first_voiced_frame_s/hangover", np.median, turns.hangover, "s"),
        count("first_voiced_frame_s/missed_turns", turns.missed, len(voiced_s)),
        row("barge_in_s_p95", p95, over_s, "s", Bar(at_most=0.8)),
        row("barge_in_s_p95/sound", p95, sound_s, "s"),
        row("barge_in_s_median/sound", np.median, sound_s, "s"),
        row("barge_in_s_p95/mouth", p95, mouth_s, "s"),
        *step_rows(steps),
        Row.of("false_barge_in", _share(meek), bar=Bar(at_most=0.05)),
        Row.of("false_barge_in/words", _share(agreeing)),
    ]


def _closed_s(judges: Judges, notes: Notes, one: BargeIn) -> float | None:
    """When the mouth was shut; None where it was not within three seconds, or nobody was interrupted."""
    if not one.interrupted:
        return None
    return mouths.closed_from_s(judges, [each for each in notes.seen if 0.2 < each.at_s - one.spoke_s < 3.0])


def _steps(notes: Notes, bold: Sequence[BargeIn], closed_s: Sequence[float | None]) -> list[Steps]:
    found = [
        Steps.of(notes, one.spoke_s, one.epoch, shut)
        for one, shut in zip(bold, closed_s, strict=True)
        if one.epoch is not None and shut is not None
    ]
    return [each for each in found if each is not None]


def _share(barge_ins: Sequence[BargeIn]) -> Estimate:
    return statistics.mean(np.array([one.interrupted for one in barge_ins], np.float64))


async def _together(host: Host, config: LiveConfig, judges: Judges, report: Report) -> list[Row]:
    """Two characters at once: no picture of one in the stream of the other."""
    report("two characters", 0, 1)
    async with visiting(host, character=_CHARACTERS[0]) as one, visiting(host, character=_CHARACTERS[1]) as two:
        began_s = time.monotonic()
        for visitor in (one, two):
            await visitor.send(type="say", text="Good morning. We can both be here at the same time, it seems to me.")
        await asyncio.sleep(config.together_s)
        seen = [[each for each in visitor.notes.seen if each.at_s > began_s][::3] for visitor in (one, two)]
        told = [visitor.notes.messages("numbers")[-1][1] for visitor in (one, two)]
    faces = [mouths.faces(judges, each) for each in seen]
    own = [np.median(each, axis=0) for each in faces]
    wrong = mouths.mixed(faces[0], own[0], own[1]) + mouths.mixed(faces[1], own[1], own[0])
    fps = [FRAME_RATE_HZ * (1 - numbers["held"] / max(numbers["frames"], 1)) for numbers in told]
    pictures = sum(map(len, seen))
    return [
        count("mixed_faces", wrong, pictures, Bar(at_most=0)),
        Row.of("mixed_faces/fresh_fps", Estimate.single(min(fps), n=2), unit="1/s", bar=Bar(at_least=12)),
    ]


async def _toned(host: Host, config: LiveConfig, report: Report) -> list[Row]:
    report("old tones", 0, 1)
    async with visiting(host, character=_CHARACTERS[0]) as visitor:
        stale, heard = await scenes.interrupt_tones(visitor, config.tones)
    return [
        count("stale_frames", stale, config.tones, Bar(at_most=0)),
        count("stale_frames/tones_heard", heard, config.tones, Bar(at_least=config.tones)),
    ]


async def _skewed(host: Host, config: LiveConfig, report: Report) -> list[Row]:
    """Picture against sound, of bursts of sound that a card shows as light."""
    report("skew", 0, 1)
    async with visiting(host) as visitor:
        await visitor.send(type="say", text=f"bursts {config.skew_s:.0f}")
        await asyncio.sleep(config.skew_s + 2.0)
        skew_s = skews_s(visitor.notes)
    apart_ms = 1e3 * np.abs(skew_s - np.median(skew_s)) if skew_s.size else np.array([np.inf])
    return [
        row("av_skew_ms_p99", p99, apart_ms.tolist(), "ms", Bar(at_most=40)),
        Row.of("av_skew_ms/jitter_buffer", Estimate.single(1e3 * float(np.median(skew_s)), n=skew_s.size), unit="ms"),
        Row.of("av_skew_ms/drift", Estimate.single(drift_ms(skew_s), n=skew_s.size), unit="ms"),
    ]


def _utterances(bank: SpeechBank, kind: VocalKind, count: int) -> list[NDArray[np.float32]]:
    """Test voices at the microphone's rate, from the first audible sample on."""
    chosen = [each for each in range(bank.num_utterances) if bank.kind_of(each) is kind]
    return [_audible(bank.samples(chosen[number * 7 % len(chosen)])) for number in range(count)]


_FRESH_HUMS = 1000
"""Hums before this one were looked at when the threshold of interruptions was set."""


def _hums(count: int) -> list[NDArray[np.float32]]:
    """The sound of somebody who listens, by test voices: others than those by which a threshold was once chosen."""
    synthesiser, voices = Synthesiser(), voices_of(Split.TEST)
    moods = EMOTIONS_OF[VocalKind.MM_HM]
    found: list[NDArray[np.float32]] = []
    for number in range(_FRESH_HUMS, _FRESH_HUMS + count):
        rng = generator("bench", "hum", number)
        voice, mood = voices[int(rng.integers(len(voices)))], moods[int(rng.integers(len(moods)))]
        found.append(_audible(make_sound(VocalKind.MM_HM, voice, mood, rng, synthesiser).samples_A))
    return found


def _audible(samples_A: NDArray[np.float32]) -> NDArray[np.float32]:
    """From the first audible sample to the last, at the microphone's rate."""
    loud = np.flatnonzero(np.abs(samples_A) > 0.05 * np.abs(samples_A).max())
    return Resampler(AUDIO_RATE_HZ, MICROPHONE_RATE_HZ).push(samples_A[loud[0] : loud[-1] + 1], last=True)
