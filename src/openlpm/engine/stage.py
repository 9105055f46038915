"""A stage with a model on it: every performance is a row of an ``OnlineStream``."""

import io
import logging
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, final

import numpy as np
import torch
from numpy.typing import NDArray

from openlpm.core.audio import AudioSource
from openlpm.core.motion import POSE_M, MotionTrack
from openlpm.core.processors import usable_cores
from openlpm.core.units import FRAME_RATE_HZ, samples_at_frame
from openlpm.dit.condition import ReferenceKind, ReferenceSlot
from openlpm.engine.moments import Moments
from openlpm.engine.orders import Chunk, NotWantedError, Order, Role, StageFacts, always_wanted
from openlpm.engine.sound import HeardTrack
from openlpm.rollout.assembly import load_model
from openlpm.rollout.fit import fit_to_cpu
from openlpm.rollout.online import OnlineConfig
from openlpm.rollout.request import Reference, StreamRequest
from openlpm.rollout.rows import StreamState
from openlpm.rollout.stream import OnlineStream, online_of
from openlpm.synth.look.references import reference_rigs
from openlpm.weights import bundled

_TRIALS = 4
_UNRECORDED = 3
"""Chunks on a GPU before one is a recording."""
_SHARE = 0.85
"""Of its time that a machine may spend on making pictures."""
_GPU_PLACES = 32
_ALONE = 0.95
"""One thread must be so much faster: what keeps the cores busy may end, and then it is slower."""
_log = logging.getLogger(__name__)


@final
@dataclass(frozen=True, kw_only=True, slots=True)
class StageConfig:
    """Which model, where, and how it streams."""

    model: Path | None = None
    """A model folder; None is the bundled nano."""
    device: str = "cpu"
    online: OnlineConfig | None = None
    """How to stream, if not as the model was taught."""
    threads: int | None = None
    """Of torch on a CPU; None: one a core, or one alone where a trial finds that faster."""
    places: int | None = None
    """Performances at once; None: as many as a trial finds room for."""


@dataclass
class _Row:
    stream: OnlineStream
    place: int
    speak: HeardTrack
    listen: HeardTrack
    kept: Moments[StreamState] = field(default_factory=Moments[StreamState])


