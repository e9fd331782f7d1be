"""Google's Files and Batches: single calls, whose failures are read as those of a request.

Files go and come by google-genai. Jobs are read here, and the rows of their results in `shards`: the SDK's models
refuse members that they do not know, and one odd job among many would hide all others.
"""

import re
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self

from dermasynth_builder.core.options import EngineOptions
from dermasynth_builder.core.outbound import address_fault, is_proxied
from dermasynth_builder.generate.engines.gemini import API_VERSION, DEVELOPER_URL, developer_key
from dermasynth_builder.generate.engines.online.attempt import Outcome, Status
from dermasynth_builder.generate.engines.online.refusals import outcome_of_error, outcome_of_refusal
from dermasynth_builder.generate.foreign import (
    MOST_BYTES,
    NotJSON,
    mapping,
    masked,
    parsed,
    sequence,
    shown,
    text,
    without_secrets,
    words_of,
)

if TYPE_CHECKING:
    import httpx2

_PAGE = 100
_TIMEOUT_S = 120.0
_ENDED = frozenset({"SUCCEEDED", "PARTIALLY_SUCCEEDED", "FAILED", "CANCELLED", "EXPIRED"})


class BatchFault(Exception):  # noqa: N818 - what the service did instead; dealt with where it is met
    """A call that came to nothing."""

    def __init__(self, outcome: Outcome, *, code: int = 0, is_unsure: bool = False) -> None:
        super().__init__(outcome.reason)
        self.outcome, self.code = outcome, code
        self.is_unsure = is_unsure  # the service may have done what it was asked


@dataclass(frozen=True, slots=True)
class RemoteJob:
    """A job as the service tells of it."""

    name: str  # "batches/..."
    display_name: str
    state: str  # "PENDING", "RUNNING", "SUCCEEDED", ...
    results: str | None  # "files/...": where the rows are, once there are any
    created_at: str  # UTC, ISO 8601
    ended_at: str
    error: str = ""  # what the service says of its end

    @property
    def has_ended(self) -> bool:
        """Whether nothing more will come of it."""
        return self.state in _ENDED

    @property
    def has_succeeded(self) -> bool:
        """Whether it ended with results."""
        return self.state.endswith("SUCCEEDED")


