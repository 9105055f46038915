"""From requests to pictures: Base denoises a window, hands its last frames on and goes to the next."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import final

import torch
from jaxtyping import Float
from torch import Tensor

from openlpm.core.errors import ConfigError
from openlpm.core.units import FRAME_RATE_HZ
from openlpm.dit.condition import Condition, ReferenceKind, ReferenceSlot
from openlpm.flow.guidance import GuidancePass, Kept, guidance_passes, guided
from openlpm.flow.path import interpolate
from openlpm.flow.sampler import euler_steps
from openlpm.flow.schedule import uniform_times
from openlpm.nn.attention import Bidirectional
from openlpm.rollout.assembly import CharacterModel, check_motion, wrong_size
from openlpm.rollout.choreography import Choreographed
from openlpm.rollout.chunk import finished
from openlpm.rollout.conditioning import (
    BOUND_FRAMES,
    audio_span,
    kept_by,
    led,
    motion_window,
    pictures_to_tensor,
    read_span,
    speech_tokens,
)
from openlpm.rollout.decoding import VideoState, decoded, silent_state
from openlpm.rollout.direction import directed
from openlpm.rollout.request import GenerationRequest
from openlpm.vae.wan import WanAutoencoder

Progress = Callable[[int, int], None]
"""``progress(frames_done, frames_total)``, called after every denoising step with the share of work done."""


def generate(
    model: CharacterModel, requests: Sequence[GenerationRequest], *, progress: Progress | None = None
) -> Iterator[Float[Tensor, "B F 3 H W"]]:
    """Pictures in [0, 1] of all requests side by side, in blocks of successive frames.

    Memory does not grow with the length: a window of latents, the sound it hears and the decoder's state are all that
    is kept. Every row has its own noise from its own seed, so a request gives the same pictures alone or in company.

    Raises:
        ConfigError: there are no requests, or they differ in length, steps, guidance or kinds of references.
    """
    run = _Run.start(model, requests, progress)
    while run.next_frame < run.num_latent_frames:
        yield run.next_block()


@final
@dataclass(kw_only=True, slots=True)
class _Run:
    """One generation under way."""

    model: CharacterModel
    requests: Sequence[GenerationRequest]
    progress: Progress
    passes: tuple[GuidancePass, ...]
    text_BLD: Tensor
    """Of all prompts of a request, one after another."""
    prompt_BT: Tensor | None
    """Which of them each latent frame of the video is told; None: there is one."""
    references_BJCHW: Tensor
    slots: tuple[ReferenceSlot, ...]
    generators: list[torch.Generator]
    num_latent_frames: int
    choreographed: Choreographed | None
    next_frame: int = 0
    context_BCTHW: Tensor | None = None
    decoder: VideoState | None = None

    @classmethod
    @torch.inference_mode()
    def start(cls, model: CharacterModel, requests: Sequence[GenerationRequest], progress: Progress | None) -> "_Run":
        if not requests:
            raise ConfigError("requests=[]: give at least one")
        first = requests[0]
        slots = tuple(reference.slot for reference in first.references)
        for other in requests[1:]:
            if tuple(reference.slot for reference in other.references) != slots:
                raise ConfigError("requests of one batch need the same kinds of references in the same order")
            for name in ("num_frames", "steps", "guidance", "planned"):
                if getattr(other, name) != getattr(first, name):
                    raise ConfigError(
                        f"requests of one batch need the same {name}: {getattr(first, name)} and {getattr(other, name)}"
                    )
        for reference in (reference for request in requests for reference in request.references):
            if reference.picture_HWC.shape[:2] != model.config.picture:
                raise ConfigError(wrong_size(reference.picture_HWC, model.config))
        for request in requests:
            check_motion(request.motion, model.config)
        if first.planned and model.choreographer is not None:
            requests = [directed(request, end_s=request.num_frames / FRAME_RATE_HZ) for request in requests]
        device = model.device
        stills = [
            model.vae.encode_still(
                pictures_to_tensor([request.references[j].picture_HWC for request in requests], device)
            )
            for j in range(len(slots))
        ]
        num_latent_frames = -(-first.num_frames // model.config.vae.frames_per_latent)
        told = _words(model, requests, num_latent_frames)
        return cls(
            model=model,
            requests=requests,
            progress=progress or (lambda done, total: None),
            passes=guidance_passes(
                first.guidance,
                present=Kept(
                    text=any(any(_told(each)) for each in requests),
                    motion=(first.planned and model.choreographer is not None)
                    or any(each.motion is not None for each in requests),
                ),
            ),
            text_BLD=told[0],
            prompt_BT=told[1],
            references_BJCHW=torch.stack(stills, dim=1),
            slots=slots,
            generators=[torch.Generator().manual_seed(request.seed) for request in requests],
            num_latent_frames=num_latent_frames,
            choreographed=Choreographed(model.choreographer, requests)
            if first.planned and model.choreographer is not None
            else None,
        )

    @torch.inference_mode()
    def next_block(self) -> Tensor:
        """Denoise the next window and decode what is new in it."""
        window = self.model.config.window
        given = 0 if self.context_BCTHW is None else self.context_BCTHW.shape[2]
        new = min(window.frames - given, self.num_latent_frames - self.next_frame)
        latents_BCTHW = self._denoise(self.next_frame - given, given, max(new, window.context - given))
        made_BCTHW = latents_BCTHW[:, :, given : given + new]
        known_BCTHW = latents_BCTHW[:, :, : given + new]
        self.context_BCTHW = known_BCTHW[:, :, -window.context :]
        first_picture = self.next_frame * self.model.config.vae.frames_per_latent
        self.next_frame += new
        if self.decoder is None and isinstance(self.model.vae, WanAutoencoder):
            self.decoder = silent_state(self.model.vae, made_BCTHW)
        video_BCFHW, self.decoder = decoded(self.model.vae, made_BCTHW, self.decoder)
        last = self.requests[0].num_frames - first_picture
        return ((video_BCFHW[:, :, :last].float() + 1) / 2).clamp(0, 1).transpose(1, 2)

    def _denoise(self, first_frame: int, given: int, new: int) -> Tensor:
        """Latents of ``given + new`` frames from ``first_frame`` on, of which the first are the context."""
        model, device = self.model, self.model.device
        frames, times = given + new, uniform_times(self.requests[0].steps, shift=model.config.window.time_shift)
        shape = (model.config.vae.latent_channels, frames, *model.config.latents)
        noise_BCTHW = torch.stack([torch.randn(shape, generator=g) for g in self.generators]).to(device)
        shown_BCTHW = None
        if self.context_BCTHW is not None:
            level = torch.tensor(model.config.window.context_noise, device=device)
            shown_BCTHW = interpolate(self.context_BCTHW, noise_BCTHW[:, :, :given], level)
        condition = self._condition(first_frame, frames)

        def denoise(sample_BCTHW: Tensor, time_B: Tensor) -> Tensor:
            time_BT = time_B[:, None].expand(-1, frames)
            if shown_BCTHW is not None:
                sample_BCTHW = torch.cat([shown_BCTHW, sample_BCTHW[:, :, given:]], dim=2)
                quiet_BT = time_BT.new_full((len(time_B), given), model.config.window.context_noise)
                time_BT = torch.cat([quiet_BT, time_BT[:, given:]], dim=1)
            outputs = [
                model.dit(sample_BCTHW, time_BT, kept_by(condition, each), attend=Bidirectional())
                for each in self.passes
            ]
            return guided(outputs, self.passes)

        sample_BCTHW = noise_BCTHW
        for number, step in enumerate(euler_steps(denoise, noise_BCTHW, times, prediction=model.config.dit.prediction)):
            sample_BCTHW = step.sample_BCTHW
            self._tell((self.next_frame + new * (number + 1) / (len(times) - 1)) / self.num_latent_frames)
        made_BCTHW = finished(model.config.dit, sample_BCTHW)
        return (
            made_BCTHW
            if self.context_BCTHW is None
            else torch.cat([self.context_BCTHW, made_BCTHW[:, :, given:]], dim=2)
        )

    def _condition(self, first_frame: int, frames: int) -> Condition:
        model = self.model
        branches = model.config.dit
        assert branches.speak is not None
        assert branches.listen is not None
        speak = audio_span(model.speak, branches.speak, first_frame, frames)
        listen = audio_span(model.listen, branches.listen, first_frame, frames)
        motion = motion_window(
            [request.motion for request in self.requests],
            first_frame,
            frames,
            model.config.vae.frames_per_latent,
            model.device,
            num_channels=model.config.motion_channels,
        )
        if self.choreographed is not None:
            begins_from_picture = any(slot.kind is ReferenceKind.FIRST for slot in self.slots)
            bound = max(BOUND_FRAMES - first_frame, 0) if begins_from_picture else 0
            motion = led(self.choreographed.window(first_frame, frames), motion, bound=bound)
        # The first frame is of the first window: it would bind later ones to its pose.
        shown = [j for j, slot in enumerate(self.slots) if self.next_frame == 0 or slot.kind is not ReferenceKind.FIRST]
        return Condition(
            text_BLD=self.text_BLD,
            prompt_BT=None if self.prompt_BT is None else self.prompt_BT[:, first_frame : first_frame + frames],
            speak_BLD=speech_tokens(
                model.speak, speak, read_span([r.speak for r in self.requests], speak, model.device)
            ),
            listen_BLD=speech_tokens(
                model.listen, listen, read_span([r.listen for r in self.requests], listen, model.device)
            ),
            references_BJCHW=self.references_BJCHW[:, shown],
            slots=tuple(self.slots[j] for j in shown),
            motion_BTM=None if motion is None else motion.values_BTM,
            motion_given_BTM=None if motion is None else motion.given_BTM,
        )

    def _tell(self, share: float) -> None:
        total = self.requests[0].num_frames
        self.progress(min(total, int(share * total)), total)


def _told(request: GenerationRequest) -> list[str]:
    return [request.caption, *(prompt.caption for prompt in request.prompts)]


def _words(
    model: CharacterModel, requests: Sequence[GenerationRequest], num_latent_frames: int
) -> tuple[Tensor, Tensor | None]:
    """Tokens of all prompts of every request, (B, P L, D), and which prompt each latent frame is told, (B, T).

    One prompt for all needs no second.
    """
    told = [_told(request) for request in requests]
    most = max(len(each) for each in told)
    texts = [caption for each in told for caption in (*each, *[""] * (most - len(each)))]
    words_BPLD = model.text(model.text.prepare(texts).to(model.device)).unflatten(0, (-1, most))
    if most == 1:
        return words_BPLD[:, 0], None
    seconds = model.config.vae.frames_per_latent / FRAME_RATE_HZ
    begins_T = torch.arange(num_latent_frames + model.config.window.frames) * seconds
    number_BT = torch.stack([_numbers(request, begins_T) for request in requests])
    return words_BPLD.flatten(1, 2), number_BT.to(model.device)


def _numbers(request: GenerationRequest, begins_T: Tensor) -> Tensor:
    """Which of a request's prompts frames are told that begin at so many seconds."""
    times_P = torch.tensor([prompt.at_s for prompt in request.prompts])
    return (begins_T[:, None] >= times_P).sum(dim=1)
