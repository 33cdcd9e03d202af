"""What answers before anything heavy is imported, each in a process of its own; and how errors end a program."""

import gc
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

import letters_torch
from letters_torch.cli import commands, main
from letters_torch.errors import UserError
from tests.support.running import refused

PROGRAM = """
import sys
from letters_torch.cli import main
try:
    main({args})
finally:
    loaded = {{name.partition(".")[0] for name in sys.modules}}
    print("heavy:", *sorted(loaded & {{"torch", "pytorch_lightning", "jsonargparse", "matplotlib", "ray"}}))
"""
QUICK: list[tuple[list[str], int, str]] = [
    ([], 2, "error: no command; use one of fit, validate, test, predict, report, explain"),
    (["--help"], 0, "usage: python -m letters_torch COMMAND"),
    (["--version"], 0, f"letters_torch {letters_torch.__version__}\n"),
    (["fit", "--help"], 0, "--model.schedule"),
    (["predict", "-h"], 0, "--pictures"),
    (["nonsense"], 2, "error: unknown command 'nonsense'; the commands are fit, "),
    (["perdict"], 2, "error: unknown command 'perdict'; did you mean predict?"),
    (["fit", "--model.hiden", "3"], 2, "error: unknown flag --model.hiden; did you mean --model.hidden?"),
    (["fit", "--config", "nowhere"], 2, "error: --config nowhere: no such file; the configs that come with"),
    (["predict", "--ckpt_path", "nowhere.ckpt"], 2, "error: --ckpt_path nowhere.ckpt: no such file"),
    (["predict", "--pictures", "nowhere.png"], 2, "error: --pictures nowhere.png: no such file or folder"),
    (["fit", "--data.path", "nowhere.mat"], 2, "error: --data.path nowhere.mat: no such file or folder"),
    (["fit", "--data.path", "text"], 2, "error: text is not a MATLAB v5 file; give one saved with '-v7' (or '-v6')"),
    (["fit", "--model.hidden", "abc"], 2, "error: --model.hidden abc: must be a whole number"),
    (["fit", "--config", "wrong.yaml"], 2, "error: --config wrong.yaml: model.hidden abc: must be a whole number"),
    (["validate", "--ckpt_path", "text"], 2, "error: --ckpt_path text: damaged or not a checkpoint (File is not a zip"),
    (["predict"], 2, "error: no run with a best checkpoint under lightning_logs; train one with"),
    *(([command, "--help"], 0, f"usage: python -m letters_torch {command} ") for command in commands.OTHERS),
    *(([command, "--hlp"], 2, f"error: python -m letters_torch {command}: ") for command in commands.OTHERS),
    (["draw", "--ckpt_path", "text"], 2, "error: --ckpt_path text: damaged or not a checkpoint (File is not a zip"),
    (["draw", "--data.path", "text"], 2, "error: text is not a MATLAB v5 file"),
    (["draw"], 2, "error: no run with a best checkpoint under lightning_logs; train one with"),
    (["export", "--ckpt_path", "nowhere.ckpt"], 2, "error: --ckpt_path nowhere.ckpt: no such file"),
    (["export", "--format", "x"], 2, "argument --format: invalid choice: 'x'"),
    (["study", "nowhere"], 2, "error: nowhere: no such study file; those that come with letters_torch are "),
    (["study", "wrong.yaml"], 2, "error: wrong.yaml: unknown section 'model'; known are config, set, "),
]


@pytest.mark.parametrize(("args", "code", "text"), QUICK, ids=[" ".join(args) for args, _, _ in QUICK])
def test_it_answers_without_heavy_imports(args: list[str], code: int, text: str, tmp_path: Path) -> None:
    (tmp_path / "text").write_text("text")
    (tmp_path / "wrong.yaml").write_text("model: {hidden: abc}")
    command = [sys.executable, "-c", PROGRAM.format(args=args)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path)
    assert done.returncode == code, done.stderr
    assert text in (done.stderr if code else done.stdout)
    assert done.stdout.splitlines()[-1] == "heavy:"
    assert done.stderr.count("\n") == (code == 2)


def test_a_program_looks_for_garbage_again_once_it_has_begun(capsys: pytest.CaptureFixture[str]) -> None:
    """`__main__` switches the collector off: there is no garbage among what is imported."""
    gc.disable()
    try:
        refused(capsys, "fit", "--data.validation", "0")
        assert gc.isenabled()
        assert gc.get_freeze_count() > 0
    finally:
        gc.unfreeze()
        gc.enable()


def registered(monkeypatch: pytest.MonkeyPatch, function: Callable[[list[str]], None]) -> None:
    """Registers a function as the command `mine`."""
    monkeypatch.setattr(sys.modules[__name__], "mine", function, raising=False)
    monkeypatch.setitem(commands.OTHERS, "mine", commands.Command("does mine", f"{__name__}:mine"))


def test_a_registered_command_gets_its_arguments(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    seen: list[list[str]] = []
    registered(monkeypatch, seen.append)
    main(["mine", "--flag", "value"])
    assert seen == [["--flag", "value"]]
    main(["--help"])
    assert "  mine      does mine\n" in capsys.readouterr().out
    assert "did you mean mine?" in refused(capsys, "mime")


def test_errors_of_a_registered_command_are_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(args: list[str]) -> None:
        if not args:
            raise UserError("two\n  lines")
        raise PermissionError(13, "Permission denied", b"file.txt" if args == ["bytes"] else "file.txt")

    registered(monkeypatch, fail)
    assert refused(capsys, "mine") == "error: two lines\n"
    assert refused(capsys, "mine", "text") == "error: file.txt: Permission denied\n"
    assert refused(capsys, "mine", "bytes") == "error: file.txt: Permission denied\n"


@pytest.mark.parametrize("name", commands.OTHERS)
def test_every_registered_command_loads_and_explains_itself(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stop:
        main([name, "--help"])
    assert stop.value.code == 0
    assert f"python -m letters_torch {name}" in capsys.readouterr().out
