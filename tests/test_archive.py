"""A checkpoint file is verified without torch. `tests/reliability` has more damaged ones."""

import io
import pickle
import struct
import subprocess
import sys
import tracemalloc
import zipfile
from pathlib import Path

import pytest
import torch

from letters_torch import archive
from letters_torch.errors import UserError
from tests.support.checkpoints import content, refused, save


def test_what_is_missing_or_damaged_is_named(tmp_path: Path) -> None:
    file = tmp_path / "a.ckpt"
    with pytest.raises(UserError) as error:
        archive.require_intact(file)
    assert str(error.value) == f"--ckpt_path {file}: no such file"
    torch.save({"a": torch.zeros(100)}, file)
    archive.require_intact(file)
    file.write_bytes(file.read_bytes().replace(bytes(64), bytes(63) + b"1", 1))
    with pytest.raises(UserError) as error:
        archive.require_intact(file)
    assert str(error.value).startswith(f"--ckpt_path {file}: damaged or not a checkpoint (")
    assert str(error.value).endswith("does not match its checksum); use another checkpoint of the run")


def test_a_record_that_claims_another_size_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "a.ckpt"
    torch.save({"a": torch.zeros(100)}, file)
    raw = bytearray(file.read_bytes())
    entry = raw.index(b"data/0", raw.index(b"PK\1\2")) - len("a/") - 46  # in the central directory
    (size,) = struct.unpack_from("<I", raw, entry + 24)
    assert size == 400
    struct.pack_into("<I", raw, entry + 24, size + 4)
    file.write_bytes(raw)
    with pytest.raises(UserError, match="a/data/0 is compressed"):
        archive.require_intact(file)


def test_records_that_overlap_are_refused(tmp_path: Path) -> None:
    """A small file may name one record a thousand times: reading them all would take hours."""
    file = tmp_path / "a.ckpt"
    torch.save({"a": torch.zeros(100)}, file)
    with zipfile.ZipFile(file, "a") as whole:
        whole.filelist.extend([whole.getinfo("a/data/0")] * 20)
        whole._didModify = True  # type: ignore[attr-defined]
    with pytest.raises(UserError, match="records overlap"):
        archive.require_intact(file)


def test_opcodes_that_torch_never_writes_are_refused(tmp_path: Path) -> None:
    for protocol, is_refused in ((2, False), (4, True)):
        with zipfile.ZipFile(tmp_path / "a.ckpt", "w") as whole:
            whole.writestr("a/data.pkl", pickle.dumps({"a": 1}, protocol))
        if not is_refused:
            archive.require_intact(tmp_path / "a.ckpt")
            continue
        with pytest.raises(UserError, match="more than tensors and plain values"):
            archive.require_intact(tmp_path / "a.ckpt")


@pytest.mark.parametrize("dtype", [torch.float64, torch.float16, torch.int32, torch.uint8, torch.bool])
def test_the_item_sizes_are_torchs(dtype: torch.dtype, tmp_path: Path) -> None:
    torch.save({"a": torch.zeros(5, dtype=dtype)}, tmp_path / "a.ckpt")
    with archive.opened(tmp_path / "a.ckpt") as file:
        assert archive.read(file)["a"].dtype == dtype


def test_torch_is_not_imported_to_verify_a_file(tmp_path: Path) -> None:
    torch.save({"a": torch.zeros(3)}, tmp_path / "a.ckpt")
    program = (
        "import sys; from pathlib import Path; from letters_torch import archive\n"
        "archive.require_intact(Path('a.ckpt')); print('torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"


def with_pickle(path: Path, stream: bytes) -> Path:
    """A sound archive but for its pickle."""
    buffer = io.BytesIO()
    torch.save(content(), buffer)
    with zipfile.ZipFile(buffer) as old, zipfile.ZipFile(path, "w") as new:
        for name in old.namelist():
            new.writestr(name, stream if name.endswith("/data.pkl") else old.read(name))
    return path


@pytest.mark.parametrize(
    "stream",
    [
        b"\x80\x02c__builtin__\nbytearray\nJ" + (2_000_000_000).to_bytes(4, "little") + b"\x85R.",
        b"\x80\x05\x96" + (6_000_000_000).to_bytes(8, "little") + b".",  # BYTEARRAY8
        b"\x80\x02}r\xff\xff\xff\x7f.",  # LONG_BINPUT far out, for which the compiled unpickler makes room
        b"\x80\x02c_codecs\nencode\n.",
    ],
    ids=["bytearray", "bytearray8", "memo", "function"],
)
def test_a_pickle_that_asks_for_memory_or_functions_is_refused(tmp_path: Path, stream: bytes) -> None:
    file = with_pickle(tmp_path / "greedy.ckpt", stream)
    tracemalloc.start()
    try:
        refused(file)
        assert tracemalloc.get_traced_memory()[1] < 20_000_000
    finally:
        tracemalloc.stop()


def test_a_tensor_larger_than_its_record_is_refused(tmp_path: Path) -> None:
    buffer = io.BytesIO()
    torch.save(content(), buffer)
    with zipfile.ZipFile(buffer) as sound:
        stream = sound.read("archive/data.pkl")
    count = (3 * 785).to_bytes(2, "little")
    assert stream.count(b"M" + count) == 1  # BININT2: the number of elements of V's storage
    larger = stream.replace(b"M" + count, b"M" + (60_000).to_bytes(2, "little"))
    assert "not loaded" in refused(with_pickle(tmp_path / "larger.ckpt", larger))


def test_a_large_pickle_is_refused(tmp_path: Path) -> None:
    assert "not loaded" in refused(save(tmp_path / "long.ckpt", {**content(), "text": "x" * archive.LARGEST_PICKLE}))
