"""Windows of banked clips, drawn for a step: which clips, where in them, with which references, and what is dropped."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from openlpm.core.errors import ConfigError
from openlpm.core.motion import MOTION_CHANNELS, MOTION_GROUPS, NUM_MOTION
from openlpm.core.seeds import generator
from openlpm.dit.condition import ReferenceKind
from openlpm.training.clip_bank import STRIDE, ClipBank
from openlpm.training.reference_sets import ReferenceSets
from openlpm.training.traits import ClipMix, probabilities

Numbers = NDArray[np.int64]
Choice = NDArray[np.bool_]
_KEEP_GROUP = 0.75
"""How often each group of a given motion track is told."""
_WHOLE_SPAN = 0.7
"""How often a given motion track covers its whole window."""


@final
@dataclass(frozen=True, kw_only=True, slots=True)
class WindowLayout:
    """A shape of training window: how long, and how many references of each kind."""

    frames: int
    first: bool
    views: int
    expressions: int

    @property
    def num_tokens_frames(self) -> int:
        """Latent frames and references together."""
        return self.frames + 1 + self.first + self.views + self.expressions


@final
@dataclass(frozen=True, kw_only=True, slots=True)
class WindowDraw:
    """How windows are drawn, and how often a condition is left out."""

    token_frames: int
    """Latent frames and references a process and step, over all windows."""
    mix: ClipMix
    layouts: tuple[WindowLayout, ...]
    drop_text: float
    drop_speak: float
    drop_listen: float
    drop_all: float
    give_motion: float
    """Share of windows that are given the motion track."""
    whole_motion: float = 0.0
    """Share of those that are given all of it, as a choreographer leads; of the others each group of channels is left
    out now and then, and some of the time."""
    continue_share: float = 0.0
    """Share of windows that go on from given frames."""
    most_context: int = 1
    prompt_frames: int = 0
    """Latent frames that a prompt lasts in windows that are told prompt after prompt, as a stream is, a multiple of
    STRIDE: a prompt says what its own frames show. 0: one prompt tells of a whole window."""
    told_at_once: float = 1.0
    """Share of windows that are told all in one prompt."""
    acting: float = 0.0
    """Share of windows that are drawn among those whose captions name an action, in the same mix of situations; the
    others name one as often as it happens."""

    def __post_init__(self) -> None:
        if not 0 <= self.acting <= 1:
            raise ConfigError(f"acting={self.acting}: give a share from 0 to 1")
        if self.prompt_frames % STRIDE or self.prompt_frames < 0 or not 0 <= self.told_at_once <= 1:
            raise ConfigError(
                f"prompt_frames={self.prompt_frames}, told_at_once={self.told_at_once}: give 0 or a multiple of "
                f"{STRIDE}, and a share from 0 to 1"
            )
        if self.most_context >= min(layout.frames for layout in self.layouts):
            raise ConfigError(f"most_context={self.most_context}: leave frames to generate in the shortest layout")

    @property
    def lengths(self) -> tuple[int, ...]:
        """Latent frames of the windows and of what prompts tell of, every length once."""
        return told_lengths([layout.frames for layout in self.layouts], self.prompt_frames)


@final
@dataclass(frozen=True, slots=True)
class WindowBatch:
    """Windows of banked clips; all of a step share one layout."""

    layout: WindowLayout
    clips_B: Tensor
    starts_B: Tensor
    """First latent frame, a multiple of STRIDE."""
    context_B: Tensor
    """Latent frames at the start that are given."""
    prompt_frames: int
    """Latent frames a prompt, where windows are told prompt after prompt; 0: they never are."""
    told_at_once_B: Tensor
    """Whether one prompt tells of a whole window."""
    references: tuple[int, ...]
    """Which of the bank's references."""
    keep_B3: Tensor
    """Whether text, own voice and partner's voice are kept."""
    motion_BM: Tensor
    """Which channels of the motion track are given."""
    motion_span_B2: Tensor
    """From which latent frame of the window to which."""


def prompt_starts(frames: int, prompt_frames: int) -> tuple[int, ...]:
    """The latent frames of a window at which prompts begin, each as long as ``prompt_frames`` says or the window is."""
    return tuple(range(0, frames, prompt_frames or frames))


def told_lengths(windows: Sequence[int], prompt_frames: int) -> tuple[int, ...]:
    """All lengths (latent frames) that need captions: windows, prompts in them and what is left after the last."""
    lengths = set(windows)
    if prompt_frames:
        lengths |= {
            min(prompt_frames, frames - start) for frames in windows for start in prompt_starts(frames, prompt_frames)
        }
    return tuple(sorted(lengths))


@final
class _Length:
    """What there is to draw from for windows of a length: all able clips, and the P windows that name an action."""

    def __init__(self, bank: ClipBank, mix: ClipMix, frames: int) -> None:
        columns, traits = bank.text.stretches.columns(frames), bank.traits
        self.able_N = traits.frames_N >= frames
        self.probability_N = probabilities(mix, bank.situation_N, traits, self.able_N)
        self._starts_N = (traits.frames_N - frames) // STRIDE + 1
        self._most_starts = (bank.num_frames - frames) // STRIDE + 1
        clip_P, start_P = np.nonzero(bank.text.acts_NK[:, columns.start : columns.stop])
        wanted_P = self.probability_N[clip_P] > 0
        self._clip_P, self._start_P = clip_P[wanted_P], start_P[wanted_P] * STRIDE
        self._situation_P, self._traits_P = bank.situation_N[self._clip_P], traits.of(self._clip_P)
        self._mix = mix

    def within(self, starts_B: Numbers, clips_B: Numbers, rng: np.random.Generator) -> Numbers:
        """Starts that were drawn for whole clips, drawn again where a clip is shorter."""
        drawn_B = (rng.random(len(clips_B)) * self._starts_N[clips_B]).astype(np.int64) * STRIDE
        return np.where(self._starts_N[clips_B] < self._most_starts, drawn_B, starts_B)

    def act(self, rng: np.random.Generator, share: float, clips_B: Numbers, starts_B: Numbers, able_N: Choice) -> None:
        """Replace a share of drawn windows by some that name an action, as far as able clips have any."""
        replaced_B = rng.random(len(clips_B)) < share
        able_P = able_N[self._clip_P]
        if replaced_B.any() and able_P.any():
            chance_P = probabilities(self._mix, self._situation_P, self._traits_P, able_P)
            picked = rng.choice(len(able_P), size=int(replaced_B.sum()), p=chance_P)
            clips_B[replaced_B], starts_B[replaced_B] = self._clip_P[picked], self._start_P[picked]


