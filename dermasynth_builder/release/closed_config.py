"""The config `closed` of a release: lettered questions with one right answer about the images of its test split.

They are made of recorded facts, and hold no sentence of an answer: whoever wrote the pairs, these measure a model by
what is on record. Each image's questions stand together, so that a row group stores it once.
"""

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import cache
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq

from dermasynth_builder.core.closed import Item
from dermasynth_builder.core.errors import ReleaseError
from dermasynth_builder.core.images.renditions import PublishedImage, publish_image
from dermasynth_builder.core.records import ClinicalImage, Facts, Modality, Split, digest
from dermasynth_builder.core.reporter import Advance
from dermasynth_builder.release.closed import ClosedQuestions, balanced, one_an_image
from dermasynth_builder.release.columns import TOP_COLUMNS, facts_of, told_to_datasets
from dermasynth_builder.release.parquet import MAX_GROUP_BYTES, MAX_GROUP_ROWS, SplitFiles, read_rows
from dermasynth_builder.release.shards import Shards

if TYPE_CHECKING:
    from datasets import Features

BYTES = 500_000_000  # of images; `dermasynth evaluate items` asks about all
SPLIT: Split = "test"
_READ = [name for name in TOP_COLUMNS if name not in ("image", "messages", "evidence", "provenance", "answer")]
_OF_ITEM = ("question", "answer", "gold", "task", "diagnosis", "malignancy", "source", "modality")


@dataclass(frozen=True, slots=True)
class _Seen:
    """An image of a release, as its rows tell of it."""

    source: str
    image_id: str
    image_sha256: str
    group_id: str
    split: Split
    modality: Modality
    facts: Facts
    licence: str
    attribution: str


@cache
def closed_features() -> "Features":
    """The columns of the config."""
    from datasets import Features, Image, Value

    text = Value("string")
    of_image = dict.fromkeys(("image_id", "group_id", "attribution", "image_sha256"), text)
    sizes = dict.fromkeys(("width_px", "height_px"), Value("int32"))
    asked = dict.fromkeys((*_OF_ITEM, "fitzpatrick", "licence"), text)
    return Features(
        {"image": Image(), **asked, "choice": {"options": [text]}, "origin": of_image | sizes, "pair_id": text}
    )


@cache
def _schema() -> pa.Schema:
    synthetic = json.dumps({"is_synthetic": True, "columns": ["question"], "generator_columns": []})
    marks = {"huggingface": told_to_datasets(closed_features()), "synthetic": synthetic}
    return pa.schema(closed_features().type, metadata=dict[bytes | str, bytes | str](marks.items()))


def _items(seen: Sequence[_Seen]) -> list[Item]:
    """The questions about the test images; options are what is recorded of all images of a source."""
    questions = ClosedQuestions.of(seen, forms=("lettered",))
    tested = sorted((each for each in seen if each.split == SPLIT), key=lambda each: digest(each.group_id))
    return balanced(item for each in tested for item in questions.items(each))


def write_closed(
    files: Mapping[str, Mapping[Split, Sequence[Path]]],
    images: Mapping[str, Mapping[str, ClinicalImage]],
    folder: Path,
    *,
    max_side_px: int | None,
) -> SplitFiles | None:
    """Writes the config's files; `images` are those of each source by id. None where there is nothing to ask.

    Raises ReleaseError where an image is not what its row says, and as `publish_image`.
    """
    seen = list(one_an_image(_seen(files)))
    if not (items := _items(seen)):
        return None
    notices = {(each.source, each.image_id): (each.licence, each.attribution) for each in seen}
    folder.mkdir(parents=True)
    with closing(Shards(folder, SPLIT, _schema(), stored=_STORED, marks={})) as shards:
        for group in _groups(_published(items, images, max_side_px)):
            rows = [_row(item, image, notices[item.source, item.image_id]) for item, image in group]
            shards.write(pa.Table.from_pylist(rows, _schema()), _image_bytes(group))
        return read_closed_files(shards.named())


_STORED: dict[str, Any] = {
    "compression": {"image.bytes": "none"} | dict.fromkeys(("question", "pair_id"), "zstd"),
    "use_dictionary": True,
    "dictionary_pagesize_limit": 1 << 30,  # an image stands there once a row group
    "write_page_index": True,
    "write_statistics": ["question", "gold", "task"],
}


