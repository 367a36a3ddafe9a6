import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.live.jobs import JobControl, JobQueue
from core.errors import MediaError
from core.session import JobKind, JobStatus
from tests.live_fakes import until


@pytest.fixture
def queue() -> Iterator[JobQueue]:
    made = JobQueue()
    yield made
    made.close(2.0)


def _status(queue: JobQueue, job_id: int) -> JobStatus:
    return next(job.status for job in queue.snapshot() if job.id == job_id)


def test_runs_one_after_another_and_keeps_results(queue: JobQueue) -> None:
    running = threading.Semaphore(1)

    def task(control: JobControl) -> Path:
        assert running.acquire(blocking=False)
        control.progress(0.5)
        running.release()
        return Path("out.mp4")

    jobs = [queue.add(JobKind.RENDER, str(n), task) for n in range(3)]
    until(lambda: all(_status(queue, job) is JobStatus.DONE for job in jobs))
    assert {job.output for job in queue.snapshot()} == {Path("out.mp4")}
    assert {job.progress for job in queue.snapshot()} == {1.0}


def test_cancels_what_runs_and_what_waits(queue: JobQueue) -> None:
    begun = threading.Event()

    def endless(control: JobControl) -> str:
        while True:
            begun.set()
            control.progress(0.1)

    first = queue.add(JobKind.PLAY, "first", endless)
    second = queue.add(JobKind.PLAY, "second", endless)
    assert begun.wait(2.0)
    queue.cancel(second)
    assert _status(queue, second) is JobStatus.CANCELLED
    queue.cancel(first)
    until(lambda: _status(queue, first) is JobStatus.CANCELLED)
    queue.clear()
    assert queue.snapshot() == ()


def test_failures_become_words(queue: JobQueue) -> None:
    def bad_file(control: JobControl) -> str:
        raise MediaError("The file is damaged.")

    def bug(control: JobControl) -> str:
        raise ZeroDivisionError("division by zero")

    told, unexpected = (queue.add(JobKind.RENDER, "x", task) for task in (bad_file, bug))
    until(lambda: _status(queue, unexpected) is JobStatus.FAILED)
    messages = {job.id: job.message for job in queue.snapshot()}
    assert messages[told] == "The file is damaged."
    assert "division by zero" in messages[unexpected]
