"""A long stream in small numbers: read chunk by chunk, and not a picture kept."""

from dataclasses import dataclass
from typing import final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from openlpm.bench import metrics
from openlpm.bench.critic import Critic
from openlpm.bench.reading import ClipReading, read_frames
from openlpm.core.errors import ConfigError
from openlpm.core.units import FRAME_RATE_HZ

GRID = 16
"""Cells of a picture along each side, of which the mean colours are kept."""
_LUMA = (0.299, 0.587, 0.114)
_ROLLING = FRAME_RATE_HZ


@final
@dataclass(frozen=True, kw_only=True, slots=True)
class Watch:
    """When a stream is compared with its truth: in excerpts, because truth has to be drawn."""

    bin_frames: int = 60 * FRAME_RATE_HZ
    """Frames that one number stands for: a minute."""
    every_frames: int = 4 * FRAME_RATE_HZ
    excerpt_frames: int = FRAME_RATE_HZ
    """The first frames of every ``every_frames``."""

    def __post_init__(self) -> None:
        fewest = metrics.FEWEST_HEAD_FRAMES
        if not fewest <= self.excerpt_frames <= self.every_frames or self.bin_frames % self.every_frames:
            raise ConfigError(
                f"excerpt_frames={self.excerpt_frames}, every_frames={self.every_frames}, "
                f"bin_frames={self.bin_frames}: a bin holds whole parts, a part one excerpt of {fewest} frames or "
                "more, in which a head can be seen to move"
            )

    @property
    def bin_minutes(self) -> float:
        """Length of a bin."""
        return metrics.minutes(self.bin_frames)

    def excerpts(self, num_frames: int) -> range:
        """First frames of the excerpts of a stream."""
        return range(0, num_frames, self.every_frames)


@final
@dataclass(frozen=True, kw_only=True, slots=True)
class Looks:
    """What pictures look like, whatever they show."""

    sharpness_F: NDArray[np.float64]
    """Mean absolute Laplacian of the luma."""
    cells_FGGC: NDArray[np.float32]
    """Mean colour of ``GRID`` x ``GRID`` cells."""


def look_at(frames_FCHW: Tensor) -> Looks:
    """Measure pictures (F, 3, H, W) in [0, 1] where they are."""
    weights_C11 = torch.tensor(_LUMA, device=frames_FCHW.device)[:, None, None]
    luma_FHW = (frames_FCHW.float() * weights_C11).sum(dim=1)
    centre = luma_FHW[:, 1:-1, 1:-1]
    around = luma_FHW[:, :-2, 1:-1] + luma_FHW[:, 2:, 1:-1] + luma_FHW[:, 1:-1, :-2] + luma_FHW[:, 1:-1, 2:]
    cells_FCGG = functional.adaptive_avg_pool2d(frames_FCHW.float(), GRID)
    return Looks(
        sharpness_F=(4 * centre - around).abs().mean(dim=(1, 2)).double().cpu().numpy(),
        cells_FGGC=cells_FCGG.permute(0, 2, 3, 1).cpu().numpy(),
    )


