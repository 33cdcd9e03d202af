import logging
import os
import struct
import warnings
import zlib
from pathlib import Path

import numpy as np
import pytest
import scipy.io
from PIL import Image, ImageDraw, ImageOps

from letters_torch.data.readers import pictures
from letters_torch.errors import UserError
from tests.support.making import message
from tests.support.shared import LETTERS, needs_letters

WHITE, INK = (250, 248, 240), (20, 30, 90)


def drawn(size: tuple[int, int] = (300, 200), width: int = 14, paper: tuple = WHITE, ink: tuple = INK) -> Image.Image:
    """A capital L, 60 x 100, in a corner of the sheet: taller than wide, and no turn or mirroring keeps it."""
    image = Image.new("RGB", size, paper)
    ImageDraw.Draw(image).line([(160, 40), (160, 140), (220, 140)], fill=ink, width=width)
    return image


def save(image: Image.Image, path: Path) -> Path:
    image.save(path)
    return path


def one(path: Path) -> np.ndarray:
    found = pictures.read([path])
    assert (found.files, found.failed) == ([path], ())
    assert found.letters.labels is None
    return found.letters.images[0]


def box(picture: np.ndarray) -> tuple[int, int, int, int]:
    """Top, bottom, left, right of the pixels brighter than a quarter."""
    rows, columns = np.flatnonzero((picture >= 64).any(1)), np.flatnonzero((picture >= 64).any(0))
    return rows[0], rows[-1] + 1, columns[0], columns[-1] + 1


def assert_like(picture: np.ndarray, other: np.ndarray, at_least: float = 0.98) -> None:
    assert np.corrcoef(picture.ravel(), other.ravel())[0, 1] > at_least


def test_a_drawn_letter_gets_the_look_of_those_trained_on(tmp_path: Path) -> None:
    picture = one(save(drawn(), tmp_path / "l.png"))
    top, bottom, left, right = box(picture)
    assert bottom - top in (22, 23, 24)
    assert abs((top + bottom) / 2 - 14) <= 0.5
    assert abs((left + right) / 2 - 14) <= 0.5
    assert abs((right - left) / (bottom - top) - 74 / 114) < 0.1  # the aspect is kept
    assert picture.max() == 255
    assert not picture[0].any()
    # Upright: the long stroke on the left, the short one below.
    assert picture[4:20, left + 1].min() > 128
    assert picture[bottom - 2, left + 1 : right - 1].min() > 128
    assert not picture[2:16, 14:].any()


def test_paper_colour_depth_and_format_are_no_matter(tmp_path: Path) -> None:
    expected = one(save(drawn(), tmp_path / "expected.png"))
    image = drawn()
    grey = image.convert("L")
    deep = Image.fromarray(np.asarray(grey, np.uint16) * 257)
    clear = Image.new("RGBA", image.size, (*INK, 0))
    clear.paste(INK, mask=ImageOps.invert(grey).point(lambda level: 255 if level > 128 else 0))
    light_on_clear = clear.copy()
    light_on_clear.paste((255, 255, 255), mask=clear.getchannel("A"))
    variants = {
        "grey.png": grey,
        "light on dark.png": drawn(paper=INK, ink=WHITE),
        "pale.png": drawn(paper=(200, 200, 200), ink=(150, 150, 150)),
        "dark paper.png": drawn(paper=(110, 110, 110), ink=(60, 60, 60)),
        "red on black.png": drawn(paper=(0, 0, 0), ink=(200, 0, 0)),
        "palette.png": image.convert("P"),
        "one bit.png": grey.convert("1", dither=Image.Dither.NONE),
        "sixteen bit.png": deep,
        "alpha.png": clear,
        "light on alpha.png": light_on_clear,
        "photo.jpg": image,
        "print.jpg": image.convert("CMYK"),
        "still.gif": image,
        "large.png": image.resize((2400, 1600)),
    }
    for name, variant in variants.items():
        assert_like(one(save(variant, tmp_path / name)), expected, 0.95 if name == "large.png" else 0.98)


def test_the_cameras_orientation_is_applied(tmp_path: Path) -> None:
    expected = one(save(drawn(), tmp_path / "upright.jpg"))
    turned = drawn().rotate(90, expand=True)
    exif = Image.Exif()
    exif[0x0112] = 6  # the camera was held so that a viewer must turn the picture by 90 degrees clockwise
    turned.save(tmp_path / "turned.jpg", exif=exif)
    assert_like(one(tmp_path / "turned.jpg"), expected)


