"""Config files: found by bare names, read within bounds, refused with a reason."""

import os
import time
import tracemalloc
from pathlib import Path

import pytest
import yaml

from letters_torch import config_files
from letters_torch.errors import UserError
from tests.support.making import message

# 10**9 values in 380 bytes: ten lists of ten aliases each.
BOMB = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]\n" for n in range(1, 9)
)


def refused(file: Path, *parts: object) -> str:
    with pytest.raises(UserError) as error:
        config_files.read(file)
    return message(error, f"--config {file}", *parts)


def test_aliases_that_stand_for_too_much(tmp_path: Path) -> None:
    (tmp_path / "bomb.yaml").write_text(BOMB)
    tracemalloc.start()
    began = time.process_time()
    try:
        refused(tmp_path / "bomb.yaml", "more than 10,000 values")
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 20e6  # expanded, it takes 1.6 GB
    assert time.process_time() - began < 10  # and a minute


def test_aliases_that_stand_for_little_are_read(tmp_path: Path) -> None:
    (tmp_path / "alias.yaml").write_text("a: &one {x: 1}\nb: *one\nc: {<<: *one, y: 2}\n")
    read = config_files.read(tmp_path / "alias.yaml")
    assert read == {"a": {"x": 1}, "b": {"x": 1}, "c": {"x": 1, "y": 2}}


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("model:\n  hidden: 3\nmodel:\n  hidden: 4\n", [", line 3", "the key 'model' is given twice; leave one out"]),
        ("model:\n  hidden: 3\n  hidden: 4\n", [", line 3", "the key 'hidden' is given twice; leave one out"]),
        ("a: [{x: 1, x: 1}]\n", [", line 1", "the key 'x' is given twice; leave one out"]),
        ("a: &a [*a]\n", ["a value contains itself"]),
        ("[" * 3000, ["cannot be read as YAML"]),
        ("a: [1\n", ["line 2", "invalid YAML"]),
        ("just words", ["no settings in it"]),
        ("", ["no settings in it"]),
        ("- 1\n", ["no settings in it"]),
        ("a: \x00", ["cannot be read as YAML"]),
        ("a: !!python/object:os.system {}", ["invalid YAML"]),
        ("? {a: 1}\n: 2\n", ["invalid YAML"]),
    ],
    ids=str,
)
def test_what_is_no_table_of_settings(tmp_path: Path, text: str, parts: list[str]) -> None:
    (tmp_path / "wrong.yaml").write_text(text)
    refused(tmp_path / "wrong.yaml", *parts)


def test_the_same_text_as_key_and_as_number_are_two_keys(tmp_path: Path) -> None:
    (tmp_path / "keys.yaml").write_text("1: a\n'1': b\n")
    assert config_files.read(tmp_path / "keys.yaml") == {1: "a", "1": "b"}


def test_a_file_that_is_not_text(tmp_path: Path) -> None:
    (tmp_path / "latin.yaml").write_bytes(b"a: \xff\n")
    refused(tmp_path / "latin.yaml", "cannot be read as YAML")


def test_a_file_that_is_too_large(tmp_path: Path) -> None:
    (tmp_path / "large.yaml").write_text("a: " + "x" * config_files.LARGEST)
    refused(tmp_path / "large.yaml", "too large for a config; the limit is 1,000,000 bytes")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no FIFOs on this system")
def test_a_fifo_is_no_config(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo.yaml")
    with pytest.raises(UserError, match="no such file"):
        config_files.find(str(tmp_path / "fifo.yaml"))


def test_a_name_that_is_spelled_alike_is_suggested(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for wrong, meant in (("kagle", "kaggle"), ("best-438", "best-438k"), ("quik.yaml", "quick")):
        with pytest.raises(UserError) as error:
            config_files.find(wrong)
        message(error, f"--config {wrong}: no such file; did you mean {meant}?")


def test_every_config_that_comes_with_the_package_can_be_read() -> None:
    shipped = next(place for place in config_files.places()[2:] if place.is_dir())
    for file in shipped.glob("*.yaml"):
        assert config_files.read(file) == yaml.safe_load(file.read_text())
