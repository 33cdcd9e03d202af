"""Damages files at random: each must end in a UserError of one line that names the file, or in a correct result.

Correct means: what was written, but for as many bytes as were overwritten, where the format keeps no checksum; and
exactly what was written where it keeps one.
"""

import contextlib
import gzip
import time
import tracemalloc
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from letters_torch.data.readers import emnist, kaggle, pictures
from letters_torch.errors import UserError
from letters_torch.letters import Letters, LetterSets
from tests.support import making

PEAK = 96 * 2**20  # bytes; the files take a few thousand, and a compressed one may claim 64 MiB
SECONDS = 5.0


@dataclass(frozen=True)
class Kind:
    """A file that is sound, and how it is read."""

    file: Path
    read: Callable[[], LetterSets]
    checksum: bool


def kaggle_kind(folder: Path, compressed: bool, dtype: Any = np.uint8) -> Kind:
    arrays = {**making.kaggle_arrays(), "test_y": making.labels(4)[:, None]}
    arrays = {name: array.astype(dtype) for name, array in arrays.items()}
    path = making.save_mat(folder / "letters.mat", arrays, compressed)
    return Kind(path, lambda: kaggle.read(path), compressed)


def emnist_mat_kind(folder: Path, compressed: bool) -> Kind:
    path = making.save_mat(folder / "emnist-letters.mat", {"dataset": making.emnist_dataset()}, compressed)
    return Kind(path, lambda: emnist.read_mat(path), compressed)


def idx_kind(folder: Path, zipped: bool, kind: str) -> Kind:
    making.save_emnist(folder, zipped=zipped)
    path = folder / "EMNIST/raw" / (f"emnist-letters-train-{kind}-ubyte" + (".gz" if zipped else ""))
    return Kind(path, lambda: emnist.read(folder), zipped)


KINDS: dict[str, Callable[[Path], Kind]] = {
    "kaggle": lambda folder: kaggle_kind(folder, True),
    "kaggle uncompressed": lambda folder: kaggle_kind(folder, False),
    "kaggle float64": lambda folder: kaggle_kind(folder, False, np.float64),
    "emnist mat": lambda folder: emnist_mat_kind(folder, True),
    "emnist mat uncompressed": lambda folder: emnist_mat_kind(folder, False),
    "idx images": lambda folder: idx_kind(folder, False, "images-idx3"),
    "idx labels": lambda folder: idx_kind(folder, False, "labels-idx1"),
    "idx images gz": lambda folder: idx_kind(folder, True, "images-idx3"),
    "idx labels gz": lambda folder: idx_kind(folder, True, "labels-idx1"),
}

# Where tags, dimensions and names lie: at a file's start, and at the start of each of its variables.
NEAR_START = 400


def damaged(sound: bytes, rng: np.random.Generator) -> bytes:
    """The file truncated, lengthened, or some of its bytes overwritten; half of the time near its start."""
    content = bytearray(sound)
    way = rng.choice(["cut", "longer", "bit", "bytes", "huge", "zeros", "noise"])
    near = rng.random() < 0.5
    at = int(rng.integers(min(NEAR_START, len(content)) if near else len(content)))
    if way == "cut":
        del content[at:]
    elif way == "longer":
        content += rng.bytes(int(rng.integers(1, 40)))
    elif way == "bit":
        content[at] ^= 1 << int(rng.integers(8))
    elif way == "bytes":
        for place in rng.integers(min(NEAR_START, len(content)), size=int(rng.integers(1, 6))):
            content[place] = int(rng.integers(256))
    elif way == "huge":
        word = at // 4 * 4
        size = int(rng.choice([2**31 - 1, 2**32 - 1, 2**28, 2**24, 2**16]))
        content[word : word + 4] = size.to_bytes(4, str(rng.choice(["little", "big"])))  # type: ignore[arg-type]
    elif way == "zeros":
        stop = min(len(content), at + int(rng.integers(1, 64)))
        content[at:stop] = bytes(stop - at)
    else:
        content = bytearray(rng.bytes(at))
    return bytes(content)


