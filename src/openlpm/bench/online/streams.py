"""Long streams, really made: read while they are made, and compared with the truth of what they heard."""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from openlpm.bench.cases import identity_seeds
from openlpm.bench.metrics import impostor_threshold
from openlpm.bench.online.conversation import MOST, Conversation, converse_on
from openlpm.bench.online.curves import Curve, Curves, Run
from openlpm.bench.online.drift import ASPECTS, TrueStream
from openlpm.bench.online.faults import Fault, read_rendered
from openlpm.bench.online.meter import StreamMeter, StreamReading, Watch, read_chunk
from openlpm.bench.online.performer import Column, planned_motion
from openlpm.bench.online.survival import life_of
from openlpm.bench.performer import references_of
from openlpm.bench.progress import OnProgress, phase, unheard
from openlpm.bench.reading import Judges
from openlpm.bench.truth import gallery, pictures_of, reference_embedding
from openlpm.core.errors import ConfigError
from openlpm.core.seeds import Split
from openlpm.core.units import FRAME_RATE_HZ
from openlpm.rollout.assembly import CharacterModel
from openlpm.rollout.request import StreamRequest
from openlpm.rollout.stream import OnlineStream
from openlpm.synth.look.identity import Identity

_MINUTE = 60 * FRAME_RATE_HZ
_CLIPS_A_MINUTE = 3


@final
class StreamsStopped(KeyboardInterrupt):
    """Somebody stopped the streams; ``curves`` are of the whole bins that were seen of the first column."""

    def __init__(self, curves: Curves) -> None:
        super().__init__()
        self.curves = curves


@final
@dataclass(frozen=True, kw_only=True, slots=True)
class StreamsConfig:
    """How many streams, how long, and how closely they are watched."""

    first: int = 0
    """Of the characters: runs with others can be put together."""
    count: int = 32
    num_frames: int = 60 * _MINUTE
    slope_frames: int = 10 * _MINUTE
    """Over which slopes are told."""
    clips: int = 5 * _CLIPS_A_MINUTE
    clip_frames: int = _MINUTE // _CLIPS_A_MINUTE
    watch: Watch = field(default_factory=Watch)
    controls: int = 4
    """Rendered streams of each kind: whole, and broken in one way each."""
    strangers: int = 256

    def __post_init__(self) -> None:
        bins = self.watch.bin_frames
        if self.round_frames % bins or self.num_frames % bins or self.slope_frames % bins:
            raise ConfigError(
                f"num_frames={self.num_frames}, slope_frames={self.slope_frames}, a round of {self.round_frames}: "
                f"give multiples of bin_frames={bins}"
            )
        if not 0 <= self.first <= MOST - self.count:
            raise ConfigError(
                f"first={self.first}, count={self.count}: there are {MOST} characters; ask for fewer streams"
            )
        if self.count < 1 or not bins < self.slope_frames <= self.num_frames or self.controls > self.count:
            raise ConfigError(
                f"count={self.count}, controls={self.controls}, slope_frames={self.slope_frames}: "
                "give at least one stream of two bins, and no more controls than streams"
            )

    @property
    def round_frames(self) -> int:
        """Frames after which a conversation begins anew."""
        return self.clips * self.clip_frames


