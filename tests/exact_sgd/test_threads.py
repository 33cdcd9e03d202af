"""Work shared among threads: all of it done once, in the caller's modes, errors passed on."""

import os
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import pytest
import torch

from letters_torch.exact_sgd.threads import (
    PART,
    blas_libraries,
    num_threads,
    one_thread_per_operation,
    run_in_parts,
    run_parallel,
    torch_threads,
    work_alone,
)


def is_blas(library: dict[str, Any]) -> bool:
    return bool(library["user_api"] == "blas")


@pytest.mark.parametrize("threads", [1, 2, 5])
@pytest.mark.parametrize("count", [0, 1, 2, 40])
def test_every_job_is_done_once(threads: int, count: int) -> None:
    done: list[int] = []
    with torch_threads(threads):
        run_parallel([partial(done.append, i) for i in range(count)])
        assert torch.get_num_threads() == threads
    assert sorted(done) == list(range(count))


def test_helpers_take_part_and_use_one_thread_each() -> None:
    together, seen = threading.Barrier(2, timeout=10), set()

    def job() -> None:
        together.wait()  # passes only where two threads are at work at once
        seen.add((threading.get_ident(), torch.get_num_threads()))

    with torch_threads(2):
        run_parallel([job, job])
    assert len({thread for thread, _ in seen}) == 2
    assert {count for _, count in seen} == {1}


def test_one_thread_per_operation_and_all_for_jobs() -> None:
    together = threading.Barrier(2, timeout=10)
    with torch_threads(2):
        with one_thread_per_operation():
            for _ in range(2):
                assert (torch.get_num_threads(), num_threads()) == (1, 2)
                assert {library["num_threads"] for library in blas_libraries().info() if is_blas(library)} == {1}
                run_parallel(
                    [lambda: together.wait() and None] * 2
                )  # passes only where two threads are at work at once
        assert torch.get_num_threads() == 2


@pytest.mark.parametrize("mode", [torch.enable_grad, torch.no_grad, torch.inference_mode])
def test_jobs_run_in_the_callers_mode(mode: Callable[[], torch.autograd.grad_mode.no_grad]) -> None:
    together, seen = threading.Barrier(2, timeout=10), set()

    def job() -> None:
        together.wait()
        seen.add((torch.is_grad_enabled(), torch.is_inference_mode_enabled()))

    with torch_threads(2), mode():
        run_parallel([job, job])
        assert seen == {(torch.is_grad_enabled(), torch.is_inference_mode_enabled())}


def test_what_a_job_raises_reaches_the_caller() -> None:
    def fail() -> None:
        raise ArithmeticError("no")

    with torch_threads(2), pytest.raises(ArithmeticError, match="no"):
        run_parallel([fail] * 3)


@pytest.mark.parametrize("count", [3, 5])
def test_no_more_jobs_than_threads_may_wait_for_each_other(count: int) -> None:
    together = threading.Barrier(count, timeout=10)
    run_parallel([together.wait] * count, threads=count)


@pytest.mark.parametrize("failing", [0, 1])
def test_jobs_that_wait_for_one_that_fails_are_stopped(failing: int) -> None:
    together, stopped, waited = threading.Barrier(3, timeout=10), threading.Event(), list[bool]()

    def job(number: int) -> None:
        together.wait()
        if number == failing:
            raise ArithmeticError("no")
        waited.append(stopped.wait(10))

    with pytest.raises(ArithmeticError):
        run_parallel([partial(job, number) for number in range(3)], threads=3, stop=stopped.set)
    assert waited == [True, True]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="forks")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning", "ignore:.*fork.*:RuntimeWarning")
def test_a_forked_process_has_threads_of_its_own() -> None:
    together = threading.Barrier(2, timeout=10)
    run_parallel([together.wait] * 2, threads=2)
    child = os.fork()
    if child == 0:  # no assertion here: pytest would run on in both processes
        code = 1
        try:
            run_parallel([together.wait] * 2, threads=2)
            code = 0
        finally:
            os._exit(code)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


@pytest.mark.parametrize("count", [0, 1, PART, 2 * PART + 3])
def test_parts_cover_each_row_once(count: int) -> None:
    done: list[tuple[int, int]] = []
    run_in_parts(lambda begin, end: done.append((begin, end)), count)
    assert [row for begin, end in sorted(done) for row in range(begin, end)] == list(range(count))


def test_threads_that_overlap_keep_the_libraries_at_one_thread_until_the_last_has_left() -> None:
    """The number of a library's threads is one for the process, and bits depend on it."""
    entered, left, seen = threading.Event(), threading.Event(), []

    def limits() -> set[int]:
        return {library["num_threads"] for library in blas_libraries().info() if is_blas(library)}

    def other() -> None:
        with one_thread_per_operation():
            entered.set()
            left.wait(10)
            seen.append((torch.get_num_threads(), num_threads(), limits()))

    before = limits()
    with torch_threads(2), ThreadPoolExecutor(1) as pool:
        with one_thread_per_operation():
            waiting = pool.submit(other)
            assert entered.wait(10)
        left.set()
        waiting.result()
        assert seen == [(1, 2, {1})]
        assert (torch.get_num_threads(), limits()) == (2, before)


def test_a_thread_that_works_alone_gives_no_job_to_others() -> None:
    by: list[int] = []

    def outer() -> int:
        run_in_parts(lambda *_: by.append(threading.get_ident()), 5 * PART)
        return threading.get_ident()

    with torch_threads(2), ThreadPoolExecutor(1, "alone", work_alone) as pool:
        assert by == 5 * [pool.submit(outer).result()]
        assert pool.submit(num_threads).result() == 1
