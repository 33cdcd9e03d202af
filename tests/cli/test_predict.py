"""`predict` from the command line: which checkpoint it reads, and what it writes."""

import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import letters_torch
from letters_torch.cli import main
from letters_torch.data.readers import kaggle
from tests.support.commands import LAST, RUN, by_hand, said
from tests.support.making import pictures
from tests.support.pages import Page
from tests.support.running import TEST_ROWS, refused


def test_predict_writes_the_competitions_file(trained: Path, capsys: pytest.CaptureFixture[str]) -> None:
    best = next((trained / RUN / "checkpoints").glob("best-*.ckpt"))
    assert f"result.csv: 40 rows, read by {RUN / 'checkpoints' / best.name}\n" in said(capsys, "predict")
    content = (trained / "result.csv").read_bytes().decode()
    assert content == "Id,Category\n" + "".join(f"{i},{c}\n" for i, c in enumerate(by_hand(best), 1))
    assert content.count("\n") == 1 + TEST_ROWS


@pytest.mark.parametrize("named", ["last", "best", str(LAST), str(RUN / "checkpoints/stage1-step=120.ckpt")])
def test_predict_reads_the_checkpoint_that_is_named(
    trained: Path, capsys: pytest.CaptureFixture[str], named: str
) -> None:
    said(capsys, "predict", "--ckpt_path", named, "--output", "mine.csv")
    file = {"last": LAST, "best": next((trained / RUN / "checkpoints").glob("best-*.ckpt"))}.get(named, Path(named))
    readings = [int(line.split(",")[1]) for line in (trained / "mine.csv").read_text().splitlines()[1:]]
    assert readings == by_hand(file)
    assert not (trained / "result.csv").exists()