@final
class WindowSource:
    """Batches as a function of (step, rank); layout and references depend on the step alone: one graph for all.

    Where clips do not have the same references, those that are given depend on the clips of the process too.
    """

    def __init__(self, bank: ClipBank, draw: WindowDraw) -> None:
        """``bank`` is to have captions for all layouts of ``draw``; if not, a ``ConfigError`` says so."""
        self._bank, self._draw, self._traits = bank, draw, bank.traits
        self._sets = ReferenceSets(bank.slots, self._traits)
        self._lengths = {frames: _Length(bank, draw.mix, frames) for frames in {each.frames for each in draw.layouts}}

    def batch(self, step: int, rank: int) -> WindowBatch:
        """The windows of a step for a process."""
        draw, bank = self._draw, self._bank
        device = bank.latents_NTCHW.device
        shared, own = generator("layout", step), generator("windows", step, rank)
        layout = draw.layouts[int(shared.integers(len(draw.layouts)))]
        length = self._lengths[layout.frames]
        references, able_N = self._references(step, shared, layout, length)
        size = max(1, draw.token_frames // layout.num_tokens_frames)
        starts = own.integers((bank.num_frames - layout.frames) // STRIDE + 1, size=size) * STRIDE
        context = own.integers(1, draw.most_context + 1, size=size) * (own.random(size) < draw.continue_share)
        keep = own.random((size, 3)) >= (draw.drop_text, draw.drop_speak, draw.drop_listen)
        keep &= own.random((size, 1)) >= draw.drop_all
        clips = own.choice(len(bank), size=size, p=_among(length.probability_N, able_N))
        spans = _spans(own, size, layout.frames)
        motion = _given_motion(own, size, draw.give_motion) & self._traits.rigged_N[clips][:, None]
        whole = generator("whole motion", step, rank).random(size) < draw.whole_motion
        spans = np.where(whole[:, None], np.array([0, layout.frames]), spans)
        motion = np.where(whole[:, None], motion.any(axis=1, keepdims=True), motion)
        starts = length.within(starts, clips, generator("starts", step, rank))
        length.act(own, draw.acting, clips, starts, able_N)
        at_once = own.random(size) < draw.told_at_once
        return WindowBatch(
            layout=layout,
            clips_B=torch.from_numpy(clips).to(device),
            starts_B=torch.from_numpy(starts).to(device),
            context_B=torch.from_numpy(context).to(device),
            prompt_frames=draw.prompt_frames,
            told_at_once_B=torch.from_numpy(at_once).to(device),
            references=references,
            keep_B3=torch.from_numpy(keep).to(device),
            motion_span_B2=torch.from_numpy(spans).to(device),
            motion_BM=torch.from_numpy(motion).to(device),
        )

    def _references(
        self, step: int, shared: np.random.Generator, layout: WindowLayout, length: "_Length"
    ) -> tuple[tuple[int, ...], Choice]:
        """Which references a step gives, and which clips have all of them.

        One clip goes before: the others of the step have at least what is given of its own. Where it has too few of a
        kind, the global picture is given again in their place, so that a layout has one size; where it has none, none
        are given.
        """
        shown_NJ, whole = self._traits.shown_NJ, self._sets.whole()
        first = int(generator("references", step).choice(len(shown_NJ), p=length.probability_N))
        references = list(whole)
        for kind, count in ((ReferenceKind.VIEW, layout.views), (ReferenceKind.EXPRESSION, layout.expressions)):
            there = self._sets.of(first, kind)
            chosen = sorted(int(j) for j in shared.choice(there, size=min(count, len(there)), replace=False))
            references += [*chosen, *whole * (count - len(chosen) if chosen else 0)]
        return tuple(references), length.able_N & shown_NJ[:, sorted(set(references))].all(axis=1)


def _among(probability_N: NDArray[np.float64], able_N: Choice) -> NDArray[np.float64]:
    """Probabilities of the able clips alone."""
    if able_N.all():
        return probability_N
    left_N = probability_N * able_N
    return left_N / left_N.sum()


def _given_motion(rng: np.random.Generator, size: int, share: float) -> NDArray[np.bool_]:
    """Which channels each window is told, group by group."""
    given_BM = np.zeros((size, NUM_MOTION), dtype=np.bool_)
    for group in MOTION_GROUPS:
        given_BM[:, [MOTION_CHANNELS.index(channel) for channel in group]] = rng.random((size, 1)) < _KEEP_GROUP
    return given_BM & (rng.random((size, 1)) < share)


def _spans(rng: np.random.Generator, size: int, frames: int) -> NDArray[np.int64]:
    """The stretch of each window in which motion is given: mostly all of it."""
    some_B2 = np.sort(rng.integers(frames + 1, size=(size, 2)), axis=1)
    return np.where(rng.random((size, 1)) < _WHOLE_SPAN, np.array([0, frames]), some_B2)