@final
class ModelStage:
    """A ``Stage``. On a CPU every performance is a stream by itself, turn by turn; on a GPU they move together."""

    def __init__(self, config: StageConfig) -> None:
        """Load, warm up and try how fast it is; a CPU too slow for all places asked for streams in the way of a laptop.

        Raises:
            ConfigError: the model cannot stream.
            WeightsError: no weights there, or damaged ones.
        """
        self._device = torch.device(config.device)
        if self._device.type == "cpu":
            torch.set_num_threads(config.threads or usable_cores())
        self._model = load_model(bundled.folder("nano") if config.model is None else config.model, self._device)
        self.online = config.online or online_of(self._model)
        if self._device.type == "cpu":
            fit_to_cpu(self._model)
            blocks = [block for network in self._model.streaming_networks() for block in network.blocks]
            for part in (*blocks, self._model.own_parts().vae.decoder):
                part.register_forward_pre_hook(self._refuse_unwanted)
        self._wanted = always_wanted
        self._rows: dict[str, _Row] = {}
        self._shared: OnlineStream | None = None
        if self._device.type != "cpu":
            for part in (*self._model.streaming_networks(), self._model.vae):
                part.to(torch.bfloat16)  # and no autocast, under which steps are not recorded
            places = config.places or _GPU_PLACES
            slots = [ReferenceSlot(kind=ReferenceKind(key.kind), subtype=key.subtype) for key in reference_rigs()]
            self._shared = OnlineStream(self._model, places, slots, online=self.online)
        self.facts = self._tried(config.places)
        if self._device.type == "cpu" and config.threads is None and torch.get_num_threads() > 1:
            self._try_alone(config.places)
        slot_s = self.facts.chunk_frames / FRAME_RATE_HZ
        if self._device.type == "cpu" and (config.places or 1) * self.facts.chunk_s > _SHARE * slot_s:
            full, self.online = self.online, self.online.for_laptop()
            lighter = self._tried(config.places)
            if lighter.chunk_s < self.facts.chunk_s:
                self.facts = lighter
            else:
                self.online = full

    def _try_alone(self, places: int | None) -> None:
        """One thread, if that is faster: where another process has the other cores, threads wait for one another."""
        together, num_threads = self.facts, torch.get_num_threads()
        torch.set_num_threads(1)
        alone = self._tried(places)
        if alone.chunk_s < _ALONE * together.chunk_s:
            self.facts = alone
        else:
            torch.set_num_threads(num_threads)
        seconds = {"together_s": together.chunk_s, "alone_s": alone.chunk_s}
        _log.info("threads were tried", extra={"threads": torch.get_num_threads(), **seconds})

    def join(self, performance: str, role: Role) -> None:
        speak, listen = HeardTrack(), HeardTrack()
        request = StreamRequest(
            references=role.references, speak=speak, listen=listen, caption=role.caption, seed=role.seed
        )
        stream, place = self._room([reference.slot for reference in role.references])
        stream.join(place, request)
        self._rows[performance] = _Row(stream, place, speak, listen)

    def leave(self, performance: str) -> None:
        row = self._rows.pop(performance, None)
        if row is not None:
            row.stream.leave(row.place)

    def make(self, orders: list[Order], wanted: Callable[[], bool] = always_wanted) -> list[Chunk]:
        rows = [self._rows[order.performance] for order in orders]
        for order, row in zip(orders, rows, strict=True):
            self._prepare(order, row)
        self._wanted = wanted if all(order.keep for order in orders) else always_wanted
        try:
            frames_BFCHW = rows[0].stream.next_chunk([row.place for row in rows])
        except NotWantedError:
            for order, row in zip(orders, rows, strict=True):
                before = row.kept.before(order.ticket)
                assert before is not None
                row.stream.restore(row.place, before)
            raise
        finally:
            self._wanted = always_wanted
        pictures_BFHWC = frames_BFCHW[[row.place for row in rows]].mul(255).round().byte().permute(0, 1, 3, 4, 2)
        return [
            Chunk(performance=order.performance, ticket=order.ticket, pictures_FHWC=_array(pictures_FHWC))
            for order, pictures_FHWC in zip(orders, pictures_BFHWC.cpu(), strict=True)
        ]

    def _refuse_unwanted(self, *_: Any) -> None:
        """Runs before every block of a step, and before decoding."""
        if not self._wanted():
            raise NotWantedError

    def save(self, performance: str) -> bytes:
        row = self._rows[performance]
        file = io.BytesIO()
        torch.save(row.stream.snapshot(row.place), file)
        return file.getvalue()

    def restore(self, performance: str, saved: bytes) -> None:
        state: StreamState = torch.load(io.BytesIO(saved), map_location=self._device, weights_only=False)
        stream, place = self._room([reference.slot for reference in state.request.references])
        stream.restore(place, state)
        speak, listen = _track(state.request.speak), _track(state.request.listen)
        self._rows[performance] = _Row(stream, place, speak, listen)

    def _room(self, slots: list[ReferenceSlot]) -> tuple[OnlineStream, int]:
        if self._shared is None:
            return OnlineStream(self._model, 1, slots, online=self.online), 0
        taken = {row.place for row in self._rows.values()}
        return self._shared, next(place for place in range(self._shared.num_rows) if place not in taken)

    def _prepare(self, order: Order, row: _Row) -> None:
        stream, place = row.stream, row.place
        before = None if order.back is None else row.kept.back_to(order.back)
        if before is not None:
            stream.restore(place, before)
        row.kept.keep(order.ticket, stream.snapshot(place) if order.keep else None)
        frame = stream.position(place)
        row.speak.write(samples_at_frame(frame), order.speak_A)
        row.listen.write(samples_at_frame(frame), order.listen_A)
        if order.caption is not None:
            stream.set_caption(place, order.caption)
        if order.motion_FM is not None and self._model.choreographer is None:
            stream.set_motion(place, MotionTrack(order.motion_FM, POSE_M, first_frame=frame))

    def _tried(self, places: int | None) -> StageFacts:
        """A performer that nobody sees makes a few chunks."""
        size = self._model.config.picture_size
        picture_HWC = np.full((size, size, 3), 128, np.uint8)
        self.join("", Role(references=(Reference(kind=ReferenceKind.GLOBAL, picture_HWC=picture_HWC),)))
        row = self._rows[""]
        chunk_frames = row.stream.frames_per_chunk
        speak_end, listen_end = row.stream.samples_needed(row.place)
        end = samples_at_frame(chunk_frames)
        seconds: list[float] = []
        for ticket in range(_TRIALS if self._shared is None else _TRIALS + _UNRECORDED):
            order = Order.silent("", ticket, speak=speak_end, listen=listen_end, num_frames=chunk_frames)
            started_s = time.perf_counter()
            self.make([order])
            seconds.append(time.perf_counter() - started_s)
        self.leave("")
        chunk_s = statistics.median(seconds[1 if self._shared is None else _UNRECORDED :])
        batch = 1 if self._shared is None else self._shared.num_rows
        found = max(int(_SHARE * chunk_frames / FRAME_RATE_HZ / chunk_s) * batch, 1)
        return StageFacts(
            size=size,
            chunk_frames=chunk_frames,
            speak_ahead=speak_end - end,
            listen_ahead=listen_end - end,
            batch=batch,
            chunk_s=chunk_s,
            places=places or (found if self._shared is None else min(found, batch)),
        )


def _track(source: AudioSource) -> HeardTrack:
    assert isinstance(source, HeardTrack)
    return source


def _array(pictures_FHWC: torch.Tensor) -> NDArray[np.uint8]:
    return np.ascontiguousarray(pictures_FHWC.numpy())
