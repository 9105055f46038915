from collections.abc import Callable
from dataclasses import fields
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from openlpm.core.errors import ConfigError
from openlpm.core.seeds import generator
from openlpm.data.defects.clean import write_silent
from openlpm.data.defects.planting import SCORES, Defect, plant
from openlpm.data.filters.course import Course
from openlpm.data.filters.measures import blocking_of, blur_of, cast_of, contrast_of, exposure_of
from openlpm.data.filters.overlays import Overlays
from openlpm.data.filters.stage import FiltersConfig, FilterScores, Range, score_clip, score_names
from openlpm.data.ingest.probing import Limits, look_into
from openlpm.data.parts import Rights, Source, Span
from openlpm.data.pixels import grey_of
from openlpm.data.records import Record, plain
from openlpm.data.stage import RawFiles

pytestmark = pytest.mark.unit

FRAMES = 48
LIMITS = Limits(most_streams=16, most_pixels=10**8, longest_s=1e5, fastest_hz=1000, most_damaged=1.0)


def a_clip(number: int = 0, size: int = 256) -> NDArray[np.uint8]:
    """Something that moves before something that does not, ``frames_FHWC``."""
    rng = np.random.default_rng(number)
    back_HWC = np.full((size, size, 3), 128, np.uint8)
    for x, y, radius, *colour in rng.integers(
        (0, 0, 4, 50, 50, 50), (size, size, 26, 215, 215, 215), (160, 6)
    ).tolist():
        cv2.circle(back_HWC, (x, y), radius, colour, -1)
    frames = []
    for index in range(FRAMES):
        picture_HWC = back_HWC.copy()
        x = int(size / 2 + 40 * np.sin(index / 6 + number))
        cv2.circle(picture_HWC, (x, size // 2), 42, (210, 170, 140), -1)
        cv2.circle(picture_HWC, (x - 14, size // 2 - 10), 5, (20, 20, 20), -1)
        frames.append(picture_HWC)
    return np.stack(frames)


def scores_of(frames_FHWC: NDArray[np.uint8]) -> dict[str, float]:
    course, overlays = Course(), Overlays()
    for index, picture_HWC in enumerate(frames_FHWC):
        course.add(grey_of(picture_HWC))
        if index % 5 == 0:
            course.add_sample(grey_of(picture_HWC))
            overlays.add(picture_HWC)
    middle_HWC = frames_FHWC[FRAMES // 2]
    brightness, dark, bright = exposure_of(middle_HWC)
    return {
        "blur": blur_of(grey_of(middle_HWC)),
        "brightness": brightness,
        "dark": dark,
        "bright": bright,
        "contrast": contrast_of(grey_of(middle_HWC)),
        "flicker": course.flicker,
        "frozen_s": course.longest_frozen / 24,
        "doubled": course.doubled,
        "bars": course.bars,
        "subtitle": overlays.subtitle,
        "logo": overlays.logo,
        "inset": overlays.inset,
    }


def dropped(scores: dict[str, float], defect: Defect) -> bool:
    config = FiltersConfig()
    return any(not getattr(config, name).holds(scores[name]) for name in SCORES[defect])


@pytest.mark.parametrize("defect", list(Defect))
def test_a_planted_defect_is_found_and_a_clean_clip_is_not_blamed(defect: Defect) -> None:
    clean, other = a_clip(0), a_clip(1)
    assert not dropped(scores_of(clean), defect)
    found = [
        dropped(scores_of(plant(clean, defect, generator("test", defect.value, seed), other, 24.0)), defect)
        for seed in range(3)
    ]
    assert sum(found) >= 2


def test_there_is_a_range_for_every_score() -> None:
    assert (
        {each.name for each in fields(FiltersConfig)}
        == set(score_names())
        == {each.name for each in fields(FilterScores)}
    )


def test_more_blur_is_more() -> None:
    grey_HW = grey_of(a_clip()[0])
    scores = [blur_of(cv2.GaussianBlur(grey_HW, (0, 0), sigma).astype(np.uint8)) for sigma in (0.5, 1.0, 2.0, 4.0)]
    assert scores == sorted(scores)
    assert scores[-1] - scores[0] > 0.2


@pytest.mark.parametrize(("blurred", "kept"), [(0.6, True), (1.0, False)])
def test_frames_that_movement_blurs_are_no_blur_while_others_are_crisp(
    blurred: float, kept: bool, tmp_path: Path
) -> None:
    frames_FHWC = a_clip()
    for index in range(round(blurred * FRAMES)):
        frames_FHWC[index] = cv2.GaussianBlur(frames_FHWC[index], (0, 0), 4.0)
    media = look_into(write_silent(tmp_path / "clip.mp4", frames_FHWC), LIMITS)
    span = Span(
        first_pts=media.first_pts,
        end_pts=media.end_pts,
        time_base=media.time_base,
        first_frame=0,
        num_frames=media.num_packets,
    )
    source = Source(name="clip.mp4", sha256="", size_bytes=0, rights=Rights())
    record = Record(stage="test", parent=None, parts={part.NAME: plain(part) for part in (source, media, span)})
    scores = score_clip(record, RawFiles(roots=(("clip.mp4", tmp_path / "clip.mp4"),)))
    assert scores is not None
    assert FiltersConfig().blur.holds(scores.blur) == kept


def test_blocks_of_a_strong_coder_are_seen() -> None:
    picture_HWC = cv2.GaussianBlur(a_clip()[0], (0, 0), 2.0)
    _, coded = cv2.imencode(".jpg", picture_HWC, [cv2.IMWRITE_JPEG_QUALITY, 6])
    assert blocking_of(grey_of(picture_HWC.astype(np.uint8))) < 1.3
    assert blocking_of(grey_of(cv2.imdecode(coded, cv2.IMREAD_COLOR).astype(np.uint8))) > 2.2


def test_a_picture_that_leans_to_one_colour_is_seen() -> None:
    picture_HWC = a_clip()[0]
    blue_HWC = np.clip(picture_HWC * np.array([1.0, 0.25, 0.2]), 0, 255).astype(np.uint8)
    most = FiltersConfig().cast
    assert most.holds(2 * cast_of(picture_HWC))
    assert not most.holds(cast_of(blue_HWC))


@pytest.mark.parametrize("axis", [1, 2])
def test_bars_at_the_edges_are_measured(axis: int) -> None:
    frames_FHWC = a_clip()
    cut: list[slice] = [slice(None)] * 3
    cut[axis] = slice(0, 32)
    frames_FHWC[tuple(cut)] = 0
    assert scores_of(frames_FHWC)["bars"] == pytest.approx(32 / 256, abs=0.01)
    assert scores_of(a_clip())["bars"] == 0.0


def test_paper_at_one_edge_is_no_bar_and_white_at_both_is() -> None:
    frames_FHWC = a_clip()
    frames_FHWC[:, :32] = 245
    assert scores_of(frames_FHWC)["bars"] == 0.0
    frames_FHWC[:, -32:] = 245
    assert scores_of(frames_FHWC)["bars"] == pytest.approx(64 / 256, abs=0.01)


def side_by_side() -> NDArray[np.uint8]:
    """Two pictures that meet; one has shelves that end where the other begins."""
    shelves, other = a_clip(0), a_clip(1)
    for y in (40, 210):
        shelves[:, y : y + 6] = 30
    return np.concatenate([shelves, (other * 0.5).astype(np.uint8)], axis=2)


def test_pictures_side_by_side_are_no_picture_in_a_picture_and_one_in_them_is() -> None:
    together = side_by_side()
    assert not dropped(scores_of(together), Defect.INSET)
    rng = generator("test", "split", 0)
    assert dropped(scores_of(plant(together, Defect.INSET, rng, a_clip(2), 24.0)), Defect.INSET)


def before_a_panel(*, crossing: bool) -> NDArray[np.uint8]:
    """Boards to both sides of a panel that ends above and below, and something that moves before it or within it."""
    frames_FHWC = np.full((FRAMES, 256, 256, 3), 90, np.uint8)
    for y in (40, 120, 200):
        frames_FHWC[:, y : y + 8, :70] = frames_FHWC[:, y : y + 8, 186:] = 40
    frames_FHWC[:, 30:226, 70:186] = 150
    for index, picture_HWC in enumerate(frames_FHWC):
        x, y = 128 + round((70 if crossing else 15) * np.sin(index / 6)), 128 + round(45 * np.sin(index / 4))
        cv2.circle(picture_HWC, (x, y), 36, (210, 170, 140), -1)
    return frames_FHWC


def test_what_somebody_passes_before_is_no_picture_in_a_picture() -> None:
    assert scores_of(before_a_panel(crossing=False))["inset"] > 0.9
    assert not dropped(scores_of(before_a_panel(crossing=True)), Defect.INSET)


def test_a_rectangle_whose_sides_run_on_is_no_picture_in_a_picture() -> None:
    frames_FHWC = before_a_panel(crossing=False)
    for y in (30, 226):
        frames_FHWC[:, y - 2 : y + 2, 20:236] = 0
    assert not dropped(scores_of(frames_FHWC), Defect.INSET)


@pytest.mark.parametrize("seed", range(3))
def test_a_picture_in_a_picture_is_found_where_one_side_has_the_colour_behind_it(seed: int) -> None:
    clean = a_clip(0)
    planted = plant(clean, Defect.INSET, generator("test", "same", seed), a_clip(1), 24.0)
    rows = np.flatnonzero((planted != clean).any(axis=(0, 2, 3)))
    hidden = slice(max(0, rows[0] - 6), rows[0] + 6)
    planted[:, hidden] = 128
    assert dropped(scores_of(planted), Defect.INSET)


def in_a_corner(*, moves: float) -> NDArray[np.uint8]:
    """A wall before which somebody moves, and in a corner a picture in which hardly anybody does."""
    frames_FHWC = a_clip(0)
    for index, picture_HWC in enumerate(frames_FHWC):
        picture_HWC[12:92, 12:112] = (60, 90, 70)
        x = 62 + round(moves * np.sin(index / 5))
        cv2.circle(picture_HWC, (x, 52), 24, (210, 170, 140), -1)
    return frames_FHWC


def test_a_picture_in_a_picture_is_found_though_hardly_anything_moves_in_it() -> None:
    assert dropped(scores_of(in_a_corner(moves=10.0)), Defect.INSET)
    assert not dropped(scores_of(in_a_corner(moves=0.0)), Defect.INSET)


def test_in_a_corner_a_picture_in_which_hardly_anything_moves_may_have_a_side_of_the_colour_behind_it() -> None:
    frames_FHWC = in_a_corner(moves=6.0)
    frames_FHWC[:, :12, :80] = (60, 90, 70)
    assert dropped(scores_of(frames_FHWC), Defect.INSET)


def in_rhythm(*, left: int, top: int) -> NDArray[np.uint8]:
    """A picture in a picture, and somebody beside it who moves as somebody in it does; neither passes its edge."""
    frames_FHWC = np.full((FRAMES, 256, 256, 3), 90, np.uint8)
    for index, picture_HWC in enumerate(frames_FHWC):
        y = top + 40 + round(18 * np.sin(index / 5))
        cv2.circle(picture_HWC, (left + 110, y), 16, (150, 170, 210), -1)
        picture_HWC[top : top + 80, left : left + 100] = (120, 50, 60)
        inside_HWC = picture_HWC[top : top + 80, left : left + 100]
        cv2.circle(inside_HWC, (92, y - top), 14, (220, 130, 90), -1)
    return frames_FHWC


def test_in_a_corner_what_moves_alike_on_both_sides_of_a_plain_edge_does_not_pass_before_it() -> None:
    assert dropped(scores_of(in_rhythm(left=14, top=14)), Defect.INSET)
    assert not dropped(scores_of(in_rhythm(left=70, top=90)), Defect.INSET)


def test_what_somebody_passes_before_is_no_picture_in_a_picture_in_a_corner_either() -> None:
    frames_FHWC = np.full((FRAMES, 256, 256, 3), 90, np.uint8)
    frames_FHWC[:, 14:110, 14:124] = (120, 50, 60)
    for index, picture_HWC in enumerate(frames_FHWC):
        x = 110 + round(40 * np.sin(index / 6))
        cv2.circle(picture_HWC, (x, 70), 22, (210, 170, 140), -1)
    assert not dropped(scores_of(frames_FHWC), Defect.INSET)


def with_a_mark(word: str, *, ink: int, ground: tuple[int, int, int], plate: bool) -> NDArray[np.uint8]:
    """Something that moves, beside an even corner with letters in it."""
    frames_FHWC = a_clip(0)
    frames_FHWC[:, :60, :120] = ground
    for picture_HWC in frames_FHWC:
        if plate:
            cv2.rectangle(picture_HWC, (8, 8), (54, 38), (150, 60, 30), -1)
        cv2.putText(picture_HWC, word, (12, 32), cv2.FONT_HERSHEY_DUPLEX, 0.8, (ink, ink, ink), 1, cv2.LINE_AA)
    return frames_FHWC


@pytest.mark.parametrize(
    ("word", "ink", "ground", "plate"),
    [("HD", 255, (90, 120, 100), True), ("LIVE", 255, (222, 236, 243), False), ("Nova", 20, (90, 120, 100), False)],
)
def test_letters_are_a_mark_though_few_or_faint(word: str, ink: int, ground: tuple[int, int, int], plate: bool) -> None:
    assert dropped(scores_of(with_a_mark(word, ink=ink, ground=ground, plate=plate)), Defect.LOGO)
    assert not dropped(scores_of(with_a_mark("", ink=ink, ground=ground, plate=plate)), Defect.LOGO)


def test_books_on_a_shelf_are_no_mark() -> None:
    frames_FHWC = a_clip(0)
    frames_FHWC[:, :60, :120] = (70, 90, 110)
    for number, wide in enumerate((7, 5, 9, 6, 8, 5, 7)):
        left = 10 + 11 * number
        frames_FHWC[:, 14 + 2 * (number % 3) : 44, left : left + wide] = (40 + 25 * number, 90, 200 - 20 * number)
    assert not dropped(scores_of(frames_FHWC), Defect.LOGO)


def test_movement_alone_is_no_flicker_and_a_fade_is_none() -> None:
    frames_FHWC = a_clip()
    fade = np.linspace(1.0, 0.4, FRAMES)[:, None, None, None]
    assert scores_of((frames_FHWC * fade).astype(np.uint8))["flicker"] < 0.004


def still(frames_FHWC: NDArray[np.uint8]) -> NDArray[np.uint8]:
    return np.repeat(frames_FHWC[:1], FRAMES, axis=0)


def empty(frames_FHWC: NDArray[np.uint8]) -> NDArray[np.uint8]:
    return np.full_like(frames_FHWC, 128)


@pytest.mark.parametrize("change", [still, empty])
def test_every_score_of_a_strange_clip_is_a_finite_number(
    change: Callable[[NDArray[np.uint8]], NDArray[np.uint8]],
) -> None:
    assert all(np.isfinite(value) for value in scores_of(change(a_clip())).values())


def test_bounds_that_no_number_can_keep_are_refused() -> None:
    with pytest.raises(ConfigError, match="no number is both"):
        Range(at_least=2.0, at_most=1.0)
