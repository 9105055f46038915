"""A choreographer at work: the motion of streams side by side, a chunk at a time, and of requests window by window."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import final

import torch
from jaxtyping import Float
from torch import Tensor

from openlpm.core.audio import SILENCE, AudioSource
from openlpm.core.motion import MOTION_CHANNELS
from openlpm.core.rig import MOUTH_CHANNELS
from openlpm.core.units import FRAME_RATE_HZ
from openlpm.dit.block import Told
from openlpm.dit.condition import Condition
from openlpm.flow.guidance import guided, separate_passes
from openlpm.flow.path import interpolate
from openlpm.flow.sampler import adams_steps
from openlpm.flow.schedule import uniform_times
from openlpm.nn.ring import RingMemory, RingShape, RowMemory
from openlpm.nn.streaming import Streaming
from openlpm.parallel.recorder import Tensors
from openlpm.rollout.choreographer import Choreographer, ages_of, clock, untold
from openlpm.rollout.conditioning import audio_span, kept_by, sent, speech_of_rows
from openlpm.rollout.request import GenerationRequest

_SALT = 0x0C0DE
"""Keeps its noise apart from that of pictures of the same seed."""


def _is_of_mouth(frames_per_latent: int) -> Tensor:
    """Which numbers of a latent frame are of the mouth, (X, 1, 1, 1)."""
    mouth_M = torch.tensor([channel in MOUTH_CHANNELS for channel in MOTION_CHANNELS])
    return mouth_M.tile(frames_per_latent)[:, None, None, None]


@final
@dataclass(kw_only=True, slots=True)
class _Row:
    generator: torch.Generator
    next_frame: int = 0
    told_at: int | None = None
    """The latent frame with which its words came; None: there are none."""


@final
@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class ChoreographyState:
    """A row between two chunks, copied."""

    noise: Tensor
    next_frame: int
    told_at: int | None
    text_LD: Tensor
    memory: RowMemory


@final
class Choreography:
    """``num_rows`` performers whose motion is made chunk by chunk; rows are independent, as in ``OnlineStream``.

    ``given`` reads what the next chunk hears, ``make`` computes on the device alone and may be recorded.
    """

    @torch.inference_mode()
    def __init__(self, model: Choreographer, num_rows: int) -> None:
        config = model.config
        self.model = model
        shape = RingShape(
            num_rows=num_rows,
            num_layers=config.dit.num_layers,
            num_heads=config.dit.num_heads,
            head_width=config.dit.head_width,
            grid=(1, 1),
            chunk_frames=config.chunk_frames,
            num_references=0,
        )
        weight = model.dit.head.weight
        self._ring = RingMemory(config.memory, shape, dtype=weight.dtype, device=model.device)
        self._text_BLD = weight.new_zeros(num_rows, config.text.num_tokens, config.text.width)
        self._rows: list[_Row | None] = [None] * num_rows
        # Not in a ladder: who is told nothing would hear nothing there, and most listeners are told nothing.
        self._passes = separate_passes(config.guidance)
        self._spoken_X = _is_of_mouth(config.frames_per_latent).to(model.device)
        self._times = uniform_times(config.steps, shift=config.time_shift)

    def samples_needed(self, first_frame: int) -> tuple[int, int]:
        """How much of both voices the chunk from a latent frame on hears, in samples since the stream began."""
        config, frames = self.model.config, self.model.config.chunk_frames
        assert config.dit.speak is not None
        assert config.dit.listen is not None
        speak = audio_span(self.model.speak, config.dit.speak, first_frame, frames)
        listen = audio_span(self.model.listen, config.dit.listen, first_frame, frames)
        return speak.start_sample + speak.num_samples, listen.start_sample + listen.num_samples

    @torch.inference_mode()
    def join(self, row: int, *, seed: int, caption: str) -> None:
        """Begin with a performer; whoever was there is gone."""
        self._ring.reset(row)
        self._rows[row] = _Row(generator=torch.Generator().manual_seed(seed ^ _SALT))
        self.set_caption(row, caption)

    def leave(self, row: int) -> None:
        """End with a performer."""
        self._rows[row] = None

    @torch.inference_mode()
    def set_caption(self, row: int, caption: str) -> None:
        """Other words, from the next chunk on."""
        there = self._rows[row]
        assert there is not None
        text = self.model.text
        self._text_BLD[row] = text(text.prepare([caption]).to(self.model.device))[0]
        there.told_at = there.next_frame if caption else None

    def given(self, speak: Sequence[AudioSource | None], listen: Sequence[AudioSource | None]) -> Tensors:
        """What the next chunk of rows hears and draws; None is a row that does not move."""
        config, device = self.model.config, self.model.device
        frames, branches = config.chunk_frames, config.dit
        assert branches.speak is not None
        assert branches.listen is not None
        rows = [None if source is None else row for source, row in zip(speak, self._rows, strict=True)]
        firsts = [0 if row is None else row.next_frame for row in rows]
        shape = (2, config.dit.latent_channels, frames, 1, 1)
        noise = [torch.zeros(shape) if row is None else torch.randn(shape, generator=row.generator) for row in rows]
        told_at = [None if row is None else row.told_at for row in rows]
        clock_BTC = clock(ages_of(told_at, firsts, frames, config.frames_per_latent))
        own, partner = ([source or SILENCE for source in sources] for sources in (speak, listen))
        return {
            "plan_noise_NBXT11": sent(torch.stack(noise, dim=1), device),
            "plan_clock_BTC": sent(clock_BTC, device),
            "plan_speak_BLD": speech_of_rows(self.model.speak, branches.speak, own, firsts, frames),
            "plan_listen_BLD": speech_of_rows(self.model.listen, branches.listen, partner, firsts, frames),
        }

    def make(self, given: Tensors, moving_B: Tensor | None) -> Float[Tensor, "B T X"]:
        """The motion of the next chunk of every row, remembered in those that move (None: all)."""
        with torch.autocast(self.model.device.type, enabled=False):
            return self._make(given, moving_B)

    def _make(self, given: Tensors, moving_B: Tensor | None) -> Tensor:
        dit, ring, config = self.model.dit, self._ring, self.model.config
        noise_NBXT11 = given["plan_noise_NBXT11"]
        condition = Condition(
            text_BLD=self._text_BLD,
            speak_BLD=given["plan_speak_BLD"],
            listen_BLD=given["plan_listen_BLD"],
            motion_BTM=given["plan_clock_BTC"],
        )
        shape = noise_NBXT11.shape[1:]
        known = [condition if each.kept.text else untold(condition) for each in self._passes]
        passes = [dit.tell(kept_by(one, each), shape) for one, each in zip(known, self._passes, strict=True)]
        told = passes[0]
        positions_BT = ring.open_chunk(config.chunk_frames)

        def seen(told: Told, sample: Tensor, time_B: Tensor, *, record: bool = False) -> Tensor:
            return dit(sample, time_B, told, attend=Streaming(ring, record=record), positions_T=positions_BT)

        def denoise(sample: Tensor, time_B: Tensor) -> Tensor:
            outputs = [seen(each, sample, time_B) for each in passes]
            # What moves with the own voice follows that: neither words nor the partner are to be leant on there.
            return torch.where(self._spoken_X, outputs[0], guided(outputs, self._passes))

        made_BXT11 = noise_NBXT11[0]
        for step in adams_steps(denoise, noise_NBXT11[0], self._times, prediction=config.dit.prediction):
            made_BXT11 = step.sample_BCTHW
        motion_BTX = self.model.to_motion(made_BXT11)
        made_BXT11 = self.model.to_latents(motion_BTX)  # within its ranges, what is remembered too
        time_B = torch.full((len(made_BXT11),), config.history_time, device=made_BXT11.device)
        seen(told, interpolate(made_BXT11, noise_NBXT11[1], time_B), time_B, record=True)
        ring.commit(moving_B)
        return motion_BTX

    def move(self, rows: Sequence[int]) -> None:
        """Account for a finished chunk."""
        for row in rows:
            there = self._rows[row]
            assert there is not None
            there.next_frame += self.model.config.chunk_frames

    def snapshot(self, row: int) -> ChoreographyState:
        """Everything that the rest of a performance depends on."""
        there = self._rows[row]
        assert there is not None
        return ChoreographyState(
            noise=there.generator.get_state(),
            next_frame=there.next_frame,
            told_at=there.told_at,
            text_LD=self._text_BLD[row].clone(),
            memory=self._ring.snapshot(row),
        )

    @torch.inference_mode()
    def restore(self, row: int, saved: ChoreographyState) -> None:
        """Go on in a place with a performance where it was saved."""
        generator = torch.Generator()
        generator.set_state(saved.noise)
        self._rows[row] = _Row(generator=generator, next_frame=saved.next_frame, told_at=saved.told_at)
        self._text_BLD[row] = saved.text_LD
        self._ring.restore(row, saved.memory)


@final
class Choreographed:
    """The motion of requests for one window after another: made as far as it is asked for, forgotten behind that."""

    def __init__(self, model: Choreographer, requests: Sequence[GenerationRequest]) -> None:
        self._work, self._requests = Choreography(model, len(requests)), requests
        for row, request in enumerate(requests):
            self._work.join(row, seed=request.seed, caption=request.caption)
        self._made: list[Tensor] = []
        self._first, self._chunk = 0, model.config.chunk_frames
        """The latent frame that the oldest chunk begins with."""
        seconds = model.config.frames_per_latent / FRAME_RATE_HZ
        self._told = sorted(
            (
                (prompt.at_s / seconds, row, prompt.caption)
                for row, each in enumerate(requests)
                for prompt in each.prompts
            ),
            key=lambda one: one[0],
        )

    @torch.inference_mode()
    def window(self, first_frame: int, num_frames: int) -> Float[Tensor, "B T X"]:
        """The motion of ``num_frames`` latent frames; ``first_frame`` never goes back."""
        while self._first + self._chunk <= first_frame:
            if self._made:
                self._made.pop(0)
            else:
                self._next()
                self._made.pop(0)
            self._first += self._chunk
        while self._first + self._chunk * len(self._made) < first_frame + num_frames:
            self._next()
        start = first_frame - self._first
        return torch.cat(self._made, dim=1)[:, start : start + num_frames]

    def _next(self) -> None:
        begins = self._first + self._chunk * len(self._made)
        while self._told and self._told[0][0] <= begins:
            _, row, caption = self._told.pop(0)
            self._work.set_caption(row, caption)
        given = self._work.given([each.speak for each in self._requests], [each.listen for each in self._requests])
        self._made.append(self._work.make(given, None))
        self._work.move(range(len(self._requests)))