def differing(found: Letters, sound: Letters) -> int:
    """How many pixels, labels and writers are not what they were; what was left out is not counted."""
    assert len(found) == len(sound)
    count = int(np.sum(found.images != sound.images))
    for name in ("labels", "writers"):
        one, other = getattr(found, name), getattr(sound, name)
        count += 0 if one is None or other is None else int(np.sum(one != other))
    return count


def refused(error: UserError, file: Path) -> str:
    assert "\n" not in str(error)
    assert str(file) in str(error)
    return "refused"


def try_one(kind: Kind, sound: LetterSets, content: bytes, before: bytes) -> str:
    kind.file.write_bytes(content)
    started = time.perf_counter()
    try:
        found = kind.read()
    except UserError as error:
        return refused(error, kind.file)
    finally:
        assert time.perf_counter() - started < SECONDS
    overwritten = sum(a != b for a, b in zip(content, before, strict=False))
    allowed = 0 if kind.checksum else overwritten
    assert found.train.labels is not None
    assert differing(found.train, sound.train) + differing(found.test, sound.test) <= allowed
    return "read"


def fuzz(kind: Kind, cases: int, seed: int) -> Counter[str]:
    before = kind.file.read_bytes()
    sound = kind.read()
    rng = np.random.default_rng(seed)
    outcomes: Counter[str] = Counter()
    tracemalloc.start()
    try:
        for _ in range(cases):
            outcomes[try_one(kind, sound, damaged(before, rng), before)] += 1
        assert tracemalloc.get_traced_memory()[1] < PEAK
    finally:
        tracemalloc.stop()
    return outcomes


@pytest.mark.parametrize("name", KINDS)
def test_damaged_files_are_refused_or_read_correctly(tmp_path: Path, name: str) -> None:
    outcomes = fuzz(KINDS[name](tmp_path), 80, seed=1)
    assert outcomes["refused"] > 20
    assert outcomes.total() == 80


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("name", KINDS)
def test_thousands_of_damaged_files(tmp_path: Path, name: str, seed: int) -> None:
    outcomes = fuzz(KINDS[name](tmp_path), 2_000, seed=100 + seed)
    print(name, dict(outcomes))  # shown with -s: how much the damage was noticed


def test_every_length_of_a_file_cut_off(tmp_path: Path) -> None:
    kind = kaggle_kind(tmp_path, compressed=True)
    before, sound = kind.file.read_bytes(), kind.read()
    for length in range(0, len(before), 7):
        outcome = try_one(kind, sound, before[:length], before)
        assert outcome == "refused" or length > len(before) - 120  # there lies test_y, which may be missing


ODD_VALUES = (np.nan, np.inf, -np.inf, -1, 27, 0, 255, 256, 0.5, 1e300, 2**40, -(2**62))
ODD_SHAPES = ((6, 783), (784, 6), (5, 784), (6, 28, 28), (0, 784), (0, 0), (1, 1), (6,), (4704, 1), (6, 784, 2))
ODD_TYPES = (np.float32, np.int8, np.int16, np.uint64, np.complex128, np.bool_, np.object_, "U1")


def odd_arrays(rng: np.random.Generator) -> tuple[dict[str, Any], bool]:
    """Arrays of which one is odd, and whether they still are letters, told without the reader."""
    arrays = {**making.kaggle_arrays(), "test_y": making.labels(4)[:, None]}
    name = str(rng.choice(list(arrays)))
    array = arrays[name]
    way = rng.choice(["value", "shape", "type", "missing"])
    if way == "value":
        odd = float(rng.choice(ODD_VALUES))
        arrays[name] = array.astype(np.float64)
        arrays[name][int(rng.integers(len(array))), int(rng.integers(array.shape[1]))] = odd
        highest = 26 if name.endswith("y") else 255
        return arrays, odd in range(1 if name.endswith("y") else 0, highest + 1)
    if way == "shape":
        shape = ODD_SHAPES[int(rng.integers(len(ODD_SHAPES)))]
        arrays[name] = np.ones(shape, np.uint8)
        return arrays, name == "train_y" and shape == (6,)
    if way == "type":
        cast = array.astype(ODD_TYPES[int(rng.integers(len(ODD_TYPES)))])
        arrays[name] = cast
        plain = cast.dtype.kind in "fiu" and np.array_equal(cast, array)
        return arrays, plain or cast.dtype == np.bool_  # stored as 0 and 1: dim pixels, and letters that are all A
    del arrays[name]
    return arrays, name == "test_y"


