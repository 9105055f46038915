"""Units made by hand: films of which everything is known, as the stages before the shards leave them."""

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from numpy.typing import NDArray

from openlpm.core.rig import State
from openlpm.core.units import AUDIO_RATE_HZ, FRAME_RATE_HZ, samples_at_frame
from openlpm.data.captions.part import Captions, Segment, Tag
from openlpm.data.captions.tags import FACE_CHANNELS, Group
from openlpm.data.dataset import Dataset
from openlpm.data.packed import pack
from openlpm.data.pairing.part import Filming, Stretch, Unit, UnitKind
from openlpm.data.parts import Media, Rights, Sound, Source, Span
from openlpm.data.people.faces import NUM_POINTS, POINT
from openlpm.data.people.part import People, Person
from openlpm.data.records import Record, plain
from openlpm.data.references.part import Reference, References
from openlpm.data.stage import RawFiles
from openlpm.dit.condition import ReferenceKind
from openlpm.synth.look.references import VIEWS

SIDE = 128
_KINDS = (UnitKind.SPEAK, UnitKind.LISTEN, UnitKind.CONVERSATION, UnitKind.IDLE)


def picture(number: int, frame: int) -> NDArray[np.uint8]:
    """A smooth pattern that drifts; another for every number."""
    rows_HW, columns_HW = np.mgrid[0:SIDE, 0:SIDE] / SIDE
    rng = np.random.default_rng(number)
    phase_3 = rng.uniform(0, 6, 3)
    waves = [np.sin(4 * columns_HW + 3 * rows_HW + phase + frame / 12) for phase in phase_3]
    return (127 + 100 * np.stack(waves, axis=-1)).astype(np.uint8)


BEHIND = 48
"""Frames of a source behind its unit, from which the references are."""


def write_source(path: Path, number: int, num_frames: int) -> Media:
    """A film of ``picture`` with a tone, losslessly, and what its headers say."""
    with av.open(str(path), "w") as container:
        video = container.add_stream("png", rate=FRAME_RATE_HZ)
        video.height, video.width, video.pix_fmt = SIDE, SIDE, "rgb24"
        sound = container.add_stream("pcm_s16le", rate=AUDIO_RATE_HZ, layout="mono")
        for index in range(num_frames):
            frame = av.VideoFrame.from_ndarray(picture(number, index), format="rgb24")
            frame.pts, frame.time_base = index, Fraction(1, FRAME_RATE_HZ)
            container.mux(video.encode(frame))
        container.mux(video.encode(None))
        tone_A = (9000 * np.sin(np.arange(samples_at_frame(num_frames)) * (0.1 + 0.02 * number))).astype(np.int16)
        block = av.AudioFrame.from_ndarray(tone_A[None], format="s16", layout="mono")
        block.sample_rate, block.pts, block.time_base = AUDIO_RATE_HZ, 0, Fraction(1, AUDIO_RATE_HZ)
        container.mux(sound.encode(block))
        container.mux(sound.encode(None))
    with av.open(str(path)) as container:
        video = container.streams.video[0]
        assert video.time_base is not None
        time_base, first = Fraction(video.time_base), video.start_time or 0
    return Media(
        container="mov", codec="png", stream=0, width=SIDE, height=SIDE, rotation=0, rate=Fraction(FRAME_RATE_HZ),
        variable_rate=False, high_dynamic_range=False, num_packets=num_frames, first_pts=first,
        end_pts=first + round(Fraction(num_frames, FRAME_RATE_HZ) / time_base), time_base=time_base, damaged_frames=0,
        sound=Sound(stream=1, codec="pcm_s16le", rate_hz=AUDIO_RATE_HZ, channels=1),
    )  # fmt: skip


def person_of(num_frames: int, *, lively: float) -> Person:
    """A face in the middle whose landmarks sway ``lively`` pixels."""
    at_P2 = np.full((NUM_POINTS, 2), SIDE / 2.0)
    for name, place in {
        "mouth_left": (54, 88), "mouth_right": (74, 88), "lip_top": (64, 84), "lip_bottom": (64, 93),
        "gap_top": (64, 87), "gap_bottom": (64, 89), "eye_left_outer": (44, 60), "eye_left_inner": (56, 60),
        "eye_right_inner": (72, 60), "eye_right_outer": (84, 60), "lid_left_top": (50, 57),
        "lid_left_bottom": (50, 62), "lid_right_top": (78, 57), "lid_right_bottom": (78, 62), "chin": (64, 104),
    }.items():  # fmt: skip
        at_P2[POINT[name]] = place
    sway_F1 = lively * np.sin(np.arange(num_frames) / 3)[:, None]
    points_FP2 = at_P2[None] + sway_F1[..., None]
    boxes_F4 = np.tile(np.array([36.0, 40, 92, 106]), (num_frames, 1)) + sway_F1
    return Person(
        first_frame=0, num_frames=num_frames,
        points=pack(points_FP2.astype(np.float32), step=0.25),
        turns=pack(np.zeros((num_frames, 3), np.float32), step=0.001),
        boxes=pack(boxes_F4.astype(np.float32), step=0.25),
        crops=pack(np.tile(np.array([0, 0, SIDE], np.float32), (num_frames, 1)), step=0.25),
        looks=pack(np.zeros(4, np.float32), step=0.01), score=1.0, face_share=0.5, cut_off_share=0.0,
    )  # fmt: skip