@final
@dataclass(frozen=True, kw_only=True, slots=True)
class StreamReading:
    """M bins of a stream; means over what was compared, NaN in a bin of which nothing was."""

    cosine_M: NDArray[np.float64]
    """With the embedding of the reference pictures."""
    sharpness_M: NDArray[np.float64]
    energy_M: NDArray[np.float64]
    """Of the head's motion, a step."""
    cells_MGGC: NDArray[np.float64]
    lowest_S: NDArray[np.float64]
    """The least that the mean cosine over 24 frames reached in every second of the stream, or over an excerpt where
    excerpts are shorter; NaN where nothing was read."""

    @property
    def num_bins(self) -> int:
        """M."""
        return self.cosine_M.shape[0]

    def first(self, bins: int, watch: Watch) -> "StreamReading":
        """The stream's beginning."""
        return StreamReading(
            cosine_M=self.cosine_M[:bins],
            sharpness_M=self.sharpness_M[:bins],
            energy_M=self.energy_M[:bins],
            cells_MGGC=self.cells_MGGC[:bins],
            lowest_S=self.lowest_S[: bins * watch.bin_frames // FRAME_RATE_HZ],
        )


@final
class StreamMeter:
    """Takes one stream in pieces, in the order of time; all frames, or those of the excerpts alone."""

    def __init__(self, watch: Watch, reference_D: NDArray[np.float32], num_frames: int) -> None:
        bins = -(-num_frames // watch.bin_frames)
        self._watch, self._reference_D = watch, reference_D
        self._sums_MX = np.zeros((bins, 3))  # cosine, sharpness, energy
        self._counts_MX = np.zeros((bins, 3))
        self._cells_MGGC = np.zeros((bins, GRID, GRID, 3))
        self._lowest_S = np.full(-(-num_frames // FRAME_RATE_HZ), np.nan)
        self._latest: list[float] = []
        self._next_frame = 0
        self._excerpt: list[NDArray[np.float32]] = []

    def add(self, first_frame: int, reading: ClipReading, looks: Looks) -> None:
        """What was seen in successive frames from ``first_frame`` on."""
        # An embedding that is no number is of nobody.
        cosine_F = np.nan_to_num(reading.identity_FD @ self._reference_D, nan=-1.0)
        for index in range(reading.num_frames):
            frame = first_frame + index
            self._follow(frame, float(cosine_F[index]))
            place = frame % self._watch.every_frames
            if place >= self._watch.excerpt_frames:
                continue
            where = frame // self._watch.bin_frames
            self._sums_MX[where, :2] += cosine_F[index], looks.sharpness_F[index]
            self._counts_MX[where, :2] += 1
            self._cells_MGGC[where] += looks.cells_FGGC[index]
            self._excerpt = [*self._excerpt, reading.rig_FR[index]] if place else [reading.rig_FR[index]]
            if place == self._watch.excerpt_frames - 1:
                energy, steps = metrics.head_energy(np.stack(self._excerpt))
                self._sums_MX[where, 2] += energy
                self._counts_MX[where, 2] += steps

    def reading(self) -> StreamReading:
        """Of all that was added; nothing is added after it."""
        self._break_off()
        counts_MX = np.where(self._counts_MX > 0, self._counts_MX, np.nan)
        means_MX = self._sums_MX / counts_MX
        return StreamReading(
            cosine_M=means_MX[:, 0],
            sharpness_M=means_MX[:, 1],
            energy_M=means_MX[:, 2],
            cells_MGGC=self._cells_MGGC / counts_MX[:, 0, None, None, None],
            lowest_S=self._lowest_S,
        )

    def _follow(self, frame: int, cosine: float) -> None:
        if frame != self._next_frame:
            self._break_off()
        self._next_frame = frame + 1
        self._latest = [*self._latest[-(_ROLLING - 1) :], cosine]
        if len(self._latest) == _ROLLING:
            self._lower(frame)

    def _break_off(self) -> None:
        """What was read does not go on: an excerpt of less than a second counts as it is."""
        if 0 < len(self._latest) < _ROLLING:
            self._lower(self._next_frame - 1)
        self._latest = []

    def _lower(self, frame: int) -> None:
        second = frame // FRAME_RATE_HZ
        self._lowest_S[second] = np.fmin(self._lowest_S[second], sum(self._latest) / len(self._latest))


def read_chunk(critic: Critic, frames_BFCHW: Tensor, first_frame: int, meters: "list[StreamMeter]") -> None:
    """Let a critic read a chunk of B streams at once, and tell their meters."""
    batch, count = frames_BFCHW.shape[:2]
    reading, looks = read_frames(critic, frames_BFCHW.flatten(0, 1)), look_at(frames_BFCHW.flatten(0, 1))
    for row, meter in enumerate(meters):
        mine = slice(row * count, (row + 1) * count)
        meter.add(
            first_frame,
            ClipReading(
                rig_FR=reading.rig_FR[mine], viseme_F=reading.viseme_F[mine], identity_FD=reading.identity_FD[mine]
            ),
            Looks(sharpness_F=looks.sharpness_F[mine], cells_FGGC=looks.cells_FGGC[mine]),
        )
    assert len(meters) == batch
