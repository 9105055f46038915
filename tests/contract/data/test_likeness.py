"""Copies that differ in every byte are found, and people who look alike are not taken for copies."""

from fractions import Fraction
from pathlib import Path

import av
import pytest

from openlpm.data.ingest.likeness import settle_likeness
from openlpm.data.ingest.stage import IngestConfig, ingest
from openlpm.data.records import Record
from openlpm.data.scan import roots_of, scan

pytestmark = pytest.mark.contract


def again(source: Path, target: Path, *, size: tuple[int, int], rate: int, crf: int) -> None:
    """The same film by another coder, at another size and rate."""
    with av.open(str(source)) as read, av.open(str(target), "w") as written:
        video = written.add_stream("libx264", rate=rate, options={"crf": str(crf), "preset": "ultrafast"})
        video.width, video.height = size
        video.pix_fmt = "yuv420p"
        number = 0
        for frame in read.decode(video=0):
            while number <= float(frame.time) * rate:
                picture = frame.reformat(width=size[0], height=size[1], format="yuv420p")
                picture.pts, picture.time_base = number, Fraction(1, rate)
                written.mux(video.encode(picture))
                number += 1
        written.mux(video.encode(None))


def settled(folder: Path) -> dict[str, Record]:
    raw = roots_of([folder])
    config = IngestConfig()
    ingested = [made for record in scan(raw) for made in ingest(record, config, raw)]
    return {each.parts["source"]["name"].partition("/")[2]: each for each in settle_likeness(ingested, config)}


def test_the_same_film_at_another_size_rate_and_quality_is_a_copy(shared_data: Path, tmp_path: Path) -> None:
    for name in ("face-d11.mp4", "grid-bbaf2n.mpg", "webcam.mp4"):
        (tmp_path / name).write_bytes((shared_data / "video" / name).read_bytes())
    again(tmp_path / "face-d11.mp4", tmp_path / "x-face.mp4", size=(320, 320), rate=24, crf=32)
    again(tmp_path / "grid-bbaf2n.mpg", tmp_path / "x-grid.mkv", size=(240, 192), rate=25, crf=30)
    found = settled(tmp_path)
    copies = {name: record.parts["copy"]["of"] for name, record in found.items() if "copy" in record.parts}
    assert {name: of.partition("/")[2] for name, of in copies.items()} == {
        "x-face.mp4": "face-d11.mp4",
        "x-grid.mkv": "grid-bbaf2n.mpg",
    }
    assert found["x-face.mp4"].reasons == ("ingest.looks_like_another",)


def test_ten_people_before_the_same_wall_are_ten(shared_data: Path, tmp_path: Path) -> None:
    for source in (shared_data / "video").glob("grid-*.mpg"):
        (tmp_path / source.name).write_bytes(source.read_bytes())
    found = settled(tmp_path)
    assert len(found) == 10
    assert not [name for name, record in found.items() if record.reasons]


def test_another_moment_of_the_same_person_in_the_same_room_is_no_copy(shared_data: Path, tmp_path: Path) -> None:
    source = shared_data / "video" / "face-d9.mp4"
    with av.open(str(source)) as read:
        pictures = [frame.to_ndarray(format="rgb24") for frame in read.decode(video=0)]
    for name, part in (("one.mp4", pictures[:180]), ("two.mp4", pictures[300:480])):
        with av.open(str(tmp_path / name), "w") as written:
            video = written.add_stream("libx264", rate=30, options={"preset": "ultrafast"})
            video.height, video.width = part[0].shape[:2]
            video.pix_fmt = "yuv420p"
            for picture_HWC in part:
                written.mux(video.encode(av.VideoFrame.from_ndarray(picture_HWC, format="rgb24")))
            written.mux(video.encode(None))
    assert not [name for name, record in settled(tmp_path).items() if record.reasons]
