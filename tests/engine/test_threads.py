"""Stages in threads: order, errors, bounds, and nothing left behind."""

import threading
import time
from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dpa.engine.threads import Clock, threaded
from engine_samples import threads


@pytest.fixture(autouse=True, scope="module")
def impatient() -> Iterator[None]:
    """Threads look often whether their reader has gone."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("dpa.engine.threads._PATIENCE", 0.002)
        yield


@given(items=st.lists(st.integers(), max_size=40), sizes=st.lists(st.integers(1, 5), min_size=1, max_size=3))
def test_all_items_come_out_in_order(items: list[int], sizes: list[int]) -> None:
    stages: Iterator[int] = iter(items)
    for size in sizes:
        stages = threaded(stages, size)
    assert list(stages) == items
    assert threads() == []


@given(before=st.integers(0, 20), size=st.integers(1, 5))
def test_an_error_comes_after_the_items_before_it(before: int, size: int) -> None:
    def items() -> Iterator[int]:
        yield from range(before)
        raise OSError("broken")

    got: list[int] = []
    with pytest.raises(OSError, match="broken"):
        got.extend(threaded(threaded(items(), size)))
    assert got == list(range(before))
    assert threads() == []


@settings(max_examples=30)
@given(taken=st.integers(0, 10), size=st.integers(1, 4))
def test_at_most_size_items_wait(taken: int, size: int) -> None:
    made: list[int] = []

    def items() -> Iterator[int]:
        for index in range(100):
            made.append(index)
            yield index

    stage = threaded(items(), size)
    for _ in range(taken):
        next(stage)
    # One is in the reader's hands, `size` wait, and one is held by the thread, which finds no room for it.
    most = taken + size + 1 if taken else 0
    deadline = time.monotonic() + 5
    while len(made) < most and time.monotonic() < deadline:
        time.sleep(0.0005)
    assert len(made) == most
    stage.close()
    assert len(made) <= most + 1
    assert threads() == []


def test_closing_closes_the_iterator_in_its_own_thread() -> None:
    closed: list[str] = []

    def items() -> Iterator[int]:
        try:
            yield from range(100)
        finally:
            closed.append(threading.current_thread().name)

    stage = threaded(items(), name="decode")
    next(stage)
    stage.close()
    assert closed == ["dpa-decode"]
    assert threads() == []


def test_not_started_then_closed() -> None:
    stage = threaded(iter([1, 2]))
    stage.close()
    assert threads() == []


@pytest.mark.timeout(200)
def test_closing_wakes_what_waits_for_ever() -> None:
    arrived, gone = threading.Event(), threading.Event()

    def items() -> Iterator[int]:
        yield 1
        arrived.set()
        gone.wait()

    inner = threaded(items(), wake=gone.set)
    outer = threaded(inner, wake=gone.set)
    assert next(outer) == 1
    arrived.wait()
    outer.close()
    assert threads() == []


@pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit, MemoryError])
def test_errors_that_are_no_exceptions_arrive_too(error: type[BaseException]) -> None:
    def items() -> Iterator[int]:
        yield 1
        raise error

    stage = threaded(items())
    assert next(stage) == 1
    with pytest.raises(error):
        next(stage)
    assert threads() == []


def test_a_clock_adds_up_what_each_stage_takes(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]
    monkeypatch.setattr("time.perf_counter", lambda: now[0])
    clock = Clock()
    with clock.time("a"):
        now[0] += 2

    def fail() -> None:
        now[0] += 3
        raise KeyError

    with pytest.raises(KeyError), clock.time("a"):
        fail()
    with clock.time("b"):
        now[0] += 7
    assert clock.seconds == {"a": 5, "b": 7}

    def items() -> Iterator[int]:
        for item in range(3):
            now[0] += 10
            yield item

    for _ in clock.each("c", items()):
        now[0] += 100
    assert clock.seconds["c"] == 30


def test_each_closes_what_it_reads() -> None:
    closed = []

    def items() -> Iterator[int]:
        try:
            yield from range(3)
        finally:
            closed.append(True)

    stream = Clock().each("a", items())
    next(stream)
    stream.close()
    assert closed == [True]
    assert list(Clock().each("a", iter([1, 2]))) == [1, 2], "what cannot be closed too"
