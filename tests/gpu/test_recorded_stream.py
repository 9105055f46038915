"""A recorded stream is the stream that it recorded, and nobody waits for the device within a chunk."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from openlpm.core.audio import ArraySource
from openlpm.core.units import samples_at_frame
from openlpm.dit.condition import ReferenceKind
from openlpm.engine.orders import Order, Role
from openlpm.engine.stage import ModelStage, StageConfig
from openlpm.rollout.assembly import CharacterModel, load_model
from openlpm.rollout.request import Reference, StreamRequest
from openlpm.rollout.stream import OnlineStream
from openlpm.weights import bundled

pytestmark = [
    pytest.mark.contract,
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="needs CUDA"),
]

FULL = 9
"""Chunks after which nano's memory is full."""


@pytest.fixture(scope="module")
def model() -> CharacterModel:
    return load_model(bundled.folder(), torch.device("cuda"))


@pytest.fixture
def waiting_is_allowed_again() -> Iterator[None]:
    yield
    torch.cuda.set_sync_debug_mode("default")


def request(who: int, size: int) -> StreamRequest:
    drawn = np.random.default_rng(who)
    picture_HWC = drawn.integers(0, 255, (size, size, 3), dtype=np.uint8)
    voices = [ArraySource(drawn.uniform(-0.4, 0.4, 16_000 * 12).astype(np.float32)) for _ in range(2)]
    return StreamRequest(
        references=(Reference(kind=ReferenceKind.GLOBAL, picture_HWC=picture_HWC),),
        speak=voices[0],
        listen=voices[1],
        caption="she smiles" if who % 2 else "he nods",
        seed=who,
    )


def stream_of(model: CharacterModel, rows: int, *, record: bool) -> OnlineStream:
    requests = [request(who, model.config.picture_size) for who in range(rows)]
    stream = OnlineStream(model, rows, [each.slot for each in requests[0].references], record=record)
    for row, each in enumerate(requests):
        stream.join(row, each)
    return stream


def performed(model: CharacterModel, *, record: bool) -> list[Tensor]:
    """Three rows: one hears other words, one pauses, one leaves and another comes."""
    stream, shown = stream_of(model, 3, record=record), list[Tensor]()
    for chunk in range(FULL + 8):
        moving: list[int] | None = None
        if chunk == 4:
            stream.set_caption(0, "she laughs")
        if chunk in (5, FULL + 2):
            moving = [0, 2]
        if chunk == FULL + 3:
            stream.leave(1)
            stream.join(1, request(7, model.config.picture_size))
        frames_BFCHW = stream.next_chunk(moving)
        shown.append(frames_BFCHW if moving is None else frames_BFCHW[moving])
    return shown


def test_a_recorded_stream_is_the_stream(model: CharacterModel) -> None:
    pairs = zip(performed(model, record=True), performed(model, record=False), strict=True)
    assert max((a - b).abs().mean().item() for a, b in pairs) < 1e-3


def test_two_recordings_are_enough_whoever_comes_and_goes(model: CharacterModel, monkeypatch: Any) -> None:
    made: list[Any] = []
    monkeypatch.setattr(torch.cuda, "CUDAGraph", lambda kind=torch.cuda.CUDAGraph: made.append(1) or kind())
    performed(model, record=True)
    assert len(made) == 2


@pytest.mark.filterwarnings("ignore:Synchronization debug mode:UserWarning")
@pytest.mark.usefixtures("waiting_is_allowed_again")
def test_nobody_waits_for_the_device_within_a_chunk(model: CharacterModel) -> None:
    stream = stream_of(model, 2, record=True)
    for _ in range(FULL + 4):
        stream.next_chunk()
    torch.cuda.set_sync_debug_mode("error")
    for _ in range(6):
        stream.next_chunk()


def test_the_engine_makes_recorded_chunks_for_those_who_are_there() -> None:
    stage = ModelStage(StageConfig(device="cuda", places=3))
    assert stage.facts.batch == 3
    size = stage.facts.size
    for name in ("a", "b"):
        picture_HWC = np.random.default_rng(ord(name)).integers(0, 255, (size, size, 3), dtype=np.uint8)
        stage.join(name, Role(references=(Reference(kind=ReferenceKind.GLOBAL, picture_HWC=picture_HWC),)))
    end = samples_at_frame(stage.facts.chunk_frames)
    for ticket in range(4):
        there = ["a", "b"] if ticket != 2 else ["b"]
        speak, listen = end + stage.facts.speak_ahead, end + stage.facts.listen_ahead
        orders = [
            Order.silent(name, ticket, speak=speak, listen=listen, num_frames=stage.facts.chunk_frames)
            for name in there
        ]
        made = stage.make(orders)
        assert [chunk.performance for chunk in made] == there
        pictures = [chunk.pictures_FHWC for chunk in made if chunk.pictures_FHWC is not None]
        assert len(pictures) == len(there)
        assert all(each.std() > 1 for each in pictures)
