"""Recorded human voices to perform to. They are never part of the package: a folder or an archive is named or found."""

import os
import re
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import final

import numpy as np
from numpy.typing import NDArray

from openlpm.core.errors import InputError
from openlpm.core.seeds import Split
from openlpm.core.units import AUDIO_RATE_HZ
from openlpm.synth.sound.voices import split_of_human

SUFFIXES = (".flac", ".opus", ".ogg", ".wav", ".mp3")
_DEFAULT_FOLDERS = ("../shared/data",)
_SECONDS = 8
_LJ_SPEECH = re.compile(r"LJ\d+")


@final
@dataclass(frozen=True, kw_only=True, slots=True)
class HumanVoices:
    """The first seconds of recordings by different people, sorted by name."""

    names: tuple[str, ...]
    voices_KA: NDArray[np.float32]
    """Mono 16 kHz in [-1, 1], all equally long."""

    def __post_init__(self) -> None:
        if len(self.names) != self.voices_KA.shape[0]:
            raise InputError(f"{len(self.names)} names for {self.voices_KA.shape[0]} voices: the archive is damaged")

    def save(self, path: Path) -> None:
        """Write an archive that a machine without PyAV can read."""
        samples = np.rint(self.voices_KA * 32767).clip(-32768, 32767).astype(np.int16)
        with path.open("wb") as file:
            np.savez_compressed(file, names=np.array("\n".join(self.names)), voices=samples)


def find_voices(given: Path | None, *, limit: int) -> HumanVoices | None:
    """Voices from the given folder or ``.npz``, else from $OPENLPM_TEST_DATA or ../shared/data; None if there are none.

    Raises:
        InputError: something was given that holds no voices.
    """
    if given is not None:
        if given.suffix == ".npz" and given.is_file():
            return load_voices(given, limit=limit)
        if not can_decode():
            raise InputError(f"{given} cannot be decoded without PyAV: give an .npz of `openlpm bench voices`")
        voices = decode_folder(given, limit=limit)
        if voices is None:
            raise InputError(
                f"{given} holds no sound files ({', '.join(SUFFIXES)}) of {_SECONDS} s or more and is no .npz of voices"
            )
        return voices
    for folder in (os.environ.get("OPENLPM_TEST_DATA"), *_DEFAULT_FOLDERS):
        if folder and (Path(folder) / "speech").is_dir():
            return decode_folder(Path(folder) / "speech", limit=limit)
    return None


def load_voices(path: Path, *, limit: int) -> HumanVoices:
    """At most ``limit`` voices of an archive that ``HumanVoices.save`` wrote; nobody whom training may have heard."""
    try:
        with np.load(path, allow_pickle=False) as stored:
            names = tuple(str(stored["names"]).split("\n"))
            voices_KA = stored["voices"].astype(np.float32) / np.float32(32768)
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
        raise InputError(f"{path} is no archive of voices: make one with `openlpm bench voices`") from error
    kept = [index for index, name in enumerate(names) if split_of(name) in (None, Split.TEST)][:limit]
    return HumanVoices(names=tuple(names[index] for index in kept), voices_KA=voices_KA[kept])


def of_split(voices: HumanVoices, split: Split) -> HumanVoices:
    """Recordings of speakers of a split; those of whom training knows nothing are left out."""
    kept = [index for index, name in enumerate(voices.names) if split_of(name) == split]
    return HumanVoices(names=tuple(voices.names[index] for index in kept), voices_KA=voices.voices_KA[kept])


def split_of(name: str) -> Split | None:
    """The split of whom a recording's file is named after, as training knows them; None: it knows no such speaker."""
    speaker = _speaker(name)
    corpus = "librispeech" if speaker.isdigit() else "ljspeech" if _LJ_SPEECH.fullmatch(speaker) else None
    return None if corpus is None else split_of_human(f"{corpus}-{speaker}")


def decode_folder(folder: Path, *, limit: int) -> HumanVoices | None:
    """The first eight seconds of sound files under a folder, one a speaker; None without PyAV or without files.

    Files shorter than that are passed over, as is whom training may have heard (speakers of its splits that are not for
    tests); names are taken evenly from the sorted list.
    """
    found = sorted(path for path in folder.rglob("*") if path.suffix.lower() in SUFFIXES) if folder.is_dir() else []
    files = [path for path in found if split_of(path.name) in (None, Split.TEST)]
    if not files or not can_decode():
        return None
    from openlpm.media.audio import open_audio

    wanted = _SECONDS * AUDIO_RATE_HZ
    names: list[str] = []
    voices: list[NDArray[np.float32]] = []
    for path in _spread(_one_a_speaker(files), 2 * limit):
        if len(voices) == limit:
            break
        sound = open_audio(path)
        if sound.num_samples >= wanted:
            names.append(path.name)
            voices.append(sound.read(0, wanted))
    return HumanVoices(names=tuple(names), voices_KA=np.stack(voices)) if voices else None


def _one_a_speaker(files: Sequence[Path]) -> list[Path]:
    """The first file of each speaker: LibriSpeech names begin with the speaker, other folders are one speaker."""
    first: dict[str, Path] = {}
    for path in files:
        head = _speaker(path.name)
        first.setdefault(head if head.isdigit() else str(path.parent), path)
    return list(first.values())


def _speaker(name: str) -> str:
    return Path(name).stem.split("-")[0]


def _spread(files: Sequence[Path], count: int) -> list[Path]:
    if len(files) <= count:
        return list(files)
    return [files[index * len(files) // count] for index in range(count)]


def can_decode() -> bool:
    """Whether PyAV is installed (machines that only run models do without)."""
    try:
        import av
    except ImportError:
        return False
    return bool(av)
