"""Conversations on disk: what was asked for, whether it is there, and how it gets there, whole or not at all."""

import json
import tempfile
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, final

from openlpm.core.errors import InputError
from openlpm.core.seeds import Split
from openlpm.core.units import FRAME_RATE_HZ

if TYPE_CHECKING:
    import torch

    from openlpm.synth.act.filming import Layout
    from openlpm.synth.sound.speech_bank import SpeechBank


@final
@dataclass(frozen=True, kw_only=True, slots=True)
class Job:
    """What is asked for, but for the number of the conversation."""

    out: Path
    seconds: float
    split: Split
    layout: "Layout"
    device: "torch.device"
    bank: Path | None

    @property
    def num_frames(self) -> int:
        """Length of each conversation."""
        return round(self.seconds * FRAME_RATE_HZ)

    def name(self, seed: int) -> str:
        """What the files of a conversation are called."""
        return f"conversation-{seed:06d}"

    def request(self, seed: int) -> dict[str, Any]:
        """What makes a conversation what it is; its header repeats it."""
        bank = None if self.bank is None else self.bank.name
        return {
            "seed": seed,
            "num_frames": self.num_frames,
            "split": str(self.split),
            "layout": str(self.layout),
            "bank": bank,
        }


def is_whole(job: Job, seed: int) -> bool:
    """Whether a conversation is there with all its files.

    Raises:
        InputError: it is there, but made from another request.
    """
    path = job.out / f"{job.name(seed)}.json"
    if not path.is_file():
        return False
    try:
        header = json.loads(path.read_text())
        made, files = header["request"], dict(header["files"])
    except (ValueError, KeyError, TypeError) as error:
        raise InputError(
            f"{path} is no header that this command wrote; move it away or choose another --out"
        ) from error
    if made != job.request(seed):
        differs = ", ".join(
            f"{key} {made.get(key)}" for key, value in job.request(seed).items() if made.get(key) != value
        )
        raise InputError(f"{path} was made with {differs}; choose another --out, or remove it to make it again")
    return all(
        (job.out / name).is_file() and (job.out / name).stat().st_size == size_bytes
        for name, size_bytes in files.items()
    )


def write_conversation(job: Job, seed: int, bank: "SpeechBank", report: Callable[[int], None]) -> None:
    """Render one conversation into a hidden folder and move its files to their place, the header last."""
    from openlpm.media.video import VideoWriter
    from openlpm.synth.act.conversation import converse
    from openlpm.synth.act.filming import draw_shots, film_blocks, films_of
    from openlpm.synth.act.truth_file import truth_arrays, truth_header, write_arrays

    conversation = converse(seed, bank, num_frames=job.num_frames)
    shots = draw_shots(seed, conversation.records[0].state_F, conversation.records[1].state_F)
    films = films_of(job.layout, job.num_frames, shots)
    header = truth_header(conversation, bank, job.layout, films, shots)
    names = [f"{job.name(seed)}{film.suffix}.mp4" for film in films]
    arrays_name, header_name = f"{job.name(seed)}.npz", f"{job.name(seed)}.json"
    with tempfile.TemporaryDirectory(prefix=".openlpm-", dir=job.out) as hidden:
        drafts = Path(hidden)
        with ExitStack() as stack:
            writers = [
                stack.enter_context(VideoWriter(drafts / name, size=film.size))
                for name, film in zip(names, films, strict=True)
            ]
            blocks = [film_blocks(conversation, film, device=job.device) for film in films]
            for parts in zip(*blocks, strict=True):
                for writer, (frames_FHWC, samples_A) in zip(writers, parts, strict=True):
                    writer.write(frames_FHWC, samples_A)
                report(writers[0].num_frames)
        write_arrays(drafts / arrays_name, truth_arrays(conversation, films))
        written = [*names, arrays_name]
        files = {name: (drafts / name).stat().st_size for name in written}
        whole = {"request": job.request(seed), "files": files, **header}
        (drafts / header_name).write_text(json.dumps(whole, indent=1) + "\n")
        (job.out / header_name).unlink(missing_ok=True)
        for name in (*written, header_name):
            (drafts / name).replace(job.out / name)