def states_of(kind: UnitKind, num_frames: int) -> NDArray[np.int8]:
    """What the person does frame by frame in a unit of a kind."""
    state_F = np.full(num_frames, State.IDLE, np.int8)
    if kind in (UnitKind.SPEAK, UnitKind.CONVERSATION):
        state_F[: num_frames // 2] = State.SPEAK
    if kind in (UnitKind.LISTEN, UnitKind.CONVERSATION):
        state_F[num_frames // 2 :] = State.LISTEN
    return state_F


def make_unit(folder: Path, number: int, num_frames: int, *, kind: UnitKind, lively: float = 1.0) -> Record:
    """A unit that is a whole source; the first half of its sound is its own, the other the partner's."""
    path = folder / f"source{number}.mov"
    media = write_source(path, number, num_frames + BEHIND)
    half, end = samples_at_frame(num_frames) // 2, samples_at_frame(num_frames)
    span = Span(
        first_pts=media.first_pts, end_pts=media.end_pts, time_base=media.time_base, first_frame=0,
        num_frames=num_frames + BEHIND,
    )  # fmt: skip
    rights = Rights(licence="CC0-1.0", consent="given", may_train=True)
    source = Source(name=f"{folder.name}/{path.name}", sha256=f"{number:064x}", size_bytes=1, rights=rights)
    people = People(detector="hand", num_frames=num_frames, persons=(person_of(num_frames, lively=lively),))
    unit = Unit(
        person=0, first_frame=0, num_frames=num_frames, kind=kind, filming=Filming.ALONE,
        states=pack(states_of(kind, num_frames)), crops=people.persons[0].crops,
        own=(Stretch(first_sample=0, end_sample=half),), partner=(Stretch(first_sample=half, end_sample=end),),
        identity=f"person{number}", listens_to="",
    )  # fmt: skip
    found = Record(stage="pairing", parent=None, parts={part.NAME: plain(part) for part in (source, media, span)})
    references = [(ReferenceKind.GLOBAL, "frontal")] + [(ReferenceKind.VIEW, name) for name in VIEWS[: number % 3]]
    chosen = References(
        references=tuple(
            Reference(
                kind=kind, subtype=name, span=span, frame=num_frames + 8 + 12 * place, square=(0.0, 0.0, float(SIDE)),
                fit=1.0, sharpness=1.0, face_pixels=60.0, score=1.0,
            )
            for place, (kind, name) in enumerate(references)
        )
    )  # fmt: skip
    return found.child("references", people, unit, captions_of(num_frames, number), chosen)


def captions_of(num_frames: int, number: int) -> Captions:
    """Somebody who is glad in the first half, and waves at the end of it if the number is even."""
    half_s = num_frames / FRAME_RATE_HZ / 2
    tags = [Tag(group=Group.EMOTION, name="happy" if number % 2 else "sad", start_s=0.0, end_s=half_s, certainty=0.9)]
    if number % 2 == 0:
        tags.append(Tag(group=Group.ACTION, name="wave_left", start_s=half_s - 0.6, end_s=half_s - 0.1, certainty=1.0))
    return Captions(
        caption="A person.", dense="A person.", lasting=f"Person {number} listens.", appearance=f"person {number}",
        segments=(Segment(first_frame=0, end_frame=num_frames, caption="A person."),), tags=tuple(tags),
        face=pack(np.zeros((num_frames, len(FACE_CHANNELS)), np.float32), step=0.01),
        sharpness=pack(np.ones(num_frames, np.float32), step=0.001), described_by="hand", heard_by="",
    )  # fmt: skip


def make_units(folder: Path, lengths: Sequence[int]) -> tuple[list[Record], RawFiles]:
    """Units of so many frames, of all kinds in turn, each livelier than the one before."""
    folder.mkdir(parents=True, exist_ok=True)
    units = [
        make_unit(folder, number, length, kind=_KINDS[number % 4], lively=0.5 + number)
        for number, length in enumerate(lengths)
    ]
    return units, RawFiles(roots=((folder.name, folder),))


def dataset_of(folder: Path, raw: RawFiles) -> Dataset:
    """An empty dataset that knows where its sources lie."""
    dataset = Dataset(folder=folder)
    folder.mkdir(parents=True, exist_ok=True)
    dataset.set_raw(raw)
    return dataset
