"""Blocks of training samples, made ahead of the training."""

import gc
import threading
from typing import Any

import pytest
import torch

from letters_torch.data.prefetch import Block, Blocks


def numbered(first: int, count: int) -> Block:
    return Block(torch.full((count, 784), float(first)), torch.zeros(count, dtype=torch.long), first)


def endless(make: Any = numbered, workers: int = 3) -> Blocks:
    return Blocks(make, 10, lambda: 0, lambda step: step + 10, workers)


def test_a_loader_dropped_half_way_makes_no_more_blocks() -> None:
    dropped, begun, ended = threading.Event(), [], threading.Event()

    def make(first: int, count: int) -> Block:
        begun.append(first)
        assert first == 0 or dropped.wait(60)
        ended.set()
        return numbered(first, count)

    blocks = iter(endless(make, workers=2))
    next(blocks)
    before = len(begun)
    ended.clear()
    del blocks
    gc.collect()
    dropped.set()
    assert ended.wait(60)  # those at work come to their end, no other begins
    assert before <= len(begun) <= 1 + 2


def test_blocks_are_made_ahead_but_not_without_bound() -> None:
    made = []

    def make(first: int, count: int) -> Block:
        made.append(first)
        return numbered(first, count)

    blocks = iter(endless(make, workers=2))
    next(blocks)
    assert len(made) <= 4
    del blocks


@pytest.mark.parametrize("workers", [0, 1, 3])
def test_what_goes_wrong_in_a_worker_is_raised_at_its_block(workers: int) -> None:
    def make(first: int, count: int) -> Block:
        if first == 20:
            raise ZeroDivisionError("in the third block")
        return numbered(first, count)

    blocks = iter(endless(make, workers))
    assert [next(blocks).first_step for _ in range(2)] == [0, 10]
    with pytest.raises(ZeroDivisionError, match="third block"):
        next(blocks)


def test_workers_leave_the_trainings_threads_alone() -> None:
    before = torch.get_num_threads()
    inside = []

    def make(first: int, count: int) -> Block:
        inside.append(torch.get_num_threads())
        return numbered(first, count)

    blocks = iter(endless(make, 1))
    next(blocks)
    del blocks
    assert torch.get_num_threads() == before
    assert set(inside) == {1}
