"""Align recordings of people and pack them, sound and visemes, into one file for machines that only train.

    python runs/align_human.py SPEECH_DIR --out human.npz

Each folder in SPEECH_DIR is a corpus (without folders, SPEECH_DIR itself is one; files beside folders are left out). A
file's name begins with its speaker, up to the first ``-``, and corpus and speaker decide the split. Files in Opus
(mono, 16 kHz) stay as they are, others are encoded. Needs the extra ``[data]``; takes a few minutes an hour of speech
and core. The file holds people's voices: keep it out of git.

On the other machine: ``human_bank.load(path).utterances(split)`` and ``speech_bank.with_human(bank, utterances)``.
"""

import argparse
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import cache
from pathlib import Path

from openlpm.core.errors import InputError
from openlpm.media.audio import open_audio
from openlpm.media.opus import encoded
from openlpm.synth.sound import human_bank
from openlpm.synth.sound.aligner import load_aligner
from openlpm.synth.sound.human_speech import Aligner, VisemeSpan
from openlpm.synth.sound.voices import split_of_human

_SUFFIXES = (".flac", ".ogg", ".opus", ".wav")


def main() -> None:
    """Find, align, write, count."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--limit", type=int, help="at most so many recordings of each corpus")
    options = parser.parse_args()
    jobs = list(recordings_in(options.folder, options.limit))
    began = time.monotonic()
    with ProcessPoolExecutor(options.workers) as pool:
        rows: list[tuple[str, str, bytes, Sequence[VisemeSpan]]] = []
        for row in pool.map(aligned, jobs):
            rows.append(row)
            if len(rows) % 25 == 0:
                print(f"{len(rows)} of {len(jobs)} recordings, {time.monotonic() - began:.0f} s", flush=True)
    bank = human_bank.gathered(rows)
    bank.save(options.out)
    splits = Counter(split_of_human(name).value for name in set(bank.voices))
    size = options.out.stat().st_size / 2**20
    print(f"{options.out}: {bank.num_recordings} recordings, {size:.1f} MiB, speakers {dict(splits)}")


def recordings_in(folder: Path, limit: int | None) -> Iterator[tuple[Path, str]]:
    """Files and the names of their voices, corpus by corpus."""
    corpora = sorted(path for path in folder.iterdir() if path.is_dir()) if folder.is_dir() else []
    found = 0
    for corpus in corpora or [folder]:
        files = sorted(path for path in corpus.iterdir() if path.suffix in _SUFFIXES)[:limit]
        for path in files:
            yield path, f"{corpus.name}-{path.stem.split('-')[0]}"
        found += len(files)
    if not found:
        raise InputError(f"{folder}: there are no recordings here; give a folder of {', '.join(_SUFFIXES)} files")


@cache
def aligner() -> Aligner:
    """One a process: loading it takes a second."""
    return load_aligner()


def aligned(job: tuple[Path, str]) -> tuple[str, str, bytes, Sequence[VisemeSpan]]:
    """One recording as it goes into the bank; what is aligned is what the other machine will decode."""
    path, voice = job
    if path.suffix == ".opus":
        data = path.read_bytes()
    else:
        source = open_audio(path)
        data = encoded(source.read(0, source.num_samples))
    return voice, path.stem, data, aligner()(human_bank.decode_opus(data))


if __name__ == "__main__":
    main()
