"""Writes shards: requests as lines of a file, image by image, up to the limits of a job."""

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from dermasynth_builder.core.images.renditions import ImageFault, SentImage, make_sent_image
from dermasynth_builder.core.options import BatchOptions, EngineOptions
from dermasynth_builder.generate.engines.batch.rows import request_line
from dermasynth_builder.generate.engines.gemini_body import gemini_body
from dermasynth_builder.generate.engines.online.job import Job
from dermasynth_builder.generate.usage import image_tokens, text_tokens

_SHARDS_IN_QUEUE = 4  # so many share the tokens that may be enqueued


@dataclass(frozen=True, slots=True)
class WrittenShard:
    """What a shard's file holds."""

    jobs: Sequence[Job]
    tokens: int
    unreadable: Sequence[tuple[Job, str]]  # requests that are in no shard, and why


def write_shard(path: Path, jobs: Iterable[Job], options: EngineOptions) -> WrittenShard:
    """Writes requests while they come and the shard has room for one more like its last."""
    written: list[Job] = []
    unreadable: list[tuple[Job, str]] = []
    tokens = size_bytes = 0
    image_of = lru_cache(maxsize=2)(make_sent_image)  # requests about one image are neighbours
    with path.open("wb") as file:
        for job in jobs:
            try:
                image = image_of(job.request.image_path, options) if job.request.image_path else None
            except ImageFault as fault:
                unreadable.append((job, str(fault)))
                continue
            line = _line(job, image, options)
            file.write(line)
            written.append(job)
            estimated = estimated_tokens(job, options)
            tokens, size_bytes = tokens + estimated, size_bytes + len(line)
            if len(written) >= options.batch.most_rows or size_bytes + len(line) > options.batch.most_bytes:
                break
            if tokens + estimated > most_tokens(options.batch):
                break
        file.flush()
        os.fsync(file.fileno())
    return WrittenShard(written, tokens, unreadable)


def most_tokens(batch: BatchOptions) -> float:
    """Of a shard, where tokens are limited."""
    return batch.enqueued_tokens / _SHARDS_IN_QUEUE if batch.enqueued_tokens else float("inf")


def estimated_tokens(job: Job, options: EngineOptions) -> int:
    """How many a request has, on the high side: as many of an image as the model takes at most.

    A model of which nothing is known counts as one of Gemini 3.
    """
    text = text_tokens(job.request.prompt + job.request.reply_schema)
    if job.request.image_path is None:
        return text
    find_family = options.batch.image_family
    family = find_family(options.model or "") if find_family else None
    return text + image_tokens(family or "resolution", None, options.media_resolution or "high")


def _line(job: Job, image: SentImage | None, options: EngineOptions) -> bytes:
    body = gemini_body(job.request, image, options, max_output_tokens=job.max_output_tokens)
    return request_line(job.request.key, body)
