"""Google's Files and Batches, by google-genai: single calls, whose failures are read as those of a request.

The results of a job come as a file. Its rows are read by `batch_rows`, since the SDK's models refuse members that they
do not know.
"""

import json
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from dermasynth_builder.core.options import EngineOptions
from dermasynth_builder.generate.engines.gemini import developer_key
from dermasynth_builder.generate.engines.online.attempt import Outcome, Status, outcome_of_error

if TYPE_CHECKING:
    from google.genai.types import BatchJob

_PAGE = 100
_TIMEOUT_S = 120.0
_ENDED = frozenset({"SUCCEEDED", "PARTIALLY_SUCCEEDED", "FAILED", "CANCELLED", "EXPIRED"})


class BatchFault(Exception):  # noqa: N818 - what the service did instead; dealt with where it is met
    """A call that came to nothing."""

    def __init__(self, outcome: Outcome) -> None:
        super().__init__(outcome.reason)
        self.outcome = outcome


@dataclass(frozen=True, slots=True)
class RemoteJob:
    """A job as the service tells of it."""

    name: str  # "batches/..."
    display_name: str
    state: str  # "PENDING", "RUNNING", "SUCCEEDED", ...
    results: str | None  # "files/...": where the rows are, once there are any
    created_at: str  # UTC, ISO 8601
    ended_at: str

    @property
    def has_ended(self) -> bool:
        """Whether nothing more will come of it."""
        return self.state in _ENDED

    @property
    def has_succeeded(self) -> bool:
        """Whether it ended with results."""
        return self.state.endswith("SUCCEEDED")


class BatchService:
    """Each method is one call, or one for each page. All raise BatchFault."""

    def __init__(self, options: EngineOptions) -> None:
        """Raises EngineError where there is no key."""
        from google import genai

        base, mark, version = (options.base_url or "").rstrip("/").rpartition("/v1")
        is_versioned = bool(mark) and version in ("", "beta")
        http_options = genai.types.HttpOptions(
            base_url=(base if is_versioned else options.base_url) or None,
            api_version=f"v1{version}" if is_versioned else None,
            timeout=round((options.timeout_s or _TIMEOUT_S) * 1000),
        )
        self._types = genai.types
        self._client = genai.Client(api_key=developer_key(), vertexai=False, http_options=http_options)

    def upload(self, path: Path, display_name: str) -> str:
        """Sends a file; gives the service's name of it."""
        config = self._types.UploadFileConfig(mime_type="application/jsonl", display_name=display_name)
        with _reading_faults():
            return self._client.files.upload(file=path, config=config).name or ""

    def create(self, model: str, upload: str, display_name: str) -> RemoteJob:
        """Makes a job of an uploaded file, whatever other job has its display name."""
        config = self._types.CreateBatchJobConfig(display_name=display_name)
        with _reading_faults():
            return _remote_job(self._client.batches.create(model=model, src=upload, config=config))

    def jobs(self, run: str) -> dict[str, list[RemoteJob]]:
        """All jobs of a run, by display name."""
        found: defaultdict[str, list[RemoteJob]] = defaultdict(list)
        with _reading_faults():
            for job in self._client.batches.list(config=self._types.ListBatchJobsConfig(page_size=_PAGE)):
                if (job.display_name or "").startswith(f"{run}/"):
                    found[job.display_name or ""].append(_remote_job(job))
        return found

    def job(self, name: str) -> RemoteJob | None:
        """One job; None where it does not exist any more."""
        with _reading_faults(), _passing_over(404):
            return _remote_job(self._client.batches.get(name=name))
        return None

    def cancel(self, name: str) -> None:
        """Has a job end; one that has ended, or is gone, stays as it is."""
        with _reading_faults(), _passing_over(400, 404):
            self._client.batches.cancel(name=name)

    def download(self, file: str, path: Path) -> bool:
        """Writes a file of the service to `path`, part by part. Gives whether it still exists."""
        with _reading_faults(), _passing_over(404):
            self._client.files.download(file=file, destination=path)
            return True
        return False

    def forget(self, job: RemoteJob, upload: str | None) -> None:
        """Deletes a job and its files as far as that works; Google deletes files after 48 hours by itself."""
        for file in (upload, job.results):
            with suppress(BatchFault), _reading_faults():
                if file:
                    self._client.files.delete(name=file)
        with suppress(BatchFault), _reading_faults():
            self._client.batches.delete(name=job.name)


def _remote_job(job: "BatchJob") -> RemoteJob:
    state = job.state.value.removeprefix("JOB_STATE_") if job.state else "PENDING"
    created_at, ended_at = (
        at.isoformat(timespec="milliseconds") if at else "" for at in (job.create_time, job.end_time or job.update_time)
    )
    results = job.dest.file_name if job.dest else None
    return RemoteJob(job.name or "", job.display_name or "", state, results, created_at, ended_at)


@contextmanager
def _passing_over(*codes: int) -> Iterator[None]:
    """Takes these errors of the service for an answer."""
    from google.genai import errors

    try:
        yield
    except errors.APIError as error:
        if error.code not in codes:
            raise


@contextmanager
def _reading_faults() -> Iterator[None]:
    """What google-genai raises, as a BatchFault."""
    import httpx2
    from google.genai import errors

    try:
        yield
    except errors.APIError as error:
        body = json.dumps(error.details, default=str).encode()
        raise BatchFault(outcome_of_error(error.code, {}, body)) from error
    except (httpx2.HTTPError, OSError, ValueError, KeyError) as error:  # it raises the last two for what it cannot read
        reason = f"connection: {type(error).__name__} {error}".rstrip()
        raise BatchFault(Outcome(Status.SERVER_ERROR, reason=reason)) from error
