"""One page of pairs that opens from a file, offline: to look through them, and to judge them.

All of it is in one HTML file written by hand (`card/view.*`). The pairs stand in it as JSON in which no text can end
the script that holds it, and the page shows texts as texts alone; its policy lets nothing else run or be loaded.
"""

import json
from base64 import b64encode
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

from dermasynth_builder.core.files import jinja_environment, resource_dir
from dermasynth_builder.core.images.renditions import ImageFault, make_thumbnail
from dermasynth_builder.core.plain import printable
from dermasynth_builder.core.records import AXES, text_digest
from dermasynth_builder.release.columns import COLUMNS
from dermasynth_builder.report.show import grounds_told

MOST_PAIRS = 1_000
_IMAGE_BYTES = 40_000  # of each, in a page of hundreds
_TEXT_CHARACTERS = 20_000  # of each text that is shown
_HEAD = ("question", "answer", "messages", "image", "is_flagged", "flags", "pair_id")
_SECTIONS = {
    "facts": "facts",
    "recorded": "facts",
    "evidence": "evidence",
    "provenance": "provenance",
    "origin": "origin",
}
_PROVENANCE = ("engine", "model", "style", "is_metadata_shown")  # at the top of a row
_ORIGIN = ("licence", "source")


@dataclass(frozen=True, slots=True)
class Shown:
    """A pair as a page shows it."""

    row: Mapping[str, Any]  # `flat`
    image: bytes

    @property
    def text(self) -> str:
        """See `core.records.text_digest`."""
        turns = ((turn["role"], turn["content"]) for turn in self.row["messages"])
        return text_digest(self.row["pair_id"], turns)


@dataclass(frozen=True, slots=True)
class Collected:
    """Pairs as a page holds them, each image once."""

    rows: Sequence[Mapping[str, Any]]
    images: Mapping[str, str | None]  # by name: a JPEG in base64; None where the image cannot be read

    @property
    def texts(self) -> dict[str, str]:
        """Pair id -> `core.records.text_digest`."""
        return {row["name"]: row["text"] for row in self.rows}


def collect(shown: Iterable[Shown]) -> Collected:
    """Takes in pairs one by one, with a small rendition of each image."""
    images: dict[str, str | None] = {}
    return Collected([_row(each, images) for each in shown], images)


def write_page(collected: Collected, path: Path, title: str, *, sheet: str = "") -> None:
    """Writes the page; where it is a sheet, which has an id, with what is needed to judge the pairs."""
    title = printable(title)
    content = {
        "title": title,
        "rows": collected.rows,
        "images": collected.images,
        "meanings": {_label(column.name): column.meaning for column in COLUMNS},
        "axes": dict(AXES) if sheet else {},
        "sheet": sheet,
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    making = path.with_name(f".{path.name}.new")
    making.write_text(_page(content, title), encoding="utf-8")
    making.replace(path)


def _page(content: Mapping[str, Any], title: str) -> str:
    folder = resource_dir("card")
    script, style = ((folder / name).read_text(encoding="utf-8") for name in ("view.js", "view.css"))
    template = jinja_environment(folder).get_template("view.html.jinja")
    return template.render(
        title=title, script=script, style=style, script_sha256=_sha256(script), content=json_in_script(content)
    )


def _sha256(text: str) -> str:
    return b64encode(sha256(text.encode()).digest()).decode()


def json_in_script(value: Any) -> str:
    """JSON for the inside of a script: ASCII, and no sign by which HTML could take it for markup."""
    text = json.dumps(value, separators=(",", ":"))
    return text.replace("&", "\\u0026").replace("<", "\\u003c").replace(">", "\\u003e")


def _row(shown: Shown, images: dict[str, str | None]) -> dict[str, Any]:
    row = shown.row
    name = sha256(shown.image).hexdigest()[:16]
    if name not in images:
        images[name] = _thumbnail(shown.image)
    return {
        "id": _told(row["pair_id"]),
        "name": row["pair_id"],
        "text": shown.text,
        "image": name,
        "question": _told(row["question"]),
        "answer": _told(row["answer"]),
        "turns": [[turn["role"], _told(turn["content"])] for turn in row["messages"][2:]],
        "filters": {key: _told(row[key]) for key in ("source", "question_type", "diagnosis", "style", "engine")},
        "flags": [_told(flag) for flag in (row["flags"] or "").split("; ") if flag],
        "sections": _sections(row),
    }


def _thumbnail(content: bytes) -> str | None:
    """As base64; None where the image cannot be read."""
    try:
        return b64encode(make_thumbnail(content, _IMAGE_BYTES)).decode()
    except ImageFault:
        return None


def _sections(row: Mapping[str, Any]) -> dict[str, list[tuple[str, list[str]]]]:
    """What is known beside the exchange, by section: a label and its lines."""
    sections: dict[str, list[tuple[str, list[str]]]] = {name: [] for name in _SECTIONS.values()}
    for column in COLUMNS:
        if column.name in _HEAD:
            continue
        top = column.path.partition(".")[0]
        at_top = "provenance" if top in _PROVENANCE else "origin" if top in _ORIGIN else "facts"
        if lines := list(_lines(column.type, row.get(column.name))):
            sections[_SECTIONS.get(top, at_top)].append((_label(column.name), [_told(line) for line in lines]))
    return sections


def _members(told: Mapping[str, Any]) -> str:
    """What is told of one thing: "name place; value in the middle; confidence 0.95"."""
    return "; ".join(f"{_label(name)} {line}" for name, value in told.items() for line in _lines("", value))


def _label(name: str) -> str:
    return name.replace("_", " ").removeprefix("is ").removeprefix("has ")


def _lines(kind: str, value: Any) -> Iterator[str]:
    if value is None or value == "":
        return
    if kind == "grounds":
        yield from grounds_told(value)
    elif kind == "reviews":
        for review in value:
            scores = zip(AXES, review["scores"], strict=True)
            told = [f"{axis} {score}" for axis, score in scores if score is not None]
            better = review["corrected_answer"] and f"better: {review['corrected_answer']}"
            yield "; ".join(filter(None, (review["rater"], review["verdict"], *told, better, review["comment"])))
    elif kind == "judgements":
        for judged in value:
            scores = zip(AXES, judged["scores"], strict=False)
            yield "; ".join([judged["verifier"], judged["verdict"], *(f"{axis} {score}" for axis, score in scores)])
            yield from (f"{each['verdict']}: {each['claim']} ({each['reason']})" for each in judged["claims"])
    elif isinstance(value, Sequence) and not isinstance(value, str):
        yield from (_members(each) if isinstance(each, Mapping) else str(each) for each in value)
    elif isinstance(value, bool):
        yield "yes" if value else "no"
    else:
        yield f"{value:g}" if isinstance(value, float) else str(value)


def _told(text: str | None) -> str:
    """Fit to be shown: nothing that turns the reading order, and not without end."""
    shown = printable((text or "")[:_TEXT_CHARACTERS])
    more = len(text or "") - _TEXT_CHARACTERS
    return f"{shown} [and {more:,} more characters]" if more > 0 else shown
