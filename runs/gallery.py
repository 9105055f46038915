"""Make docs/gallery.md: what a model does with test people whom a seed picked, beside the truth.

    python3 runs/gallery.py out/run1 --device cuda --voices voices.npz

Every row is a situation; nobody chose who is in it or how it went. The clips go to ``docs/gallery``.
Recordings of people are named by ``--voices`` (``openlpm bench voices`` packs them); only those of the test split's
speakers are spoken to, and the pictures have no sound.
"""

import argparse
import html
import shlex
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from io import BytesIO
from itertools import pairwise
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

from openlpm.bench.human_voices import HumanVoices, load_voices, of_split
from openlpm.core.audio import SILENCE, ArraySource, AudioSource
from openlpm.core.emotion import EMOTIONS
from openlpm.core.errors import InputError
from openlpm.core.record import PerformanceRecord
from openlpm.core.rig import RigTrack
from openlpm.core.seeds import Split, generator, seeds_of
from openlpm.core.units import samples_at_frame
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
_PANEL = 256
_MOST_VOICES = 1000


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
    recorded: bool = False
    """The voice is a person's recording, whose face nobody knows: its loudness takes the place of the truth."""


@dataclass(frozen=True, kw_only=True)
class Stage:
    """What all clips have in common."""

    model: CharacterModel
    bank: SpeechBank
    seed: int
    num_frames: int
    steps: int = DEFAULT_STEPS
    voices: HumanVoices | None = None
    """Recordings of the test split's speakers."""


@dataclass(frozen=True, kw_only=True)
class Scene:
    """What is asked for, and the truth if there is one."""

    who: int
    clip_seed: int
    caption: str
    speak: AudioSource
    listen: AudioSource
    record: PerformanceRecord | None = None
    recording: str = ""
    """The name of the recorded voice, if it is one."""

    @property
    def true_rig(self) -> RigTrack | None:
        """One way to perform it, (F, R); None where nobody knows one."""
        return None if self.record is None or self.record.truth is None else self.record.truth.rig_FR


@dataclass(frozen=True, kw_only=True)
class Cell:
    """One animated picture: on its left the truth (or a voice), then what the model made of the same conditions."""

    name: str
    scene: Scene
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
        title="Human voices",
        text="The voice is a recording of a person, and the lips should follow it. No truth belongs to it: on the left "
        "is how loud the voice is, the present black.",
        measured="sync_win_rate_human",
        style=_of(ClipKind.SPEAK),
        recorded=True,
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


def draw(stage: Stage, row: Row, number: int) -> Scene:
    """Who and what a seed picks.

    Raises:
        InputError: no clip that is drawn is of the row's situation.
    """
    rng = generator("gallery", stage.seed, row.title, number)
    if row.recorded:
        return _draw_recording(stage, rng)
    whole = row.lengths * stage.num_frames
    for _ in range(_TRIES):
        who, clip_seed = _draw_person(stage, rng)
        appearance = describe(Identity.from_seed(who))
        style = row.style(rng)
        record = perform(who, clip_seed, stage.bank, num_frames=whole, style=style, appearance=appearance)
        if row.wants(record):
            return Scene(
                who=who,
                clip_seed=clip_seed,
                caption=record.caption,
                speak=ArraySource(record.speak_A),
                listen=ArraySource(record.listen_A),
                record=record,
            )
    raise InputError(f"{row.title}: no clip of {whole} frames is one; give more --frames")


def _draw_person(stage: Stage, rng: np.random.Generator) -> tuple[int, int]:
    people = seeds_of(stage.bank.split)
    return people[int(rng.integers(len(people)))], int(rng.integers(2**31))


def _draw_recording(stage: Stage, rng: np.random.Generator) -> Scene:
    assert stage.voices is not None
    who, clip_seed = _draw_person(stage, rng)
    index = int(rng.integers(len(stage.voices.names)))
    return Scene(
        who=who,
        clip_seed=clip_seed,
        caption=f"{describe(Identity.from_seed(who)).capitalize()} speaks.",
        speak=ArraySource(stage.voices.voices_KA[index]),
        listen=SILENCE,
        recording=stage.voices.names[index],
    )


