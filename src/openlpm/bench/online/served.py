"""A streaming model as it is served on a device, and streams of it for whoever measures time and not pictures."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from cattrs.preconf.json import make_converter
from numpy.typing import NDArray

from openlpm.bench.online.conversation import RoundSource
from openlpm.bench.online.performer import load_streaming
from openlpm.core.audio import AudioSource
from openlpm.core.seeds import generator
from openlpm.core.units import AUDIO_RATE_HZ
from openlpm.dit.condition import ReferenceKind
from openlpm.rollout.assembly import CharacterModel
from openlpm.rollout.fit import fit_to_cpu
from openlpm.rollout.online import OnlineConfig
from openlpm.rollout.request import Reference, StreamRequest
from openlpm.rollout.stream import OnlineStream, online_of

_VOICE_S = 30


def told_online(online: OnlineConfig | None) -> dict[str, Any] | None:
    """How a model streams, as JSON."""
    return None if online is None else make_converter().unstructure(online)


def served(folder: str, undistilled: dict[str, Any] | None, *, laptop: bool = False) -> CharacterModel:
    """The model of a job on the processor; ``laptop``: as it runs where it would be too slow otherwise."""
    online = None if undistilled is None else make_converter().structure(undistilled, OnlineConfig)
    model = load_streaming(Path(folder), torch.device("cpu"), online)
    if laptop:
        model.config = replace(model.config, online=online_of(model).for_laptop())
    fit_to_cpu(model)
    return model


def anybody(model: CharacterModel, row: int = 0, *, speak: AudioSource | None = None) -> StreamRequest:
    """A stream whose pictures nobody looks at: noise for a face and for voices."""
    size = model.config.picture_size
    picture_HWC: NDArray[np.uint8] = generator("bench", "anybody", row).integers(
        0, 256, (size, size, 3), dtype=np.uint8
    )
    return StreamRequest(
        references=(Reference(kind=ReferenceKind.GLOBAL, picture_HWC=picture_HWC),),
        speak=speak or noise(2 * row),
        listen=noise(2 * row + 1),
        seed=row,
    )


def noise(seed: int) -> RoundSource:
    """A voice that nobody has, for ever."""
    samples_A = generator("bench", "noise", seed).uniform(-0.3, 0.3, _VOICE_S * AUDIO_RATE_HZ).astype(np.float32)
    return RoundSource(samples_A)


def stream_of(model: CharacterModel, num_rows: int) -> OnlineStream:
    """So many streams of anybody, about to begin."""
    requests = [anybody(model, row) for row in range(num_rows)]
    stream = OnlineStream(model, num_rows, [reference.slot for reference in requests[0].references])
    for row, request in enumerate(requests):
        stream.join(row, request)
    return stream


def warm_chunks(model: CharacterModel) -> int:
    """Chunks after which the memory has been full for a while."""
    online = online_of(model)
    return -(-online.memory.num_frames // online.chunk_frames) + 3
