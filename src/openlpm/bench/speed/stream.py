"""One stream, from the sound of a chunk to its pictures on the host, in steps that lie on one device or on several."""

from dataclasses import dataclass, replace
from typing import Any, final

import torch
from torch import Tensor

from openlpm.bench.speed.network import (
    ChunkDecoder,
    VoiceEncoder,
    decoder_of_chance,
    transformer_of_chance,
    voice_encoder,
)
from openlpm.bench.speed.setting import SLOTS, Attention, SpeedSetting, Way
from openlpm.core.errors import ConfigError
from openlpm.dit.condition import Condition
from openlpm.dit.fast_block import hasten
from openlpm.dit.model import CharacterTransformer
from openlpm.nn.attention import Attend
from openlpm.nn.memory import MemoryConfig
from openlpm.nn.ring import RingMemory
from openlpm.nn.streaming import Referring
from openlpm.parallel.narrow import to_fp8
from openlpm.parallel.recorder import Recorder, Tensors
from openlpm.parallel.sequence import ColumnSplit
from openlpm.rollout.chunk import Chunk, ChunkMaker, Draft, StreamTexts

MINUTE_FRAMES = 60 * 6


@final
@dataclass(frozen=True, kw_only=True, slots=True)
class Heard:
    """What a chunk is made from."""

    noise_NBCTHW: Tensor
    condition: Condition


