"""Make docs/gallery.md: what a model does with test people whom a seed picked, beside the truth.

    python3 runs/gallery.py out/run1 --device cuda

Every row is a situation; nobody chose who is in it or how it went. The clips go to ``docs/gallery``.
"""

import argparse
import html
import shlex
import sys
from collections.abc import Callable
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

from openlpm.core.audio import ArraySource
from openlpm.core.emotion import EMOTIONS
from openlpm.core.errors import InputError
from openlpm.core.record import PerformanceRecord
from openlpm.core.seeds import Split, generator, seeds_of
from openlpm.dit.condition import ReferenceKind
from openlpm.rollout.assembly import CharacterModel, load_model
from openlpm.rollout.generate import generate
from openlpm.rollout.request import DEFAULT_STEPS, GenerationRequest, Reference
from openlpm.synth.act.acting import ActionCue
from openlpm.synth.act.actions import ACTION_NAMES
from openlpm.synth.act.dialogue import ClipKind
from openlpm.synth.act.perform import ClipStyle, perform
from openlpm.synth.act.reactions import REACTION_KINDS
from openlpm.synth.look.identity import Identity, describe
from openlpm.synth.look.references import SUBTYPES, reference_pictures, reference_rigs
from openlpm.synth.look.render import Cast
from openlpm.synth.sound.speech_bank import SpeechBank, build, load
from openlpm.weights.fingerprint import folder_sha256

DOCS = Path(__file__).parents[1] / "docs"
MOST_BYTES = 2_359_296
CELL = 160
KEPT_EVERY = 2  # of 24 frames a second
_QUALITIES = (70, 60, 50, 40, 30, 20, 10)
_EVERYTHING = tuple(SUBTYPES)
_TRIES = 64


@dataclass(frozen=True, kw_only=True)
class Row:
    """A situation, and how a clip of it is drawn."""

    title: str
    text: str
    measured: str
    """Rows of ``openlpm bench base`` that measure it, with spaces between."""
    style: Callable[[np.random.Generator], ClipStyle]
    lengths: int = 1
    """In units of the gallery's clip length; longer than one, it is shown whole and as many times faster."""
    only_end: bool = False
    """Show the last of those units alone, at its own speed."""
    wants: Callable[[PerformanceRecord], bool] = lambda record: True
    """Whether a drawn clip is of this situation; the first of ``_TRIES`` that is one is shown."""
    shown: tuple[tuple[str, ...], ...] = (_EVERYTHING,)
    """Kinds of reference pictures that the model is given, for each of its panels."""


@dataclass(frozen=True, kw_only=True)
class Stage:
    """What all clips have in common."""

    model: CharacterModel
    bank: SpeechBank
    seed: int
    num_frames: int
    steps: int = DEFAULT_STEPS


@dataclass(frozen=True, kw_only=True)
class Cell:
    """One animated picture: the truth and, beside it, what the model made of the same conditions."""

    name: str
    record: PerformanceRecord
    panels: tuple[str, ...]
    frames_FHWC: NDArray[np.uint8]


def _of(kind: ClipKind, *, num_actions: int = 0, mood: bool = False) -> Callable[[np.random.Generator], ClipStyle]:
    def draw(rng: np.random.Generator) -> ClipStyle:
        names = rng.choice(len(ACTION_NAMES), size=num_actions, replace=False)
        return ClipStyle(
            kind=kind,
            mood=EMOTIONS[1 + int(rng.integers(len(EMOTIONS) - 1))] if mood else EMOTIONS[0],
            intensity=1.0 if mood else 0.8,
            actions=tuple(ActionCue(action=ACTION_NAMES[int(name)]) for name in names),
        )

    return draw


def _acts(number: int) -> Callable[[PerformanceRecord], bool]:
    return lambda record: sum(kind.startswith("action:") for kind in _events(record)) == number


def _reacts(record: PerformanceRecord) -> bool:
    return any(kind in REACTION_KINDS for kind in _events(record))


def _events(record: PerformanceRecord) -> list[str]:
    return [] if record.truth is None else [event.kind for event in record.truth.events]