class BatchService:
    """Each method is one call, or one for each page. All raise BatchFault. Use it in a `with` block."""

    def __init__(self, options: EngineOptions) -> None:
        """Raises EngineError where there is no key."""
        import httpx
        from google import genai

        base, mark, version = (options.base_url or DEVELOPER_URL).rstrip("/").rpartition("/v1")
        is_versioned = bool(mark) and version in ("", "beta")
        root, version = (base, f"v1{version}") if is_versioned else ((options.base_url or DEVELOPER_URL), API_VERSION)
        timeout_s = options.timeout_s or _TIMEOUT_S
        self._key = developer_key()
        http_options = genai.types.HttpOptions(
            base_url=root.rstrip("/"),
            api_version=version,
            timeout=round(timeout_s * 1000),
            client_args={  # the key goes to nobody else
                "follow_redirects": False,
                "trust_env": is_proxied(root),
                "event_hooks": {"request": [_require_safe]},
            },
        )
        self._types = genai.types
        self._client = genai.Client(api_key=self._key, vertexai=False, http_options=http_options)
        headers = {"x-goog-api-key": self._key}
        self._http = httpx.Client(
            base_url=f"{root.rstrip('/')}/{version}/", timeout=timeout_s, headers=headers, trust_env=is_proxied(root)
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._http.close()

    def upload(self, path: Path, display_name: str) -> str:
        """Sends a file; gives the service's name of it."""
        config = self._types.UploadFileConfig(mime_type="application/jsonl", display_name=display_name)
        with self._reading_faults():
            return self._client.files.upload(file=path, config=config).name or ""

    def create(self, model: str, upload: str, display_name: str) -> RemoteJob:
        """Makes a job of an uploaded file, whatever other job has its display name."""
        batch = {"displayName": display_name, "inputConfig": {"fileName": upload}}
        job = remote_job(self._called("POST", f"models/{model}:batchGenerateContent", {"batch": batch}))
        if job is None:
            unread = Outcome(Status.SERVER_ERROR, reason="server: the answer names no job")
            raise BatchFault(unread, is_unsure=True)
        return job

    def jobs(self, run: str) -> dict[str, list[RemoteJob]]:
        """All jobs of a run, by display name; what is no job is passed over."""
        found: defaultdict[str, list[RemoteJob]] = defaultdict(list)
        token, seen = "", {""}
        while True:
            page = mapping(
                self._called("GET", "batches", pageSize=str(_PAGE), **({"pageToken": token} if token else {}))
            )
            for job in filter(None, map(remote_job, sequence(page.get("operations")))):
                if job.display_name.startswith(f"{run}/"):
                    found[job.display_name].append(job)
            token = text(page.get("nextPageToken"))
            if token in seen:
                return found
            seen.add(token)

    def job(self, name: str) -> RemoteJob | None:
        """One job; None where it does not exist any more. Raises BatchFault also where what comes is no job."""
        try:
            job = remote_job(self._called("GET", name))
        except BatchFault as fault:
            if fault.code == 404:
                return None
            raise
        if job is None:
            raise BatchFault(Outcome(Status.SERVER_ERROR, reason=f"server: what comes for {name} is no job"))
        return job

    def cancel(self, name: str) -> None:
        """Has a job end; one that has ended, or is gone, stays as it is."""
        with self._reading_faults(), _passing_over(400, 404):
            self._client.batches.cancel(name=name)

    def download(self, file: str, path: Path) -> None:
        """Writes a file of the service to `path`, part by part."""
        with self._reading_faults():
            self._client.files.download(file=file, destination=path)

    def forget(self, job: RemoteJob, upload: str | None) -> None:
        """Deletes a job and its files as far as that works; Google deletes files after 48 hours by itself."""
        for file in (upload, job.results):
            with suppress(BatchFault), self._reading_faults():
                if file:
                    self._client.files.delete(name=file)
        with suppress(BatchFault), self._reading_faults():
            self._client.batches.delete(name=job.name)

    def _called(self, method: str, path: str, body: object = None, **query: str) -> object:
        """The JSON of an answer, whatever it is."""
        import httpx

        try:
            with self._http.stream(method, path, json=body, params=query) as response:
                content = bytearray()
                for part in response.iter_bytes():
                    content += part
                    if len(content) > MOST_BYTES:
                        raise _unread(f"more than {MOST_BYTES} bytes")
        except (httpx.HTTPError, OSError, ValueError) as error:
            told = shown(f"{type(error).__name__} {error}", (self._key,))
            is_unsure = not isinstance(error, httpx.ConnectError | httpx.ConnectTimeout)
            raise BatchFault(Outcome(Status.SERVER_ERROR, reason=f"connection: {told}"), is_unsure=is_unsure) from error
        clean = without_secrets(bytes(content), (self._key,))
        if response.status_code != 200:
            code, outcome = response.status_code, outcome_of_error(response.status_code, response.headers, clean)
            raise BatchFault(outcome, code=code, is_unsure=outcome.status is Status.SERVER_ERROR)
        try:
            return parsed(clean)
        except NotJSON as fault:
            raise _unread(f"no JSON: {fault}") from fault

    @contextmanager
    def _reading_faults(self) -> Iterator[None]:
        """What google-genai raises, as a BatchFault."""
        import httpx2
        from google.genai import errors

        try:
            yield
        except errors.APIError as error:
            outcome = outcome_of_refusal(error.code or 500, error.details)
            raise BatchFault(replace(outcome, reason=masked(outcome.reason, (self._key,))), code=error.code) from error
        except (httpx2.HTTPError, httpx2.InvalidURL, OSError, *_UNREADABLE) as error:
            reason = f"connection: {shown(f'{type(error).__name__} {error}', (self._key,))}"
            raise BatchFault(Outcome(Status.SERVER_ERROR, reason=reason)) from error


# As google-genai meets answers that are not in its form.
_UNREADABLE = (ValueError, LookupError, TypeError, AttributeError, RuntimeError)


def _require_safe(request: "httpx2.Request") -> None:
    """Holds the addresses that the service names for uploads. Raises BatchFault."""
    if fault := address_fault(str(request.url)):
        raise BatchFault(Outcome(Status.FATAL, reason=f"the service names an address to which no file goes: {fault}"))


def _unread(why: str) -> BatchFault:
    return BatchFault(Outcome(Status.SERVER_ERROR, reason=f"server: the answer is {why}"), is_unsure=True)


def remote_job(value: object) -> RemoteJob | None:
    """The job of an operation as the service writes it; None for what is none. States that are not known are no end."""
    operation = mapping(value)
    metadata, done = mapping(operation.get("metadata")), operation.get("done") is True
    name, error = text(operation.get("name")), words_of({"error": operation.get("error") or metadata.get("error")})
    if not re.fullmatch(r"batches/[\w.-]+", name):
        return None
    outputs = (mapping(metadata.get("output")), mapping(operation.get("response")), mapping(metadata.get("dest")))
    files = (text(output.get(member)) for output in outputs for member in ("responsesFile", "fileName"))
    results = next(filter(None, files), None)
    state = text(metadata.get("state")).rpartition("_STATE_")[2] or "PENDING"
    if done and state not in _ENDED:
        state = "SUCCEEDED" if results else "FAILED"
    times = (text(metadata.get(member)) for member in ("createTime", "endTime", "updateTime"))
    created_at, ended_at, updated_at = (_utc(at) for at in times)
    return RemoteJob(
        name, text(metadata.get("displayName")), shown(state), results, created_at, ended_at or updated_at, error
    )


def _utc(at: str) -> str:
    """A time of the service as we write times; empty for what is none."""
    try:
        return datetime.fromisoformat(at).astimezone(UTC).isoformat(timespec="milliseconds")
    except (ValueError, OverflowError):
        return ""


@contextmanager
def _passing_over(*codes: int) -> Iterator[None]:
    """Takes these errors of the service for an answer."""
    from google.genai import errors

    try:
        yield
    except errors.APIError as error:
        if error.code not in codes:
            raise
