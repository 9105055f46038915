"""Recordings of people with their visemes in one small file, to be carried to a machine that only trains.

The sound stays the Opus it came as (28 kbit/s: an hour in 11 MB); what was aligned is the decoded file. Whoever reads
the bank decodes with ``soundfile`` (whose wheel carries libsndfile) or PyAV, whichever is installed.
"""

import importlib
import importlib.util
import io
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, final

import numpy as np
from numpy.typing import NDArray

from openlpm.core.errors import ConfigError, InputError
from openlpm.core.seeds import Split
from openlpm.core.units import AUDIO_RATE_HZ
from openlpm.synth.sound.espeak import Utterance
from openlpm.synth.sound.human_speech import VisemeSpan, human_utterance, levelled, pieces
from openlpm.synth.sound.voices import HumanVoice, split_of_human

_FORMAT = 1


@final
@dataclass(frozen=True, kw_only=True, slots=True)
class HumanBank:
    """K recordings end to end; entry k of a ``first_*`` array is where recording k begins, entry k + 1 its end."""

    voices: tuple[str, ...]
    """Of each recording the name of its ``HumanVoice``, which alone decides the split."""
    titles: tuple[str, ...]
    opus_bytes: NDArray[np.uint8]
    first_byte: NDArray[np.int64]
    viseme: NDArray[np.int8]
    start_sample: NDArray[np.int32]
    end_sample: NDArray[np.int32]
    first_span: NDArray[np.int64]

    @property
    def num_recordings(self) -> int:
        """How many recordings there are, of all splits."""
        return len(self.voices)

    def samples(self, recording: int) -> NDArray[np.float32]:
        """The decoded sound of a recording (mono, 16 kHz)."""
        first, end = self.first_byte[recording : recording + 2]
        return decode_opus(self.opus_bytes[first:end].tobytes())

    def spans(self, recording: int) -> tuple[VisemeSpan, ...]:
        """The visemes of a recording."""
        first, end = self.first_span[recording : recording + 2]
        rows = zip(self.viseme[first:end], self.start_sample[first:end], self.end_sample[first:end], strict=True)
        return tuple(VisemeSpan(int(viseme), int(start), int(stop)) for viseme, start, stop in rows)

    def people(self, split: Split) -> tuple[str, ...]:
        """The names of those of ``split``, each once."""
        return tuple(sorted({name for name in self.voices if split_of_human(name) == split}))

    def utterances(self, split: Split, people: Collection[str] | None = None) -> Iterator[Utterance]:
        """What the people of ``split`` (or only those named) say, at an even level and cut in its pauses.

        Give them to ``speech_bank.with_human``.
        """
        for recording, name in enumerate(self.voices):
            if split_of_human(name) == split and (people is None or name in people):
                samples_A = levelled(self.samples(recording))
                # Two decoders may differ by a packet at the very end.
                held = [span for span in self.spans(recording) if span.end_sample <= samples_A.shape[0]]
                yield from pieces(human_utterance(samples_A, held, HumanVoice(name=name), text=self.titles[recording]))

    def save(self, path: Path) -> None:
        """Write a ``.npz``; sound does not compress, spans do."""
        with path.open("wb") as file:
            np.savez_compressed(
                file,
                format=np.int32(_FORMAT),
                voices=np.array("\n".join(self.voices)),
                titles=np.array("\n".join(self.titles)),
                opus_bytes=self.opus_bytes,
                first_byte=self.first_byte,
                viseme=self.viseme,
                start_sample=self.start_sample,
                end_sample=self.end_sample,
                first_span=self.first_span,
            )


def load(path: Path) -> HumanBank:
    """Read a bank that ``HumanBank.save`` wrote.

    Raises:
        InputError: the file is missing or is no such bank.
    """
    if not path.is_file():
        raise InputError(f"{path}: there is no bank of recorded people here; make one with runs/align_human.py")
    with np.load(path, allow_pickle=False) as stored:
        if "first_span" not in stored or int(stored["format"]) != _FORMAT:
            raise InputError(
                f"{path}: not a bank of recorded people of format {_FORMAT}; run runs/align_human.py again"
            )
        return HumanBank(
            voices=tuple(str(stored["voices"]).split("\n")),
            titles=tuple(str(stored["titles"]).split("\n")),
            opus_bytes=stored["opus_bytes"],
            first_byte=stored["first_byte"],
            viseme=stored["viseme"],
            start_sample=stored["start_sample"],
            end_sample=stored["end_sample"],
            first_span=stored["first_span"],
        )


def gathered(recordings: Sequence[tuple[str, str, bytes, Sequence[VisemeSpan]]]) -> HumanBank:
    """A bank of recordings given as (voice, title, Opus file, spans).

    Raises:
        ConfigError: there are none.
    """
    if not recordings:
        raise ConfigError("recordings=(): a bank needs at least one")
    spans = [span for *_, found in recordings for span in found]
    return HumanBank(
        voices=tuple(voice for voice, *_ in recordings),
        titles=tuple(title for _, title, *_ in recordings),
        opus_bytes=np.frombuffer(b"".join(data for _, _, data, _ in recordings), np.uint8),
        first_byte=np.cumsum([0, *(len(data) for _, _, data, _ in recordings)], dtype=np.int64),
        viseme=np.array([span.viseme for span in spans], dtype=np.int8),
        start_sample=np.array([span.start_sample for span in spans], dtype=np.int32),
        end_sample=np.array([span.end_sample for span in spans], dtype=np.int32),
        first_span=np.cumsum([0, *(len(found) for *_, found in recordings)], dtype=np.int64),
    )


def decode_opus(data: bytes) -> NDArray[np.float32]:
    """The sound of a whole Ogg Opus file (mono, 16 kHz).

    Raises:
        ConfigError: neither soundfile nor PyAV is installed.
        InputError: the sound is not mono at 16 kHz.
    """
    if importlib.util.find_spec("soundfile") is not None:
        library: Any = importlib.import_module("soundfile")
        samples, rate_hz = library.read(io.BytesIO(data), dtype="float32")
        if rate_hz != AUDIO_RATE_HZ or samples.ndim != 1:
            raise InputError(
                f"an Opus file of {rate_hz} Hz and shape {samples.shape}: mono at 16 kHz is kept in a bank"
            )
        return samples
    if importlib.util.find_spec("av") is not None:
        from openlpm.media.opus import decoded

        return decoded(data)
    raise ConfigError("nothing here decodes Opus: install soundfile or PyAV")
