"""Files that would stop a careless pipeline, and what becomes of each."""

import struct
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from types import ModuleType

import av
import numpy as np
import pytest
from PIL import Image

from openlpm.data.build import build
from openlpm.data.dataset import Dataset, read_manifest
from openlpm.data.parts import Media, Source, Span
from openlpm.data.recipe import configs_for
from openlpm.data.records import Decision, Record
from openlpm.data.runner import Running

pytestmark = pytest.mark.contract

Build = Callable[[Path, ModuleType], None]


def honest(path: Path, films: ModuleType) -> None:
    films.write_film(path, [(1, 3.5)])


def truncated(path: Path, films: ModuleType) -> None:
    whole = films.write_film(path.with_name("whole.ts"), [(1, 6.0)], codec="mpeg2video")
    path.write_bytes(whole.read_bytes()[: whole.stat().st_size * 2 // 3])
    whole.unlink()


def headless(path: Path, films: ModuleType) -> None:
    honest(path, films)
    path.write_bytes(path.read_bytes()[:3000])


def empty(path: Path, _films: ModuleType) -> None:
    path.write_bytes(b"")


def words(path: Path, _films: ModuleType) -> None:
    path.write_text("this is no film\n" * 500)


def a_still(path: Path, _films: ModuleType) -> None:
    Image.new("RGB", (64, 64), "red").save(path, format="JPEG")


def playlist(path: Path, films: ModuleType) -> None:
    path.write_text("ffconcat version 1.0\nfile honest.mp4\n")


def huge(path: Path, films: ModuleType) -> None:
    """The container's header claims 30 000 by 30 000; the pictures inside are small."""
    films.write_film(path, [(12, 3.5)])
    content = bytearray(path.read_bytes())
    at = content.index(b"avc1", content.index(b"stsd"))
    content[at + 28 : at + 32] = struct.pack(">HH", 30_000, 30_000)
    path.write_bytes(content)


def misnamed(path: Path, films: ModuleType) -> None:
    films.write_film(path.with_suffix(".mp4"), [(13, 3.5)])
    path.with_suffix(".mp4").rename(path)


def huge_coded(path: Path, _films: ModuleType) -> None:
    """Really coded at 10 000 by 8 000."""
    with av.open(str(path), "w", format="mp4") as container:
        video = container.add_stream("mpeg4", rate=2)
        video.width, video.height, video.pix_fmt = 8000, 8000, "yuv420p"
        frame = av.VideoFrame(8000, 8000, "yuv420p")
        for plane in frame.planes:
            plane.update(bytes(plane.buffer_size))
        frame.pts = 0
        container.mux(video.encode(frame))
        container.mux(video.encode(None))


def thousand_streams(path: Path, _films: ModuleType) -> None:
    with av.open(str(path), "w", format="matroska") as container:
        tracks = [
            container.add_stream("pcm_s16le", rate=8000, layout="mono") for _ in range(999)
        ]  # all that FFmpeg lets one write
        container.start_encoding()
        for track in tracks[:3]:
            frame = av.AudioFrame.from_ndarray(np.zeros((1, 80), np.int16), format="s16", layout="mono")
            frame.sample_rate, frame.pts = 8000, 0
            container.mux(track.encode(frame))


def endless_gif(path: Path, films: ModuleType) -> None:
    """It asks to be shown for ever."""
    pictures = [Image.fromarray(films.scene(2, index / 10)) for index in range(40)]
    pictures[0].save(path, format="GIF", save_all=True, append_images=pictures[1:], duration=100, loop=0)


def silent(path: Path, films: ModuleType) -> None:
    films.write_film(path, [(3, 3.5)], sound=False)


def uneven(path: Path, films: ModuleType) -> None:
    rng = np.random.default_rng(0)
    stamps = np.cumsum(rng.integers(30, 160, 42)).tolist()
    films.write_film(path, [(4, 3.5)], stamps=stamps)


def turned(path: Path, films: ModuleType) -> None:
    """A film that a telephone held upright: a matrix in its header turns it by 90 degrees."""
    films.write_film(path, [(5, 3.5)])
    content = bytearray(path.read_bytes())
    at = content.index(b"tkhd", content.index(b"moov")) + 4 + 40
    content[at : at + 36] = struct.pack(">9i", 0, 1 << 16, 0, -(1 << 16), 0, 0, 0, 0, 1 << 30)
    path.write_bytes(content)


def high_range(path: Path, films: ModuleType) -> None:
    with av.open(str(path), "w") as container:
        video = container.add_stream(
            "libx265", rate=10, options={"preset": "ultrafast", "x265-params": "log-level=none"}
        )
        video.width, video.height, video.pix_fmt = 128, 96, "yuv420p10le"
        context = video.codec_context
        context.color_trc, context.color_primaries, context.colorspace = 16, 9, 9
        for index in range(35):
            frame = av.VideoFrame.from_ndarray(films.scene(6, index / 10), format="rgb24").reformat(
                format="yuv420p10le"
            )
            frame.pts, frame.time_base = index, Fraction(1, 10)
            frame.color_trc, frame.colorspace = 16, 9
            container.mux(video.encode(frame))
        container.mux(video.encode(None))


def odd_size(path: Path, films: ModuleType) -> None:
    with av.open(str(path), "w") as container:
        video = container.add_stream("ffv1", rate=10)
        video.width, video.height, video.pix_fmt = 127, 93, "bgr0"
        for index in range(35):
            picture = films.scene(7, index / 10, (93, 127))
            frame = av.VideoFrame.from_ndarray(picture, format="rgb24").reformat(format="bgr0")
            frame.pts, frame.time_base = index, Fraction(1, 10)
            container.mux(video.encode(frame))
        container.mux(video.encode(None))


def below_zero(path: Path, films: ModuleType) -> None:
    """Its clock begins two seconds before zero."""
    with av.open(str(path), "w", options={"avoid_negative_ts": "disabled"}) as container:
        video = container.add_stream("mpeg4", rate=10)
        video.width, video.height, video.pix_fmt = 128, 96, "yuv420p"
        for index in range(35):
            frame = av.VideoFrame.from_ndarray(films.scene(8, index / 10), format="rgb24").reformat(format="yuv420p")
            frame.pts, frame.time_base = index - 20, Fraction(1, 10)
            container.mux(video.encode(frame))
        container.mux(video.encode(None))


def only_sound(path: Path, _films: ModuleType) -> None:
    with av.open(str(path), "w", format="mp4") as container:
        tone = container.add_stream("aac", rate=16_000, layout="mono")
        for first in range(0, 32_000, 1024):
            frame = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), format="fltp", layout="mono")
            frame.sample_rate, frame.pts, frame.time_base = 16_000, first, Fraction(1, 16_000)
            container.mux(tone.encode(frame))
        container.mux(tone.encode(None))


