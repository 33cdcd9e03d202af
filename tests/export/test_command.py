"""`export` on the checkpoint of a run."""

import os
import sys
from pathlib import Path

import onnxruntime
import pytest
import torch

from letters_torch.cli import main
from letters_torch.errors import UserError
from letters_torch.export import command
from letters_torch.export.trained import read
from tests.support.making import message
from tests.support.running import fit


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("run")
    run = fit(folder, data={"scaling": "global"})
    run.trainer.save_checkpoint(folder / "x.ckpt")
    return folder / "x.ckpt"


def test_onnx_of_a_run(checkpoint: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = command.export(checkpoint, "onnx", tmp_path / "net.onnx")
    session = onnxruntime.InferenceSession(file.read_bytes())
    trained = read(checkpoint)
    assert session.get_modelmeta().custom_metadata_map == trained.metadata()
    assert "# Model card: net.onnx" in (tmp_path / "net.onnx.md").read_text()
    assert "net.onnx: " in capsys.readouterr().out


def test_default_names(checkpoint: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for kind in command.SUFFIXES:
        command.export(checkpoint, kind)
    assert {file.name for file in tmp_path.iterdir()} == {
        f"letters{suffix}{card}" for suffix in command.SUFFIXES.values() for card in ("", ".md")
    }
    assert set(torch.load("letters.pt", weights_only=True)) == {"tensors", "metadata"}


def test_the_ending_says_the_format(checkpoint: Path, tmp_path: Path) -> None:
    assert torch.load(command.export(checkpoint, output=tmp_path / "x.pt"), weights_only=True)
    command.export(checkpoint, "torch", tmp_path / "x.bin")
    with pytest.raises(UserError) as error:
        command.export(checkpoint, "torch", tmp_path / "x.onnx")
    message(error, "x.onnx: --format torch writes .pt files; leave it out")
    assert not (tmp_path / "x.onnx").exists()


def test_user_errors(checkpoint: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UserError) as error:
        command.export(checkpoint, "tflite")  # type: ignore[arg-type]
    message(error, "--format tflite: unknown; choose onnx, safetensors, torch")
    with pytest.raises(UserError) as error:
        command.export(checkpoint, "torch", tmp_path / "no such folder" / "x.pt")
    message(error, "no such folder", "existing folder")
    with pytest.raises(UserError) as error:
        command.export(tmp_path / "none.ckpt", "torch")
    message(error, "none.ckpt")


@pytest.mark.parametrize("kind", ["onnx", "safetensors"])
def test_a_missing_package_is_named(
    kind: command.Format, checkpoint: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in [name for name in sys.modules if name.startswith("letters_torch.export.onnx_file")]:
        monkeypatch.delitem(sys.modules, name)
    for name in (kind, f"{kind}.torch"):
        monkeypatch.setitem(sys.modules, name, None)
    monkeypatch.delattr("letters_torch.export.onnx_file", raising=False)
    with pytest.raises(UserError) as error:
        command.export(checkpoint, kind, tmp_path / "x")
    message(error, f"--format {kind} needs the {kind} package: pip install 'letters-torch[{kind}]'")
    assert not list(tmp_path.iterdir())


def test_the_command_line(checkpoint: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main(["export", "--format", "torch", "--ckpt_path", str(checkpoint), "--output", str(tmp_path / "x.pt")])
    assert (tmp_path / "x.pt").is_file()
    with pytest.raises(SystemExit) as stop:
        main(["export", "--format", "tflite"])
    assert stop.value.code == 2
    assert capsys.readouterr().err.count("\n") == 1


@pytest.mark.skipif(sys.platform != "linux", reason="names are UTF-8 there")
def test_a_name_that_is_not_utf_8(checkpoint: Path, tmp_path: Path) -> None:
    file = command.export(checkpoint, output=tmp_path / os.fsdecode(b"\xff.onnx"))
    assert Path(f"{file}.md").read_text().startswith("# Model card: \\udcff.onnx\n")