def test_hairlines_are_thickened_and_grain_and_specks_ignored(tmp_path: Path) -> None:
    expected = one(save(drawn(), tmp_path / "expected.png"))
    hairline = one(save(drawn(width=1), tmp_path / "hairline.png"))
    assert hairline.mean() > 0.6 * expected.mean()
    assert 22 <= box(hairline)[1] - box(hairline)[0] <= 24
    grain = np.random.default_rng(0).normal(0, 4, (200, 300, 3))
    scanned = np.clip(np.asarray(drawn(), np.float32) + grain, 0, 255).astype(np.uint8)
    scanned[10:12, 10:12] = 0
    assert_like(one(save(Image.fromarray(scanned), tmp_path / "scanned.png")), expected)


def test_a_letter_in_convention_passes_unchanged(tmp_path: Path) -> None:
    small = np.zeros((28, 28), np.uint8)
    small[8:20, 3:6] = np.arange(100, 208, 9).reshape(12, 1)
    for mode in ("L", "RGB", "RGBA"):
        path = save(Image.fromarray(small).convert(mode), tmp_path / f"{mode}.png")
        np.testing.assert_array_equal(one(path), small)


@needs_letters
def test_real_letters_pass_unchanged_and_come_back_from_a_large_sheet(tmp_path: Path) -> None:
    real = scipy.io.loadmat(LETTERS, variable_names=["test_x"])["test_x"].reshape(-1, 28, 28)
    alike = []
    for number, letter in enumerate(real[:40]):
        np.testing.assert_array_equal(one(save(Image.fromarray(letter), tmp_path / "small.png")), letter)
        sheet = Image.new("L", (640, 480), 255)
        sheet.paste(ImageOps.invert(Image.fromarray(letter).resize((280, 280), Image.Resampling.BICUBIC)), (90, 60))
        picture = one(save(sheet, tmp_path / f"{number}.png"))
        assert np.abs(np.subtract(box(picture), box(letter))).max() <= 3
        alike.append(np.corrcoef(picture.ravel(), letter.ravel())[0, 1])
    assert np.median(alike) > 0.95