ROWS = (
    Row(
        title="Speaking",
        text="The voice is given; the lips should follow it.",
        measured="jaw_correlation viseme_f1 sync_win_rate_synthetic",
        style=_of(ClipKind.SPEAK),
    ),
    Row(
        title="Listening",
        text="The partner's voice is given; nods, smiles and looks should answer it, and the mouth stay shut.",
        measured="reaction_event_f1 reaction_contrast_auc false_mouth_rate",
        style=_of(ClipKind.LISTEN),
        wants=_reacts,
    ),
    Row(
        title="Traps",
        text="Music, noise or somebody else's voice: nobody's turn, so the mouth should stay shut.",
        measured="false_mouth_rate_traps",
        style=_of(ClipKind.TRAP),
    ),
    Row(
        title="Idle",
        text="Nobody talks: breath, blinks and small movement.",
        measured="motion_ratio blink_ks gaze_error_deg",
        style=_of(ClipKind.IDLE),
    ),
    Row(
        title="Emotions",
        text="The performer feels something, which most captions name.",
        measured="emotion_f1",
        style=_of(ClipKind.SPEAK, mood=True),
    ),
    Row(
        title="Actions",
        text="The caption asks for one action.",
        measured="text_action_success",
        style=_of(ClipKind.IDLE, num_actions=1),
        wants=_acts(1),
    ),
    Row(
        title="Sequences",
        text="The caption asks for three actions, one after the other; three times as fast as it was made.",
        measured="text_sequence_success",
        style=_of(ClipKind.IDLE, num_actions=3),
        wants=_acts(3),
        lengths=3,
    ),
    Row(
        title="References",
        text="The same performance from one picture of the character, and from ten.",
        measured="identity_tar_at_far1 vae/psnr vae/psnr_mouth",
        style=_of(ClipKind.DIALOGUE),
        shown=(("global",), _EVERYTHING),
    ),
    Row(
        title="Long continuation",
        text="The last moments of a performance of six times the length, made window after window.",
        measured="seam_ratio",
        style=_of(ClipKind.DIALOGUE),
        lengths=6,
        only_end=True,
    ),
)


@torch.inference_mode()
def make_cell(stage: Stage, row: Row, number: int) -> Cell:
    """Draw who and what from the seed, perform it, and put truth and generated side by side."""
    rng = generator("gallery", stage.seed, row.title, number)
    people = seeds_of(stage.bank.split)
    whole = row.lengths * stage.num_frames
    for _ in range(_TRIES):
        who, clip_seed = people[int(rng.integers(len(people)))], int(rng.integers(2**31))
        identity, style = Identity.from_seed(who), row.style(rng)
        appearance = describe(identity)
        record = perform(who, clip_seed, stage.bank, num_frames=whole, style=style, appearance=appearance)
        if row.wants(record):
            break
    else:
        raise InputError(f"{row.title}: no clip of {whole} frames is one; give more --frames")
    first, every = (whole - stage.num_frames, KEPT_EVERY) if row.only_end else (0, KEPT_EVERY * row.lengths)
    kept = slice(first, whole, every)
    assert record.truth is not None
    rig_BFR = torch.from_numpy(record.truth.rig_FR[kept])[None].to(stage.model.device)
    columns = [_eight_bit(Cast([identity], device=stage.model.device).render(rig_BFR)[0])]
    pictures_JHWC = _eight_bit(reference_pictures(identity))
    for kinds in row.shown:
        request = GenerationRequest(
            references=tuple(
                Reference(kind=ReferenceKind(key.kind), subtype=key.subtype, picture_HWC=picture_HWC)
                for key, picture_HWC in zip(reference_rigs(), pictures_JHWC, strict=True)
                if key.kind in kinds
            ),
            speak=ArraySource(record.speak_A),
            listen=ArraySource(record.listen_A),
            num_frames=whole,
            caption=record.caption,
            seed=clip_seed,
            steps=stage.steps,
        )
        blocks = [_eight_bit(block_BFCHW[0]) for block_BFCHW in generate(stage.model, [request])]
        columns.append(np.concatenate(blocks)[kept])
    names = ("generated",) if len(row.shown) == 1 else tuple(f"from {_count(kinds)}" for kinds in row.shown)
    return Cell(
        name=f"{row.title.lower().replace(' ', '-')}-{number}",
        record=record,
        panels=("truth", *names),
        frames_FHWC=np.concatenate(columns, axis=2),
    )


def _count(kinds: tuple[str, ...]) -> str:
    number = sum(key.kind in kinds for key in reference_rigs())
    return "1 picture" if number == 1 else f"{number} pictures"


def _eight_bit(frames_FCHW: torch.Tensor) -> NDArray[np.uint8]:
    return frames_FCHW.clamp(0, 1).mul(255).round().byte().permute(0, 2, 3, 1).contiguous().cpu().numpy()