def _published(
    items: Iterable[Item], images: Mapping[str, Mapping[str, ClinicalImage]], max_side_px: int | None
) -> Iterator[list[tuple[Item, PublishedImage]]]:
    """The items of each image with it, until the images are as many bytes as the config may hold."""
    size = 0
    for (source, image_id), of_image in groupby(items, key=lambda item: (item.source, item.image_id)):
        image, asked = publish_image(images[source][image_id], max_side_px), list(of_image)
        if image.sha256 != asked[0].image_sha256:
            raise ReleaseError(f"{source}/{image_id}: its image has changed since it was written; run the build again")
        if size and size + len(image.content) > BYTES:
            return
        size += len(image.content)
        yield [(item, image) for item in asked]


def _groups(of_images: Iterable[list[tuple[Item, PublishedImage]]]) -> Iterator[list[tuple[Item, PublishedImage]]]:
    """Row groups, which part no image."""
    group: list[tuple[Item, PublishedImage]] = []
    for of_image in of_images:
        joined = [*group, *of_image]
        if group and (len(joined) > MAX_GROUP_ROWS or _image_bytes(joined) > MAX_GROUP_BYTES):
            yield group
            group = []
        group += of_image
    if group:
        yield group


def _image_bytes(group: Iterable[tuple[Item, PublishedImage]]) -> int:
    """Of a group's images, each counted once."""
    return sum({image.sha256: len(image.content) for _, image in group}.values())


def _row(item: Item, image: PublishedImage, notice: tuple[str, str]) -> dict[str, Any]:
    licence, attribution = notice
    tone = None if item.fitzpatrick is None else str(item.fitzpatrick)
    told = {name: getattr(item, name) for name in _OF_ITEM}
    origin = {
        "image_id": item.image_id,
        "group_id": item.group_id.partition("/")[2],
        "attribution": attribution,
        "image_sha256": image.sha256,
        "width_px": image.width_px,
        "height_px": image.height_px,
    }
    more = {"image": image.cell, "choice": {"options": list(item.options)}, "origin": origin, "pair_id": item.item_id}
    return told | more | {"fitzpatrick": tone, "licence": licence}


def read_closed_files(files: Sequence[Path], advance: Advance = lambda _: None) -> SplitFiles:
    """What files hold, the content hash made anew. Raises ReleaseError where one has other columns than these."""
    rows = arrow_bytes = 0
    state: list[str] = []
    for path in files:
        try:
            with pq.ParquetFile(path) as file:
                if not (file.schema_arrow.equals(_schema()) and file.schema_arrow.metadata == _schema().metadata):
                    raise ReleaseError(f"{path} has another schema than this version writes; build the release anew")
                for batch in file.iter_batches(columns=[name for name in _schema().names if name != "image"]):
                    state += [digest(row) for row in batch.to_pylist()]
                    arrow_bytes += batch.nbytes
                    rows += batch.num_rows
                    advance(batch.num_rows)
                arrow_bytes += sum(
                    file.metadata.row_group(n).column(0).total_uncompressed_size for n in range(file.num_row_groups)
                )
        except (pa.ArrowException, ValueError, OSError) as error:
            raise ReleaseError(f"{path} cannot be read as Parquet: {error}; build the release anew") from error
    return SplitFiles(tuple(files), rows, sum(path.stat().st_size for path in files), arrow_bytes, digest(state))


def closed_facts(files: SplitFiles | None) -> dict[str, Any]:
    """What a card tells of the config: how many questions about how many images, of each task, on each letter."""
    rows = list(read_rows(files.files, ["task", "answer", "origin.image_sha256"])) if files else []
    return {
        "questions": len(rows),
        "images": len({row["origin"]["image_sha256"] for row in rows}),
        "tasks": dict(sorted(Counter(str(row["task"]) for row in rows).items())),
        "letters": dict(sorted(Counter(str(row["answer"]) for row in rows).items())),
    }


def _seen(files: Mapping[str, Mapping[Split, Sequence[Path]]]) -> Iterator[_Seen]:
    for source, splits in files.items():
        for split, paths in splits.items():
            for row in read_rows(paths, _READ):
                origin = row["origin"]
                yield _Seen(
                    source=source,
                    image_id=origin["image_id"],
                    image_sha256=origin["image_sha256"],
                    group_id=f"{source}/{origin['group_id']}",
                    split=split,
                    modality=row["modality"],
                    facts=facts_of(row),
                    licence=row["licence"],
                    attribution=origin["attribution"],
                )
