"""Chooses the rows that the card shows, and makes the small pictures beside them."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dermasynth_builder.core.images.jpeg import START as JPEG_START
from dermasynth_builder.core.images.renditions import publish_image
from dermasynth_builder.core.records import ClinicalImage
from dermasynth_builder.release.parquet import read_values

FIGURES = "figures"  # folder of all pictures of a card
MOST = 4
_SIDE_PX = 320
_LONGEST_ANSWER = 1500  # letters; a longer one would fill the screen
_UNFIT = ("genital", "groin", "buttock", "anal", "breast", "head", "face", "eye", "lip", "mouth", "nose", "ear")
_READ = (
    *("pair_id", "source", "image_id", "question", "answer", "diagnosis", "question_type", "engine", "licence"),
    *("attribution", "modality", "body_site", "body_sites", "doubts"),
)


@dataclass(slots=True)
class _Seen:
    """What the rows that were chosen have already."""

    values: dict[str, set[Any]]

    def repeats(self, row: Mapping[str, Any]) -> tuple[bool, ...]:
        return row["diagnosis"] is None, *(row[name] in seen for name, seen in self.values.items())

    def take(self, row: Mapping[str, Any]) -> None:
        for name, seen in self.values.items():
            seen.add(row[name])


def choose_examples(files: Iterable[Path]) -> list[dict[str, Any]]:
    """A few rows of these files that differ in source, diagnosis and type, undoubted and fit for everybody's eyes."""
    rows = [row for row in read_values(files, _READ) if _is_fit(row)]
    seen = _Seen({"source": set(), "diagnosis": set(), "question_type": set(), "image_id": set()})
    chosen: list[dict[str, Any]] = []
    while rows and len(chosen) < MOST:
        best = min(rows, key=seen.repeats)  # of equals the first
        if best["image_id"] in seen.values["image_id"]:
            break
        rows.remove(best)
        seen.take(best)
        chosen.append(best)
    return chosen


def _is_fit(row: Mapping[str, Any]) -> bool:
    sites = " ".join([row["body_site"] or "", *(row["body_sites"] or ())]).lower().split()
    is_doubted = any(not doubt.startswith("specimen") for doubt in row["doubts"] or ())
    is_seen = any(word.startswith(unfit) for word in sites for unfit in _UNFIT)
    return not is_doubted and not is_seen and len(row["answer"]) <= _LONGEST_ANSWER


def write_examples(
    rows: Sequence[Mapping[str, Any]], images: Mapping[str, Mapping[str, ClinicalImage]], folder: Path
) -> Iterator[dict[str, Any]]:
    """The rows as the card shows them; their pictures go into `folder` through the gate for image bytes."""
    folder.mkdir(exist_ok=True)
    for number, row in enumerate(rows, 1):
        published = publish_image(images[row["source"]][row["image_id"]], _SIDE_PX)
        name = f"row-{number}.jpg" if published.content.startswith(JPEG_START) else f"row-{number}.png"
        (folder / name).write_bytes(published.content)
        shown = ("pair_id", "question", "answer", "question_type", "engine", "licence", "attribution")
        told = {column: row[column] for column in shown}
        place = f" of the {row['body_site']}" if row["body_site"] else ""
        yield told | {
            "diagnosis": row["diagnosis"] or "not recorded",
            "picture": name,
            "alt": f"A {row['modality']} image{place}, diagnosis on record: {row['diagnosis'] or 'none'}",
        }
