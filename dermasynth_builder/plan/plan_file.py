"""The plan of one source and round in a file of the working folder: made once, and read from there ever after.

A Parquet file named after all that shapes it: images and facts, banks and templates, seed, options, the accepted
questions that it shows, and the code. So a plan of anything else is not found; one that is cut off, damaged or foreign
is made anew. A plan gets its name when it is whole.
"""

import json
from collections import Counter
from collections.abc import Callable, Container, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from functools import partial
from hashlib import sha256
from operator import attrgetter
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from filelock import FileLock

from dermasynth_builder.core.errors import PromptError
from dermasynth_builder.core.files import code_digest, private, private_folder
from dermasynth_builder.core.options import PlanOptions
from dermasynth_builder.core.records import ClinicalImage, Facts, Look, PlannedRequest, Request, Step, digest
from dermasynth_builder.plan import reply_form
from dermasynth_builder.plan.looks import look_from, look_text
from dermasynth_builder.plan.planner import LOOK, Planner, assumed_look

PLANS = "plans"  # folder in the working folder
_SHAPE, _COUNTS = b"dermasynth.shape", b"dermasynth.counts"
_GROUP_ROWS = 2048
_STEP = pa.struct([(field.name, pa.string()) for field in fields(Step)])
_STORED = ("key", "slot", "style", "question_type", "question", "prompt_id", "prompt_sha256")
_TYPES: dict[str, pa.DataType] = {
    "image_number": pa.int32(),
    **dict.fromkeys(_STORED, pa.string()),
    "steps": pa.list_(_STEP),
    "look": pa.string(),
    "prompt": pa.string(),
}
_SCHEMA = pa.schema(_TYPES)
_BUT_PROMPT = [name for name in _SCHEMA.names if name != "prompt"]
_facts_of = attrgetter(*(field.name for field in fields(Facts)))
_step_of = attrgetter(*(field.name for field in fields(Step)))


def settings_digest(seed: int, options: PlanOptions) -> str:
    """12 hex digits for the seed and the options of a plan, as they stand in names of files."""
    return digest({"seed": seed, **options.values()})[:12]


def images_digest(images: Sequence[ClinicalImage]) -> str:
    """64 hex digits for all of the images that shapes what is asked about them, their order included."""
    state = sha256()
    for image in images:
        file = image.file.sha256 if image.file else None
        told = (
            image.image_id,
            image.modality,
            file,
            _facts_of(image.facts),
            *([image.measured] if image.measured else []),
        )
        state.update(repr(told).encode())
    return state.hexdigest()


@dataclass(frozen=True, slots=True)
class PlanPart:
    """What is to be planned: the requests of one round, or those of no round with round 0."""

    planner: Planner
    source: str
    images: Sequence[ClinicalImage]
    images_digest: str
    round: int = 0
    ledger: str = ""  # whose replies have led to a later round
    accepted: Sequence[str] = ()  # questions that its prompts may show
    looks: Mapping[str, str] | None = None  # `look_text` by the key of its request; None: nobody has looked yet

    @property
    def prefix(self) -> str:
        """What names of this plan begin with, whatever the images, the prompts and the code."""
        ledger = f"{self.ledger}-" if self.round else ""
        return f"{self.name}-{self.round}-{ledger}"

    @property
    def name(self) -> str:
        """The source with a digest of the settings; with the engine, where that one chooses among the questions."""
        chooser = self.planner.chooser
        chosen = f"-{chooser.name}" if chooser else ""
        return f"{self.source}-{settings_digest(self.planner.seed, self.planner.options)}{chosen}"

    @property
    def counts(self) -> dict[str, str | int]:
        """What a plan's file says of itself."""
        seed, ledger = self.planner.seed, self.ledger
        return {"plan": self.name, "source": self.source, "seed": seed, "round": self.round, "ledger": ledger}

    @property
    def shape(self) -> str:
        """64 hex digits for all that shapes the plan."""
        told = [self.source, self.images_digest, self.planner.seed, self.planner.options.values(), self.round]
        chosen = [dict(self.planner.chooser.identity)] if self.planner.chooser else []
        seen = [] if self.looks is None else [dict(self.looks)]
        known = [self.planner.knowledge.digest] if self.planner.knowledge else []
        code = code_digest("plan", "core")
        return digest([*told, list(self.accepted), self.planner.book.digest, code, *chosen, *seen, *known])

    def unanswerable(self) -> Counter[str]:
        """The types that the engine cannot answer, each with the number of images that it would fit."""
        if self.round or not self.planner.chooser:
            return Counter()
        return Counter(kind for image in self.images for kind in self.planner.unanswerable(image))

    def _seen(self, key: str) -> Look | None:
        look = (self.looks or {}).get(key)
        return look_from(look) if look else None

    def requests(self, later: Counter[int]) -> Iterator[tuple[int, list[Request]]]:
        """The requests of each image, after its place; `later` counts those of rounds to come."""
        seen = assumed_look if self.looks is None else self._seen
        of_round = partial(self.planner.requests_of_round, accepted=lambda _: self.accepted, seen=seen, later=later)
        for place, image in enumerate(self.images):
            yield place, list(of_round([image], self.round))


