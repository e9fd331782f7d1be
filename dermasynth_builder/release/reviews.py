"""What persons said of pairs: sheets that went out, and the verdicts that came back, kept in `<work>/review/`.

A verdict is about one text: the pair's id with its whole exchange. Once either has changed, it says nothing any more.
"""

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Annotated, Any, Literal

from annotated_types import Ge, Le, Len

from dermasynth_builder.core.errors import ReviewError
from dermasynth_builder.core.files import as_form, lock_beside, private, private_folder
from dermasynth_builder.core.plain import hostile_in
from dermasynth_builder.core.records import Review, Verdict, canonical_json, digest

FORM = "dermasynth review 1"
_SHEETS, _VERDICTS = "sheets", "verdicts.json"
_Axis = Literal["accuracy", "safety", "groundedness", "coverage", "coherence", "precision"]
_MOST_CHARACTERS = 20_000
_MOST_LINES = 5  # of what is wrong in one file


@dataclass(frozen=True, slots=True)
class Judged:
    """What one person says of one pair."""

    pair_id: str
    text: str  # `core.records.text_digest`
    verdict: Verdict
    scores: Mapping[_Axis, Annotated[int, Ge(1), Le(5)]] = field(default_factory=dict)
    corrected_answer: Annotated[str, Len(0, _MOST_CHARACTERS)] | None = None
    comment: Annotated[str, Len(0, _MOST_CHARACTERS)] | None = None

    def __post_init__(self) -> None:
        _require_text(self.corrected_answer or "", "corrected_answer")
        _require_text(self.comment or "", "comment")


@dataclass(frozen=True, slots=True)
class Verdicts:
    """The file that a review page exports."""

    form: Literal["dermasynth review 1"]
    sheet: str
    rater: Annotated[str, Len(1, 200)]
    verdicts: tuple[Judged, ...]

    def __post_init__(self) -> None:
        if not self.rater.strip():
            raise ValueError("rater: say who has read the pairs")
        _require_text(self.rater, "rater")


def _require_text(text: str, name: str) -> None:
    if found := hostile_in(text, allowed="\n\t"):
        raise ValueError(f"{name}: holds {found}, which is no text")


def review_folder(work: Path) -> Path:
    """Where sheets and verdicts are kept."""
    return work / "review"


def sheet_id(texts: Mapping[str, str]) -> str:
    """The name of a sheet: 16 hex digits for its pairs and their texts."""
    return digest(dict(texts))[:16]


def keep_sheet(work: Path, texts: Mapping[str, str]) -> str:
    """Notes which texts, by pair id, a sheet asks about, so that verdicts on them are known; gives its id."""
    name = sheet_id(texts)
    path = review_folder(work) / _SHEETS / f"{name}.json"
    _write(path, dict(texts))
    return name


def as_verdicts(table: object, path: Path) -> Verdicts:
    """What was read from a file of verdicts. Raises ReviewError with a line for each of the first faults."""
    return as_form(table, Verdicts, path=path, fault=_first_of)


def _first_of(told: str) -> ReviewError:
    lines = told.splitlines()
    more = [f"and {len(lines) - _MOST_LINES:,} more"] if len(lines) > _MOST_LINES else []
    return ReviewError("\n".join([*lines[:_MOST_LINES], *more]))


def take_verdicts(given: Iterable[tuple[Path, Verdicts]], work: Path) -> dict[str, int]:
    """Keeps verdicts, all of them or none; a person's later one on a text replaces the earlier one.

    Gives how many are new, changed and known. Raises ReviewError where a verdict is not about a sheet of this `work`.
    """
    folder = review_folder(work)
    private_folder(folder)
    taken = ReviewError(f"another import writes {folder}; run it again when that is done")
    lock = lock_beside(folder / _VERDICTS, taken)
    try:
        kept, counts = _kept(work), {"new": 0, "changed": 0, "known": 0}
        for path, verdicts in given:
            texts = _texts(work, verdicts.sheet, path)
            for judged in verdicts.verdicts:
                if texts.get(judged.pair_id) != judged.text:
                    raise ReviewError(
                        f"{path}: {judged.pair_id} is not on sheet {verdicts.sheet}, or not with this text"
                    )
                of_text, told = kept.setdefault(judged.text, {}), _plain(judged)
                rater = verdicts.rater.strip()
                counts["new" if rater not in of_text else "known" if of_text[rater] == told else "changed"] += 1
                of_text[rater] = told
        _write(folder / _VERDICTS, kept)
    finally:
        lock.release()
    return counts


def read_reviews(work: Path) -> dict[str, tuple[Review, ...]]:
    """What is kept, by text digest, each text's by the names of the raters."""
    return {
        text: tuple(_review(rater, judged) for rater, judged in sorted(of_text.items()))
        for text, of_text in sorted(_kept(work).items())
    }


def raters_of(work: Path, texts: Iterable[str]) -> dict[str, int]:
    """How many persons have judged each of these texts."""
    kept = _kept(work)
    return {text: len(kept.get(text, ())) for text in texts}


def _texts(work: Path, sheet: str, path: Path) -> dict[str, str]:
    known = {each.stem: each for each in (review_folder(work) / _SHEETS).glob("*.json")}
    try:
        return dict(json.loads(known[sheet].read_text(encoding="utf-8")))
    except (KeyError, ValueError):
        raise ReviewError(
            f"{path}: its sheet, {sheet!r}, was not made in {work}; import it with the --work of its `review export`"
        ) from None


def _kept(work: Path) -> dict[str, dict[str, Any]]:
    """Text digest -> rater -> what was said."""
    path = review_folder(work) / _VERDICTS
    try:
        kept = json.loads(path.read_text(encoding="utf-8"))
        found: dict[str, dict[str, Any]] = defaultdict(dict)
        for text, of_text in kept.items():
            for rater, judged in of_text.items():
                _review(rater, judged)
                found[text][rater] = judged
    except FileNotFoundError:
        return {}
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise ReviewError(f"{path} is damaged ({error}); delete it and import the verdicts again") from error
    return dict(found)


def _plain(judged: Judged) -> dict[str, Any]:
    told = asdict(judged)
    return {name: told[name] or None for name in ("verdict", "scores", "corrected_answer", "comment")}


def _review(rater: str, told: Mapping[str, Any]) -> Review:
    return Review(
        rater,
        told["verdict"],
        **(told["scores"] or {}),
        corrected_answer=told["corrected_answer"],
        comment=told["comment"],
    )


def _write(path: Path, value: Any) -> None:
    making = private(path.with_name(f".{path.name}.new"))
    making.write_text(canonical_json(value), encoding="utf-8")
    making.replace(path)
