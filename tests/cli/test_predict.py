"""`predict` from the command line: which checkpoint it reads, and what it writes."""

from pathlib import Path

import pytest
from PIL import Image

from tests.support.commands import LAST, RUN, by_hand, said
from tests.support.making import pictures
from tests.support.running import TEST_ROWS


def test_predict_writes_the_competitions_file(trained: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert "result.csv: 40 rows" in said(capsys, "predict")
    best = next((trained / RUN / "checkpoints").glob("best-*.ckpt"))
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