class PlanFile:
    """A plan that is there. Rows are read when they are asked for; the file may vanish meanwhile."""

    def __init__(self, part: PlanPart, file: pq.ParquetFile) -> None:
        self._part, self._file = part, file
        counts = json.loads((file.metadata.metadata or {})[_COUNTS])
        self.later: Mapping[int, int] = {int(number): count for number, count in counts["later"].items()}
        """With round 0: each round to come -> its requests."""
        self.unanswerable: Mapping[str, int] = counts["unanswerable"]  # types never asked -> images that they would fit
        self._prompts: tuple[int, list[Any]] = (-1, [])  # of one row group

    @property
    def shape(self) -> str:
        """See `PlanPart.shape`."""
        return (self._file.metadata.metadata or {})[_SHAPE].decode()

    def keys(self) -> list[str]:
        """The keys of all requests, in order."""
        return [str(key) for key in self._file.read(columns=["key"]).column(0).to_pylist()]

    def requests(self) -> Iterator[PlannedRequest]:
        """All requests, image by image."""
        part = self._part
        is_shown, mode, place = part.planner.options.is_metadata_shown, part.planner.look_mode, 0
        for group in range(self._file.num_row_groups):
            columns = (column.to_pylist() for column in self._file.read_row_group(group, columns=_BUT_PROMPT).columns)
            for number, key, *told, steps, look in zip(*columns, strict=True):
                listed = tuple(Step(**step) for step in steps)
                image_id = part.images[number].image_id
                # mypy cannot count what is told
                yield PlannedRequest(  # type: ignore[call-arg]
                    *(key, part.source, image_id, *told),
                    is_shown and told[1] != LOOK,
                    listed,
                    *(part.round, number, place, mode, look_from(look) if look else None),
                )
                place += 1

    def in_full(self, planned: PlannedRequest) -> Request:
        """The request as it is sent to an engine."""
        group, place = divmod(planned.place, _GROUP_ROWS)
        if self._prompts[0] != group:
            self._prompts = (group, self._file.read_row_group(group, columns=["prompt"]).column(0).to_pylist())
        image = self._part.images[planned.image_number]
        request = Request(
            source=planned.source,
            image_id=planned.image_id,
            slot=planned.slot,
            style=planned.style,
            question_type=planned.question_type,
            question=planned.question,
            prompt=self._prompts[1][place],
            prompt_id=planned.prompt_id,
            reply_schema=reply_form.schema(
                planned.style,
                len(planned.steps),
                self._part.planner.evidence(image.modality, planned.look, planned.style),
            ),
            modality=image.modality,
            facts=self._facts_told(planned) if planned.is_metadata_shown else Facts(),
            is_metadata_shown=planned.is_metadata_shown,
            image_sha256=image.file.sha256 if image.file else None,
            image_path=image.path,
            steps=planned.steps,
            measured=image.measured,
            look_mode=planned.look_mode,
            look=planned.look,
        )
        if request.key != planned.key:
            raise PromptError(f"the plan of {planned.pair_id} was made by another version; run again")
        return request

    def _facts_told(self, planned: PlannedRequest) -> Facts:
        part = self._part
        types = [step.question_type for step in planned.steps] or [planned.question_type]
        return part.planner.told(part.images[planned.image_number], part.planner.book.told(part.source, types))


def plan_file(part: PlanPart, folder: Path, advance: Callable[[int], object]) -> PlanFile:
    """The plan in `folder`, made if it is not there; `advance` then hears of images.

    Another process that makes it is waited for. Plans of the same settings that do not hold any more go.
    """
    shape = part.shape
    path = folder / f"{part.prefix}{shape[:12]}.parquet"
    if file := _opened(path, shape):
        return PlanFile(part, file)
    private_folder(folder)
    with FileLock(folder / ".lock", mode=0o600):
        file = _opened(path, shape)
        if file is None:
            for stale in [*folder.glob(f"{part.prefix}*.parquet"), *folder.glob(f".{part.prefix}*.new")]:
                stale.unlink(missing_ok=True)
            making = private(path.with_name(f".{path.stem}.new"))
            _write(part, shape, making, advance=advance)
            making.replace(path)
            file = pq.ParquetFile(path)
    return PlanFile(part, file)