@torch.inference_mode()
def make_cell(stage: Stage, row: Row, number: int) -> Cell:
    """Draw who and what from the seed, perform it, and put truth and generated side by side."""
    scene = draw(stage, row, number)
    identity, rig_FR = Identity.from_seed(scene.who), scene.true_rig
    whole = row.lengths * stage.num_frames
    first, every = (whole - stage.num_frames, KEPT_EVERY) if row.only_end else (0, KEPT_EVERY * row.lengths)
    kept = slice(first, whole, every)
    if rig_FR is None:
        columns = [loudness(scene.speak, whole)[kept]]
    else:
        rig_BFR = torch.from_numpy(rig_FR[kept])[None].to(stage.model.device)
        columns = [_eight_bit(Cast([identity], device=stage.model.device).render(rig_BFR)[0])]
    pictures_JHWC = _eight_bit(reference_pictures(identity))
    for kinds in row.shown:
        request = GenerationRequest(
            references=tuple(
                Reference(kind=ReferenceKind(key.kind), subtype=key.subtype, picture_HWC=picture_HWC)
                for key, picture_HWC in zip(reference_rigs(), pictures_JHWC, strict=True)
                if key.kind in kinds
            ),
            speak=scene.speak,
            listen=scene.listen,
            num_frames=whole,
            caption=scene.caption,
            seed=scene.clip_seed,
            steps=stage.steps,
        )
        blocks = [_eight_bit(block_BFCHW[0]) for block_BFCHW in generate(stage.model, [request])]
        columns.append(np.concatenate(blocks)[kept])
    names = ("generated",) if len(row.shown) == 1 else tuple(f"from {_count(kinds)}" for kinds in row.shown)
    return Cell(
        name=f"{row.title.lower().replace(' ', '-')}-{number}",
        scene=scene,
        panels=("truth" if rig_FR is not None else f"loudness of `{scene.recording}`", *names),
        frames_FHWC=np.concatenate(columns, axis=2),
    )


def loudness(voice: AudioSource, num_frames: int) -> NDArray[np.uint8]:
    """A voice as a row of bars, a bar a frame, the present black and the rest grey: (F, 256, 256, 3)."""
    ends = [samples_at_frame(frame) for frame in range(num_frames + 1)]
    level_F = np.array([np.sqrt(np.mean(voice.read(a, b - a) ** 2)) for a, b in pairwise(ends)])
    frame_W = np.arange(_PANEL) * num_frames // _PANEL
    height_W = 4 + 0.8 * _PANEL * level_F[frame_W] / max(level_F.max(), 1e-6)
    bars_HW = np.abs(np.arange(_PANEL)[:, None] - _PANEL / 2) < height_W / 2
    shade_FW = np.where(frame_W == np.arange(num_frames)[:, None], 0, 160)
    shown_FHW = np.where(bars_HW, shade_FW[:, None], 255).astype(np.uint8)
    return np.repeat(shown_FHW[..., None], 3, axis=-1)


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


def page(rows: Sequence[Row], cells: list[list[Cell]], about: str) -> str:
    """The page: nothing but words and the pictures in ``gallery``."""
    if not any(row.recorded for row in rows):
        about += "\n\n" + _WITHOUT_VOICES
    body: list[str] = []
    for row, drawn in zip(rows, cells, strict=True):
        measured = ", ".join(f"`{name}`" for name in row.measured.split())
        body.append(f"## {row.title}\n\n{row.text} Measured by {measured}.\n")
        for cell in drawn:
            words = html.escape(cell.scene.caption) or "(no caption)"
            body.append(
                f'<img src="gallery/{cell.name}.webp" alt="{words}">\n\n'
                f"{' | '.join(cell.panels)}, `seed:{cell.scene.who}`: {words}\n"
            )
    return _PAGE.format(about=about, body="\n".join(body))


_PAGE = """# Gallery

People, voices and situations come from the test split and were picked by a seed, not by hand; the model has seen
and heard none of them. The left of each picture, unless the row says otherwise, is the truth: one way to perform what
was asked for. The model was given the same voices, words and pictures of the person, and may move differently where
they leave it free. There is no sound.

{about}

{body}"""

_WITHOUT_VOICES = """Recorded human voices are not shown: pack recordings with
`openlpm bench voices FOLDER --out voices.npz` and make the gallery anew with `--voices voices.npz`."""


def make_gallery(stage: Stage, out: Path, *, about: str, clips: int) -> int:
    """Write the page and its pictures into ``out``; returns the bytes of all pictures."""
    cells: list[list[Cell]] = []
    rows = [row for row in ROWS if stage.voices is not None or not row.recorded]
    for row in rows:
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
    (out / "gallery.md").write_text(page(rows, cells, about))
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
    parser.add_argument(
        "--voices", type=Path, help="recordings of people (.npz of `openlpm bench voices`), for a row more"
    )
    args = parser.parse_args()
    if args.frames < 48:
        raise InputError(f"--frames {args.frames}: give at least 48 (two seconds), or no action fits")
    bank = build(Split.TEST, 320, seed=args.seed) if args.bank is None else load(args.bank)
    if bank.split != Split.TEST:
        raise InputError(f"{args.bank} holds voices of the split {bank.split}; the gallery shows test people only")
    voices = None if args.voices is None else of_split(load_voices(args.voices, limit=_MOST_VOICES), Split.TEST)
    if voices is not None and not voices.names:
        raise InputError(f"{args.voices} holds no speaker of the test split; pack more with `openlpm bench voices`")
    command = shlex.join(["python3", "runs/gallery.py", *sys.argv[1:]])
    about = f"Model `{folder_sha256(args.model)[:12]}`: `{command}`"
    model = load_model(args.model, args.device)
    stage = Stage(model=model, bank=bank, seed=args.seed, num_frames=args.frames, steps=args.steps, voices=voices)
    num_bytes = make_gallery(stage, args.out, about=about, clips=args.clips)
    print(f"{args.out / 'gallery.md'}: {num_bytes / 1024:.0f} KiB of pictures")


if __name__ == "__main__":
    main()