@pytest.mark.parametrize("seed", range(4))
def test_odd_values_shapes_and_types(tmp_path: Path, seed: int) -> None:
    rng = np.random.default_rng(seed)
    for case in range(40):
        arrays, sound = odd_arrays(rng)
        path = making.save_mat(tmp_path / f"{case}.mat", arrays, compressed=bool(rng.integers(2)))
        with contextlib.nullcontext() if sound else pytest.raises(UserError, match=path.name) as error:
            sets = kaggle.read(path)
        if error is not None:
            making.message(error, path)
            continue
        for name, letters in (("train", sets.train), ("test", sets.test)):
            np.testing.assert_array_equal(letters.images.reshape(-1, 784), arrays[f"{name}_x"])
            if letters.labels is not None:
                np.testing.assert_array_equal(letters.labels, arrays[f"{name}_y"].reshape(-1))


@pytest.mark.parametrize("seed", range(3))
def test_files_that_are_no_archives(tmp_path: Path, seed: int) -> None:
    rng = np.random.default_rng(seed)
    starts = [b"", b"PK\3\4", b"\x1f\x8b\x08", b"MATLAB 5.0 MAT-file".ljust(124) + b"\0\1IM", bytes(128), b"<html>"]
    raw = making.save_emnist(tmp_path, zipped=True) / "EMNIST/raw/emnist-letters-train-images-idx3-ubyte.gz"
    for start in starts:
        content = start + rng.bytes(int(rng.integers(300)))
        for path, read in (
            (tmp_path / "a.mat", kaggle.read),
            (tmp_path / "b.mat", emnist.read_mat),
            (raw, lambda _: emnist.read(tmp_path)),
        ):
            path.write_bytes(content)
            with pytest.raises(UserError) as error:
                read(path)
            making.message(error, path)


def fuzz_pictures(folder: Path, suffix: str, cases: int, seed: int) -> Counter[str]:
    path = folder / f"letter.{suffix}"
    Image.fromarray(255 - making.pictures(1)[0]).resize((90, 70)).save(path)
    before = path.read_bytes()
    rng = np.random.default_rng(seed)
    outcomes: Counter[str] = Counter()
    for _ in range(cases):
        path.write_bytes(damaged(before, rng))
        started = time.perf_counter()
        try:
            letters = pictures.read([path]).letters
        except UserError as error:
            outcomes[refused(error, path)] += 1
        else:  # what the damage made of the picture cannot be told, but it is one, and has ink
            assert letters.images.shape == (1, 28, 28)
            assert letters.images.max() > 16
            outcomes["read"] += 1
        assert time.perf_counter() - started < SECONDS
    return outcomes


SUFFIXES = ("png", "jpg", "bmp", "gif", "tif", "webp")


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_damaged_pictures(tmp_path: Path, suffix: str) -> None:
    assert fuzz_pictures(tmp_path, suffix, 40, seed=2)["refused"] > 5


@pytest.mark.slow
@pytest.mark.parametrize("suffix", SUFFIXES)
def test_thousands_of_damaged_pictures(tmp_path: Path, suffix: str) -> None:
    print(suffix, dict(fuzz_pictures(tmp_path, suffix, 1_500, seed=200)))


def test_the_damage_reaches_what_is_read(tmp_path: Path) -> None:
    """The fuzzing would notice a reader that lets wrong numbers through."""
    kind = idx_kind(tmp_path, zipped=True, kind="labels-idx1")
    before, sound = kind.file.read_bytes(), kind.read()
    with pytest.raises(AssertionError):
        try_one(kind, sound, gzip.compress(making.idx(making.labels()[::-1])), before)
