"""Tunes nobody has heard before: melody, chords, bass and drums of plain tones, for what plays in the background."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, final

import numpy as np
from numpy.typing import NDArray

from openlpm.core.units import AUDIO_RATE_HZ

_FloatArray = NDArray[np.float32]
_SCALES: Final = {
    "major": (0, 2, 4, 5, 7, 9, 11),
    "minor": (0, 2, 3, 5, 7, 8, 10),
    "dorian": (0, 2, 3, 5, 7, 9, 10),
    "pentatonic": (0, 2, 4, 7, 9),
    "blues": (0, 3, 5, 6, 7, 10),
}
_PROGRESSIONS: Final = ((0, 3, 4, 0), (0, 4, 5, 3), (0, 5, 3, 4), (1, 4, 0, 0), (0, 0, 3, 4), (5, 3, 0, 4))
_RHYTHMS: Final = (
    ("x...x...x...x...", "....x.......x...", "x.x.x.x.x.x.x.x."),
    ("x.....x...x.....", "....x.......x..x", "xxxxxxxxxxxxxxxx"),
    ("x..x..x.x..x..x.", "....x.......x...", "..x...x...x...x."),
    ("x.......x.x.....", "....x..x.x..x...", "x.xxx.xxx.xxx.xx"),
)
"""Kick, snare and hat on the sixteenths of a bar."""


@final
@dataclass(frozen=True, kw_only=True, slots=True)
class Song:
    """What a tune is made of; ``draw_song`` draws one."""

    beats_per_minute: float
    root_hz: float
    scale: tuple[int, ...]
    progression: tuple[int, ...]
    rhythm: tuple[str, str, str]
    harmonics: tuple[float, ...]
    """Strength of each, of the instrument that leads."""
    decay_s: float
    """How long a note rings."""
    parts: frozenset[str]
    """Some of ``melody``, ``chords``, ``bass`` and ``drums``."""

    @property
    def step_samples(self) -> int:
        """Length of a sixteenth of a bar."""
        return int(15 * AUDIO_RATE_HZ / self.beats_per_minute)

    def hertz(self, degree: int) -> float:
        """Pitch of a degree of the scale, counted from the root over as many octaves as it takes."""
        octave, step = divmod(degree, len(self.scale))
        return self.root_hz * 2 ** (octave + self.scale[step] / 12)


def draw_song(rng: np.random.Generator) -> Song:
    """A song of any of the parts, at least one."""
    names = list(_SCALES)
    parts = {part for part, share in _PART_SHARES.items() if rng.random() < share} or {"melody"}
    fall = rng.uniform(0.2, 1.6)
    odd_only = rng.random() < 0.3  # as a clarinet
    strengths = [0.0 if odd_only and k % 2 == 0 else k**-fall for k in range(1, int(rng.integers(2, 9)))]
    return Song(
        beats_per_minute=float(rng.uniform(60, 165)),
        root_hz=float(110.0 * 2 ** (rng.integers(0, 13) / 12)),
        scale=_SCALES[names[int(rng.integers(len(names)))]],
        progression=_PROGRESSIONS[int(rng.integers(len(_PROGRESSIONS)))],
        rhythm=_RHYTHMS[int(rng.integers(len(_RHYTHMS)))],
        harmonics=tuple(strengths) or (1.0,),
        decay_s=float(rng.uniform(0.12, 1.2)),
        parts=frozenset(parts),
    )


def play(song: Song, rng: np.random.Generator, num_samples: int) -> _FloatArray:
    """``num_samples`` of ``song`` from its beginning, of no particular loudness."""
    out_A = np.zeros(num_samples, dtype=np.float32)
    for part in sorted(song.parts):
        _PLAYERS[part](song, rng, out_A)
    return out_A


def _melody(song: Song, rng: np.random.Generator, out_A: _FloatArray) -> None:
    degree, step = int(rng.integers(7, 14)), 0
    while step * song.step_samples < out_A.shape[0]:
        length = int(rng.choice([1, 2, 2, 4, 4, 6, 8]))
        if rng.random() > 0.15:
            degree = int(np.clip(degree + rng.integers(-3, 4), 4, 18))
            _add(out_A, step, song, _tone(song, song.hertz(degree), length, bend=rng.random() < 0.2), 0.5)
        step += length


def _chords(song: Song, rng: np.random.Generator, out_A: _FloatArray) -> None:
    broken = rng.random() < 0.4
    for bar in range(out_A.shape[0] // (16 * song.step_samples) + 1):
        root = song.progression[bar % len(song.progression)] + 5
        for note, degree in enumerate((root, root + 2, root + 4)):
            starts = range(2 * note, 16, 6) if broken else (0, 8)
            for start in starts:
                _add(out_A, 16 * bar + start, song, _tone(song, song.hertz(degree), 8), 0.22)


def _bass(song: Song, rng: np.random.Generator, out_A: _FloatArray) -> None:
    every = int(rng.choice([2, 4, 8]))
    for step in range(0, out_A.shape[0] // song.step_samples + 1, every):
        degree = song.progression[(step // 16) % len(song.progression)]
        _add(out_A, step, song, _tone(song, song.hertz(degree) / 2, every), 0.5)


def _drums(song: Song, rng: np.random.Generator, out_A: _FloatArray) -> None:
    sounds = (_kick(rng), _burst(rng, 0.14, 0.5), _burst(rng, 0.04, 1.0))
    for pattern, sound_A, level in zip(song.rhythm, sounds, (0.8, 0.5, 0.2), strict=True):
        for step in range(out_A.shape[0] // song.step_samples + 1):
            if pattern[step % 16] == "x":
                _add(out_A, step, song, sound_A, level * float(rng.uniform(0.7, 1.0)))


def _tone(song: Song, hertz: float, steps: int, *, bend: bool = False) -> _FloatArray:
    num_samples = steps * song.step_samples
    time_A = np.arange(num_samples) / AUDIO_RATE_HZ
    bent_A = time_A + (0.004 * np.sin(2 * np.pi * 5.5 * time_A) / (2 * np.pi * 5.5) if bend else 0.0)
    wave_A = np.zeros(num_samples)
    for number, strength in enumerate(song.harmonics, start=1):
        if strength and number * hertz < 0.45 * AUDIO_RATE_HZ:
            wave_A += strength * np.sin(2 * np.pi * number * hertz * bent_A)
    edge_A = np.minimum(1.0, np.minimum(time_A, time_A[-1] - time_A) / 0.006)
    return (wave_A / sum(song.harmonics) * edge_A * np.exp(-time_A / song.decay_s)).astype(np.float32)


def _kick(rng: np.random.Generator) -> _FloatArray:
    time_A = np.arange(int(0.22 * AUDIO_RATE_HZ)) / AUDIO_RATE_HZ
    low_hz, drop_hz = rng.uniform(45, 65), rng.uniform(60, 140)
    phase_A = 2 * np.pi * (low_hz * time_A - drop_hz * 0.03 * np.expm1(-time_A / 0.03))
    return (np.sin(phase_A) * np.exp(-time_A / 0.07)).astype(np.float32)


def _burst(rng: np.random.Generator, seconds: float, brightness: float) -> _FloatArray:
    """A snare or a hat: noise that dies away, without its lows as far as it is bright."""
    num_samples = int(seconds * AUDIO_RATE_HZ)
    noise_A = rng.standard_normal(num_samples + 1, dtype=np.float32)
    noise_A = noise_A[1:] - np.float32(brightness) * noise_A[:-1]
    return (noise_A * np.exp(-np.arange(num_samples) / (0.25 * num_samples)) * 0.5).astype(np.float32)


def _add(out_A: _FloatArray, step: int, song: Song, sound_A: _FloatArray, level: float) -> None:
    start = step * song.step_samples
    heard_A = sound_A[: max(out_A.shape[0] - start, 0)]
    out_A[start : start + heard_A.shape[0]] += np.float32(level) * heard_A


_PLAYERS: Final[dict[str, Callable[[Song, np.random.Generator, _FloatArray], None]]] = {
    "melody": _melody,
    "chords": _chords,
    "bass": _bass,
    "drums": _drums,
}
_PART_SHARES: Final = {"melody": 0.7, "chords": 0.6, "bass": 0.5, "drums": 0.55}
