"""A checkpoint file is verified without torch. `tests/checkpoint` and `tests/reliability` have the damaged ones."""

import pickle
import struct
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
import torch

from letters_torch import archive
from letters_torch.errors import UserError


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
    for protocol, refused in ((2, False), (4, True)):
        with zipfile.ZipFile(tmp_path / "a.ckpt", "w") as whole:
            whole.writestr("a/data.pkl", pickle.dumps({"a": 1}, protocol))
        if not refused:
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