def test_a_folder_in_natural_order_without_what_is_no_picture(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    for number, width in (("10", 30), ("2", 14), ("1", 6)):
        save(drawn(width=width), tmp_path / f"letter{number}.png")
    (tmp_path / "notes.txt").write_text("hello")
    (tmp_path / "inside").mkdir()
    with caplog.at_level(logging.WARNING):
        found = pictures.read([tmp_path, tmp_path / "letter2.png"])
    letters = found.letters
    assert found.failed == ()
    assert [file.name for file in found.files] == ["letter1.png", "letter2.png", "letter10.png", "letter2.png"]
    np.testing.assert_array_equal(letters.images[1], letters.images[3])
    assert not np.array_equal(letters.images[0], letters.images[2])
    assert [record.getMessage() for record in caplog.records] == [
        f"{tmp_path / 'notes.txt'} is not a picture and was skipped"
    ]


def test_what_is_no_picture_is_explained(tmp_path: Path) -> None:
    (tmp_path / "notes.png").write_text("hello")
    (tmp_path / "empty.png").write_bytes(b"")
    (tmp_path / "folder").mkdir()
    cut = save(drawn(), tmp_path / "cut.png")
    cut.write_bytes(cut.read_bytes()[:-300])
    for name, said in {
        "notes.png": "not a picture",
        "empty.png": "not a picture",
        "folder": "holds no picture; give image files (PNG, JPEG, BMP, GIF, TIFF, WEBP) or a folder of them",
        "cut.png": "damaged",
        "nowhere.png": "does not exist",
    }.items():
        with pytest.raises(UserError) as error:
            pictures.read([tmp_path / name])
        message(error, tmp_path / name, said)


def test_a_bad_picture_is_listed_and_the_others_are_read(tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    cut = save(drawn(), folder / "cut.jpg")
    cut.write_bytes(cut.read_bytes()[:-300])
    save(Image.new("L", (50, 50), 255), folder / "blank.png")
    save(drawn(), folder / "good.png")
    found = pictures.read([folder, tmp_path / "nowhere.png", folder / "good.png"])
    assert found.files == [folder / "good.png"] * 2
    assert [file for file, _ in found.failed] == [folder / "blank.png", cut, tmp_path / "nowhere.png"]
    for (file, reason), said in zip(
        found.failed,
        (
            "nothing can be seen on it; leave it out, or write darker",
            "; it may be damaged, save it again",
            "does not exist",
        ),
        strict=True,
    ):
        assert str(file) in reason
        assert said in reason
        assert "\n" not in reason
    with pytest.raises(UserError) as error:
        pictures.read([folder / "blank.png", cut])
    message(error, "blank.png", "nothing can be seen", "1 other file")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no FIFOs")
def test_a_fifo_is_refused_and_does_not_block(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.png")
    with pytest.raises(UserError) as error:
        pictures.read([tmp_path / "pipe.png"])
    message(error, "pipe.png", "is a FIFO")


def test_a_sixteen_bit_letter_keeps_its_levels(tmp_path: Path) -> None:
    small = np.zeros((28, 28), np.uint8)
    small[8:20, 3:6] = np.arange(100, 208, 9).reshape(12, 1)
    variants: dict[str, np.ndarray] = {
        "all of the range": small.astype(np.uint16) * 257,
        "in 32 bits": small.astype(np.int32) * 257,
        "a dark one": small.astype(np.uint16) * 128,
    }
    for name, deep in variants.items():
        picture = one(save(Image.fromarray(deep), tmp_path / "deep.tif"))
        np.testing.assert_array_equal(picture, np.rint(small * (0.498 if name == "a dark one" else 1)), err_msg=name)


def test_nothing_named() -> None:
    with pytest.raises(UserError) as error:
        pictures.read([])
    message(error, "no picture was named; give image files or a folder of them")


@pytest.mark.parametrize("size", [(28, 28), (1, 1), (300, 200)])
@pytest.mark.parametrize("level", [0, 128, 255])
def test_a_blank_picture_is_explained(tmp_path: Path, size: tuple[int, int], level: int) -> None:
    path = save(Image.new("L", size, level), tmp_path / "blank.png")
    with pytest.raises(UserError) as error:
        pictures.read([path])
    message(error, path, "nothing can be seen")


@pytest.mark.parametrize("side", [10_000, 30_000])
def test_a_picture_too_large_is_refused_before_it_is_unpacked(tmp_path: Path, side: int) -> None:
    header = b"IHDR" + struct.pack(">IIBBBBB", side, side, 8, 0, 0, 0, 0)
    content = b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + header + struct.pack(">I", zlib.crc32(header))
    path = tmp_path / "bomb.png"
    path.write_bytes(content + struct.pack(">I", 4) + b"IDAT" + bytes(8))
    with pytest.raises(UserError) as error, warnings.catch_warnings():
        pictures.read([path])
    message(error, path, "has too many pixels; make it smaller")


@pytest.mark.parametrize("size", [(3, 3), (2, 400), (400, 3), (5, 5), (28, 27)])
def test_odd_sizes_yield_a_letter(tmp_path: Path, size: tuple[int, int]) -> None:
    image = Image.new("L", size, 255)
    image.putpixel((size[0] // 2, size[1] // 2), 0)
    picture = one(save(image, tmp_path / "odd.png"))
    assert picture.max() == 255


def test_a_file_in_a_folder_that_is_named_like_a_picture_and_is_none_is_reported(tmp_path: Path) -> None:
    Image.new("L", (40, 40), 255).save(tmp_path / "blank.png")
    (tmp_path / "notes.txt").write_text("no picture")
    (tmp_path / "cut.png").write_bytes(b"no picture")
    save(drawn(), tmp_path / "good.png")
    result = pictures.read([tmp_path])
    assert [file.name for file in result.files] == ["good.png"]
    assert {file.name for file, _ in result.failed} == {"blank.png", "cut.png"}


@pytest.mark.parametrize(("brand", "name"), [(b"heic", "HEIC"), (b"mif1", "HEIC"), (b"avif", "AVIF")])
def test_a_phones_format_is_named(tmp_path: Path, brand: bytes, name: str) -> None:
    """In a folder it is reported like a picture that cannot be read: whoever took it wants it read."""
    file = tmp_path / "IMG_0001.HEIC"
    file.write_bytes(b"\0\0\0\x18ftyp" + brand + bytes(100))
    said = f"{file} is a picture in {name}, which is not read; save it as JPEG"
    with pytest.raises(UserError) as error:
        pictures.read([file])
    assert str(error.value) == said
    save(drawn(), tmp_path / "good.png")
    assert pictures.read([tmp_path]).failed == ((file, said),)