def as_webp(frames_FHWC: NDArray[np.uint8], quality: int) -> bytes:
    """An animated picture that repeats for ever."""
    width = CELL * (frames_FHWC.shape[2] // frames_FHWC.shape[1])
    images = [Image.fromarray(frame).resize((width, CELL), Image.Resampling.LANCZOS) for frame in frames_FHWC]
    file = BytesIO()
    images[0].save(
        file, "webp", save_all=True, append_images=images[1:], duration=1000 * KEPT_EVERY // 24, loop=0,
        quality=quality, method=4,
    )  # fmt: skip
    return file.getvalue()


def encoded(cells: list[Cell], most_bytes: int = MOST_BYTES) -> list[bytes]:
    """All pictures at the best quality at which they fit together.

    Raises:
        InputError: they never do.
    """
    for quality in _QUALITIES:
        files = [as_webp(cell.frames_FHWC, quality) for cell in cells]
        if sum(map(len, files)) <= most_bytes:
            return files
    raise InputError(f"{len(cells)} clips do not fit into {most_bytes} bytes: give fewer --clips or --frames")


def page(rows: tuple[Row, ...], cells: list[list[Cell]], about: str) -> str:
    """The page: nothing but words and the pictures in ``gallery``."""
    body: list[str] = []
    for row, drawn in zip(rows, cells, strict=True):
        measured = ", ".join(f"`{name}`" for name in row.measured.split())
        body.append(f"## {row.title}\n\n{row.text} Measured by {measured}.\n")
        for cell in drawn:
            words = html.escape(cell.record.caption) or "(no caption)"
            body.append(
                f'<img src="gallery/{cell.name}.webp" alt="{words}">\n\n'
                f"{' | '.join(cell.panels)}, `{cell.record.identity}`: {words}\n"
            )
    return _PAGE.format(about=about, body="\n".join(body))


_PAGE = """# Gallery

People, voices and situations come from the test split and were picked by a seed, not by hand; the model has seen
and heard none of them. The left of each picture is the truth: one way to perform what was asked for. The model was
given the same voices, words and pictures of the person, and may move differently where they leave it free. There is no
sound. Human voices (`sync_win_rate_human`) are not shown.

{about}

{body}"""


def make_gallery(stage: Stage, out: Path, *, about: str, clips: int) -> int:
    """Write the page and its pictures into ``out``; returns the bytes of all pictures."""
    cells: list[list[Cell]] = []
    for row in ROWS:
        cells.append([make_cell(stage, row, number) for number in range(clips)])
        print(f"{row.title}: {clips} clips", file=sys.stderr)
    everything = [cell for drawn in cells for cell in drawn]
    files = encoded(everything)
    folder = out / "gallery"
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.glob("*.webp"):
        old.unlink()
    for cell, content in zip(everything, files, strict=True):
        (folder / f"{cell.name}.webp").write_bytes(content)
    (out / "gallery.md").write_text(page(ROWS, cells, about))
    return sum(map(len, files))


def main() -> None:
    """Load the model, make the voices, write the gallery."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=Path, help="a model folder")
    parser.add_argument("--out", type=Path, default=DOCS)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--clips", type=int, default=2, help="clips a row")
    parser.add_argument("--frames", type=int, default=72, help="length of a clip, at 24 frames a second")
    parser.add_argument("--steps", type=int, default=DEFAULT_STEPS)
    parser.add_argument("--bank", type=Path, help="a speech bank of the test split; without it one is made")
    args = parser.parse_args()
    if args.frames < 48:
        raise InputError(f"--frames {args.frames}: give at least 48 (two seconds), or no action fits")
    bank = build(Split.TEST, 320, seed=args.seed) if args.bank is None else load(args.bank)
    if bank.split != Split.TEST:
        raise InputError(f"{args.bank} holds voices of the split {bank.split}; the gallery shows test people only")
    command = shlex.join(["python3", "runs/gallery.py", *sys.argv[1:]])
    about = f"Model `{folder_sha256(args.model)[:12]}`: `{command}`"
    model = load_model(args.model, args.device)
    stage = Stage(model=model, bank=bank, seed=args.seed, num_frames=args.frames, steps=args.steps)
    num_bytes = make_gallery(stage, args.out, about=about, clips=args.clips)
    print(f"{args.out / 'gallery.md'}: {num_bytes / 1024:.0f} KiB of pictures")


if __name__ == "__main__":
    main()
