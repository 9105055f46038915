"""Filmed people who speak: the proof that whoever judges synchrony prefers the true sound where lips are real.

The opening of the inner lips is measured once (``lips``) and kept with the sound, so that a machine without landmarks
and without a decoder can judge its judge.
"""

import zipfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import final

import numpy as np
from numpy.typing import NDArray

from openlpm.bench import signals, statistics
from openlpm.bench.audio_mouth import MouthPredictor, predict_mouth
from openlpm.bench.metrics import SHIFT_FRAMES
from openlpm.bench.result import Bar, Row
from openlpm.bench.statistics import Estimate
from openlpm.bench.sync import NUM_OTHERS
from openlpm.core.audio import ArraySource
from openlpm.core.errors import InputError
from openlpm.core.rig import MOUTH_CHANNELS, Rig
from openlpm.core.seeds import generator
from openlpm.core.units import samples_at_frame

NAME, HUMAN = "sync_win_rate_real", "sync_win_rate_human"
SYNC_BAR = Bar(at_least=0.95)
TRUSTED = 0.5
"""The share of filmed clips whose own sound has to win among ten, which is 0.1 by chance."""
FRAMES = 72
"""The first three seconds of every clip, so that no sound has the advantage of its length."""
_JAW = MOUTH_CHANNELS.index(Rig.JAW)


@final
@dataclass(frozen=True, kw_only=True, slots=True)
class Footage:
    """K clips of a speaking face."""

    names: tuple[str, ...]
    lips_KF: NDArray[np.float32]
    """Opening of the inner lips over face size at 24 fps."""
    voices_KA: NDArray[np.float32]
    """Their sound, mono 16 kHz."""

    def __post_init__(self) -> None:
        counts = {len(self.names), self.lips_KF.shape[0], self.voices_KA.shape[0]}
        if len(counts) != 1 or self.lips_KF.shape[1:] != (FRAMES,):
            raise InputError("the archive of footage is damaged: pack it again")

    def save(self, path: Path) -> None:
        """Write an archive that ``load_footage`` reads."""
        sound = np.rint(self.voices_KA * 32767).clip(-32768, 32767).astype(np.int16)
        with path.open("wb") as file:
            np.savez_compressed(file, names=np.array("\n".join(self.names)), lips=self.lips_KF, voices=sound)


def load_footage(path: Path) -> Footage:
    """Footage that was packed before.

    Raises:
        InputError: the file is no such archive.
    """
    try:
        with np.load(path) as archive:
            names = tuple(str(archive["names"]).split("\n"))
            voices_KA = archive["voices"].astype(np.float32) / 32767
            return Footage(names=names, lips_KF=archive["lips"].astype(np.float32), voices_KA=voices_KA)
    except (OSError, KeyError, ValueError, zipfile.BadZipFile) as error:
        raise InputError(f"{path} is no archive of footage: make one with `openlpm bench footage`") from error


def pack(videos: Sequence[Path], python: Path) -> Footage:
    """Watch videos with the landmark process of another environment; those under three seconds are left out.

    Raises:
        InputError: a video has no picture, no sound or no face, or all are too short.
    """
    from openlpm.bench.lips import read_lips
    from openlpm.media.audio import open_audio

    names: list[str] = []
    lips: list[NDArray[np.float32]] = []
    voices: list[NDArray[np.float32]] = []
    for video in videos:
        opening_F = read_lips(video, python).opening_F[:FRAMES]
        if opening_F.shape[0] == FRAMES:
            names.append(video.stem)
            lips.append(opening_F.astype(np.float32))
            voices.append(open_audio(video).read(0, samples_at_frame(FRAMES)))
    if not names:
        raise InputError("no video is three seconds long: give longer ones")
    return Footage(names=tuple(names), lips_KF=np.stack(lips), voices_KA=np.stack(voices))


def footage_rows(predictor: MouthPredictor | None, footage: Footage | None) -> list[Row]:
    """How often the own sound explains real lips best among ten, and the same for lips half a second late."""
    if predictor is None or footage is None or len(footage.names) <= NUM_OTHERS:
        return [Row(name=NAME, value=None, n=0 if footage is None else len(footage.names))]
    jaws = [predict_mouth(predictor, ArraySource(voice_A), FRAMES)[:, _JAW] for voice_A in footage.voices_KA]
    return [
        Row.of(NAME, _win_rate(footage.lips_KF, jaws)),
        Row.of(f"{NAME}/shifted", _win_rate(np.roll(footage.lips_KF, SHIFT_FRAMES, axis=1), jaws)),
    ]


def with_footage(rows: Sequence[Row], predictor: MouthPredictor | None, footage: Footage | None) -> list[Row]:
    """The rows with ``sync_win_rate_human`` given its bar, and after it what was found on real footage.

    The bar is met only if the judge prefers the true sound there: without footage nothing speaks for it.
    """
    real = footage_rows(predictor, footage)
    trusted = real[0].value is not None and real[0].value >= TRUSTED
    found: list[Row] = []
    for row in rows:
        if row.name == HUMAN:
            met = row.value is not None and SYNC_BAR.met_by(row.value) and trusted
            found += [replace(row, bar=str(SYNC_BAR), met=met), *real]
        else:
            found.append(row)
    return found


def _win_rate(lips_KF: NDArray[np.float32], jaws: Sequence[NDArray[np.float32]]) -> Estimate:
    wins: list[float] = []
    for index, lips_F in enumerate(lips_KF):
        rest = [k for k in range(len(jaws)) if k != index]
        others = generator("bench", "footage", index).choice(rest, size=NUM_OTHERS, replace=False)
        own = signals.correlation(jaws[index], lips_F)
        wins.append(float(all(own > signals.correlation(jaws[int(k)], lips_F) for k in others)))
    return statistics.mean(np.array(wins))
