"""A checkpoint file is verified without torch. `tests/checkpoint` and `tests/reliability` have the damaged ones."""

import subprocess
import sys
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