@final
class SpeedStream:
    """A running stream whose memory is full; ``first`` makes chunks, ``last`` refines and shows them."""

    def __init__(
        self,
        setting: SpeedSetting,
        first: torch.device,
        last: torch.device,
        dtype: torch.dtype,
        split: ColumnSplit | None = None,
    ) -> None:
        self.setting, self.first, self.last, self.dtype, self.split = setting, first, last, dtype, split
        self.backbone = transformer_of_chance(setting.dit, first, dtype)
        self.refiner = self.backbone if last == first else transformer_of_chance(setting.dit, last, dtype)
        if setting.fp8:  # before there is a memory, so that wide weights never lie beside it
            self._narrow()
        with torch.random.fork_rng(devices=[last] if last.type == "cuda" else []):
            torch.manual_seed(0)  # the same in every process
            self.voices: VoiceEncoder = voice_encoder(setting.dit, last, dtype)
            self.decoder: ChunkDecoder = decoder_of_chance(setting, last, dtype)
        self._maker = ChunkMaker(
            online=setting.online,
            backbone=self.backbone,
            refiner=self.refiner,
            tells_once=True,
            around=self._around,
        )
        self._memories = (self._ring(first), self._ring(last))
        self._texts: StreamTexts | None = None
        self._text_BLD = torch.empty(0)
        self._decoded: Any = None
        self._recorder: Recorder | None = None
        self.restart()

    def networks(self) -> list[CharacterTransformer]:
        """The transformers, each once."""
        return [self.backbone] if self.refiner is self.backbone else [self.backbone, self.refiner]

    def _narrow(self) -> None:
        for network in self.networks():
            to_fp8(network)
        for device in {self.first, self.last}:
            if device.type == "cuda":
                torch.cuda.empty_cache()
                torch.cuda.reset_peak_memory_stats(device)

    def quicken(self, way: Way) -> None:
        """Do what stands around attention otherwise than operation by operation."""
        for network in self.networks():
            if way is Way.KERNELS and self.setting.fp8:
                hasten(network)
            elif way is not Way.EAGER:
                network.compile_around_attention()

    def record(self) -> None:
        """From now on a chunk is one launch: its kernels are recorded when they have run twice.

        Raises:
            ConfigError: the plan works on several devices in one process.
        """
        if self.first != self.last:
            raise ConfigError("stages: a recording is of one device; use plan one or columns")
        self._recorder = Recorder(self.first) if self.first.type == "cuda" else None

    @torch.inference_mode()
    def say(self, text_BLD: Tensor) -> None:
        """Other words from the next chunk on, written over those that were read: nothing compiles or records anew."""
        self._text_BLD.copy_(text_BLD)
        assert self._texts is not None
        for network, read in ((self.backbone, self._texts.backbone), (self.refiner, self._texts.refiner)):
            if read is not None:
                read.overwrite(network.read_text(self._text_BLD.to(read.text_BLD.device)))

    @torch.inference_mode()
    def restart(self, seed: int = 1) -> None:
        """Begin anew with references read, words read and a memory that is full; the same for every ``seed``."""
        self._draw = torch.Generator().manual_seed(seed)
        self._noise = torch.Generator(device=self.first).manual_seed(seed)
        self._text_BLD = self._random(1, self.setting.dit.text_tokens, self.setting.dit.text_width).to(self.first)
        # Each network reads where it lies.
        apart = self.refiner is not self.backbone
        self._texts = StreamTexts(
            backbone=self.backbone.read_text(self._text_BLD),
            refiner=self.refiner.read_text(self._text_BLD.to(self.last)) if apart else None,
        )
        channels, (rows, columns) = self.setting.dit.latent_channels, self.setting.latents
        references = self._mine(self._random(1, channels, len(SLOTS), rows, columns))
        for network, memory, device in zip(
            (self.backbone, self.refiner), self._memories, (self.first, self.last), strict=True
        ):
            memory.reset(0)
            memory.show_references(None)
            self._refer(network, memory, references.to(device))
            self._fill(memory, device)
            memory.nothing_hidden = True
        self._decoded = None
        if self._recorder is not None:  # what it has recorded reads other words
            self.record()

    @torch.inference_mode()
    def skip_to_minute(self, minute: int) -> None:
        """Let the stream be so old; what it remembers stays."""
        for memory in self._memories:
            memory.num_committed.fill_(minute * MINUTE_FRAMES)

    def sound(self) -> Tensor:
        """Spectra of both voices, ready on the host when a chunk's sound is complete."""
        return torch.randn(2, self.voices.num_tokens, 256, generator=self._draw).to(self.dtype)

    def hear(self, sound_VLM: Tensor) -> Heard:
        """Voices to tokens, on the last device; noise is drawn, and all goes where chunks are made."""
        setting, online = self.setting, self.setting.online
        speak, listen = setting.dit.speak, setting.dit.listen
        assert speak is not None
        assert listen is not None
        counts = (speak.num_tokens(online.chunk_frames), listen.num_tokens(online.chunk_frames))
        speak_BLD, listen_BLD = self._voices(sound_VLM, counts)
        shape = (online.num_noises, 1, setting.dit.latent_channels, online.chunk_frames, *setting.latents)
        noise_NBCTHW = torch.randn(shape, generator=self._noise, device=self.first)
        condition = Condition(
            text_BLD=self._text_BLD, speak_BLD=speak_BLD.to(self.first), listen_BLD=listen_BLD.to(self.first)
        )
        return Heard(noise_NBCTHW=self._mine(noise_NBCTHW), condition=condition)

    def draft(self, heard: Heard) -> Draft:
        """The backbone's steps, on the first device; the draft goes to the last."""
        draft = self._maker.draft(self._memories[0], heard.noise_NBCTHW, heard.condition, texts=self._texts)
        if self.last == self.first:
            return draft
        assert draft.noise_BCTHW is not None
        told = draft.condition
        assert told.speak_BLD is not None
        assert told.listen_BLD is not None
        return replace(
            draft,
            latents_BCTHW=draft.latents_BCTHW.to(self.last),
            noise_BCTHW=draft.noise_BCTHW.to(self.last),
            told=None,
            condition=replace(
                told,
                text_BLD=told.text_BLD.to(self.last),
                speak_BLD=told.speak_BLD.to(self.last),
                listen_BLD=told.listen_BLD.to(self.last),
            ),
        )

    def refine(self, draft: Draft) -> Chunk:
        """The refiner's step, on the last device."""
        return self._maker.refine(self._memories[1], draft)

    def make(self, heard: Heard) -> Tensor:
        """Latents of a chunk, whole: the draft, its refinement, and what other processes have of it."""
        if self._recorder is None:
            return self._made(heard)
        speak_BLD, listen_BLD = heard.condition.speak_BLD, heard.condition.listen_BLD
        assert speak_BLD is not None
        assert listen_BLD is not None
        given = {"noise_NBCTHW": heard.noise_NBCTHW, "speak_BLD": speak_BLD, "listen_BLD": listen_BLD}
        # Words and memories are read where they lie; only a memory that hides something is another recording.
        key = tuple(memory.nothing_hidden for memory in self._memories)
        return self._recorder.run(key, self._made_of, given)["latents_BCTHW"]

    def _made_of(self, given: Tensors) -> Tensors:
        condition = Condition(text_BLD=self._text_BLD, speak_BLD=given["speak_BLD"], listen_BLD=given["listen_BLD"])
        heard = Heard(noise_NBCTHW=given["noise_NBCTHW"], condition=condition)
        return {"latents_BCTHW": self._made(heard)}

    def _voices(self, sound_VLM: Tensor, counts: tuple[int, int]) -> tuple[Tensor, Tensor]:
        """Tokens of both voices; of several processes the first alone reads them, and tells the others in time."""
        if self.split is None or not self.split.rank:
            return self.voices(sound_VLM.to(self.last, non_blocking=True), counts)
        speak, listen = (
            torch.zeros(1, count, self.voices.width, dtype=self.dtype, device=self.last) for count in counts
        )
        return speak, listen

    def _made(self, heard: Heard) -> Tensor:
        if self.split is not None:
            speak_BLD, listen_BLD = heard.condition.speak_BLD, heard.condition.listen_BLD
            assert speak_BLD is not None
            assert listen_BLD is not None
            told = speak_BLD.contiguous(), listen_BLD.contiguous()
            self.split.from_first(*told)
            heard = replace(heard, condition=replace(heard.condition, speak_BLD=told[0], listen_BLD=told[1]))
        latents_BCTHW = self.refine(self.draft(heard)).latents_BCTHW
        return latents_BCTHW if self.split is None else self.split.joined(latents_BCTHW)

    def show(self, latents_BCTHW: Tensor) -> Tensor:
        """Pictures (F, H, W, 3) in 8 bits on the host; of several processes the last alone shows them."""
        if self.split is not None and not self.split.is_last:
            return torch.empty(0)
        video_BCFHW, self._decoded = self.decoder.decode(latents_BCTHW.to(self.dtype), self._decoded)
        bytes_BFHWC = video_BCFHW.float().add(1).mul(127.5).round().clamp(0, 255).to(torch.uint8).permute(0, 2, 3, 4, 1)
        return bytes_BFHWC[0].contiguous().cpu()

    def _refer(self, network: CharacterTransformer, memory: RingMemory, references_BCJHW: Tensor) -> None:
        device = references_BCJHW.device
        places_J = network.reference_positions(SLOTS, device)
        with torch.compiler.set_stance("force_eager"):  # once: to compile it takes longer than to do it
            network(
                references_BCJHW,
                torch.zeros(1, len(SLOTS), device=device),
                Condition(text_BLD=self._text_BLD.to(device)),
                attend=self._around(Referring(memories=(memory,)), places_J),
                positions_T=places_J,
            )

    def _fill(self, memory: RingMemory, device: torch.device) -> None:
        """A past of chance: on zeros a device takes less power, and runs faster than it will."""
        shape, draw = memory.shape, torch.Generator(device=device).manual_seed(2)
        size = (1, shape.chunk_frames * shape.tokens_per_frame, shape.num_heads, shape.head_width)
        for _ in range(-(-memory.config.num_frames // shape.chunk_frames)):
            memory.open_chunk(shape.chunk_frames)
            for layer in range(shape.num_layers):
                key_BSNK, value_BSNK = (torch.randn(size, generator=draw, device=device).to(self.dtype) for _ in "kv")
                memory.look(layer, key_BSNK, value_BSNK)
                memory.stage(layer, key_BSNK, value_BSNK)
            memory.commit()

    def _around(self, attend: Attend, positions_T: Tensor) -> Attend:
        if self.split is None:
            return attend
        return self.split.around(attend, positions_T, self.setting.dit.head_width)

    def _mine(self, whole_W: Tensor) -> Tensor:
        return whole_W if self.split is None else self.split.mine(whole_W)

    def _ring(self, device: torch.device) -> RingMemory:
        config: MemoryConfig = self.setting.online.memory
        ring = RingMemory(
            config,
            self.setting.ring,
            dtype=self.dtype,
            device=device,
            last_is_kept=True,
            narrow=self.setting.attention is Attention.FP8,
        )
        ring.flash = self.setting.attention is Attention.FLASH
        return ring

    def _random(self, *shape: int) -> Tensor:
        return torch.randn(shape, generator=self._draw)
