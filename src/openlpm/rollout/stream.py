"""Streams without end: rows that join, pause and leave, and a chunk of pictures for all of them at a time."""

from collections.abc import Collection, Sequence
from dataclasses import replace
from typing import final

import torch
from jaxtyping import Float
from torch import Tensor

from openlpm.core.errors import ConfigError
from openlpm.core.motion import MotionTrack
from openlpm.core.units import FRAME_RATE_HZ
from openlpm.dit.condition import Condition, ReferenceSlot
from openlpm.dit.references import remember_references
from openlpm.nn.by_heads import is_faster
from openlpm.nn.ring import RingMemory, RingShape
from openlpm.nn.streaming import Referring
from openlpm.parallel.recorder import Recorder, Tensors
from openlpm.rollout.assembly import CharacterModel, check_motion, wrong_size
from openlpm.rollout.choreography import Choreography
from openlpm.rollout.chunk import ChunkMaker, StreamMemories, StreamTexts
from openlpm.rollout.conditioning import audio_span, pictures_to_tensor, sent
from openlpm.rollout.decoding import decoded, silent_state
from openlpm.rollout.direction import directed
from openlpm.rollout.online import OnlineConfig
from openlpm.rollout.request import StreamRequest
from openlpm.rollout.rows import Row, StreamState, condition_of, noise_of

_PLAN = "planned_B11"
"""Which rows a choreographer leads; not among what is given where none asks for one."""


def online_of(model: CharacterModel) -> OnlineConfig:
    """How a model streams.

    Raises:
        ConfigError: it was never taught to.
    """
    if model.config.online is None:
        raise ConfigError(
            f"{model.config.name} cannot stream: its config.json has no `online`, because it has not been distilled "
            "into a causal model of few steps; generate without --online, or give --model one that has"
        )
    return model.config.online


