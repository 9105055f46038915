"""A unit becomes a sample: its pictures, voices, tracks, references and what is known of it, each as a file."""

import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any, Protocol, final

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from openlpm.core.rig import State
from openlpm.core.units import FRAME_RATE_HZ
from openlpm.data.pairing.part import Unit
from openlpm.data.pairing.pictures import unit_pictures
from openlpm.data.pairing.tracks import voices
from openlpm.data.parts import Source, Span
from openlpm.data.people.part import People
from openlpm.data.records import Record
from openlpm.data.shards.facts import ReferenceFact, Run, SampleFacts, as_json
from openlpm.data.shards.motion import motion_energy, tracks_of
from openlpm.data.shards.told import captions_of, emotion_of, face_track_of, references_of
from openlpm.data.stage import RawFiles
from openlpm.media import film, flac
from openlpm.media.picture import decode_picture


@final
@dataclass(frozen=True, kw_only=True, slots=True)
class Framing:
    """How pictures are kept."""

    size: int
    crf: int
    reference_quality: int


class FeatureMaker(Protocol):
    """Networks that make members beforehand."""

    @property
    def fingerprints(self) -> Mapping[str, str]:
        """Of the networks, by their names."""
        ...

    def of_unit(
        self,
        frames_FHWC: NDArray[np.uint8],
        references: Sequence[NDArray[np.uint8]],
        own_A: NDArray[np.int16],
        partner_A: NDArray[np.int16],
    ) -> Mapping[str, NDArray[Any]]:
        """Arrays by name."""
        ...


def make_sample(
    record: Record, raw: RawFiles, framing: Framing, features: FeatureMaker | None
) -> tuple[SampleFacts, Mapping[str, bytes]]:
    """What is known of a unit, and the members of its sample by the ends of their names.

    Raises:
        InputError: the record is no unit, or its source cannot be read any more.
    """
    unit = record.part(Unit)
    own_A, partner_A = (np.round(np.clip(track_A, -1, 1) * 32767).astype(np.int16) for track_A in voices(record, raw))
    video = film.encoded(unit_pictures(record, raw, framing.size), framing.size, crf=framing.crf)
    tracks = tracks_of(unit, record.part(People).persons[unit.person], framing.size)
    states_F = unit.states.unpack()
    members = {
        "mp4": video,
        "speak.flac": flac.encoded(own_A),
        "listen.flac": flac.encoded(partner_A),
        "tracks.npz": packed_arrays({"states_F": states_F, **tracks, **face_track_of(record)}),
    }
    references: list[ReferenceFact] = []
    pictures: list[NDArray[np.uint8]] = []
    for fact, picture_HWC in references_of(record, raw, framing.size):
        members[fact.member] = _webp(picture_HWC, framing.reference_quality)
        references.append(fact)
        pictures.append(decode_picture(io.BytesIO(members[fact.member]), fact.member))
    made_by: dict[str, str] = {}
    if features is not None:
        arrays = features.of_unit(film.decoded(video), pictures, own_A, partner_A)
        members["features.npz"] = packed_arrays(arrays)
        made_by = dict(features.fingerprints)
    facts = SampleFacts(
        key=record.id,
        num_frames=unit.num_frames,
        size=framing.size,
        kind=unit.kind,
        filming=unit.filming,
        identity=unit.identity,
        listens_to=unit.listens_to,
        states=runs_of(states_F),
        source=record.part(Source).name,
        source_sha256=record.part(Source).sha256,
        start_s=float(record.part(Span).start_s) + unit.first_frame / FRAME_RATE_HZ,
        rights=record.part(Source).rights,
        captions=captions_of(record),
        emotion=emotion_of(record),
        motion=round(motion_energy(tracks["points_FP2"], tracks["boxes_F4"]), 6),
        references=tuple(references),
        made_by=made_by,
    )
    members["json"] = json.dumps(as_json(facts), sort_keys=True, ensure_ascii=False, indent=1).encode()
    return facts, members


def runs_of(states_F: NDArray[np.int8]) -> tuple[Run, ...]:
    """States as runs of frames."""
    return tuple(
        Run(state=State(state).name.lower(), num_frames=len(list(run))) for state, run in groupby(states_F.tolist())
    )


def packed_arrays(arrays: Mapping[str, NDArray[Any]]) -> bytes:
    """Arrays as the bytes of an ``.npz`` file: the same from the same arrays, for numpy dates its members 1980."""
    buffer = io.BytesIO()
    held: dict[str, Any] = {name: arrays[name] for name in sorted(arrays)}
    np.savez_compressed(buffer, **held)
    return buffer.getvalue()


def _webp(picture_HWC: NDArray[np.uint8], quality: int) -> bytes:
    buffer = io.BytesIO()
    lossless = quality == 100
    Image.fromarray(picture_HWC).save(buffer, "WEBP", quality=quality, lossless=lossless, method=4)
    return buffer.getvalue()
