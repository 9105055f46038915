"""Captions of windows: what happens in each stretch of a clip that a window may show, as a prompt would tell it.

A clip tells more than a window shows, and at other times. So every stretch has a caption of its own; there are hundreds
of thousands, of a few thousand different words: they are kept as numbers of words.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from openlpm.core.errors import ConfigError
from openlpm.encoders.text import TextEncoder, words_of
from openlpm.synth.act.telling import Told

_NO_WORD = ""


@final
@dataclass(frozen=True, kw_only=True, slots=True)
class Stretches:
    """Stretches of a clip: of every length, all that begin at multiples of ``stride``. The unit is the user's."""

    num_frames: int
    lengths: tuple[int, ...]
    stride: int

    def __post_init__(self) -> None:
        if any(not 0 < length <= self.num_frames for length in self.lengths):
            raise ConfigError(f"lengths={self.lengths}: a window is 1 to {self.num_frames} frames, the clip, long")

    def __iter__(self) -> Iterator[tuple[int, int]]:
        """First frame and number of frames of each, by their columns."""
        for length in self.lengths:
            for start in range(self.num_starts(length)):
                yield start * self.stride, length

    def __len__(self) -> int:
        return sum(self.num_starts(length) for length in self.lengths)

    def num_starts(self, length: int) -> int:
        """How many stretches have this length."""
        return (self.num_frames - length) // self.stride + 1

    def columns(self, length: int) -> range:
        """The numbers of the stretches of a length, in order of their starts.

        Raises:
            ConfigError: there are none.
        """
        if length not in self.lengths:
            raise ConfigError(
                f"a window of {length} frames has no captions: they were made for {self.lengths}; make footage, or the "
                "file of --bank, by a command that names this stage beside the others"
            )
        before = self.lengths[: self.lengths.index(length)]
        first = sum(self.num_starts(each) for each in before)
        return range(first, first + self.num_starts(length))

    def in_groups(self, frames: int) -> "Stretches":
        """The same, counted in groups of so many frames.

        Raises:
            ConfigError: one of the numbers is no multiple.
        """
        numbers = (self.num_frames, self.stride, *self.lengths)
        if any(number % frames for number in numbers):
            raise ConfigError(f"{self}: give multiples of {frames} frames")
        lengths = tuple(length // frames for length in self.lengths)
        return Stretches(num_frames=self.num_frames // frames, lengths=lengths, stride=self.stride // frames)


@final
@dataclass(frozen=True, slots=True)
class WindowCaptions:
    """Captions of K stretches of N clips, of at most L words."""

    words: tuple[str, ...]
    """Every word once; the first is none, and fills captions up."""
    word_NKL: NDArray[np.int16]
    acts_NK: NDArray[np.bool_]
    """Whether the caption names an action."""


def numbered(told_NK: Sequence[Sequence[Told]]) -> WindowCaptions:
    """Captions of as many stretches of every clip."""
    numbers = {_NO_WORD: 0}
    rows = [
        [[numbers.setdefault(word, len(numbers)) for word in words_of(told.caption)] for told in told_K]
        for told_K in told_NK
    ]
    longest = max((len(row) for rows_K in rows for row in rows_K), default=0)
    filled = [[row + [0] * (longest - len(row)) for row in rows_K] for rows_K in rows]
    shape = (len(told_NK), len(told_NK[0]) if told_NK else 0, longest)
    return WindowCaptions(
        tuple(numbers),
        np.array(filled, dtype=np.int16).reshape(shape),
        np.array([[told.acts for told in told_K] for told_K in told_NK], dtype=np.bool_).reshape(shape[:2]),
    )


def joined(parts: Sequence[WindowCaptions]) -> WindowCaptions:
    """The clips of all parts, one part after another."""
    numbers = {_NO_WORD: 0}
    longest = max(part.word_NKL.shape[2] for part in parts)
    rows: list[NDArray[np.int16]] = []
    for part in parts:
        number_V = np.array([numbers.setdefault(word, len(numbers)) for word in part.words], dtype=np.int16)
        missing = longest - part.word_NKL.shape[2]
        rows.append(np.pad(number_V[part.word_NKL], ((0, 0), (0, 0), (0, missing))))
    return WindowCaptions(tuple(numbers), np.concatenate(rows), np.concatenate([part.acts_NK for part in parts]))


@final
@dataclass(frozen=True, slots=True)
class WindowText:
    """Captions as an encoder reads them, on its device; stretches are in latent frames."""

    stretches: Stretches
    pieces_VG: Tensor
    """Piece ids of every word."""
    word_NKL: Tensor
    """int16."""
    acts_NK: NDArray[np.bool_]
    """On the host: windows are drawn by it."""

    @classmethod
    def of(
        cls, encoder: TextEncoder, captions: WindowCaptions, stretches: Stretches, device: torch.device
    ) -> "WindowText":
        """``captions`` of ``stretches``, cut to what the encoder reads."""
        word_NKL = torch.from_numpy(captions.word_NKL)[:, :, : encoder.config.num_tokens]
        missing = encoder.config.num_tokens - word_NKL.shape[2]
        return cls(
            stretches=stretches,
            pieces_VG=encoder.prepare(captions.words)[:, 0].to(device),
            word_NKL=torch.nn.functional.pad(word_NKL, (0, missing)).to(device),
            acts_NK=captions.acts_NK,
        )

    @classmethod
    def joined(cls, first: "WindowText", second: "WindowText") -> "WindowText":
        """The clips of both, told of the same stretches.

        Raises:
            ConfigError: they are told of others.
        """
        if first.stretches != second.stretches:
            raise ConfigError(f"{first.stretches} and {second.stretches}: give clips the same length and windows")
        behind = first.pieces_VG.shape[0]
        if behind + second.pieces_VG.shape[0] > torch.iinfo(torch.int16).max:
            raise ConfigError("captions have more different words than can be numbered; take fewer clips")
        return cls(
            stretches=first.stretches,
            pieces_VG=torch.cat([first.pieces_VG, second.pieces_VG]),
            word_NKL=torch.cat([first.word_NKL, second.word_NKL + behind]),
            acts_NK=np.concatenate([first.acts_NK, second.acts_NK]),
        )

    def ids(self, clips_B: Tensor, starts_B: Tensor, frames: int) -> Tensor:
        """Ids (B, L, G) for ``TextEncoder.forward``: of each clip the stretch of so many frames from a start.

        A start between two that have captions takes the earlier.
        """
        columns = self.stretches.columns(frames)
        words_BL = self.word_NKL[clips_B, columns.start + starts_B // self.stretches.stride]
        return self.pieces_VG[words_BL.long()]