def streams_config(*, count: int, first: int, minutes: int, controls: bool) -> StreamsConfig:
    """As published, but for how many and how long; a conversation comes round at least once, every five minutes."""
    if minutes < 2:
        raise ConfigError(f"minutes={minutes}: a slope takes two minutes")
    return StreamsConfig(
        first=first,
        count=count,
        num_frames=minutes * _MINUTE,
        slope_frames=min(minutes, 10) * _MINUTE,
        clips=_CLIPS_A_MINUTE * min(max(minutes // 2, 1), 5),
        controls=min(count, 4) if controls else 0,
    )


def quick_streams(*, count: int) -> StreamsConfig:
    """Seconds for minutes: two bins of a second, of which a third is compared, and no controls."""
    watch = Watch(bin_frames=FRAME_RATE_HZ, every_frames=FRAME_RATE_HZ, excerpt_frames=8)
    return StreamsConfig(
        count=count,
        num_frames=2 * FRAME_RATE_HZ,
        slope_frames=2 * FRAME_RATE_HZ,
        clips=2,
        clip_frames=FRAME_RATE_HZ,
        watch=watch,
        controls=0,
        strangers=-(-100 // count),
    )


def measure_streams(
    model: CharacterModel,
    columns: Sequence[Column],
    judges: Judges,
    config: StreamsConfig,
    *,
    on_progress: OnProgress = unheard,
) -> Curves:
    """Make all streams in every column and say what became of them; beside them the truth, whole and broken.

    Raises:
        ConfigError: the extra ``[tts]`` (espeak-ng) is not installed, or the model cannot stream.
        StreamsStopped: somebody stopped it when two bins or more of a column had been seen.
    """
    with phase(on_progress, "conversations"):
        conversations = converse_on(config.first, config.count, clips=config.clips, clip_frames=config.clip_frames)
    with phase(on_progress, "references of streams"):
        pictures = pictures_of([each.identity for each in conversations], judges.device)
        references_KD = np.stack([reference_embedding(judges, pictures_JCHW) for pictures_JCHW in pictures])
    court = _Court(judges, config, conversations, references_KD, on_progress)
    runs: dict[str, Run] = {}
    for column in columns:
        stream = _joined(model, conversations, pictures, config, column)
        run, seen = court.watched(stream, str(column))
        if seen < config.num_frames:  # of columns that differ in length there is no table
            raise StreamsStopped(_curves(config, runs or {column.suffix: run}, {}))
        runs[column.suffix] = run
    controls = {fault.value: court.rendered(fault) for fault in Fault} if config.controls else {}
    return _curves(config, runs, controls)


def _curves(config: StreamsConfig, columns: dict[str, Run], controls: dict[str, Run]) -> Curves:
    bins, seen = config.watch.bin_frames, min(len(run.streams[0].scores[ASPECTS[0]]) for run in columns.values())
    return Curves(
        bin_minutes=config.watch.bin_minutes,
        round_bins=config.round_frames // bins,
        slope_bins=min(config.slope_frames // bins, seen),
        columns=columns,
        controls=controls,
    )


@final
class _Court:
    """Knows the truth of all conversations, and says what streams of them are worth."""

    def __init__(
        self,
        judges: Judges,
        config: StreamsConfig,
        conversations: Sequence[Conversation],
        references_KD: NDArray[np.float32],
        on_progress: OnProgress,
    ) -> None:
        self._judges, self._config, self._conversations = judges, config, conversations
        self._references_KD, self._on_progress = references_KD, on_progress
        with phase(on_progress, "strangers to streams"):
            strangers_GD = _strangers(judges, conversations, config.strangers)
        self._threshold = impostor_threshold((strangers_GD @ references_KD.T).ravel())
        with phase(on_progress, "truth of streams"):
            drawn = read_rendered(conversations, references_KD, judges, config.watch, num_frames=config.round_frames)
            self._truth = [TrueStream(reading=reading, figure_GG=figure_GG) for reading, figure_GG in drawn]

    def watched(self, stream: OnlineStream, name: str) -> tuple[Run, int]:
        """Make chunk after chunk and let each be read before the next; and how many frames there are.

        Where somebody stops it, the run is of the whole bins that there are, if these are two.
        """
        config, made = self._config, 0
        meters = [StreamMeter(config.watch, reference_D, config.num_frames) for reference_D in self._references_KD]
        times: list[list[float]] = [[] for _ in range(config.num_frames // config.watch.bin_frames)]
        try:
            for first, frames_BFCHW, seconds in _timed(stream, self._conversations, config.num_frames):
                times[first // config.watch.bin_frames].append(seconds)
                read_chunk(self._judges.critic, frames_BFCHW, first, meters)
                made = first + frames_BFCHW.shape[1]
                self._on_progress(f"streams, {name}", made, config.num_frames)
        except KeyboardInterrupt:
            if made < 2 * config.watch.bin_frames:
                raise
        bins = made // config.watch.bin_frames
        run = Run(
            minutes=bins * config.watch.bin_minutes,
            streams=self._curves([meter.reading().first(bins, config.watch) for meter in meters]),
            chunk_ms=[round(1e3 * float(np.median(spent)), 3) for spent in times[:bins]],
        )
        return run, made

    def rendered(self, fault: Fault) -> Run:
        """The truth as a stream that is broken, or is not."""
        count, config = self._config.controls, self._config
        self._on_progress("controls", list(Fault).index(fault), len(Fault))
        drawn = read_rendered(
            self._conversations[:count],
            self._references_KD[:count],
            self._judges,
            config.watch,
            num_frames=config.slope_frames,
            fault=fault,
        )
        self._on_progress("controls", list(Fault).index(fault) + 1, len(Fault))
        curves = self._curves([reading for reading, _ in drawn])
        return Run(minutes=config.slope_frames / _MINUTE, streams=curves, chunk_ms=[])

    def _curves(self, readings: Sequence[StreamReading]) -> list[Curve]:
        curves: list[Curve] = []
        for seen, truth, conversation in zip(readings, self._truth, self._conversations, strict=False):
            scores = truth.scores(seen)
            life = life_of(seen, scores, threshold=self._threshold, bin_minutes=self._config.watch.bin_minutes)
            curves.append(Curve.of(conversation.identity.seed, scores, life))
        return curves


def _strangers(judges: Judges, conversations: Sequence[Conversation], count: int) -> NDArray[np.float32]:
    known = {each.identity.seed for each in conversations}
    seeds = identity_seeds(Split.TEST, count + len(known), 0, "strangers to streams")
    people = [Identity.from_seed(seed) for seed in seeds if seed not in known][:count]
    poses_FR = np.concatenate([each.rig(0, each.round_frames)[::FRAME_RATE_HZ] for each in conversations])
    return gallery(people, judges, poses=poses_FR, on_person=lambda _: None)


def _joined(
    model: CharacterModel,
    conversations: Sequence[Conversation],
    pictures: Sequence[Tensor],
    config: StreamsConfig,
    column: Column,
) -> OnlineStream:
    """All conversations, each about to begin in a row of its own."""
    references = [references_of(pictures_JCHW) for pictures_JCHW in pictures]
    stream = OnlineStream(model, len(conversations), [reference.slot for reference in references[0]])
    for row, (conversation, shown) in enumerate(zip(conversations, references, strict=True)):
        speak, listen = conversation.voices()
        seed = config.first + row
        planned = column is Column.PLANNED
        stream.join(
            row,
            StreamRequest(
                references=shown,
                speak=speak,
                listen=listen,
                motion=planned_motion(speak, listen, config.num_frames, seed=seed) if planned else None,
                planned=column is not Column.BARE,
                caption=conversation.record_at(0).caption,
                seed=seed,
            ),
        )
    return stream


def _timed(
    stream: OnlineStream, conversations: Sequence[Conversation], num_frames: int
) -> Iterator[tuple[int, Tensor, float]]:
    """First frame, pictures and seconds of every chunk; words change where a clip begins, with the next chunk."""
    device, told = stream.model.device, [0] * len(conversations)
    for first in range(0, num_frames, stream.frames_per_chunk):
        for row, conversation in enumerate(conversations):
            if first // conversation.clip_frames > told[row]:
                told[row] = first // conversation.clip_frames
                stream.set_caption(row, conversation.record_at(first).caption)
        started = time.perf_counter()
        frames_BFCHW = stream.next_chunk()
        if device.type == "cuda":
            torch.cuda.synchronize(device)
        yield first, frames_BFCHW[:, : num_frames - first], time.perf_counter() - started
