"""Coverage-guided fuzzing of the readers of untrusted files, by atheris (libFuzzer).

    python -m tests.reliability.fuzzing matfile FOLDER --seconds 600 --write
    python -m tests.reliability.fuzzing checkpoint FOLDER --seconds 600 --write

FOLDER holds the inputs that took a new branch. It begins with those of corpus/, and a call goes on with what an earlier
one left. It ends after so many seconds, or at the first finding, with exit code 1. With --write the smallest set of
inputs that takes as many branches goes into corpus/, and the figures into docs/reliability.md. `test_fuzzing.py` reads
the corpus without atheris.

An input is a byte that says how the rest becomes a file, and the rest. A file of either kind has checksums, and bytes
that are changed at random would hardly ever pass them: so in one of the two ways the rest is only the part that the
checksums cover.
"""

import argparse
import io
import re
import resource
import shlex
import struct
import subprocess
import sys
import tempfile
import zipfile
import zlib
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

from tests.reliability.figures import ROOT, conditions, put, section

CORPUS = Path(__file__).with_name("corpus")
MOST_MEMORY = 512 << 20  # bytes that reading an input of some kilobytes may take
LONGEST = 10  # seconds for an input
LARGEST = 20_000  # bytes of an input
READERS = ("matfile", "arrays", "kaggle", "emnist")

REFUSED, READ = "refused", "read"


def matfile(content: bytes, file: Path) -> str:
    """Reads an input as letters, of the competition and of EMNIST.

    Returns:
        REFUSED or READ.

    Raises:
        Exception: what neither is.
    """
    from letters_torch.data.readers import emnist, kaggle
    from letters_torch.data.readers import matfile as reader

    file.write_bytes(as_matfile(content))
    return max(
        _tried(lambda: reader.load(file, reader.names(file)), file),
        _tried(lambda: kaggle.read(file), file),
        _tried(lambda: emnist.read_mat(file), file),
        key=[REFUSED, READ].index,
    )


def as_matfile(content: bytes) -> bytes:
    """The rest is a file; or an element, which is compressed and put behind a header."""
    how, rest = content[:1], content[1:]
    if how != b"\1":
        return rest
    packed = zlib.compress(rest, 1)
    return bytes(124) + b"\x00\x01IM" + struct.pack("<II", 15, len(packed)) + packed


def checkpoint(content: bytes, file: Path) -> str:
    """Reads an input as a checkpoint; returns and raises as `matfile`."""
    from letters_torch import checkpoint as reader

    file.write_bytes(as_checkpoint(content))
    return _tried(lambda: reader.load(file), file)


def as_checkpoint(content: bytes) -> bytes:
    """The rest is a file; or the pickle of an archive that is sound but for it."""
    how, rest = content[:1], content[1:]
    if how != b"\1":
        return rest
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, record in (("data.pkl", rest), ("version", b"3\n"), *RECORDS):
            archive.writestr(f"archive/{name}", record)
    return buffer.getvalue()


# The tensors of a network with one hidden unit, V, W, mean and inverse deviation, as torch.save writes them.
RECORDS = (
    ("data/0", bytes(4 * 785)),
    ("data/1", bytes(4 * 26 * 2)),
    ("data/2", bytes(8 * 784)),
    ("data/3", bytes(8 * 784)),
)


