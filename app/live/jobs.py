"""A queue of long tasks, one at a time, each with progress and a way out."""

import itertools
import logging
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from queue import SimpleQueue

from core.errors import RealTalkError
from core.messages import Message
from core.session import Job, JobKind, JobStatus

logger = logging.getLogger(__name__)

_OVER = (JobStatus.DONE, JobStatus.CANCELLED, JobStatus.FAILED)


class CancelledError(Exception):
    """The user cancelled the job."""


class JobControl:
    """What a running job is given.

    Args:
        tell: Called with the progress.
    """

    def __init__(self, tell: Callable[[float], None]) -> None:
        self._tell = tell
        self.cancelled = threading.Event()

    def progress(self, share: float) -> None:
        """Report progress, 0 to 1.

        Raises:
            CancelledError: The job is to end now.
        """
        if self.cancelled.is_set():
            raise CancelledError
        self._tell(min(max(share, 0.0), 1.0))


Task = Callable[[JobControl], Path | str]
"""Does the job; returns the file it wrote, or a sentence for the user."""


class JobQueue:
    """Runs jobs one after another on its own thread.

    Threads: all methods may be called from any thread and return at once.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._jobs: dict[int, Job] = {}
        self._controls: dict[int, JobControl] = {}
        self._ids = itertools.count(1)
        self._waiting: SimpleQueue[tuple[int, Task] | None] = SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="jobs", daemon=True)
        self._thread.start()

    def add(self, kind: JobKind, title: str, task: Task) -> int:
        """Queue a job; returns its id."""
        with self._lock:
            job_id = next(self._ids)
            self._jobs[job_id] = Job(job_id, kind, title, JobStatus.QUEUED)
            self._controls[job_id] = JobControl(lambda share: self._progress(job_id, share))
        self._waiting.put((job_id, task))
        return job_id

    def cancel(self, job_id: int) -> None:
        """Cancel a job; one that is over, or unknown, stays as it is."""
        with self._lock:
            control = self._controls.get(job_id)
            if control is not None:
                control.cancelled.set()
            job = self._jobs.get(job_id)
            if job is not None and job.status is JobStatus.QUEUED:
                self._jobs[job_id] = replace(job, status=JobStatus.CANCELLED)

    def clear(self) -> None:
        """Forget the jobs that are over."""
        with self._lock:
            self._jobs = {i: job for i, job in self._jobs.items() if job.status not in _OVER}

    def snapshot(self) -> tuple[Job, ...]:
        """All jobs, oldest first."""
        with self._lock:
            return tuple(self._jobs.values())

    def close(self, timeout_s: float) -> None:
        """Cancel everything and wait for the thread."""
        for job in self.snapshot():
            self.cancel(job.id)
        self._waiting.put(None)
        self._thread.join(timeout_s)

    def _run(self) -> None:
        while (entry := self._waiting.get()) is not None:
            self._do(*entry)

    def _do(self, job_id: int, task: Task) -> None:
        with self._lock:
            control = self._controls[job_id]
            if control.cancelled.is_set():
                return
        self._change(job_id, status=JobStatus.RUNNING)
        self._begun_s = time.monotonic()
        try:
            result = task(control)
        except CancelledError:
            self._change(job_id, status=JobStatus.CANCELLED, remaining_s=None)
        except RealTalkError as error:
            self._change(job_id, status=JobStatus.FAILED, message=error.message, remaining_s=None)
        except Exception as error:
            logger.exception("job %d failed", job_id)
            message = Message(
                "This failed unexpectedly ({reason}); the log says more.", reason=error
            )
            self._change(job_id, status=JobStatus.FAILED, message=message, remaining_s=None)
        else:
            output = result if isinstance(result, Path) else None
            words = "" if isinstance(result, Path) else result
            self._change(
                job_id, status=JobStatus.DONE, progress=1.0, remaining_s=None,
                output=output, message=words,
            )  # fmt: skip

    def _progress(self, job_id: int, share: float) -> None:
        elapsed_s = time.monotonic() - self._begun_s
        remaining_s = elapsed_s * (1 - share) / share if share > 0.01 else None
        self._change(job_id, progress=share, remaining_s=remaining_s)

    def _change(self, job_id: int, **changes: object) -> None:
        with self._lock:
            if job_id in self._jobs:
                self._jobs[job_id] = replace(self._jobs[job_id], **changes)  # type: ignore[arg-type]