def noise_inside(path: Path, films: ModuleType) -> None:
    """Whole headers, and rubbish where the pictures were."""
    films.write_film(path, [(9, 3.5)], sound=False)
    content = bytearray(path.read_bytes())
    at = content.index(b"mdat") + 8
    end = max(content.index(b"moov"), at)
    rng = np.random.default_rng(1)
    content[at : end - 8] = rng.bytes(end - 8 - at)
    path.write_bytes(content)


KEEP, DROP, ASIDE = Decision.KEEP, Decision.DROP, Decision.QUARANTINE
CASES: dict[str, tuple[Build, Decision, str]] = {
    "honest.mp4": (honest, KEEP, ""),
    "wrong-name.avi": (misnamed, KEEP, ""),
    "zz-the-same-again.mp4": (honest, DROP, "duplicate"),
    "half.ts": (truncated, KEEP, ""),
    "headless.mp4": (headless, ASIDE, "not_a_video"),
    "empty.mp4": (empty, ASIDE, "empty"),
    "words.mp4": (words, ASIDE, "not_a_video"),
    "still.mp4": (a_still, ASIDE, "not_a_video"),
    "playlist.mp4": (playlist, ASIDE, "not_a_video"),
    "claims-to-be-huge.mp4": (huge, KEEP, ""),
    "huge.mp4": (huge_coded, ASIDE, "too_many_pixels"),
    "thousand-streams.mkv": (thousand_streams, ASIDE, "too_many_streams"),
    "endless.gif": (endless_gif, KEEP, ""),
    "silent.mp4": (silent, KEEP, ""),
    "uneven.mkv": (uneven, KEEP, ""),
    "turned.mp4": (turned, KEEP, ""),
    "high-range.mp4": (high_range, DROP, "high_dynamic_range"),
    "odd.mkv": (odd_size, KEEP, ""),
    "below-zero.mkv": (below_zero, KEEP, ""),
    "only-sound.mp4": (only_sound, ASIDE, "no_video"),
    "noise.mp4": (noise_inside, ASIDE, "no_picture"),
    "ünï cödé 映画 #1%.mp4": (lambda path, films: films.write_film(path, [(11, 3.5)]), KEEP, ""),
}


