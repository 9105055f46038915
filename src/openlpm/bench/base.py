"""``openlpm bench base``: generated video against ground truth, read by the critic."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import final

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from openlpm.bench import metrics
from openlpm.bench.audio_mouth import MouthPredictor, predict_mouth
from openlpm.bench.cases import Case, CaseConfig, identity_seeds
from openlpm.bench.evidence import Evidence, VoiceEvidence
from openlpm.bench.groups import GroupSizes
from openlpm.bench.human_voices import HumanVoices
from openlpm.bench.performer import Part, Performer
from openlpm.bench.progress import Count, OnProgress, phase, renamed, unheard
from openlpm.bench.reading import ClipReading, Judges, read_frames
from openlpm.bench.rehearsal import Eyesight, Stage, training_voices
from openlpm.bench.result import Row
from openlpm.bench.rows import base_rows, sync_rows
from openlpm.bench.setting import set_up
from openlpm.bench.sync import NUM_OTHERS
from openlpm.bench.threads import spread
from openlpm.bench.truth import joined, pictures_of
from openlpm.bench.viseme_reader import REHEARSALS, VisemeReader
from openlpm.core.audio import SILENCE, ArraySource, AudioSource
from openlpm.core.errors import ConfigError
from openlpm.core.rig import MOUTH_CHANNELS
from openlpm.core.seeds import generator
from openlpm.core.units import FRAME_RATE_HZ, samples_at_frame
from openlpm.synth.look.identity import Identity, describe

LONG_FRAMES = 240
"""Ten seconds."""

OnFrames = Callable[[int, Tensor], None]
"""Receives which part it is, and its next frames (F, 3, 256, 256)."""


@final
@dataclass(frozen=True, kw_only=True, slots=True)
class BaseConfig:
    """How much is measured."""

    cases: CaseConfig
    long: CaseConfig | None
    """Clips long enough for windows to meet (``joins.measure_joins``)."""
    human_clips: int
    """Clips performed to human voices."""
    strangers: int
    """Other test identities whose pictures set the threshold of identity."""
    batch: int
    """Clips generated at once."""
    groups: GroupSizes | None = None
    """Clips with one purpose each (``wide.measure_wide``)."""
    rehearsed_utterances: int = 240
    """What training people say in rehearsals, from which the reader of visemes is set up."""
    rehearsed_clips: int = REHEARSALS
    """How often they say some of it."""

    def __post_init__(self) -> None:
        if self.strangers < 1 or self.batch < 1 or self.human_clips < 0:
            raise ConfigError(
                f"strangers={self.strangers}, batch={self.batch}, human_clips={self.human_clips}: give positive numbers"
            )


def full_config(*, clips: int = 128, batch: int = 8, group_clips: int | None = None) -> BaseConfig:
    """128 clips of 6 s, 32 more to human voices, 16 of 10 s, and all groups, as published.

    ``group_clips`` limits each group, for machines on which all of them take hours.
    """
    return BaseConfig(
        cases=CaseConfig(count=clips),
        long=CaseConfig(count=max(clips // 8, 2), num_frames=LONG_FRAMES, seed=1),
        human_clips=max(clips // 4, 1),
        strangers=256,
        batch=min(batch, clips),
        groups=GroupSizes() if group_clips is None else GroupSizes().at_most(group_clips),
    )


def quick_config(*, clips: int = 3) -> BaseConfig:
    """A few clips of 2 s with the same seeds of identity: wide intervals, nobody idles in the first three, no joins."""
    return BaseConfig(
        cases=CaseConfig(count=clips, num_frames=48),
        long=None,
        human_clips=1,
        strangers=16,
        batch=clips,
        rehearsed_utterances=60,
        rehearsed_clips=150,
    )


def measure(
    performer: Performer,
    judges: Judges,
    cases: Sequence[Case],
    config: BaseConfig,
    *,
    voices: HumanVoices | None,
    on_progress: OnProgress = unheard,
) -> list[Row]:
    """All rows of the table but those of ``measure_joins`` and ``demo_seconds``.

    ``cases`` come from ``build_cases(config.cases)``. Without voices, or without a mouth predictor among the judges,
    the rows of synchrony hold no value.
    """
    setting = set_up(
        judges,
        cases,
        config.cases,
        strangers=config.strangers,
        codec_of=lambda: performer.codec,
        on_progress=on_progress,
    )
    evidence = setting.evidence(read_performances(performer, judges, setting.parts(), config.batch, on_progress))
    with phase(on_progress, "training voices"):
        bank = training_voices(config.rehearsed_utterances)
    stage = Stage(_sight_of_speech(evidence), bank, on_progress=on_progress)
    reader = VisemeReader.rehearsed(stage, config.rehearsed_clips, device=judges.device)
    with phase(on_progress, "statistics"):
        rows = base_rows(evidence, reader.read)
    human = _human_rows(performer, judges, voices, config, on_progress)
    with phase(on_progress, "synthetic sync"):
        return [*rows, *human, *_synthetic_rows(judges.mouth, evidence)]


def read_performances(
    performer: Performer,
    judges: Judges,
    parts: Sequence[Part],
    batch: int,
    on_progress: OnProgress,
    on_frames: OnFrames = lambda _part, _frames: None,
) -> list[ClipReading]:
    """Perform and read all parts; frames are judged block by block (by ``on_frames`` too) and never kept."""
    count = Count(sum(part.num_frames for part in parts), lambda done, total: on_progress("generated", done, total))

    def read(start: int) -> list[ClipReading]:
        group = parts[start : start + batch]
        pieces: list[list[ClipReading]] = [[] for _ in group]
        for frames_BFCHW in performer.perform(group):
            for index, frames_FCHW in enumerate(frames_BFCHW):
                pieces[index].append(read_frames(judges.critic, frames_FCHW))
                on_frames(start + index, frames_FCHW)
            count.add(frames_BFCHW.shape[0] * frames_BFCHW.shape[1])
        return [joined(clip) for clip in pieces]

    return [reading for group in spread(read, range(0, len(parts), batch), judges.device) for reading in group]


def _sight_of_speech(evidence: Evidence) -> Eyesight:
    """How the critic sees those who speak, whose mouths it reads less well than shut ones; anybody, if nobody does."""
    spoken: list[tuple[NDArray[np.float32], NDArray[np.float32]]] = []
    whole: list[tuple[NDArray[np.float32], NDArray[np.float32]]] = []
    for record, reading in zip(evidence.records, evidence.truth_readings, strict=True):
        assert record.truth is not None
        voiced_F = metrics.speaking(record.state_F)
        whole.append((reading.rig_FR, record.truth.rig_FR))
        if int(voiced_F.sum()) >= FRAME_RATE_HZ:
            spoken.append((reading.rig_FR[voiced_F], record.truth.rig_FR[voiced_F]))
    return Eyesight.of(spoken or whole)


def _human_rows(
    performer: Performer, judges: Judges, voices: HumanVoices | None, config: BaseConfig, on_progress: OnProgress
) -> list[Row]:
    name, num_frames = "sync_win_rate_human", config.cases.num_frames
    if voices is None or judges.mouth is None or config.human_clips == 0 or len(voices.names) <= NUM_OTHERS:
        return [Row(name=name, value=None, n=0)]
    sources = [ArraySource(voice_A[: samples_at_frame(num_frames)]) for voice_A in voices.voices_KA]
    count = min(config.human_clips, len(sources))
    people = [
        Identity.from_seed(seed) for seed in identity_seeds(config.cases.split, count, config.cases.seed, "human")
    ]
    pictures = pictures_of(people, judges.device)
    parts = [
        Part(
            references_JCHW=pictures_JCHW,
            speak=source,
            listen=SILENCE,
            num_frames=num_frames,
            caption=f"{describe(person).capitalize()} speaks.",
            seed=index,
        )
        for index, (person, pictures_JCHW, source) in enumerate(zip(people, pictures, sources, strict=False))
    ]
    readings = read_performances(performer, judges, parts, config.batch, renamed(on_progress, "human voices"))
    mouths = [reading.rig_FR[:, list(MOUTH_CHANNELS)] for reading in readings]
    with phase(on_progress, "human sync"):
        return sync_rows(name, _voice_evidence(mouths, sources, judges.mouth))


def _synthetic_rows(predictor: MouthPredictor | None, evidence: Evidence) -> list[Row]:
    """The yardstick itself on voices with a true mouth: what a perfect performer would win."""
    name = "sync_win_rate_synthetic"
    records = evidence.records
    spoken = [k for k, record in enumerate(records) if metrics.speaking(record.state_F).mean() > 0.5]
    if predictor is None or len(spoken) <= NUM_OTHERS:
        return [Row(name=name, value=None, n=0)]
    sources = [ArraySource(records[k].speak_A) for k in spoken]
    generated = [evidence.generated[k].rig_FR[:, list(MOUTH_CHANNELS)] for k in spoken]
    truth = [evidence.truth_readings[k].rig_FR[:, list(MOUTH_CHANNELS)] for k in spoken]
    return [
        *sync_rows(name, _voice_evidence(generated, sources, predictor)),
        *sync_rows(f"{name}/truth", _voice_evidence(truth, sources, predictor))[:1],
    ]


def _voice_evidence(
    mouths: Sequence[NDArray[np.float32]], sources: Sequence[AudioSource], predictor: MouthPredictor
) -> VoiceEvidence:
    """Each mouth with its own voice (the source of the same place) and nine others, drawn from a seed."""
    expected = [predict_mouth(predictor, source, mouths[0].shape[0]) for source in sources]
    others: list[list[NDArray[np.float32]]] = []
    for index in range(len(mouths)):
        rest = [k for k in range(len(expected)) if k != index]
        chosen = generator("bench", "others", index).choice(rest, size=NUM_OTHERS, replace=False)
        others.append([expected[int(k)] for k in chosen])
    return VoiceEvidence(mouths_FX=mouths, own_FX=expected[: len(mouths)], others_FX=others)
