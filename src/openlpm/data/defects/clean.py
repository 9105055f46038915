"""Clean clips to plant defects in: drawn performers before their backgrounds, and recordings that were looked at."""

from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from openlpm.core.seeds import Split, seeds_of
from openlpm.core.units import FRAME_RATE_HZ, samples_at_frame
from openlpm.data.defects.planting import shrunk_frames
from openlpm.media.video import VideoWriter, read_video
from openlpm.synth.act.perform import perform
from openlpm.synth.look.identity import Identity
from openlpm.synth.look.render import Cast
from openlpm.synth.sound.speech_bank import SpeechBank

_BLOCK = 24
_MOST_SIDE = 640


def drawn(
    split: Split, count: int, bank: SpeechBank, num_frames: int, *, first: int = 0
) -> Iterator[NDArray[np.uint8]]:
    """Clips ``frames_FHWC`` of so many performers, 256 by 256, each doing something else."""
    for seed in islice(seeds_of(split), first, first + count):
        record = perform(seed, seed, bank, num_frames=num_frames)
        assert record.truth is not None
        cast = Cast([Identity.from_seed(seed)])
        rig_FR = torch.from_numpy(record.truth.rig_FR)
        blocks = [
            cast.render(rig_FR[None, begin : begin + _BLOCK])[0].mul(255).round().byte().permute(0, 2, 3, 1).numpy()
            for begin in range(0, num_frames, _BLOCK)
        ]
        yield np.concatenate(blocks)


def filmed(paths: Sequence[Path], num_frames: int) -> Iterator[NDArray[np.uint8]]:
    """The beginnings of recordings, at 24 frames a second more or less, no side longer than 640."""
    for path in paths:
        clip = read_video(path, most_frames=num_frames)
        yield shrunk_frames(clip.frames_FHWC, _MOST_SIDE)


def write_silent(path: Path, frames_FHWC: NDArray[np.uint8]) -> Path:
    """A clip as an ordinary video file with silence."""
    height, width = frames_FHWC.shape[1] // 2 * 2, frames_FHWC.shape[2] // 2 * 2
    with VideoWriter(path, size=(height, width), rate=FRAME_RATE_HZ) as writer:
        for first in range(0, len(frames_FHWC), _BLOCK):
            block_FHWC = frames_FHWC[first : first + _BLOCK, :height, :width]
            end = first + len(block_FHWC)
            writer.write(block_FHWC, np.zeros(samples_at_frame(end) - samples_at_frame(first), np.float32))
    return path


def write_larger(path: Path, film: Path, rows: int) -> Path:
    """A film with its sound at so many rows."""
    clip = read_video(film)
    height, width = clip.frames_FHWC.shape[1:3]
    columns = round(width * rows / height / 2) * 2
    with VideoWriter(path, size=(rows, columns), rate=round(clip.rate_hz)) as writer:
        for first in range(0, len(clip.frames_FHWC), _BLOCK):
            block_FHWC = clip.frames_FHWC[first : first + _BLOCK]
            heard = slice(samples_at_frame(first), samples_at_frame(first + len(block_FHWC)))
            sound_A = clip.samples_A[heard]
            missing = heard.stop - heard.start - len(sound_A)
            writer.write(resized(block_FHWC, rows, columns), np.pad(sound_A, (0, missing)))
    return path


def stretched(frames_FHWC: NDArray[np.uint8], num_frames: int) -> NDArray[np.uint8]:
    """At least so many frames: a short clip goes back and forth, so that it never jumps."""
    there_and_back = np.concatenate([np.arange(len(frames_FHWC)), np.arange(len(frames_FHWC) - 2, 0, -1)])
    return frames_FHWC[np.resize(there_and_back, num_frames)]


def resized(frames_FHWC: NDArray[np.uint8], rows: int, columns: int) -> NDArray[np.uint8]:
    """Frames at another size."""
    return np.stack([cv2.resize(each, (columns, rows), interpolation=cv2.INTER_AREA) for each in frames_FHWC]).astype(
        np.uint8
    )
