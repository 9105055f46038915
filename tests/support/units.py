"""Films of the cast as the stage ``pairing`` leaves them: units with the true tracks, for tests of what comes after."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from openlpm.bench.dialogue_clips import CHOSEN_POINTS
from openlpm.core.record import PerformanceRecord
from openlpm.core.rig import Rig, State
from openlpm.core.units import samples_at_frame
from openlpm.data.ingest.stage import INGEST
from openlpm.data.packed import pack
from openlpm.data.pairing.part import Filming, Stretch, Unit, UnitKind
from openlpm.data.people.faces import box_of
from openlpm.data.people.part import People, Person
from openlpm.data.records import Record
from openlpm.data.scan import scan
from openlpm.data.shots.stage import SHOTS
from openlpm.data.stage import RawFiles
from openlpm.data.states.rule import runs_of
from openlpm.media.mix import soft_limit
from openlpm.media.video import VideoWriter
from openlpm.synth.look.identity import Identity
from openlpm.synth.look.render import Cast

BLOCK = 24


def write_performance(path: Path, record: PerformanceRecord) -> Path:
    """A performance as a film, 256 by 256, with both voices."""
    assert record.truth is not None
    cast, rig_FR = Cast([Identity.from_seed(record.truth.seed)]), torch.from_numpy(record.truth.rig_FR)
    sound_A = soft_limit(record.speak_A + record.listen_A)
    with VideoWriter(path, size=256) as writer:
        for first in range(0, record.num_frames, BLOCK):
            frames_FCHW = cast.render(rig_FR[None, first : first + BLOCK])[0]
            end = first + frames_FCHW.shape[0]
            block_FHWC = frames_FCHW.mul(255).round().byte().permute(0, 2, 3, 1).contiguous().numpy()
            writer.write(block_FHWC, sound_A[samples_at_frame(first) : samples_at_frame(end)])
    return path


def unit_records(
    path: Path, record: PerformanceRecord, pieces: Sequence[tuple[int, int]]
) -> tuple[list[Record], RawFiles]:
    """A unit for each piece (first and end frame) of a film of one shot, as ``write_performance`` wrote it."""
    raw = RawFiles(roots=((path.name, path),))
    (found,) = scan(raw)
    (source,) = INGEST.work(found, INGEST.config, raw)
    (clip,) = SHOTS.work(source, SHOTS.config, raw)
    person = true_person(record)
    people = People(detector="cast", num_frames=record.num_frames, persons=(person,))
    squares_F3, state_F = person.crops.unpack(), np.where(record.state_F == State.BOTH, State.SPEAK, record.state_F)
    units = [
        Unit(
            person=0,
            first_frame=first,
            num_frames=end - first,
            kind=kind_of(state_F[first:end]),
            filming=Filming.ALONE,
            states=pack(state_F[first:end].astype(np.int8)),
            crops=pack(squares_F3[first:end], step=0.1),
            own=stretches(state_F[first:end] == State.SPEAK),
            partner=stretches(state_F[first:end] == State.LISTEN),
            identity="somebody",
            listens_to="another" if (state_F[first:end] == State.LISTEN).any() else "",
        )
        for first, end in pieces
    ]
    return [clip.child("pairing", people, unit) for unit in units], raw


def true_person(record: PerformanceRecord) -> Person:
    """The track of a performer as a perfect detector would report it, seen whole in every frame."""
    assert record.truth is not None
    rig_FR = record.truth.rig_FR
    cast = Cast([Identity.from_seed(record.truth.seed)])
    points_FP2 = cast.landmarks(torch.from_numpy(rig_FR)[None])[0, :, list(CHOSEN_POINTS)].numpy()
    boxes_F4 = np.stack([box_of(points_P2) for points_P2 in points_FP2])
    whole_F3 = np.tile(np.array([0.0, 0.0, 256.0], np.float32), (record.num_frames, 1))
    return Person(
        first_frame=0,
        num_frames=record.num_frames,
        points=pack(points_FP2, step=0.1),
        turns=pack(rig_FR[:, [Rig.YAW, Rig.PITCH, Rig.ROLL]], step=0.001),
        boxes=pack(boxes_F4, step=0.1),
        crops=pack(whole_F3, step=0.1),
        looks=pack(np.zeros(75), step=0.01),
        score=0.9,
        face_share=float((boxes_F4[:, 2:] - boxes_F4[:, :2]).max() / 256),
        cut_off_share=0.0,
    )


def kind_of(state_F: NDArray[np.int8]) -> UnitKind:
    """What a stretch is footage of."""
    speaks, listens = (state_F == State.SPEAK).any(), (state_F == State.LISTEN).any()
    if speaks and listens:
        return UnitKind.CONVERSATION
    return UnitKind.SPEAK if speaks else UnitKind.LISTEN if listens else UnitKind.IDLE


def stretches(mask_F: NDArray[np.bool_]) -> tuple[Stretch, ...]:
    """True frames as stretches of sound."""
    return tuple(
        Stretch(first_sample=samples_at_frame(first), end_sample=samples_at_frame(end))
        for first, end in runs_of(mask_F)
    )