@final
class OnlineStream:
    """``num_rows`` places for streams, each with its own performer, conditions, noise, position and past.

    Every call of ``next_chunk`` makes one chunk for the rows that move. Whatever changes in between (voices, words,
    motion, who is there) holds from the next chunk on. Parts may be of narrow types (``model.dit.bfloat16()``): samples
    stay in float32. Built under autocast, it remembers in the type of autocast.

    On a GPU the steps of a chunk are recorded as CUDA graphs when they have run twice and launched as one from then on,
    whoever joins, moves or leaves: one recording is of rows that are all full, another of rows that may not be.
    """

    @torch.inference_mode()
    def __init__(
        self,
        model: CharacterModel,
        num_rows: int,
        slots: Sequence[ReferenceSlot],
        *,
        online: OnlineConfig | None = None,
        record: bool = True,
    ) -> None:
        """Make room for ``num_rows`` streams whose references are among ``slots``.

        ``online`` says how to stream, where that is not to be the way that the model was taught. A model with a
        refiner's time and no refiner of its own refines with its backbone. ``record``: False leaves steps unrecorded,
        for whoever replaces weights while streams run.

        Raises:
            ConfigError: the model cannot stream.
        """
        online = online_of(model) if online is None else online
        refining = online.refiner_time is not None
        config, device, weight = model.config, model.device, model.streaming.head.weight
        self._vae_type = next(model.vae.parameters()).dtype
        self._sample_type = torch.promote_types(weight.dtype, torch.float32)
        self.model, self.online, self.slots = model, online, tuple(slots)
        refiner = model.streaming if model.refiner is None else model.refiner
        self.maker = ChunkMaker(
            online=online, backbone=model.streaming, refiner=refiner if refining else None, tells_once=True
        )
        rows, columns = config.latents
        shape = RingShape(
            num_rows=num_rows,
            num_layers=config.dit.num_layers,
            num_heads=config.dit.num_heads,
            head_width=config.dit.head_width,
            grid=(rows // config.dit.patch[1], columns // config.dit.patch[2]),
            chunk_frames=online.chunk_frames,
            num_references=len(slots),
        )
        wide = torch.is_autocast_enabled(device.type)
        dtype = torch.get_autocast_dtype(device.type) if wide else weight.dtype
        rings = [RingMemory(online.memory, shape, dtype=dtype, device=device) for _ in range(1 + refining)]
        if device.type == "cpu" and dtype == torch.float32:
            num_queries = shape.chunk_frames * shape.tokens_per_frame
            for ring in rings:
                ring.by_heads = is_faster(num_queries, ring.num_seen, shape.num_heads, shape.head_width)
        self._rings = tuple(rings)
        self._memories = StreamMemories(backbone=rings[0], refiner=rings[1] if refining else None)
        self._latent_shape = (config.vae.latent_channels, online.chunk_frames, rows, columns)
        self._rows: list[Row | None] = [None] * num_rows
        self._plan = None if model.choreographer is None else Choreography(model.choreographer, num_rows)
        still_BCTHW = weight.new_zeros(num_rows, config.vae.latent_channels, 1, rows, columns, dtype=self._sample_type)
        self._decoder = silent_state(model.vae, still_BCTHW.to(self._vae_type))
        self._text_BLD = weight.new_zeros(num_rows, config.text.num_tokens, config.text.width, dtype=self._sample_type)
        self._texts: StreamTexts | None = None
        """What was read in ``_text_BLD``, always in the same place: recordings read it there."""
        self._words_are_new = True
        # What autocast has cast may be thrown away between chunks, and a recording would go on reading it.
        self._recorder = Recorder(device) if record and device.type == "cuda" and not wide else None
        self._references_BJCHW = still_BCTHW.transpose(1, 2).repeat(1, len(slots), 1, 1, 1)

    @property
    def num_rows(self) -> int:
        """Places for streams."""
        return len(self._rows)

    @property
    def frames_per_chunk(self) -> int:
        """Pictures that a chunk adds."""
        return self.online.chunk_frames * self.model.config.vae.frames_per_latent

    def position(self, row: int) -> int:
        """Pictures that a row has made so far."""
        return self._row(row).next_frame * self.model.config.vae.frames_per_latent

    def samples_needed(self, row: int) -> tuple[int, int]:
        """How much of the own voice and of the partner's the next chunk hears, in samples since the stream began."""
        first, branches = self._row(row).next_frame, self.model.config.dit
        assert branches.speak is not None
        assert branches.listen is not None
        speak = audio_span(self.model.speak, branches.speak, first, self.online.chunk_frames)
        listen = audio_span(self.model.listen, branches.listen, first, self.online.chunk_frames)
        ends = (speak.start_sample + speak.num_samples, listen.start_sample + listen.num_samples)
        if self._plan is None:
            return ends
        planned = self._plan.samples_needed(first)
        return max(ends[0], planned[0]), max(ends[1], planned[1])

    @torch.inference_mode()
    def join(self, row: int, request: StreamRequest) -> None:
        """Begin a stream in a place; whoever was there is gone.

        Raises:
            ConfigError: a reference is of another size or of a kind that was not named, or motion cannot be told.
        """
        self._check(request)
        for ring in self._rings:
            ring.reset(row)
        for past in self._decoder.past:
            past[row] = 0
        self._references_BJCHW[row] = 0
        for reference in request.references:
            picture = pictures_to_tensor([reference.picture_HWC], self.model.device).to(self._vae_type)
            self._references_BJCHW[row, self.slots.index(reference.slot)] = self.model.vae.encode_still(picture)[0]
        self._rows[row] = Row(request=request, generator=torch.Generator().manual_seed(request.seed))
        if self._plan is not None:
            self._plan.join(row, seed=request.seed, caption="")
        self._ask(row, request)

    def leave(self, row: int) -> None:
        """End a stream; its place is free."""
        self._rows[row] = None
        if self._plan is not None:
            self._plan.leave(row)

    def is_planned(self, request: StreamRequest) -> bool:
        """Whether a choreographer decides what is free; then what a text orders is told in its turn, too."""
        return request.planned and self._plan is not None

    @torch.inference_mode()
    def set_caption(self, row: int, caption: str) -> None:
        """Other words about the performance, from the next chunk on; what was still to be told is forgotten.

        If a choreographer leads and the words order several things, each is told when it is its turn (``direction``).
        """
        there = self._row(row)
        self._ask(row, replace(there.request, caption=caption, prompts=()))

    def _ask(self, row: int, request: StreamRequest) -> None:
        """Tell the words of a request, those of its prompts when their time comes, counted from now."""
        there = self._row(row)
        told = directed(request) if self.is_planned(request) else request
        now_s = self.position(row) / FRAME_RATE_HZ
        later = tuple(replace(prompt, at_s=prompt.at_s + now_s) for prompt in told.prompts)
        there.request = replace(told, prompts=later)
        self._tell(row, told.caption)

    def _tell(self, row: int, caption: str) -> None:
        there = self._row(row)
        there.request, there.stale = replace(there.request, caption=caption), True
        self._words_are_new = True
        self._text_BLD[row] = self.model.text(self.model.text.prepare([caption]).to(self.model.device))[0]
        if self._plan is not None:
            self._plan.set_caption(row, caption)

    def _tell_what_is_due(self, row: int) -> None:
        there = self._row(row)
        now_s = self.position(row) / FRAME_RATE_HZ
        due = [prompt for prompt in there.request.prompts if prompt.at_s <= now_s]
        if due:
            there.request = replace(there.request, prompts=there.request.prompts[len(due) :])
            self._tell(row, due[-1].caption)

    def set_motion(self, row: int, motion: MotionTrack | None) -> None:
        """Another motion track, from the next chunk on."""
        there = self._row(row)
        request = replace(there.request, motion=motion)
        self._check(request)
        there.request = request

    @torch.inference_mode()
    def next_chunk(self, rows: Collection[int] | None = None) -> Float[Tensor, "B F 3 H W"]:
        """Pictures in [0, 1] of the next chunk of ``rows`` (None: of all streams).

        The other rows do not move, and their pictures mean nothing.
        """
        moving = [row for row, there in enumerate(self._rows) if there is not None and (rows is None or row in rows)]
        if rows is not None and set(rows) - set(moving):
            raise ConfigError(f"rows={sorted(set(rows) - set(moving))}: nobody is there; let a stream join first")
        if not moving:
            raise ConfigError("rows: no stream is to move; let one join, or name one")
        for row in moving:
            self._tell_what_is_due(row)
        self._read_references(moving)
        self._read_texts()
        rows_B = [there if row in moving else None for row, there in enumerate(self._rows)]
        full = all(self._row(row).is_full(self.online.memory, self.slots) for row in moving)
        for ring in self._rings:
            ring.nothing_hidden = full
        given = self._given(rows_B)
        if self._recorder is None or torch.is_autocast_enabled(self.model.device.type):
            video_BFCHW = self._make(given)["video_BFCHW"]
        else:
            video_BFCHW = self._recorder.run((full, _PLAN in given), self._make, given)["video_BFCHW"]
        for row in moving:
            self._row(row).move(self.online.chunk_frames)
        if self._plan is not None:
            self._plan.move(moving)
        return video_BFCHW

    def _given(self, rows_B: Sequence[Row | None]) -> Tensors:
        """What changes from chunk to chunk; on its way to the device, for which nobody waits."""
        device = self.model.device
        noise_NBCTHW = noise_of(rows_B, (self.online.num_noises, *self._latent_shape))
        condition = condition_of(self.model, rows_B, self._text_BLD, self.online.chunk_frames)
        told = {
            "speak_BLD": condition.speak_BLD,
            "listen_BLD": condition.listen_BLD,
            "motion_BTM": condition.motion_BTM,
            "motion_given_BTM": condition.motion_given_BTM,
        }
        given = {name: value for name, value in told.items() if value is not None}
        given["noise_NBCTHW"] = sent(noise_NBCTHW, device).to(self._sample_type)
        if self._plan is not None and any(row is not None and row.request.planned for row in rows_B):
            heard = [None if row is None else row.request for row in rows_B]
            voices = [(None, None) if each is None else (each.speak, each.listen) for each in heard]
            given |= self._plan.given([own for own, _ in voices], [partner for _, partner in voices])
            planned_B = torch.tensor([row is not None and row.is_planned for row in rows_B])
            given[_PLAN] = sent(planned_B[:, None, None], device)
        if self._recorder is not None or None in rows_B:
            given["moving_B"] = sent(torch.tensor([row is not None for row in rows_B]), device)
        return given

    def _make(self, given: Tensors) -> Tensors:
        """A chunk; what remembers is changed in place, and whatever else it reads stays where it lies."""
        moving_B, motion_BTM = given.get("moving_B"), given.get("motion_BTM")
        given_BTM = given.get("motion_given_BTM")
        if self._plan is not None and _PLAN in given and motion_BTM is not None and given_BTM is not None:
            planned_BTM = self._plan.make(given, moving_B).to(motion_BTM.dtype)
            motion_BTM = torch.where(given_BTM, motion_BTM, planned_BTM)
            given_BTM = given_BTM | given[_PLAN]
        condition = Condition(
            text_BLD=self._text_BLD,
            speak_BLD=given["speak_BLD"],
            listen_BLD=given["listen_BLD"],
            motion_BTM=motion_BTM,
            motion_given_BTM=given_BTM,
        )
        chunk = self.maker.make(self._memories, given["noise_NBCTHW"], condition, moving_B=moving_B, texts=self._texts)
        video_BCFHW, state = decoded(self.model.vae, chunk.latents_BCTHW.to(self._vae_type), self._decoder)
        for past, new in zip(self._decoder.past, state.past, strict=True):
            moves = None if moving_B is None else moving_B.view(-1, *[1] * (past.ndim - 1))
            past.copy_(new if moves is None else torch.where(moves, new, past))
        return {"video_BFCHW": video_BCFHW.float().add_(1).mul_(0.5).clamp_(0, 1).transpose(1, 2)}

    def snapshot(self, row: int) -> StreamState:
        """Everything that the rest of a stream depends on."""
        there = self._row(row)
        return StreamState(
            request=there.request,
            next_frame=there.next_frame,
            stale=there.stale,
            noise=there.generator.get_state(),
            text_LD=self._text_BLD[row].clone(),
            references_JCHW=self._references_BJCHW[row].clone(),
            memories=tuple(ring.snapshot(row) for ring in self._rings),
            decoder=tuple(past[row].clone() for past in self._decoder.past),
            choreography=None if self._plan is None else self._plan.snapshot(row),
        )

    @torch.inference_mode()
    def restore(self, row: int, saved: StreamState) -> None:
        """Go on in a place with a stream where it was saved, here or in another ``OnlineStream`` of the same sizes."""
        generator = torch.Generator()
        generator.set_state(saved.noise)
        self._rows[row] = Row(
            request=saved.request, generator=generator, next_frame=saved.next_frame, stale=saved.stale
        )
        self._words_are_new = True
        self._text_BLD[row] = saved.text_LD
        self._references_BJCHW[row] = saved.references_JCHW
        for ring, memory in zip(self._rings, saved.memories, strict=True):
            ring.restore(row, memory)
        for past, kept in zip(self._decoder.past, saved.decoder, strict=True):
            past[row] = kept
        if self._plan is not None and saved.choreography is not None:
            self._plan.restore(row, saved.choreography)

    def _row(self, row: int) -> Row:
        there = self._rows[row]
        if there is None:
            raise ConfigError(f"row={row}: nobody is there; let a stream join first")
        return there

    def _check(self, request: StreamRequest) -> None:
        config = self.model.config
        for reference in request.references:
            if reference.picture_HWC.shape[:2] != config.picture:
                raise ConfigError(wrong_size(reference.picture_HWC, config))
            if reference.slot not in self.slots:
                raise ConfigError(f"references: {reference.slot} has no place here; name it when the streams are made")
        check_motion(request.motion, config)

    def _read_texts(self) -> None:
        """The words of all rows, where some are new."""
        if not self._words_are_new:
            return
        read = self.maker.read_texts(self._text_BLD)
        if self._texts is None:
            self._texts = read
        else:
            self._texts.overwrite(read)
        self._words_are_new = False

    def _read_references(self, moving: Sequence[int]) -> None:
        """References of rows that are new, have new words, or have left their first frame behind."""
        stale = [row for row in moving if self._row(row).stale]
        if not stale:
            return
        given = [self._row(row).shown(self.slots) for row in stale]
        device = self.model.device
        rows_R, given_RJ = torch.tensor(stale, device=device), torch.tensor(given, device=device)
        readers = [self.maker.backbone] if self.maker.refiner is None else [self.maker.backbone, self.maker.refiner]
        shared = len(readers) == 2 and readers[0] is readers[1]
        for reader, rings in [(readers[0], self._rings)] if shared else zip(readers, zip(self._rings), strict=True):
            remember_references(
                reader,
                self._references_BJCHW[rows_R],
                self.slots,
                self._text_BLD[rows_R],
                Referring(memories=rings, given_BJ=given_RJ, rows_B=rows_R),
            )
