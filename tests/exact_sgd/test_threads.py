"""Work shared among threads: all of it done once, in the caller's modes, errors passed on."""

import threading
from collections.abc import Callable
from functools import partial

import pytest
import torch

from letters_torch.exact_sgd.threads import share, sharing, torch_threads


@pytest.mark.parametrize("threads", [1, 2, 5])
@pytest.mark.parametrize("count", [0, 1, 2, 40])
def test_every_job_is_done_once(threads: int, count: int) -> None:
    done: list[int] = []
    with torch_threads(threads):
        share([partial(done.append, i) for i in range(count)])
        assert torch.get_num_threads() == threads
    assert sorted(done) == list(range(count))


def test_helpers_take_part_and_keep_torch_to_themselves() -> None:
    together, seen = threading.Barrier(2, timeout=10), set()

    def job() -> None:
        together.wait()  # passes only where two threads are at work at once
        seen.add((threading.get_ident(), torch.get_num_threads()))

    with torch_threads(2):
        share([job, job])
    assert len({thread for thread, _ in seen}) == 2
    assert {count for _, count in seen} == {1}


def test_while_sharing_torch_has_one_thread_and_shared_work_has_all() -> None:
    together = threading.Barrier(2, timeout=10)
    with torch_threads(2):
        with sharing():
            for _ in range(2):
                assert torch.get_num_threads() == 1
                share([lambda: together.wait() and None] * 2)  # passes only where two threads are at work at once
        assert torch.get_num_threads() == 2


@pytest.mark.parametrize("mode", [torch.enable_grad, torch.no_grad, torch.inference_mode])
def test_jobs_run_in_the_callers_mode(mode: Callable[[], torch.autograd.grad_mode.no_grad]) -> None:
    together, seen = threading.Barrier(2, timeout=10), set()

    def job() -> None:
        together.wait()
        seen.add((torch.is_grad_enabled(), torch.is_inference_mode_enabled()))

    with torch_threads(2), mode():
        share([job, job])
        assert seen == {(torch.is_grad_enabled(), torch.is_inference_mode_enabled())}


def test_what_a_job_raises_reaches_the_caller() -> None:
    def fail() -> None:
        raise ArithmeticError("no")

    with torch_threads(2), pytest.raises(ArithmeticError, match="no"):
        share([fail] * 3)
