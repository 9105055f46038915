"""A streaming model as a system under test, free or led by the planner's motion track."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from enum import StrEnum
from pathlib import Path
from typing import final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from openlpm.bench.performer import Part, VideoCodec, shown_references
from openlpm.bench.truth import Codec
from openlpm.core.audio import AudioSource
from openlpm.core.errors import ConfigError
from openlpm.core.motion import POSE_M, MotionTrack
from openlpm.core.rig import State
from openlpm.core.units import FRAME_RATE_HZ, samples_at_frame
from openlpm.rollout.assembly import CharacterConfig, CharacterModel, load_model, read_config
from openlpm.rollout.generate_online import generate_online
from openlpm.rollout.online import OnlineConfig
from openlpm.rollout.request import StreamRequest
from openlpm.synth.act.planner import Planner, frame_loudness

_HEARD = 0.01
_HELD_FRAMES = FRAME_RATE_HZ // 2
"""A pause within a turn does not end it."""
_PIECE_FRAMES = 10 * FRAME_RATE_HZ


class Column(StrEnum):
    """Who decides what is done."""

    FREE = "free"
    """The model: its choreographer, if it has one, else what draws."""
    PLANNED = "planned"
    """The planner leads head, gaze, lids and brows by a motion track."""
    BARE = "bare"
    """What draws, even where there is a choreographer."""

    @property
    def suffix(self) -> str:
        """What the names of its rows end with."""
        return "" if self is Column.FREE else f"/{self}"


def streams_as(folder: Path, undistilled: OnlineConfig | None) -> CharacterConfig:
    """The config of a model that streams; ``undistilled`` says how one is to stream that was never taught to.

    Raises:
        ConfigError: the model was not taught to stream and nothing says how; or it was, and something does.
        WeightsError: there is no model, or it is not described.
    """
    config = read_config(folder)
    if (config.online is None) == (undistilled is None):
        raise ConfigError(
            f"{config.name} was never taught to stream: give --undistilled to stream it all the same"
            if undistilled is None
            else f"{config.name} was distilled to stream: leave out --undistilled"
        )
    return config if undistilled is None else replace(config, online=undistilled)


def load_streaming(
    folder: Path,
    device: torch.device,
    undistilled: OnlineConfig | None = None,
    precision: torch.dtype = torch.float32,
) -> CharacterModel:
    """The model of ``streams_as``, which says what may go wrong; its weights may be damaged too (WeightsError).

    ``precision`` is of the transformers that stream and of the autoencoder.
    """
    config = streams_as(folder, undistilled)
    model = load_model(folder, device)
    model.config = config
    for part in (*model.streaming_networks(), model.vae):
        part.to(precision)
    return model


@final
class StreamPerformer:
    """A character model as ``generate --online`` runs it, chunk by chunk."""

    def __init__(self, model: CharacterModel, column: Column = Column.FREE) -> None:
        self._model, self._column = model, column

    @property
    def codec(self) -> Codec:
        """The model's autoencoder, with a stream of its own."""
        return VideoCodec(self._model.own_parts().vae)

    def joins(self, num_frames: int) -> Sequence[int]:
        """A stream never starts anew."""
        return ()

    def perform(self, parts: Sequence[Part]) -> Iterator[Tensor]:
        """Stream with the reference pictures and the true caption; voices arrive chunk by chunk."""
        requests = [
            StreamRequest(
                references=shown_references(part),
                speak=part.speak,
                listen=part.listen,
                motion=self._motion(part),
                planned=self._column is not Column.BARE,
                caption=part.caption,
                prompts=part.prompts,
                seed=part.seed,
            )
            for part in parts
        ]
        yield from generate_online(self._model, requests, parts[0].num_frames)

    def _motion(self, part: Part) -> MotionTrack | None:
        if self._column is not Column.PLANNED:
            return None
        return planned_motion(part.speak, part.listen, part.num_frames, seed=part.seed)


def planned_motion(speak: AudioSource, listen: AudioSource, num_frames: int, *, seed: int) -> MotionTrack:
    """What the planner makes of two voices, knowing at every frame what was heard so far."""
    planner = Planner(seed=seed)
    pieces: list[NDArray[np.float32]] = []
    silent = {"own": _HELD_FRAMES, "partner": _HELD_FRAMES}
    for first in range(0, num_frames, _PIECE_FRAMES):
        count = min(_PIECE_FRAMES, num_frames - first)
        own_F, partner_F = (_loudness(source, first, count) for source in (speak, listen))
        state_F = np.array(
            [_state(silent, own, partner) for own, partner in zip(own_F, partner_F, strict=True)], np.int8
        )
        pieces.append(planner.plan(state_F, own_F, partner_F))
    return MotionTrack(np.concatenate(pieces), POSE_M)


def _loudness(source: AudioSource, first: int, count: int) -> NDArray[np.float32]:
    start = samples_at_frame(first)
    return frame_loudness(source.read(start, samples_at_frame(first + count) - start), first_frame=first)


def _state(silent: dict[str, int], own: float, partner: float) -> State:
    """Who has the word; ``silent`` counts the frames since each voice was heard."""
    for name, loudness in (("own", own), ("partner", partner)):
        silent[name] = 0 if loudness > _HEARD else silent[name] + 1
    speaks, listens = (silent[name] < _HELD_FRAMES for name in ("own", "partner"))
    if speaks:
        return State.BOTH if listens else State.SPEAK
    return State.LISTEN if listens else State.IDLE