@pytest.fixture(scope="module")
def ingested(tmp_path_factory: pytest.TempPathFactory, films: ModuleType) -> Dataset:
    folder = tmp_path_factory.mktemp("hostile") / "raw"
    folder.mkdir()
    for name, (make, _, _) in CASES.items():
        make(folder / name, films)
    (folder / "nowhere.mp4").symlink_to(folder / "gone.mp4")
    (folder / "notes.txt").write_text("passed over")
    (folder / ".hidden.mp4").write_bytes(b"passed over")
    dataset = Dataset(folder=folder.parent / "dataset")
    build(dataset, [folder], configs_for(("ingest", "shots", "filters")), Running(workers=2, memory_mib=3000))
    return dataset


def of(dataset: Dataset, name: str, stage: str = "ingest") -> list[Record]:
    return [each for each in read_manifest(dataset.current(stage)) if each.part(Source).name == f"raw/{name}"]


@pytest.mark.parametrize("name", list(CASES))
def test_a_hostile_file_becomes(name: str, ingested: Dataset) -> None:
    _, decision, reason = CASES[name]
    (record,) = of(ingested, name)
    assert (record.decision, record.reasons) == (decision, (f"ingest.{reason}",) if reason else ())


def test_everything_that_could_be_a_film_is_told_of(ingested: Dataset) -> None:
    names = {record.part(Source).name for record in read_manifest(ingested.current("ingest"))}
    assert names == {f"raw/{name}" for name in CASES} | {"raw/nowhere.mp4"}
    assert of(ingested, "nowhere.mp4")[0].reasons == ("ingest.unreadable",)


def test_what_was_kept_goes_through_all_stages(ingested: Dataset) -> None:
    for name, (_, decision, _) in CASES.items():
        if decision is KEEP:
            (shot,) = of(ingested, name, "shots")
            assert shot.part(Span).num_frames > 20
            (filtered,) = of(ingested, name, "filters")
            assert filtered.decision is not ASIDE
            assert filtered.has(Span)


def test_what_is_strange_about_a_film_is_known(ingested: Dataset) -> None:
    media = {name: of(ingested, name)[0].part(Media) for name, (_, decision, _) in CASES.items() if decision is KEEP}
    assert media["silent.mp4"].sound is None
    assert media["claims-to-be-huge.mp4"].width == 128
    assert media["uneven.mkv"].variable_rate
    assert not media["honest.mp4"].variable_rate
    assert (media["turned.mp4"].width, media["turned.mp4"].height) == (96, 128)
    assert media["turned.mp4"].rotation in (90, 270)
    assert (media["odd.mkv"].width, media["odd.mkv"].height) == (127, 93)
    assert media["below-zero.mkv"].first_pts < 0
    assert 30 < media["endless.gif"].num_packets <= 40
    assert 3 < float(media["half.ts"].duration_s) < 5


def test_a_turned_film_is_seen_upright(ingested: Dataset, films: ModuleType) -> None:
    from openlpm.data.footage import read_pictures

    (record,) = of(ingested, "turned.mp4")
    media = record.part(Media)
    first = next(read_pictures(ingested.raw().source(record), media))
    # Columns a, c of the matrix turn clockwise by 90 degrees: what was left is now on top.
    upright_HWC = np.rot90(films.scene(5, 0.0), k=-1)[..., ::-1]
    assert np.abs(first.picture_HWC.astype(int) - upright_HWC).mean() < 12


def test_a_file_that_is_cut_at_any_byte_stops_nothing(tmp_path: Path, films: ModuleType) -> None:
    """Each stage by itself, in this process: only what the house calls a bad input may come out."""
    from openlpm.data.ingest.stage import IngestConfig, ingest
    from openlpm.data.scan import roots_of, scan

    whole = films.write_film(tmp_path / "whole.mkv", [(1, 1.5)]).read_bytes()
    for cut in range(1, len(whole), len(whole) // 25):
        (tmp_path / "whole.mkv").write_bytes(whole[:cut])
        raw = roots_of([tmp_path / "whole.mkv"])
        (record,) = scan(raw)
        (made,) = ingest(record, IngestConfig(), raw)
        assert made.decision in (KEEP, ASIDE, DROP)
