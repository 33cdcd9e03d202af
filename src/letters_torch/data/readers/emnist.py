"""Reads EMNIST Letters: the four files that torchvision lays out, or EMNIST's own emnist-letters.mat.

Both store each image column by column; the images returned here are upright.
"""

import gzip
import math
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from letters_torch.data.readers import matfile
from letters_torch.data.readers.arrays import as_images, as_labels, as_writers, inflates_to
from letters_torch.errors import UserError, reason
from letters_torch.letters import SIDE, Letters, LetterSets
from letters_torch.paths import printable

_PARTS = ("train", "test")
_KINDS = ("images-idx3", "labels-idx1")


def read(folder: Path, download: bool = False) -> LetterSets:
    """Reads EMNIST Letters from torchvision's layout, <folder>/EMNIST/raw/emnist-letters-*-ubyte, plain or .gz.

    The folder may also be the EMNIST folder itself, or its raw folder. With `download`, torchvision fetches missing
    files (0.5 GB).

    Raises:
        UserError: a file is missing or damaged, or holds no letters; the download failed.
    """
    if download and not holds_emnist(folder):
        _download(folder)
    train, test = (_letters(folder, part) for part in _PARTS)
    return LetterSets(train, test, f"{printable(folder)} (EMNIST Letters)", source="emnist")


def holds_emnist(folder: Path) -> bool:
    """Whether all four files of EMNIST Letters are where `read` looks for them."""
    return all(_find(folder, _name(part, kind)) for part in _PARTS for kind in _KINDS)


def read_mat(path: Path) -> LetterSets:
    """Reads EMNIST's emnist-letters.mat: a struct `dataset` of `train` and `test`, each with images, labels, writers.

    Raises:
        UserError: the file cannot be opened or is damaged, or its dataset has not the structure of EMNIST's.
    """
    dataset = matfile.load(path, ("dataset",))["dataset"]
    file = printable(path)
    train, test = (_letters_of(_field(dataset, part, f"{file}: dataset"), f"{file}: {part}") for part in _PARTS)
    return LetterSets(train, test, f"{file} (EMNIST Letters)", source="emnist")


def _letters_of(part: Any, where: str) -> Letters:
    images = as_images(_field(part, "images", where), f"{where}.images", transposed=True)
    labels = as_labels(_field(part, "labels", where), len(images), f"{where}.labels")
    writers = as_writers(part["writers"], len(images), f"{where}.writers") if "writers" in part else None
    return Letters(images, labels, writers)


def _field(struct: Any, name: str, where: str) -> Any:
    fields = list(struct) if isinstance(struct, dict) else []
    if name not in fields:
        raise UserError(f"{where} has the fields {matfile.listed(fields)}, but {name!r} is expected")
    return struct[name]


def _letters(folder: Path, part: str) -> Letters:
    images, labels = (_path(folder, _name(part, kind)) for kind in _KINDS)
    pixels = _idx(images, (SIDE, SIDE)).reshape(-1, SIDE * SIDE)
    pictures = as_images(pixels, printable(images), transposed=True)
    return Letters(pictures, as_labels(_idx(labels, ()), len(pictures), printable(labels)))


def _name(part: str, kind: str) -> str:
    return f"emnist-letters-{part}-{kind}-ubyte"


def _path(folder: Path, name: str) -> Path:
    if found := _find(folder, name):
        return found
    raise UserError(
        f"{printable(folder)} holds no EMNIST/raw/{name} (nor .gz); set --data.path to the folder that holds EMNIST,"
        " or fetch it with --data.download true"
    )


def _find(folder: Path, name: str) -> Path | None:
    places = (folder / "EMNIST" / "raw", folder / "raw", folder)
    return next((p for place in places for p in (place / name, place / f"{name}.gz") if p.is_file()), None)


def _idx(path: Path, item: tuple[int, ...]) -> npt.NDArray[np.uint8]:
    """The bytes of an idx file, (N, *item) uint8."""
    try:
        with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as file:
            magic = file.read(4)
            shape = tuple(int(n) for n in np.frombuffer(file.read(4 + 4 * len(item)), ">u4"))
            declared = math.prod(shape)
            if magic != bytes([0, 0, 8, 1 + len(item)]) or shape[1:] != item:
                raise UserError(f"{printable(path)} is not an idx file of EMNIST; give another folder with --data.path")
            stored = path.stat().st_size
            plausible = inflates_to(declared, stored) if path.suffix == ".gz" else declared <= stored
            content = file.read(declared + 1) if plausible else b""  # one more, to notice a file that is too long
    # gzip raises EOFError and zlib.error as well as OSError if the file is cut off or damaged.
    except (OSError, EOFError, ValueError, zlib.error) as error:
        raise UserError(f"{printable(path)} cannot be read ({error}); copy or download it again") from error
    if len(content) != declared:
        raise UserError(
            f"{printable(path)} does not hold the {declared} bytes that it declares; copy or download it again"
        )
    return np.frombuffer(content, np.uint8).reshape(shape)


def _download(folder: Path) -> None:
    import letters_torch._torchvision_guard  # noqa: F401  isort: skip
    from torchvision.datasets import EMNIST

    root = folder.parent if folder.name == "EMNIST" else folder
    try:
        for train in (True, False):
            EMNIST(root=str(root), split="letters", train=train, download=True)
    # torchvision passes on whatever urllib, zipfile and gzip raise for the network, the disk or the archive.
    except Exception as error:
        raise UserError(
            f"EMNIST could not be downloaded into {printable(root)} ({reason(error)}); check the network and the free"
            " disk space, or fetch emnist-letters.mat yourself and give it as --data.path"
        ) from error
