"""Keeps files on disk, stamps jobs with the time. The files and batch jobs of a fake Gemini.

A job goes from PENDING to RUNNING to its end as it is looked at, so that nobody has to wait a day for it.
"""

import json
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from typing import Any

from dermasynth_builder.invented.fake_gemini.answers import BadRequest, FakeRequest, camel_keys
from dermasynth_builder.invented.fake_gemini.faults import FakeAnswer, error_answer

AnswerRow = Callable[[str, Any], FakeAnswer]  # model and GenerateContentRequest -> what becomes of it
_LEAST_FREE_BYTES = 1 << 30
ENDED = frozenset({"SUCCEEDED", "FAILED", "CANCELLED", "EXPIRED"})
_NO_SUCH_MEMBER = "Invalid JSON payload received: batch.inputConfig holds neither fileName nor requests."


@dataclass
class FakeJob:
    """One batch."""

    name: str  # "batches/..."
    model: str
    display_name: str
    source: Mapping[str, Any]  # its requests, or the name of the file that holds them
    rows: int
    tokens: int
    created_at: str
    state: str = "PENDING"
    looks: int = 0
    ended_at: str = ""
    output: dict[str, Any] = field(default_factory=dict)

    def described(self) -> dict[str, Any]:
        """The operation that the service gives for it."""
        metadata = {
            "@type": "type.googleapis.com/google.ai.generativelanguage.v1main.GenerateContentBatch",
            "model": f"models/{self.model}",
            "displayName": self.display_name,
            "state": f"BATCH_STATE_{self.state}",
            "createTime": self.created_at,
            "updateTime": _now(),
            "batchStats": {"requestCount": str(self.rows)},
        }
        if self.state in ENDED:
            self.ended_at = metadata["endTime"] = self.ended_at or _now()
        if self.output:
            metadata["output"] = self.output
        return {"name": self.name, "metadata": metadata, "done": self.state in ENDED}


@dataclass
class FakeBatches:
    """All files and jobs, and how jobs go."""

    looks_until_ended: int = 2
    most_tokens: int | None = None  # of all jobs that have not ended; a job that does not fit gets a 429
    ending: Callable[[FakeJob], str] = lambda _: "SUCCEEDED"  # the state in which a job ends
    jobs: dict[str, FakeJob] = field(default_factory=dict)
    files: dict[str, Path] = field(default_factory=dict)  # "files/..." -> where it lies
    made: int = 0  # files and jobs, which are named by number
    _folder: Path | None = None  # of the files, once there is one

    def new_name(self, kind: str) -> str:
        """ "files/1", "batches/2", ... without a repetition."""
        self.made += 1
        return f"{kind}/fake{self.made}"

    def begin_file(self) -> str:
        """The name of a new, empty file."""
        name = self.new_name("files")
        self.append(name, b"")
        return name

    def has_room(self) -> bool:
        """Whether the disk takes another part of a file."""
        return self._folder is None or shutil.disk_usage(self._folder).free > _LEAST_FREE_BYTES

    def append(self, name: str, part: bytes) -> None:
        """Adds to a file, which is made if it is not there. All files together may be larger than all images."""
        self._folder = self._folder or Path(tempfile.mkdtemp(prefix="dermasynth-fake-gemini-"))
        with self.files.setdefault(name, self._folder / Path(name).name).open("ab") as file:
            file.write(part)

    def close(self) -> None:
        """Removes all files."""
        if self._folder:
            shutil.rmtree(self._folder)

    def content(self, name: str) -> bytes | None:
        """The bytes of a file; None where there is none of that name."""
        return self.files[name].read_bytes() if name in self.files else None

    def size_bytes(self, name: str) -> int | None:
        """The size of a file; None where there is none of that name."""
        return self.files[name].stat().st_size if name in self.files else None

    def delete(self, name: str) -> bool:
        """Deletes a file, and gives whether there was one."""
        if name not in self.files:
            return False
        self.files.pop(name).unlink()
        return True

    def create(self, model: str, body: Any) -> FakeAnswer:
        """The answer to `batchGenerateContent`. Display names need not be new."""
        batch = camel_keys(body).get("batch", {}) if isinstance(body, dict) else {}
        source = batch.get("inputConfig", {})
        try:
            of_rows = [sum(FakeRequest(request).prompt_tokens.values()) for _, request in self._rows_of(source)]
        except (BadRequest, ValueError, KeyError, TypeError) as error:
            return error_answer(400, "INVALID_ARGUMENT", str(error))
        tokens = sum(of_rows)
        enqueued = sum(job.tokens for job in self.jobs.values() if job.state not in ENDED)
        if self.most_tokens is not None and enqueued + tokens > self.most_tokens:
            return error_answer(429, "RESOURCE_EXHAUSTED", "Resource has been exhausted (e.g. check quota).")
        display_name = str(batch.get("displayName", ""))
        job = FakeJob(self.new_name("batches"), model, display_name, source, len(of_rows), tokens, created_at=_now())
        self.jobs[job.name] = job
        return FakeAnswer(content=job.described())

    def look(self, job: FakeJob, answer: AnswerRow) -> Mapping[str, Any]:
        """Describes a job, which has then gone on a little."""
        job.looks += 1
        if job.state not in ENDED and job.looks >= self.looks_until_ended:
            job.state = self.ending(job)
            if job.state == "SUCCEEDED":
                self._answer(job, answer)
        elif job.state == "PENDING":
            job.state = "RUNNING"
        return job.described()

    def _rows_of(self, source: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
        """Key and GenerateContentRequest of each row, one at a time."""
        if "requests" in source:
            for each in source["requests"]["requests"]:
                yield str(each.get("metadata", {}).get("key", "")), each["request"]
            return
        if "fileName" not in source:
            raise BadRequest(_NO_SUCH_MEMBER)
        if source["fileName"] not in self.files:
            raise BadRequest(f"File {source['fileName']} does not exist, or you may not access it.")
        with self.files[source["fileName"]].open("rb") as lines:
            for line in map(json.loads, lines):
                yield line["key"], line["request"]

    def _answer(self, job: FakeJob, answer: AnswerRow) -> None:
        """All rows, in an order of their own. Where the file with the requests is gone, the job fails."""
        try:
            results = [_result(key, answer(job.model, request)) for key, request in self._rows_of(job.source)]
        except BadRequest:
            job.state = "FAILED"
            return
        Random(job.name).shuffle(results)  # noqa: S311 - no secret
        if "requests" in job.source:
            inline = [{"metadata": {"key": result.pop("key")}, **result} for result in results]
            job.output = {"inlinedResponses": {"inlinedResponses": inline}}
            return
        name = self.new_name("files")
        self.append(name, b"".join(json.dumps(result).encode() + b"\n" for result in results))
        job.output = {"responsesFile": name}


def _result(key: str, answer: FakeAnswer) -> dict[str, Any]:
    if answer.status == 200 and isinstance(answer.content, Mapping) and not answer.is_dropped:
        return {"key": key, "response": answer.content}
    error = answer.content.get("error") if isinstance(answer.content, Mapping) else None
    return {"key": key, "error": error or {"code": 13, "message": "An internal error has occurred."}}


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
