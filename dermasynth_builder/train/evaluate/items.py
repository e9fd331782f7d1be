"""The test set: closed questions about images that no training may hold, with references, twins and controls."""

import json
import shutil
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from random import Random
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from dermasynth_builder.core.closed import Item
from dermasynth_builder.core.errors import ScoreError
from dermasynth_builder.core.files import lock_beside
from dermasynth_builder.core.records import digest
from dermasynth_builder.core.reporter import Reporter
from dermasynth_builder.generate.foreign import mapping, parsed
from dermasynth_builder.release.closed import ClosedQuestions, balanced, one_an_image
from dermasynth_builder.train.evaluate import controls, harness
from dermasynth_builder.train.options import ItemsOptions
from dermasynth_builder.train.rows import OpenRelease, Row, open_release

ABOUT = "about.json"
CLOSED, SWAPPED, REFERENCES = "closed", "swapped", "references"
_FEW_PATIENTS = 10
_ROWS_A_GROUP = 100
_OURS = ("README.md", ABOUT, CLOSED, SWAPPED, REFERENCES, "controls", "tasks")
"""What is made anew. All else in the folder stays, predictions of older items too: answers are dear, and tell by
themselves which items they are of."""
_BESIDE = {"predictions", "scores", "invented.json"}  # may be there before the items are


@dataclass(frozen=True, slots=True)
class ItemSet:
    """The items of a folder, and for each that has a twin the image that the twin shows."""

    folder: Path
    items: Mapping[str, Item]  # by id, in their order
    twins: Mapping[str, Item]  # id -> the item whose image stands in its place
    sha256: str  # of all items

    def images(self, config: str = CLOSED) -> Iterator[tuple[Item, bytes]]:
        """The items with their images, or with those of their twins. Raises ScoreError."""
        path = self.folder / config / "test.parquet"
        try:
            with pq.ParquetFile(path) as file:
                for batch in file.iter_batches(_ROWS_A_GROUP, columns=["item_id", "image"]):
                    for values in batch.to_pylist():
                        yield self.items[values["item_id"]], values["image"]["bytes"]
        except (OSError, pa.ArrowInvalid, KeyError, TypeError) as error:
            raise ScoreError(f"{path} cannot be read: {error}; write the items anew") from error


def write_items(release: Path, options: ItemsOptions, report: Reporter) -> ItemSet:
    """Writes the test set of a release into `options.to` and gives it.

    Raises ScoreError where there is nothing to ask about, or the folder holds something else.
    """
    opened = open_release(release, options.sources)
    questions = ClosedQuestions.of(opened.rows(), options.tasks, options.forms, seed=options.seed)
    rows = list(one_an_image(opened.rows()))
    tested = [row for row in rows if _is_tested(row, options)]
    items = {item.item_id: item for item in balanced(item for row in tested for item in questions.items(row))}
    if not items:
        where = f"split {options.split}" if options.fold is None else f"fold {options.fold}"
        raise ScoreError(f"{release} has no image in its {where} with a fact to ask for; see --splits, --folds, --task")
    twins = _twins(list(items.values()), options.seed)
    _warn_of_few(items.values(), report)
    with _new_folder(options.to) as folder:
        _write(folder, opened, items, twins=twins)
        trained = [item for row in rows if not _is_tested(row, options) for item in questions.items(row)]
        controls.write_controls(folder / "controls", list(items.values()), trained, opened=opened, report=report)
        about = {
            "release": opened.content_digests,
            "options": json.loads(json.dumps(asdict(options) | {"to": None}, default=str)),
            "items": len(items),
            "images": len({item.image_sha256 for item in items.values()}),
            "patients": len({item.group_id for item in items.values()}),
            "sha256": _digest(items.values()),
        }
        (folder / ABOUT).write_text(json.dumps(about, indent=1) + "\n", encoding="utf-8")
        harness.write_tasks(folder, list(items.values()))
    report.say(f"{about['items']} items about {about['images']} images of {about['patients']} patients in {options.to}")
    return read_items(options.to)


