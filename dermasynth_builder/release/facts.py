"""Counts what a release holds, once its Parquet files are written: facts.json, of which card and figures are made.

All numbers that are told of a release come from here. Texts of sources and licences stand elsewhere and are joined when
a page is rendered. Rejects are counted from the lists beside the release, as its files do not hold them.
"""

import json
import platform
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dermasynth_builder import __version__
from dermasynth_builder.core.protocols import Source
from dermasynth_builder.core.records import ClinicalImage, Split, is_fake_version
from dermasynth_builder.plan.question_verbs import root, wheel
from dermasynth_builder.read.giveaways import THRESHOLD, giveaway_table
from dermasynth_builder.read.licences import by_strictness
from dermasynth_builder.read.privacy import people_of
from dermasynth_builder.release.columns import NAMES, TOP_COLUMNS, facts_of
from dermasynth_builder.release.opinions import of_models, of_persons
from dermasynth_builder.release.parquet import SplitFiles, read_rows, read_values

if TYPE_CHECKING:
    from pandas import DataFrame, Series

FACTS = "facts.json"
NOT_RECORDED = "not recorded"
CLASSES = ("benign", "indeterminate", "malignant", NOT_RECORDED)
NO_FINDING = "specimen"  # a flag that doubts nothing
_BY = {"phototype": "fitzpatrick", "sex": "sex", "age": "age", "confirmation": "confirmation"}
_MISSING = ("diagnosis", "malignancy", "body_site", "age", "sex", "fitzpatrick", "confirmation")
_GROUPS = ("phototype", "sex", "age")  # of people
_FEW_IMAGES = 50  # of which nothing can be claimed of a group
_LEFT_OUT = ("messages", "grounds", "references")
_DECADE = 10
_ADULT = 18
_STEPS = [factor * 10**power for power in range(6) for factor in (1, 2, 5)]  # words
_ORDER = {"under 2": -3, "2 to 11": -2, "12 to 17": -1, "90 or older": 90}  # bands that are no decade


@dataclass(frozen=True, slots=True)
class Written:
    """One source of a release whose files are written."""

    source: Source
    files: Mapping[Split, SplitFiles]
    rejects: Path  # of what was left out

    @property
    def name(self) -> str:
        """That of the source and its config."""
        return self.source.name


@dataclass(frozen=True, slots=True)
class Run:
    """How a release came about, as its files do not say."""

    part: str  # which of the images were chosen, in a sentence; "" for all
    is_specimen: bool
    seed: int
    asked_with: Mapping[str, Any]  # how the model was asked; empty where none was
    withdrawn: int  # rows and images that were taken out so far


def release_facts(written: Sequence[Written], run: Run, *, sample: SplitFiles | None) -> dict[str, Any]:
    """All facts of a release as plain values: the same for the same files, rejects and run."""
    pairs = _pairs(written)
    images = pairs.drop_duplicates(["source", "image_id"])
    rejects = [rejected(each) for each in written]
    people = {name: _by_class(images, column) for name, column in _BY.items()}
    return {
        "version": __version__,
        "libraries": _libraries(),
        **asdict(run),
        "pairs": len(pairs),
        "images": len(images),
        "sample_pairs": sample.rows if sample else 0,
        "licences": [licence.name for licence in by_strictness(images["licence"])],
        "made": _made(pairs),
        "types": _table(pairs, ["question_type", "source"], "pairs"),
        "diagnoses": _table(images, ["diagnosis", "malignancy"], "images"),
        "people": people,
        "ties_from": THRESHOLD,  # Cramér's V from which a fact is listed among the giveaways of a source
        "few": {"below": _FEW_IMAGES, "groups": _few(people)},
        "quality": _quality(pairs),
        "opinions": {
            "persons": of_persons(each or () for each in pairs["reviews"]),
            "verifiers": of_models(each or () for each in pairs["judgements"]),
        },
        "between_splits": [between_splits(str(name), same) for name, same in pairs.groupby("source", sort=False)],
        "rejects": sorted((each for of_source in rejects for each in of_source), key=lambda row: -row["replies"]),
        "sources": [_source(each, pairs, images) for each in written],
    }


_MAKING = ("datasets", "jinja2", "matplotlib", "numpy", "pandas", "pillow", "pyarrow")  # what bytes depend on


