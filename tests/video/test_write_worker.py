"""The thread that writes behind: order, bounds, errors, and an end in every case."""

import threading
import time

import pytest

from dpa.video.write.worker import Worker


def test_items_are_worked_on_in_their_order_in_another_thread():
    seen = []
    worker = Worker(lambda item: seen.append((item, threading.current_thread().name)), "test")
    for item in range(20):
        worker.put(item)
    worker.finish()
    assert seen == [(item, "dpa-test") for item in range(20)]


def test_at_most_two_items_wait():
    go, begun = threading.Event(), threading.Event()

    def work(_):
        begun.set()
        go.wait()

    worker = Worker(work, "test")
    handed = []

    def feed():
        for item in range(5):
            worker.put(item)
            handed.append(item)

    feeder = threading.Thread(target=feed)
    feeder.start()
    begun.wait()
    feeder.join(0.3)
    assert feeder.is_alive()
    assert len(handed) <= 3
    go.set()
    feeder.join()
    worker.finish()
    assert handed == list(range(5))


def test_an_error_comes_back_once_and_ends_the_work():
    seen = []

    def work(item):
        seen.append(item)
        raise ValueError(item)

    worker = Worker(work, "test")
    worker.put(0)
    while not seen:
        time.sleep(0.001)
    with pytest.raises(ValueError, match="0"):
        worker.finish()
    worker.stop()
    worker.put(1)
    worker.finish()
    assert seen == [0]


def test_stopping_drops_what_waits_and_may_come_twice_or_before_anything():
    go, seen = threading.Event(), []

    def work(item):
        go.wait()
        seen.append(item)

    worker = Worker(work, "test")
    worker.stop()
    worker = Worker(work, "test")
    for item in range(3):
        worker.put(item)
    threading.Timer(0.1, go.set).start()
    worker.stop()
    worker.stop()
    assert seen == [0]