def test_pictures_of_files_and_folders(trained: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (trained / "drawn").mkdir()
    for number, picture in enumerate(pictures(3)):
        Image.fromarray(picture).save(trained / "drawn" / f"{9 + number}.png")
    Image.fromarray(pictures(1)[0]).save(trained / "one.png")
    said(capsys, "predict", "--pictures", "one.png", "drawn", "--output", "read.csv")
    rows = [line.split(",") for line in (trained / "read.csv").read_text().splitlines()]
    assert rows[0] == ["Id", "Category", "Letter", "Confidence", "Unsure", "File"]
    assert [row[0] for row in rows[1:]] == ["1", "2", "3", "4"]
    assert [row[5] for row in rows[1:]] == ["one.png", "drawn/9.png", "drawn/10.png", "drawn/11.png"]
    for _, category, letter, confidence, _, _ in rows[1:]:
        assert letter == chr(64 + int(category))
        assert 1 / 26 <= float(confidence) <= 1
    assert rows[1][1:4] == rows[2][1:4]  # the same picture


def test_one_picture_may_be_named_before_other_flags(trained: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Image.fromarray(pictures(1)[0]).save(trained / "one.png")
    assert "one.png" in said(capsys, "predict", "--pictures", "one.png", "--ckpt_path", "last")


def test_a_bad_picture_is_listed_at_the_end_and_the_command_ends_with_1(
    trained: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (trained / "drawn").mkdir()
    Image.fromarray(pictures(1)[0]).save(trained / "drawn/1.png")
    Image.new("L", (40, 40), 255).save(trained / "drawn/2.png")
    with pytest.raises(SystemExit) as stop:
        main(["predict", "--pictures", "drawn", "drawn/2.png", "--output", "read.csv"])
    assert stop.value.code == 1
    printed = capsys.readouterr()
    assert "drawn/1.png" in printed.out
    assert printed.err.splitlines()[-3:] == [
        "2 of the files could not be read:",
        *["drawn/2.png: nothing can be seen on it; leave it out, or write darker"] * 2,
    ]
    assert len((trained / "read.csv").read_text().splitlines()) == 2
    page = Page((trained / "read-pictures.html").read_text())
    assert "1 pictures read" in page.text
    assert "2 files not read" in page.text


@pytest.fixture
def second(trained: Path, capsys: pytest.CaptureFixture[str]) -> list[Path]:
    """The best checkpoints of two runs of different widths and preprocessing."""
    said(
        capsys,
        "fit",
        "--config",
        "small.yaml",
        "--model.hidden",
        "9",
        "--data.scaling",
        "global",
        "--seed_everything",
        "1",
    )
    return [next((trained / f"lightning_logs/version_{n}/checkpoints").glob("best-*.ckpt")) for n in range(2)]


def test_the_probabilities_of_several_checkpoints_are_averaged(
    second: list[Path], capsys: pytest.CaptureFixture[str]
) -> None:
    out = said(capsys, "predict", "--ckpt_path", *map(str, second), "--top", "3")
    images = kaggle.read(Path("letters_data.mat")).test.images
    each = [letters_torch.load(file).read(images).probabilities for file in second]
    mean = (each[0] + each[1]) / 2
    rows = [line.split(",") for line in Path("result.csv").read_text().splitlines()[1:]]
    assert [int(row[1]) for row in rows] == (mean.argmax(1) + 1).tolist()
    assert [float(row[3]) for row in rows] == pytest.approx(mean.max(1).tolist(), abs=1e-4)
    assert any(mean.argmax(1) != each[0].argmax(1))  # it makes a difference
    assert any(mean.argmax(1) != each[1].argmax(1))
    assert out.count("checkpoint: ") == 2
    assert f"read by {second[0]}, {second[1]}" in out


def test_runs_that_cannot_be_averaged(second: list[Path], capsys: pytest.CaptureFixture[str]) -> None:
    said(capsys, "fit", "--config", "small.yaml", "--data.scaling", "pixel_each_set")
    third = next(Path("lightning_logs/version_2/checkpoints").glob("best-*.ckpt"))
    assert "--ckpt_path: runs with data.scaling pixel_each_set cannot be averaged; name one checkpoint" in refused(
        capsys, "predict", "--ckpt_path", str(second[0]), str(third)
    )


def test_the_most_probable_letters_and_unsure_ones(trained: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Image.fromarray(pictures(1)[0]).save(trained / "one.png")
    noise = np.zeros((28, 28), np.uint8)
    noise[4:24, 4:24] = np.random.default_rng(3).integers(0, 256, (20, 20), np.uint8)
    Image.fromarray(noise).save(trained / "noise.png")
    out = said(capsys, "predict", "--pictures", "one.png", "noise.png", "--top", "3")
    found = {line.split()[0]: line for line in out.splitlines() if ".png" in line.split()[0]}
    rows = [line.split(",") for line in Path("result.csv").read_text().splitlines()[1:]]
    for row in rows:
        line = found[row[-1]].split()
        assert line[1:7:2] == row[2:8:2]  # three letters
        shares = [float(share.removesuffix("%")) for share in line[2:8:2]]
        assert shares == pytest.approx([100 * float(share) for share in row[3:9:2]], abs=0.06)
        assert shares == sorted(shares, reverse=True)
        assert (line[-1] == "unsure") == (row[-2] == "yes") == (shares[0] < 60)


@pytest.mark.parametrize("top", ["0", "27"])
@pytest.mark.usefixtures("trained")
def test_top_is_a_number_of_letters(capsys: pytest.CaptureFixture[str], top: str) -> None:
    assert f"--top must be 1 to 26, not {top}" in refused(capsys, "predict", "--top", top)


@pytest.mark.parametrize(
    "output", ["", ".", "/", "..", "lightning_logs", "link", "dangling", "fifo", "/dev/null", "~nouser/x"]
)
def test_only_regular_files_are_written(trained: Path, capsys: pytest.CaptureFixture[str], output: str) -> None:
    """A symbolic link and a device stay what they are."""
    (trained / "target").write_text("before")
    (trained / "link").symlink_to("target")
    (trained / "dangling").symlink_to("nowhere")
    os.mkfifo(trained / "fifo")
    error = refused(capsys, "predict", f"--output={output}")
    assert error.startswith(f"error: --output {Path(output)}: ")
    assert (trained / "target").read_text() == "before"
    assert (trained / "link").is_symlink()
    assert (trained / "dangling").is_symlink()
    assert (trained / "fifo").is_fifo()
    assert Path("/dev/null").is_char_device()