def read_items(folder: Path) -> ItemSet:
    """The test set of a folder. Raises ScoreError where it is none, or was changed."""
    names = [field.name for field in fields(Item)]
    found = _table(folder / REFERENCES / "test.parquet").to_pylist()
    try:
        items = {values["item_id"]: Item(**{n: _frozen(values[n]) for n in names}) for values in found}
        twins = {values["item_id"]: items[values["twin_of"]] for values in found if values["twin_of"]}
    except (KeyError, TypeError) as error:
        raise ScoreError(
            f"{folder / REFERENCES} holds no items of this version: no {error}; write them anew"
        ) from error
    try:
        told = parsed((folder / ABOUT).read_bytes())["sha256"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ScoreError(f"{folder / ABOUT} cannot be read: {error}; write the items anew") from error
    if told != _digest(items.values()):
        raise ScoreError(f"{folder}: its items are not those that it was made with; write them anew")
    return ItemSet(folder, items, twins, told)


def _frozen(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


def _table(path: Path) -> pa.Table:
    try:
        return pq.read_table(path)
    except FileNotFoundError as error:
        raise ScoreError(f"{path.parents[1]} holds no items; `dermasynth evaluate items` writes them") from error
    except (OSError, pa.ArrowInvalid) as error:
        raise ScoreError(f"{path} cannot be read: {error}; `dermasynth evaluate items` writes it") from error


def _digest(items: Iterable[Item]) -> str:
    return digest([asdict(item) for item in items])


def _is_tested(row: Row, options: ItemsOptions) -> bool:
    return row.split == options.split if options.fold is None else row.fold == options.fold


def _twins(items: Sequence[Item], seed: int) -> dict[str, Item]:
    """For each item one about another patient's image with another answer, of the same source, task and form."""
    alike: dict[tuple[str, ...], list[Item]] = defaultdict(list)
    for item in items:
        alike[item.source, item.task, item.form].append(item)
    found: dict[str, Item] = {}
    for item in items:
        others = [
            other
            for other in alike[item.source, item.task, item.form]
            if other.group_id != item.group_id and _truth(other) != _truth(item)
        ]
        if others:
            found[item.item_id] = Random(f"{seed}/{item.item_id}/twin").choice(others)  # noqa: S311 - a draw, not a secret
    return found


def _truth(item: Item) -> str | None:
    """What an image has to differ in for a twin to show something else."""
    return item.diagnosis if item.form == "true_false" and item.task == "diagnosis" else item.gold


def _warn_of_few(items: Collection[Item], report: Reporter) -> None:
    golds: dict[str, set[str]] = defaultdict(set)
    for item in items:
        golds[f"{item.task}/{item.form}"].add(item.gold)
    if alike := [kind for kind, found in golds.items() if len(found) == 1]:
        report.warn(f"one answer is right everywhere, and whoever gives it always is perfect: {', '.join(alike)}")
    patients: dict[tuple[str, str, str], set[str]] = defaultdict(set)
    for item in items:
        if item.form != "true_false":
            patients[item.source, item.task, item.gold].add(item.group_id)
    few = [f"{gold} ({len(found)})" for (_, task, gold), found in patients.items() if len(found) < _FEW_PATIENTS]
    if few:
        report.warn(f"fewer than {_FEW_PATIENTS} patients: {', '.join(sorted(few))}; their figures say little")


def _write(folder: Path, opened: OpenRelease, items: Mapping[str, Item], *, twins: Mapping[str, Item]) -> None:
    from datasets import Features, Image, Value

    text = Value("string")
    asked = dict.fromkeys(("item_id", "source", "task", "form", "question", "modality"), text)
    shown = Features({"image": Image(), **asked, "options": [text]})
    images = _images(opened, {item.image_sha256 for item in items.values()})
    for config, pairs in (
        (CLOSED, [(item, item) for item in items.values()]),
        (SWAPPED, [(items[name], twin) for name, twin in twins.items()]),
    ):
        rows = (
            {"image": {"bytes": images[at.image_sha256], "path": None}, **{n: getattr(item, n) for n in asked}}
            | {"options": list(item.options)}
            for item, at in pairs
        )
        _write_table(folder / config / "test.parquet", rows, shown)
    known = {field.name: text for field in fields(Item)} | {"options": [text], "fitzpatrick": Value("int32")}
    told = (
        {**asdict(item), "options": list(item.options), "answer": item.answer}
        | {"twin_of": twins[item.item_id].item_id if item.item_id in twins else None}
        for item in items.values()
    )
    _write_table(folder / REFERENCES / "test.parquet", told, Features({**known, "answer": text, "twin_of": text}))
    (folder / "README.md").write_text(_CARD, encoding="utf-8")


def _images(opened: OpenRelease, wanted: set[str]) -> dict[str, bytes]:
    ids = {row.image_sha256: row.pair_id for row in opened.rows() if row.image_sha256 in wanted}
    return {row.image_sha256: content for row, content in opened.rows_with_images(ids.values())}


def _write_table(path: Path, rows: Iterable[dict[str, Any]], features: Any) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    schema = features.arrow_schema
    waiting: list[dict[str, Any]] = []
    with pq.ParquetWriter(path, schema) as writer:
        for row in rows:
            waiting.append(row)
            if len(waiting) == _ROWS_A_GROUP:
                writer.write_table(pa.Table.from_pylist(waiting, schema))
                waiting = []
        writer.write_table(pa.Table.from_pylist(waiting, schema))


_CARD = """---
configs:
- config_name: closed
  default: true
  data_files: [{split: test, path: closed/test.parquet}]
- config_name: swapped
  data_files: [{split: test, path: swapped/test.parquet}]
- config_name: references
  data_files: [{split: test, path: references/test.parquet}]
---
# Closed questions about held-out images

`closed` asks, `references` answers (`gold`, and `answer` as it is to be given), `swapped` asks the same about another
patient's image with another answer (`twin_of` in `references`). `controls` holds the answers of a majority vote, of
shuffled labels and of a linear probe on pixels. Answers go into a file of JSON lines,
`{"item_id": ..., "answer": ...}`; `dermasynth evaluate score NAME=FILE` scores them. Do not train on any image or
patient of this set.
"""


@contextmanager
def _new_folder(folder: Path) -> Iterator[Path]:
    """A folder beside the one wanted, which takes its place when the block ends well; what is not ours in it stays."""
    folder = folder.resolve()
    making, old = (folder.with_name(f".{folder.name}.{name}") for name in ("new", "old"))
    taken = ScoreError(f"another process writes {folder}; wait for it or stop it, or choose another --to")
    folder.parent.mkdir(parents=True, exist_ok=True)
    lock = lock_beside(folder.with_name(f".{folder.name}"), taken)
    try:
        _put_back(old, folder)
        if folder.exists() and not _is_ours(folder):
            raise ScoreError(f"{folder} holds something else than items and would be lost; choose another --to")
        shutil.rmtree(making, ignore_errors=True)
        making.mkdir()
        yield making
        if folder.exists():
            folder.rename(old)
        making.rename(folder)
        _put_back(old, folder)
    finally:
        shutil.rmtree(making, ignore_errors=True)
        lock.release()


def _put_back(old: Path, folder: Path) -> None:
    """Moves what is not ours from the folder as it was into the new one; also after a run that was killed."""
    if not old.exists():
        return
    if not folder.exists():
        old.rename(folder)
        return
    for path in old.iterdir():
        if path.name not in _OURS:
            path.rename(folder / path.name)
    shutil.rmtree(old)


def _is_ours(folder: Path) -> bool:
    """Whether the folder holds items, or nothing but what other commands of `evaluate` have put there."""
    if not folder.is_dir():
        return False
    if {path.name for path in folder.iterdir()} <= _BESIDE:
        return True
    try:
        return "sha256" in mapping(parsed((folder / ABOUT).read_bytes())) and (folder / REFERENCES).is_dir()
    except (OSError, ValueError):
        return False
