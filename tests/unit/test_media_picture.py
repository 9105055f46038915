from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from openlpm.core.errors import InputError
from openlpm.media import picture as picture_module
from openlpm.media.picture import read_picture, square, write_picture

pytestmark = pytest.mark.unit


def gradient(height: int = 60, width: int = 80) -> np.ndarray:
    rows_HW, columns_HW = np.mgrid[0:height, 0:width]
    return np.stack([rows_HW * 3, columns_HW * 3, np.full_like(rows_HW, 90)], axis=-1).astype(np.uint8)


@pytest.mark.parametrize(("name", "error"), [("a.png", 0), ("a.webp", 12), ("a.jpg", 12)])
def test_png_jpeg_and_webp_are_read(tmp_path: Path, name: str, error: int) -> None:
    Image.fromarray(gradient()).save(tmp_path / name, quality=95)
    read_HWC = read_picture(tmp_path / name)
    assert read_HWC.dtype == np.uint8
    assert np.abs(read_HWC.astype(int) - gradient()).max() <= error


def test_a_photo_taken_sideways_is_turned_upright(tmp_path: Path) -> None:
    sideways = Image.fromarray(np.rot90(gradient(), 1).copy())
    exif = sideways.getexif()
    exif[0x0112] = 6
    sideways.save(tmp_path / "a.png", exif=exif)
    assert np.array_equal(read_picture(tmp_path / "a.png"), gradient())


def test_transparency_shows_a_light_backdrop(tmp_path: Path) -> None:
    Image.new("RGBA", (40, 40), (255, 0, 0, 0)).save(tmp_path / "a.png")
    assert read_picture(tmp_path / "a.png").min() > 200


def test_sixteen_bit_grey_is_scaled(tmp_path: Path) -> None:
    Image.fromarray(np.full((40, 40), 32_768, dtype=np.uint16)).save(tmp_path / "a.png")
    assert np.all(np.abs(read_picture(tmp_path / "a.png").astype(int) - 128) <= 1)


def test_of_an_animation_the_first_picture_is_taken(tmp_path: Path) -> None:
    first, second = Image.new("RGB", (40, 40), (10, 200, 30)), Image.new("RGB", (40, 40), (200, 0, 0))
    first.save(tmp_path / "a.webp", save_all=True, append_images=[second], lossless=True)
    assert tuple(read_picture(tmp_path / "a.webp")[0, 0]) == (10, 200, 30)


def test_what_is_no_picture_is_refused_in_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "text.png").write_text("hello")
    (tmp_path / "empty.png").touch()
    Image.fromarray(gradient()).save(tmp_path / "whole.png")
    whole = (tmp_path / "whole.png").read_bytes()
    (tmp_path / "cut.png").write_bytes(whole[: len(whole) // 2])
    Image.fromarray(gradient()).save(tmp_path / "a.bmp")
    Image.fromarray(gradient(8, 8)).save(tmp_path / "tiny.png")
    Image.fromarray(gradient(300, 300)).save(tmp_path / "huge.png")
    monkeypatch.setattr(picture_module, "MAX_PICTURE_PIXELS", 50_000)
    expected = {
        "text.png": "not a picture",
        "empty.png": "is empty",
        "cut.png": "not a picture",
        "a.bmp": "not a picture",
        "tiny.png": "at least 32",
        "huge.png": "too many pixels",
        "missing.png": "there is no file",
    }
    for name, words in expected.items():
        with pytest.raises(InputError, match=words) as caught:
            read_picture(tmp_path / name)
        assert "\n" not in str(caught.value)
        assert name in str(caught.value)


def test_files_over_the_byte_cap_are_not_opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Image.fromarray(gradient()).save(tmp_path / "a.png")
    monkeypatch.setattr(picture_module, "MAX_PICTURE_BYTES", 10)
    with pytest.raises(InputError, match="save it smaller"):
        read_picture(tmp_path / "a.png")


def test_a_square_keeps_the_middle_across_and_more_of_the_top() -> None:
    tall_HWC = np.zeros((200, 100, 3), dtype=np.uint8)
    tall_HWC[30:130] = 255
    assert square(tall_HWC, 64).shape == (64, 64, 3)
    assert square(tall_HWC, 100).min() == 255
    wide_HWC = np.zeros((100, 200, 3), dtype=np.uint8)
    wide_HWC[:, 50:150] = 255
    assert square(wide_HWC, 100).min() == 255


def test_a_written_picture_is_read_back_exactly(tmp_path: Path) -> None:
    write_picture(tmp_path / "new" / "a.png", gradient())
    assert np.array_equal(read_picture(tmp_path / "new" / "a.png"), gradient())
    with pytest.raises(InputError, match=r"\.png"):
        write_picture(tmp_path / "a.jpg", gradient())