def _opened(path: Path, shape: str) -> pq.ParquetFile | None:
    """The file, if it is there, whole, and of this shape. Reads all of it: its checksums tell what is damaged."""
    try:
        file = pq.ParquetFile(path, page_checksum_verification=True)
        if (file.metadata.metadata or {}).get(_SHAPE) != shape.encode():
            return None
        for group in range(file.num_row_groups):
            file.read_row_group(group)
    except (OSError, pa.ArrowException):
        return None
    return file


def _write(part: PlanPart, shape: str, path: Path, *, advance: Callable[[int], object]) -> None:
    later: Counter[int] = Counter()
    rows: list[tuple[Any, ...]] = []
    options: Mapping[str, Any] = {
        "compression": "zstd",
        "write_page_checksum": True,
        "write_statistics": False,  # no checksum covers them
    }
    with pq.ParquetWriter(path, _SCHEMA, **options) as writer:
        for place, requests in part.requests(later):
            rows += [_row(place, request) for request in requests]
            advance(1)
            while len(rows) >= _GROUP_ROWS:
                writer.write_table(_table(rows[:_GROUP_ROWS]))
                del rows[:_GROUP_ROWS]
        if rows:
            writer.write_table(_table(rows))
        writer.add_key_value_metadata(
            {
                _SHAPE.decode(): shape,
                _COUNTS.decode(): json.dumps(
                    part.counts | {"later": dict(later), "unanswerable": dict(part.unanswerable())}
                ),
            }
        )


_stored_of = attrgetter(*_STORED)


def _row(place: int, request: Request) -> tuple[Any, ...]:
    steps = [dict(zip(("slot", "question_type", "question"), _step_of(step), strict=True)) for step in request.steps]
    look = look_text(request.look) if request.look else None
    return (place, *_stored_of(request), steps, look, request.prompt)


def _table(rows: Sequence[tuple[Any, ...]]) -> pa.Table:
    columns = zip(*rows, strict=True)
    return pa.Table.from_arrays([pa.array(c, f.type) for c, f in zip(columns, _SCHEMA, strict=True)], schema=_SCHEMA)


@dataclass(frozen=True, slots=True)
class PlanSummary:
    """What the files of a folder say of the plan of one source."""

    source: str
    seed: int
    keys: Sequence[str]  # of all requests but those of later rounds
    later: Mapping[str, Sequence[str]]  # name of a ledger -> keys of the later rounds that it led to
    waiting: int  # how many belong to later rounds

    @property
    def requests(self) -> int:
        """How many there are."""
        return len(self.keys) + self.waiting

    def asked(self, ledger: str, replied: Container[str]) -> int:
        """How many of them a ledger, which has replies to these keys, was asked."""
        return sum(key in replied for key in (*self.keys, *self.later.get(ledger, ())))


def questions_in(folder: Path, keys: Container[str]) -> dict[str, tuple[str, str, str]]:
    """Source, question type and question of the requests with these keys, as far as plans in the folder have them."""
    found: dict[str, tuple[str, str, str]] = {}
    for path in sorted(folder.glob("*.parquet")):
        try:
            file = pq.ParquetFile(path)
            source = str(json.loads((file.metadata.metadata or {})[_COUNTS])["source"])
            rows = file.read(columns=["key", "question_type", "question"]).to_pylist()
        except (OSError, pa.ArrowException, KeyError, ValueError):
            continue
        found |= {row["key"]: (source, row["question_type"], row["question"]) for row in rows if row["key"] in keys}
    return found


def plans_in(folder: Path) -> list[PlanSummary]:
    """The plans of a folder, by source and seed. What cannot be read is passed over: the next run makes it anew."""
    plans: dict[str, PlanSummary] = {}
    for path in sorted(folder.glob("*.parquet")):  # round 0 comes first
        try:
            file = pq.ParquetFile(path)
            counts = json.loads((file.metadata.metadata or {})[_COUNTS])
            keys = list(map(str, file.read(columns=["key"]).column(0).to_pylist()))
            name, number, ledger = counts["plan"], counts["round"], counts["ledger"]
            summary = PlanSummary(counts["source"], counts["seed"], keys, {}, sum(counts["later"].values()))
        except (OSError, pa.ArrowException, KeyError, ValueError, TypeError, AttributeError):  # of another version too
            continue
        if not number:
            plans[name] = summary
        elif name in plans:
            earlier = plans[name].later.get(ledger, ())
            plans[name] = replace(plans[name], later={**plans[name].later, ledger: [*earlier, *keys]})
    return list(plans.values())
