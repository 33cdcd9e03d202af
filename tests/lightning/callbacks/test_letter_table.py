"""The table of letters after `validate` and `test`."""

from types import SimpleNamespace
from typing import Any

import pytest
import torch

from letters_torch.lightning.callbacks.letter_table import LetterTable

FIT, VALIDATE = (SimpleNamespace(state=SimpleNamespace(fn=fn)) for fn in ("fit", "validate"))


def logits(*classes: int) -> torch.Tensor:
    return torch.nn.functional.one_hot(torch.tensor(classes), 26).float()


def batch(*classes: int) -> Any:
    return SimpleNamespace(y=torch.tensor(classes))


def lines(callback: LetterTable, capsys: pytest.CaptureFixture[str]) -> list[str]:
    capsys.readouterr()
    callback.on_test_end(SimpleNamespace(test_loop=SimpleNamespace(verbose=True)), None)
    return capsys.readouterr().out.splitlines()


def test_rows_are_the_letters_in_order_with_their_mistakes(capsys: pytest.CaptureFixture[str]) -> None:
    table = LetterTable()
    table.on_test_start(VALIDATE, None)
    table.on_test_batch_end(VALIDATE, None, logits(0, 1, 1, 25), batch(0, 0, 1, 25), 0)
    table.on_test_batch_end(VALIDATE, None, logits(2, 0), batch(0, 0), 1)
    found = lines(table, capsys)
    assert found[0].split() == ["letter", "rows", "accuracy", "most", "often", "taken", "for"]
    assert [line.split()[0] for line in found[1:]] == [chr(ord("A") + k) for k in range(26)]
    assert found[1].split() == ["A", "4", "0.5000", "C", "(25.0%),", "B", "(25.0%)"]
    assert found[2].split() == ["B", "1", "1.0000"]
    assert found[3].split() == ["C", "0", "-"]
    assert found[26].split() == ["Z", "1", "1.0000"]


def test_each_run_counts_from_nothing_and_the_first_loader_only(capsys: pytest.CaptureFixture[str]) -> None:
    table = LetterTable()
    for _ in range(2):
        table.on_validation_start(VALIDATE, None)
        table.on_validation_batch_end(VALIDATE, None, logits(3, 3), batch(3, 4), 0, 0)
        table.on_validation_batch_end(VALIDATE, None, logits(3, 3), batch(3, 4), 0, 1)
    assert [line.split()[1] for line in lines(table, capsys)[1:]] == [*"000110", *"0" * 20]


def test_a_fit_counts_nothing() -> None:
    table = LetterTable()
    table.on_validation_batch_end(FIT, None, logits(3), batch(3), 0, 0)
    assert not table.confusion.any()