def _tried(read: Callable[[], object], file: Path) -> str:
    from letters_torch.errors import UserError

    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    try:
        read()
        return READ
    except UserError as error:
        assert "\n" not in str(error), error
        assert str(file) in str(error), error
        return REFUSED
    finally:
        taken = 1024 * (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
        assert taken < MOST_MEMORY, f"{taken / 2**20:.0f} MiB"


TARGETS = {"matfile": matfile, "checkpoint": checkpoint}


def seeds(target: str) -> list[bytes]:
    """Sound files to begin with."""
    if target == "checkpoint":
        import torch

        from tests.checkpoint.test_checkpoint import content

        table = torch.zeros(28, 28, dtype=torch.float64)
        whole = content(state_dict={"V": torch.zeros(1, 785), "W": torch.zeros(26, 2)})
        whole["LettersDataModule"]["standardizer"] |= {"mean": table, "inv_std": table.clone()}
        buffer = io.BytesIO()
        torch.save(whole, buffer)
        with zipfile.ZipFile(buffer) as archive:
            (name,) = (each for each in archive.namelist() if each.endswith("/data.pkl"))
            return [b"\1" + archive.read(name), b"\0" + as_checkpoint(b"\1" + archive.read(name))]
    from tests.support import making

    letters, dataset = making.kaggle_arrays(1), {"dataset": making.emnist_dataset(1)}
    others = {"text": "abc", "cells": np.array([1.5, "a"], object), "complex": np.array([1j])}
    with tempfile.TemporaryDirectory() as folder:

        def saved(arrays: dict[str, Any]) -> bytes:
            return making.save_mat(Path(folder, "letters.mat"), arrays, compressed=False).read_bytes()

        single = [saved({name: value})[128:] for name, value in (letters | dataset | others).items()]
        return [*(b"\0" + saved(arrays) for arrays in (letters, dataset)), *(b"\1" + element for element in single)]


def corpus(target: str) -> dict[str, bytes]:
    """The inputs that are kept, by name."""
    with zipfile.ZipFile(CORPUS / f"{target}.zip") as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def instrument() -> None:
    """Imports what is fuzzed, so that libFuzzer sees which branches an input takes; before anything else imports it."""
    import atheris

    names = ("zipfile", "pickle", "pickletools", "letters_torch.archive", "letters_torch.checkpoint.schema")
    for name in ("zipfile", "pickle", "pickletools"):
        sys.modules.pop(name, None)  # NumPy has imported them
    with atheris.instrument_imports(include=[*names, "letters_torch.checkpoint", "letters_torch.data.readers"]):
        for name in (*names, "letters_torch.checkpoint", *(f"letters_torch.data.readers.{each}" for each in READERS)):
            import_module(name)


def fuzz(target: str, folder: str) -> None:
    """Runs libFuzzer with the options of the command line. It ends the process."""
    import atheris

    instrument()
    with tempfile.TemporaryDirectory() as work:
        file = Path(work, "input")
        TARGETS[target](b"", file)  # its imports are not to count as memory of an input
        limits = (f"-timeout={LONGEST}", f"-max_len={LARGEST}", "-rss_limit_mb=4096", f"-artifact_prefix={folder}-")
        # libFuzzer starts itself anew to merge, by a line for the shell that begins with the first argument.
        itself = shlex.join(_command(target, folder))
        atheris.Setup([itself, *limits, *sys.argv[1:]], lambda content: TARGETS[target](content, file) and None)
        atheris.Fuzz()


def _command(target: str, folder: str) -> list[str]:
    return [sys.executable, "-c", f"from tests.reliability.fuzzing import fuzz; fuzz({target!r}, {folder!r})"]


def in_a_process(target: str, folder: Path, *options: str) -> str:
    """Runs `fuzz` in a process of its own; prints, and returns, what libFuzzer says.

    Raises:
        SystemExit: an input was a finding; the last lines name the file that holds it.
    """
    command = [*_command(target, str(folder)), *options]
    process = subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE, text=True, errors="replace")
    assert process.stderr is not None
    said = []
    for line in process.stderr:
        print(line, end="", flush=True)
        said.append(line)
    if process.wait():
        raise SystemExit(f"{target}: a finding, or atheris cannot be imported; see above")
    return "".join(said)


def write(target: str, folder: Path, said: str, seconds: int) -> None:
    """Puts the smallest set of inputs that takes as many branches into corpus/, and the figures into the docs."""
    with tempfile.TemporaryDirectory() as smallest:
        in_a_process(target, Path(smallest), "-merge=1", smallest, str(folder))
        kept = sorted(Path(smallest).iterdir())
        CORPUS.mkdir(exist_ok=True)
        with zipfile.ZipFile(CORPUS / f"{target}.zip", "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
            for file in kept:
                archive.writestr(zipfile.ZipInfo(file.name), file.read_bytes(), zipfile.ZIP_DEFLATED)
    runs = int(re.findall(r"stat::number_of_executed_units: +(\d+)", said)[-1])
    branches, features = re.findall(r"cov: (\d+) ft: (\d+)", said)[-1]
    rows = [
        line
        for line in section("fuzzing")
        if line.startswith("| ") and not line.startswith((f"| {target} ", "| target "))
    ]
    row = f"| {target} | {seconds} | {runs:,} | {branches} | {features} | {len(kept)} | none | {conditions()} |"
    head = "| target | seconds | runs | branches | with their counts | inputs kept | findings | measured with |"
    put("fuzzing", [head, "|---|---:|---:|---:|---:|---:|---:|---|", *sorted([*rows, row])])


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("target", choices=TARGETS)
    parser.add_argument(
        "folder", type=Path, help="holds the inputs that took a new branch; a later call begins with them"
    )
    parser.add_argument("--seconds", type=int, default=600, help="how long")
    parser.add_argument("--write", action="store_true", help="keeps inputs in corpus/, and figures in the docs")
    options = parser.parse_args()
    options.folder.mkdir(exist_ok=True)
    there = corpus(options.target) if (CORPUS / f"{options.target}.zip").exists() else {}
    for name, content in [*there.items(), *((f"seed{i}", seed) for i, seed in enumerate(seeds(options.target)))]:
        (options.folder / name).write_bytes(content)
    limits = (f"-max_total_time={options.seconds}", "-print_final_stats=1")
    said = in_a_process(options.target, options.folder, *limits, str(options.folder))
    if options.write:
        write(options.target, options.folder, said, options.seconds)


if __name__ == "__main__":
    main()