def _libraries() -> dict[str, str]:
    """The versions of Python and of the libraries that make the files: others may write other bytes of equal rows."""
    found = {"python": platform.python_version()}
    for name in _MAKING:
        with suppress(PackageNotFoundError):  # figures are left out without matplotlib
            found[name] = version(name)
    return found


def temperature_of(body: str | None) -> float | None:
    """The temperature that the members added to every request ask for, wherever in them; None: the service's own."""
    found: list[float] = []

    def look(members: dict[str, Any]) -> dict[str, Any]:
        found.extend([members["temperature"]] if isinstance(members.get("temperature"), int | float) else [])
        return members

    json.loads(body or "{}", object_hook=look)
    return found[-1] if found else None


def facts_text(facts: Mapping[str, Any]) -> str:
    """The facts as their file holds them."""
    return json.dumps(facts, indent=1, ensure_ascii=False) + "\n"


def _pairs(written: Sequence[Written]) -> "DataFrame":
    from pandas import DataFrame  # takes half a second

    names = [name for name in NAMES if name not in _LEFT_OUT]
    frame = DataFrame(
        values | {"split": split}
        for each in written
        for split, files in each.files.items()
        for values in read_values(files.files, names)
    )
    frame["age"] = [age_group(*ages) for ages in zip(frame["age_years"], frame["age_band"], strict=True)]
    frame["words"] = [len(answer.split()) for answer in frame["answer"]]
    return frame


def age_group(years: float | None, band: str | None) -> str | None:
    """A decade, parted where adults begin as bands are, or the band that takes its place."""
    if years is None or years != years:  # pandas gives NaN for none
        return band
    decade = int(years) // _DECADE * _DECADE
    first, last = decade, decade + _DECADE - 1
    if first < _ADULT <= last:
        first, last = (_ADULT, last) if years >= _ADULT else (first, _ADULT - 1)
    return f"{first} to {last}"


def _counts(values: "Series[Any]") -> dict[str, int]:
    """How often each value is there, the most frequent first."""
    told = values.fillna(NOT_RECORDED).astype(str)
    found = {str(name): int(count) for name, count in told.value_counts().items()}
    return dict(sorted(found.items(), key=lambda each: (-each[1], each[0])))


def _table(frame: "DataFrame", columns: Sequence[str], counted: str) -> list[dict[str, Any]]:
    """The rows of a table: each combination of values and how many there are, the most frequent first."""
    told = frame[list(columns)].astype(object).fillna(NOT_RECORDED).astype(str)
    rows = [
        dict(zip(columns, map(str, names if isinstance(names, tuple) else (names,)), strict=True)) | {counted: int(n)}
        for names, n in told.value_counts().items()
    ]
    return sorted(rows, key=lambda row: (-row[counted], [row[column] for column in columns]))


def _by_class(images: "DataFrame", column: str) -> list[dict[str, Any]]:
    """Images a value of a source, parted by the class of their diagnosis; in the order of the values."""
    found: dict[tuple[str, str], dict[str, int]] = {}
    for row in _table(images, ["source", column, "malignancy"], "images"):
        classes = found.setdefault((row["source"], row[column]), dict.fromkeys(CLASSES, 0))
        classes[row["malignancy"]] = classes.get(row["malignancy"], 0) + row["images"]
    ordered = sorted(found.items(), key=lambda each: (each[0][0], place_of(each[0][1])))
    return [
        {"source": source, "value": value, "images": sum(classes.values()), "classes": classes}
        for (source, value), classes in ordered
    ]


