"""A clip as the benchmark sees it: read by the critic and measured as pictures; of a long one the same excerpts."""

import zipfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import Any, final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from openlpm.bench.lpm.files import write_arrays
from openlpm.bench.lpm.picture import Pictures, look_at
from openlpm.bench.reading import ClipReading, Judges, read_frames
from openlpm.core.errors import InputError
from openlpm.core.units import FRAME_RATE_HZ

LONGEST_WHOLE = 60 * FRAME_RATE_HZ
"""Longer clips are seen in excerpts."""
EXCERPT_FRAMES, EVERY_FRAMES = 2 * FRAME_RATE_HZ, 15 * FRAME_RATE_HZ


@final
@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class View:
    """What was seen of a clip."""

    frame_F: NDArray[np.int64]
    """Which frames of the clip."""
    reading: ClipReading
    pictures: Pictures
    num_frames: int
    """Of the whole clip."""
    sound_late_s: float = 0.0
    """How much later its own voice sounds than that of the case."""

    @property
    def excerpts(self) -> list[slice]:
        """Successive frames, in places of ``frame_F``."""
        cuts = np.flatnonzero(np.diff(self.frame_F) != 1) + 1
        edges = [0, *cuts.tolist(), self.frame_F.size]
        return [slice(first, end) for first, end in pairwise(edges)]

    def with_reading(self, reading: ClipReading) -> "View":
        """The same pictures, read as something else."""
        return replace(self, reading=reading)

    def save(self, path: Path) -> None:
        """Write everything."""
        write_arrays(path, self.arrays())

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Everything by name, as ``load`` wants it; numbers may be stored in narrower types."""
        return {
            "frame": self.frame_F,
            "rig": self.reading.rig_FR,
            "viseme": self.reading.viseme_F,
            "identity": self.reading.identity_FD,
            "sharp": self.pictures.sharp_F,
            "change": self.pictures.change_F,
            "tremor": self.pictures.tremor_F,
            "looks": self.pictures.looks_WX,
            "num_frames": np.array(self.num_frames, dtype=np.int64),
            "late": np.array(self.sound_late_s),
        }

    @staticmethod
    def load(path: Path) -> "View":
        """Read what ``save`` wrote.

        Raises:
            InputError: it is damaged.
        """
        try:
            with np.load(path, allow_pickle=False) as kept:
                return View(
                    frame_F=kept["frame"],
                    reading=ClipReading(
                        rig_FR=kept["rig"].astype(np.float32),
                        viseme_F=kept["viseme"].astype(np.int64),
                        identity_FD=kept["identity"].astype(np.float32),
                    ),
                    pictures=Pictures(
                        sharp_F=kept["sharp"].astype(np.float64),
                        change_F=kept["change"].astype(np.float64),
                        tremor_F=kept["tremor"].astype(np.float64),
                        looks_WX=kept["looks"],
                    ),
                    num_frames=int(kept["num_frames"]),
                    sound_late_s=float(kept["late"]),
                )
        except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
            raise InputError(f"{path} is damaged: remove it, it is made again") from error


def seen_frames(num_frames: int) -> NDArray[np.int64]:
    """Which frames of a clip of this length are looked at."""
    every_F = np.arange(num_frames)
    return every_F if num_frames <= LONGEST_WHOLE else every_F[every_F % EVERY_FRAMES < EXCERPT_FRAMES]


def only_seen(blocks: Iterable[Tensor], frame_F: NDArray[np.int64]) -> Iterator[Tensor]:
    """Of blocks (B, F, 3, H, W) of successive frames those that are looked at; blocks without any are left out."""
    wanted_F = torch.from_numpy(frame_F)
    done = 0
    for block_BFCHW in blocks:
        end = done + block_BFCHW.shape[1]
        places_F = wanted_F[(wanted_F >= done) & (wanted_F < end)] - done
        done = end
        if len(places_F):
            yield block_BFCHW[:, places_F.to(block_BFCHW.device)]


def watch(blocks: Iterable[Tensor], frame_F: NDArray[np.int64], judges: Judges, *, num_frames: int) -> View:
    """See a clip whose blocks (F, 3, 256, 256) hold exactly the frames ``frame_F``, in order.

    Every run of successive frames must be two frames or longer; blocks may be cut anywhere.
    """
    readings: list[ClipReading] = []
    looks: list[Pictures] = []
    run: list[Tensor] = []
    held = done = 0
    ends = [*(np.flatnonzero(np.diff(frame_F) != 1) + 1).tolist(), frame_F.size]
    for block_FCHW in blocks:
        readings.append(read_frames(judges.critic, block_FCHW))
        rest_FCHW = block_FCHW
        while rest_FCHW.shape[0]:
            needed = ends[0] - done - held
            run.append(rest_FCHW[:needed])
            held += run[-1].shape[0]
            rest_FCHW = rest_FCHW[needed:]
            if held + done == ends[0]:
                looks.append(_look_at_run(run))
                run, done, held = [], ends.pop(0), 0
    assert not ends, f"{len(ends)} excerpts were not seen"
    return View(frame_F=frame_F, reading=_joined(readings), pictures=_together(looks), num_frames=num_frames)


def _look_at_run(run: list[Tensor]) -> Pictures:
    """Long runs piece by piece, so that pictures in memory stay few."""
    return look_at(torch.cat(run))


def _joined(parts: list[ClipReading]) -> ClipReading:
    return ClipReading(
        rig_FR=np.concatenate([part.rig_FR for part in parts]),
        viseme_F=np.concatenate([part.viseme_F for part in parts]),
        identity_FD=np.concatenate([part.identity_FD for part in parts]),
    )


def _together(parts: list[Pictures]) -> Pictures:
    return Pictures(
        sharp_F=np.concatenate([part.sharp_F for part in parts]),
        change_F=np.concatenate([part.change_F for part in parts]),
        tremor_F=np.concatenate([part.tremor_F for part in parts]),
        looks_WX=np.concatenate([part.looks_WX for part in parts]),
    )
