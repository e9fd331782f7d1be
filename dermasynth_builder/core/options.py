"""What a run was asked to do: plain values, which can be compared, written down and sent to another process."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

BATCHES = "batches"  # folder in the working folder
DEFAULT_SEED = 2025
DEFAULT_JOBS = 8  # files downloaded at the same time
DEFAULT_SPLITS = (0.90, 0.05, 0.05)  # shares of the groups: train, validation, test

ImageFamily = Literal["resolution", "tiles"]  # how a model counts the tokens of an image
Thinking = Literal["minimal", "low", "medium", "high"]
MediaResolution = Literal["low", "medium", "high"]
Rows = Literal["with_image", "with_image_or_all", "all"]
"""Of a source's tables: those whose image is on disk; the same, but all where no image is; all."""


@dataclass(frozen=True, slots=True)
class BatchOptions:
    """How an engine hands in its requests in batches."""

    most_rows: int = 2000  # of a shard, which is one job: small ones lose little when they expire
    most_bytes: int = 500_000_000  # of a shard; Google takes 2 GB
    enqueued_tokens: int | None = None  # of all jobs that have not ended; None: until the service says that it is full
    deadline_h: float | None = None  # rows that wait longer are asked online, at the full price; None: never
    poll_s: float = 30.0  # between two looks at the jobs, at first; the time grows while nothing happens


@dataclass(frozen=True, slots=True)
class EngineOptions:
    """How an engine asks its model. Engines that ask none pass over it."""

    # What can change an answer, and is part of the engine's identity
    model: str | None = None  # None: the engine's default
    thinking: Thinking | None = None  # None: as the model does by itself
    media_resolution: MediaResolution | None = None  # None: as the model does by itself
    max_output_tokens: int = 4096  # thoughts included; raised for a row whose answer was cut off
    image_side_px: int = 1024  # images are scaled down to it for sending
    image_quality: int = 90  # of the JPEG that is then made
    # What can not
    base_url: str | None = None  # None: the service's own
    is_vertex: bool = False  # Google Cloud with its default credentials instead of an API key
    concurrency: int = 64  # most requests in flight
    timeout_s: float | None = None  # of one attempt; None: the engine's default
    requests_per_minute: float | None = None  # these four: None where only the service limits
    tokens_per_minute: float | None = None
    requests_per_day: int | None = None
    usd_per_10_minutes: float | None = None
    batch: BatchOptions = BatchOptions()


DEFAULT_OPTIONS = EngineOptions()


@dataclass(frozen=True, slots=True)
class PlanOptions:
    """What shapes the requests of a run, beside the images, the banks and the seed."""

    self_instruct_share: float = 1 / 12  # of all pairs, at most 1/2: questions that the engine writes itself
    conversation_share: float = 0.0  # of the images: a conversation takes the place of their general question
    rounds: int = 2  # of self-instruct: each shows questions that were accepted in those before
    is_metadata_shown: bool = True  # whether the engine is told the facts
    is_together: bool = False  # both questions of an image go out in one request
    limit: int | None = None  # images of a source, a fixed sample over its diagnoses; None: all
    where: tuple[str, ...] = ()  # only images for which all of these hold: "diagnosis=melanoma,nevus"

    @property
    def is_part(self) -> bool:
        """Whether not all images of a source are asked about."""
        return self.limit is not None or bool(self.where)

    def values(self) -> dict[str, Any]:
        """All that is set, as plain values; what chooses images only where it does, so that names made of it stay."""
        return {name: value for name, value in asdict(self).items() if self.is_part or name not in ("limit", "where")}


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything that the stages need to know beside their input."""

    raw: Mapping[str, Path]  # source -> folder of its raw release
    work: Path = Path("build")  # image index, ledgers, lists of problems and rejects
    out: Path = Path("dermasynth")  # the release
    engine: str = "template"
    engine_options: EngineOptions = DEFAULT_OPTIONS
    max_usd: float | None = None  # what all replies in a ledger may cost
    is_version_change_allowed: bool = False  # go on where the service answers with another version of the model
    shard: tuple[int, int] = (1, 1)  # (i, n): ask only the i-th of n parts
    pilot: int | None = None  # ask only so many requests of all, drawn by their keys; None: all
    seed: int = DEFAULT_SEED
    plan_options: PlanOptions = PlanOptions()
    split_shares: tuple[float, float, float] = DEFAULT_SPLITS
    max_side_px: int | None = None  # published images are scaled down to it; None: they keep their size
    is_permissive_only: bool = False  # leave out images that may not be used commercially with attribution alone
    is_strict: bool = False  # a problem in a raw release ends the run
    rows: Rows = "with_image"  # which rows of its tables a source is read by
    is_failed_wanted: bool = False  # ask earlier failures again
    is_partial_allowed: bool = False  # release although some requests have no reply
    is_verified: bool = False  # decode every image in full
    is_specimen: bool = False  # the raw releases are drawn specimens