def _lengths(words: "Series[Any]") -> list[dict[str, int]]:
    """Answers by their words, in steps of as many as make about ten bars."""
    longest = int(words.max())
    step = next(step for step in _STEPS if longest < 12 * step)
    found = (words // step).value_counts()
    return [
        {"from": place * step, "to": place * step + step - 1, "answers": int(found.get(place, 0))}
        for place in range(longest // step + 1)
    ]


def place_of(value: str) -> tuple[bool, int, str]:
    """Numbers and bands by size, words by letters, what is not recorded last."""
    first = value.partition(" ")[0]
    return value == NOT_RECORDED, _ORDER.get(value, int(first) if first.isdigit() else 0), value


def _made(pairs: "DataFrame") -> dict[str, Any]:
    versions = pairs["model_version"].fillna(pairs["model"])
    costs = pairs.drop_duplicates("request_key")["cost_usd"].dropna()
    times = pairs["generated_at"].dropna()
    return {
        "engines": _counts(pairs["engine"]),
        "rule_engines": sorted(set(pairs["engine"][pairs["model"].isna()])),
        "models": _counts(versions.dropna()),
        "is_fake": any(map(is_fake_version, versions.dropna())),
        "templates": _counts(pairs["prompt_id"]),
        "prompts": int(pairs["prompt_sha256"].nunique()),
        "styles": _counts(pairs["style"]),
        "told_the_facts": int(pairs["is_metadata_shown"].sum()),
        "looked_first": int(pairs["look_prompt_sha256"].notna().sum()),
        "first_day": str(times.min())[:10] if len(times) else None,
        "last_day": str(times.max())[:10] if len(times) else None,
        "cost_usd": round(float(costs.sum()), 2) if len(costs) else None,
    }


def _checks(doubts: Iterable[str]) -> set[str]:
    return {doubt.partition(":")[0] for doubt in doubts or ()} - {NO_FINDING}


def _quality(pairs: "DataFrame") -> dict[str, Any]:
    """What checks say of the pairs, and how varied their texts are."""
    from pandas import DataFrame

    found = [_checks(doubts) for doubts in pairs["doubts"]]
    doubted = pairs.assign(is_doubted=[bool(checks) for checks in found])
    flags = DataFrame(
        [(check, source) for checks, source in zip(found, pairs["source"], strict=True) for check in sorted(checks)],
        columns=["flag", "source"],
    )
    return {
        "flagged": int(doubted["is_doubted"].sum()),
        "marked": int(sum(not checks and flagged for checks, flagged in zip(found, pairs["is_flagged"], strict=True))),
        "examples": _examples(pairs),
        "flags": _table(flags, ["flag", "source"], "pairs"),
        "by_source": _rates(doubted, doubted["source"]),
        "by_type": sorted(_rates(doubted, doubted["question_type"]), key=lambda row: -row["pairs"]),
        "by_tone": _rates(doubted, doubted["fitzpatrick"].fillna(NOT_RECORDED)),
        "wheel": _wheel(pairs["question"]),
        "lengths": _lengths(pairs["words"]),
        "questions": int(pairs["question"].nunique()),
        "distinct_percent": _percent(pairs["answer"].nunique(), len(pairs)),
    }


def _rates(doubted: "DataFrame", groups: "Series[Any]") -> list[dict[str, Any]]:
    """For each group of pairs how many are doubted, how long their answers are and how many of these differ."""
    return [
        {
            "name": str(name),
            "pairs": len(same),
            "flagged_percent": _percent(same["is_doubted"].sum(), len(same)),
            "words": round(float(same["words"].mean()), 1),
            "distinct_percent": _percent(same["answer"].nunique(), len(same)),
        }
        for name, same in doubted.groupby(groups)
    ]


def between_splits(source: str, pairs: "DataFrame") -> dict[str, Any]:
    """What train and test have in common, and which groups and pictures are in two splits."""
    train, test = (pairs[pairs["split"] == split] for split in ("train", "test"))
    in_train, in_test = (list(zip(part["question"], part["answer"], strict=True)) for part in (train, test))
    known = set(in_train)
    return {
        "source": source,
        "groups_in_two": int((pairs.groupby("group_id")["split"].nunique() > 1).sum()),
        "pictures_in_two": int((pairs.groupby("pixel_sha256")["split"].nunique() > 1).sum()),
        "test_pairs": len(test),
        "pairs_percent": _percent(sum(each in known for each in in_test), len(test)),
        "answers_percent": _percent(test["answer"].isin(train["answer"]).sum(), len(test)),
    }


def _few(people: Mapping[str, Sequence[Mapping[str, Any]]]) -> list[dict[str, Any]]:
    """The groups of people of whom there are too few images to say anything, the smallest first."""
    found = [
        {"source": row["source"], "by": by, "value": row["value"], "images": row["images"]}
        for by in _GROUPS
        for row in people[by]
        if row["images"] < _FEW_IMAGES and row["value"] != NOT_RECORDED
    ]
    return sorted(found, key=lambda row: row["images"])


def _wheel(questions: "Series[str]") -> dict[str, dict[str, int]]:
    """What the questions ask for: root verbs, each with its objects and their pairs."""
    pairs: Counter[tuple[str, str]] = Counter()
    for question, count in questions.value_counts().items():
        found = root(str(question))
        if found and found.object:
            pairs[found.verb, found.object] += int(count)
    return wheel(pairs)


def _examples(pairs: "DataFrame") -> list[dict[str, str]]:
    """The first row that each check doubts, and why."""
    found: dict[str, dict[str, str]] = {}
    for pair_id, doubts in zip(pairs["pair_id"], pairs["doubts"], strict=True):
        for check, _, reason in (doubt.partition(": ") for doubt in doubts or ()):
            if check != NO_FINDING:
                found.setdefault(check, {"check": check, "pair_id": pair_id, "reason": reason})
    return [found[check] for check in sorted(found)]


def _percent(count: float, of: int) -> float | None:
    """Of nothing there is no share: None."""
    return round(100 * float(count) / of, 1) if of else None


def rejected(written: Written) -> list[dict[str, Any]]:
    """What was left out of a source, by the check that says so and the question type."""
    from pandas import DataFrame

    lines = written.rejects.read_text(encoding="utf-8").splitlines() if written.rejects.is_file() else []
    rows = [
        {"source": written.name, "reason": kind, "question_type": reject["question_type"]}
        for reject in map(json.loads, lines)
        for kind in dict.fromkeys(reason.partition(":")[0] for reason in reject["reasons"])
    ]
    return _table(DataFrame(rows), ["source", "reason", "question_type"], "replies") if rows else []


def _source(written: Written, pairs: "DataFrame", images: "DataFrame") -> dict[str, Any]:
    name = written.name
    of_pairs, of_images = (frame[frame["source"] == name] for frame in (pairs, images))
    clinical = list(_clinical_images(written))
    lines = written.rejects.read_text(encoding="utf-8").splitlines() if written.rejects.is_file() else []
    return {
        "name": name,
        "title": written.source.title,
        "homepage": written.source.homepage,
        "citation": written.source.citation,
        "pairs": len(of_pairs),
        "images": len(of_images),
        "groups": int(of_images["group_id"].nunique()),
        "lesions": int(of_images["lesion_id"].nunique()) or None,
        "bytes": sum(files.file_bytes for files in written.files.values()),
        "splits": {
            split: {"pairs": len(same), "images": int(same["image_id"].nunique())}
            for split in written.files
            if len(same := of_pairs[of_pairs["split"] == split])
        },
        "modality": _counts(of_images["modality"]),
        "licences": _counts(of_images["licence"]),
        "attributions": sorted(set(of_images["attribution"])),
        "engines": _counts(of_pairs["engine"]),
        "diagnoses": _counts(of_images["diagnosis"]),
        "question_types": _counts(of_pairs["question_type"]),
        "changes": _counts(of_images["image_change"].dropna()),
        "unchanged": int(of_images["image_change"].isna().sum()),
        "missing_percent": {fact: _percent(of_images[fact].isna().sum(), len(of_images)) for fact in _MISSING},
        "malignant_percent": _percent((of_images["malignancy"] == "malignant").sum(), len(of_images)),
        "also_elsewhere": int(of_images["also_in"].map(bool).sum()),
        "also_in": _counts(of_images["also_in"].explode().dropna().map(_holder)),
        "raters": _counts(of_images["fitzpatrick_rater"][of_images["fitzpatrick"].notna()]),
        "rejected": len(lines),
        "privacy": asdict(people_of(clinical)),
        "giveaways": giveaway_table(clinical),
    }


def _holder(also_in: str) -> str:
    """The set of "hiba/ISIC_1"; a public challenge is named as a whole."""
    return also_in.partition("/")[0]


def _clinical_images(written: Written) -> Iterable[ClinicalImage]:
    """The images of a source as its rows tell of them."""
    seen: set[str] = set()
    columns = [name for name in TOP_COLUMNS if name not in ("image", "messages", "evidence", "provenance", "answer")]
    for row in read_rows([path for files in written.files.values() for path in files.files], columns):
        origin = row["origin"]
        if origin["image_id"] in seen:
            continue
        seen.add(origin["image_id"])
        yield ClinicalImage(
            source=written.name,
            image_id=origin["image_id"],
            file_name="",
            group_id=origin["group_id"],
            modality=row["modality"],
            facts=facts_of(row),
            licence=row["licence"],
            attribution=origin["attribution"],
            row_location="",
            lesion_id=origin["lesion_id"],
        )
