"""How good the pairs of a release are: what checks say of them, how varied they are, and who is in them.

All figures are counts over the published rows and the rejects beside them, in one pass; `quality` gives them as plain
values, for the table, the page, report.json and the card.
"""

import json
import re
import zlib
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import blake2b
from itertools import pairwise
from math import sqrt
from pathlib import Path
from typing import Any

from dermasynth_builder.check.prose.statements import statements, words
from dermasynth_builder.check.prose.vocabulary import diagnosis_terms, site_terms
from dermasynth_builder.core.images.eyes import NAMES
from dermasynth_builder.core.registry import ALL
from dermasynth_builder.release.folder import open_sources
from dermasynth_builder.release.parquet import read_values

NOT_RECORDED = "not recorded"
GROUPINGS = ("source", "question_type", "style", "engine", "fitzpatrick")
"""What rates are told by."""

MISSING = ("diagnosis", "malignancy", "body_site", "age_years", "age_band", "sex", "fitzpatrick", "monk_tone_us")
"""Facts whose absence is counted."""

MOST_EXAMPLES = 3  # of a reason
_NOT_OF_CHECKS = frozenset({"specimen"})  # flags that are no finding
_WANTED = (
    *("doubts", "question", "answer", "image_id", "source", "question_type", "style", "engine"),
    *MISSING,
    "measured",
)
_IMAGES = ""  # among names of what was measured: the images themselves
_NUMBER = re.compile(r"\d+(?:\.\d+)?")
_NINETY_FIVE = 1.96  # standard deviations that leave out 5 %


@dataclass(slots=True)
class _Texts:
    """How varied some answers are, counted while they pass."""

    pairs: int = 0
    words: int = 0
    untold: int = 0
    answers: set[int] = field(default_factory=set)
    skeletons: set[int] = field(default_factory=set)
    ones: set[str] = field(default_factory=set)
    twos: set[tuple[str, str]] = field(default_factory=set)
    bytes_in: int = 0
    bytes_out: int = 0
    packer: Any = field(default_factory=lambda: zlib.compressobj(6))

    def take(self, answer: str) -> None:
        """Counts one answer."""
        told = words(answer)
        self.pairs += 1
        self.words += len(told)
        self.untold += any(each.is_untold for each in statements(answer))
        self.answers.add(_hash(" ".join(told)))
        self.skeletons.add(_hash(skeleton(answer)))
        self.ones.update(told)
        self.twos.update(pairwise(told))
        content = f"{answer}\n".encode(errors="replace")
        self.bytes_in += len(content)
        self.bytes_out += len(self.packer.compress(content))

    def figures(self) -> dict[str, Any]:
        """The measures by name; shares are of the answers, distinct-n of all words."""
        packed = self.bytes_out + len(self.packer.flush())
        return {
            "answers": self.pairs,
            "mean_words": _share(self.words, self.pairs),
            "distinct_answers": _share(len(self.answers), self.pairs),
            "distinct_skeletons": _share(len(self.skeletons), self.pairs),
            "distinct_1": _share(len(self.ones), self.words),
            "distinct_2": _share(len(self.twos), self.words),
            "compression_ratio": _share(self.bytes_in, packed),
            "cannot_be_told": _share(self.untold, self.pairs),
        }


@dataclass(slots=True)
class _Source:
    """What is counted of one source."""

    texts: _Texts = field(default_factory=_Texts)
    in_split: dict[str, dict[str, Counter[int]]] = field(
        default_factory=lambda: defaultdict(lambda: defaultdict(Counter))
    )
    images: set[str] = field(default_factory=set)
    missing: Counter[str] = field(default_factory=Counter)
    tones: dict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    measured: dict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))  # by tone, and of all

    def take(self, row: Mapping[str, Any], split: str) -> None:
        """Counts one row; facts once an image."""
        self.texts.take(row["answer"])
        for what, text in _compared(row).items():
            self.in_split[what][split][_hash(text)] += 1
        if row["image_id"] in self.images:
            return
        self.images.add(row["image_id"])
        self.missing.update(name for name in MISSING if row[name] is None)
        self.tones[_told(row["fitzpatrick"])][_told(row["malignancy"])] += 1
        found = {each["name"] for each in row["measured"] or ()}
        for group in (ALL, _told(row["fitzpatrick"])):
            self.measured[group].update([_IMAGES, *found])


@dataclass(slots=True)
class _Flags:
    """What the checks say of the rows, counted while they pass."""

    checks: Counter[str] = field(default_factory=Counter)
    pairs: dict[str, Counter[str]] = field(default_factory=lambda: {name: Counter() for name in GROUPINGS})
    flagged: dict[str, dict[str, Counter[str]]] = field(
        default_factory=lambda: {name: defaultdict(Counter) for name in GROUPINGS}
    )
    examples: dict[str, list[dict[str, str]]] = field(default_factory=lambda: defaultdict(list))

    def take(self, row: Mapping[str, Any]) -> None:
        """Counts one row; of two doubts of a check the first is the example."""
        reasons = _first_of_each(row["doubts"])
        found = {check: reason for check, reason in reasons.items() if check not in _NOT_OF_CHECKS}
        self.checks.update(list(found))
        for grouping in GROUPINGS:
            self.pairs[grouping][_told(row[grouping])] += 1
            self.flagged[grouping][_told(row[grouping])].update(list(found))
        for check, reason in found.items():
            if len(self.examples[check]) < MOST_EXAMPLES:
                told = {"reason": reason, "image": row["image_id"]}
                self.examples[check].append(told | {"question": row["question"], "answer": row["answer"]})

    def by(self, grouping: str) -> dict[str, Any]:
        """For each value: its pairs, and the rate of each check."""
        return {
            value: {"pairs": total} | {each: rate(self.flagged[grouping][value][each], total) for each in self.checks}
            for value, total in sorted(self.pairs[grouping].items())
        }


def quality(release: Path, rejects: Path | None = None) -> dict[str, Any]:
    """All figures of a release; `rejects` is the folder of what was left out of it.

    Raises ReleaseError where `release` is none.
    """
    flags, together, sources = _Flags(), _Texts(), defaultdict[str, _Source](_Source)
    for split, row in _rows(release):
        flags.take(row)
        together.take(row["answer"])
        sources[row["source"]].take(row, split)
    pairs = together.pairs
    return {
        "pairs": pairs,
        "images": sum(len(each.images) for each in sources.values()),
        "flags": {check: rate(count, pairs) for check, count in flags.checks.most_common()},
        "flags_by": {grouping: flags.by(grouping) for grouping in GROUPINGS},
        "flag_examples": dict(flags.examples),
        "rejects": rejected(rejects, sources, pairs) if rejects else None,
        "shared_text": {name: _shared(source.in_split) for name, source in sources.items()},
        "diversity": {ALL: together.figures()} | {name: source.texts.figures() for name, source in sources.items()},
        "balance": {name: _balance(source) for name, source in sources.items()},
        "measured": {name: _measured(source) for name, source in sources.items()},
    }


def _first_of_each(reasons: Sequence[str]) -> dict[str, str]:
    """Check -> its reason, of "check: reason"; of several reasons of a check the first."""
    return {check: reason for check, _, reason in (each.partition(": ") for each in reversed(reasons))}


def rejected(folder: Path, sources: Iterable[str], pairs: int) -> dict[str, Any]:
    """What was left out, by the check that says so, with examples. Of sources that the release has."""
    counts: Counter[str] = Counter()
    of_source: Counter[str] = Counter()
    examples: dict[str, list[dict[str, str]]] = defaultdict(list)
    for name in sources:
        path = folder / f"{name}.jsonl"
        for line in path.read_text(encoding="utf-8").splitlines() if path.is_file() else ():
            reject = json.loads(line)
            of_source[name] += 1
            for check, reason in _first_of_each(reject["reasons"]).items():
                counts[check] += 1
                if len(examples[check]) < MOST_EXAMPLES:
                    told = {"reason": reason, "question": reject["question"], "reply": reject["reply"] or ""}
                    examples[check].append({"pair_id": reject["pair_id"], **told})
    total = of_source.total()
    return {
        "all": rate(total, pairs + total),
        "by_source": dict(of_source),
        "by_check": {check: rate(count, pairs + total) for check, count in counts.most_common()},
        "examples": dict(examples),
    }


def rate(count: int, total: int) -> dict[str, float]:
    """A count, of how many, its share, and the share's 95 % interval (Wilson 1927); of none, any share may be."""
    if not total:
        return {"count": count, "of": total, "share": 0.0, "low": 0.0, "high": 1.0}
    low, high = wilson(count / total, total)
    return {"count": count, "of": total, "share": count / total, "low": low, "high": high}


def wilson(share: float, total: float) -> tuple[float, float]:
    """The 95 % interval of a share of so many (Wilson 1927)."""
    square = _NINETY_FIVE**2 / total
    middle = (share + square / 2) / (1 + square)
    half = _NINETY_FIVE * sqrt(share * (1 - share) / total + square / (4 * total)) / (1 + square)
    return max(0.0, middle - half), min(1.0, middle + half)


def skeleton(answer: str) -> str:
    """An answer without what is its row's own: names of diagnoses and places, and numbers, are blanks."""
    text = _NUMBER.sub("#", answer.lower())
    text = _masked(text, [hit[:2] for hit in diagnosis_terms().find(text)], "D")
    text = _masked(text, [hit[:2] for hit in site_terms().find(text)], "S")
    return " ".join(words(text))


def _masked(text: str, spans: Sequence[tuple[int, int]], blank: str) -> str:
    for start, end in reversed(spans):
        text = f"{text[:start]}{blank}{text[end:]}"
    return text


def _rows(release: Path) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for config in open_sources(release).values():
        for split, files in config.files.items():
            for row in read_values(files, _WANTED):
                yield split, row


def _compared(row: Mapping[str, Any]) -> dict[str, str]:
    question, answer = " ".join(words(row["question"])), " ".join(words(row["answer"]))
    return {"pairs": f"{question} ? {answer}", "answers": answer}


def _shared(in_split: Mapping[str, Mapping[str, Counter[int]]]) -> dict[str, Any]:
    """How many pairs and answers of the test are word for word in train."""
    shared = {}
    for what, splits in in_split.items():
        train, test = splits.get("train", Counter()), splits.get("test", Counter())
        shared[what] = rate(sum(count for text, count in test.items() if text in train), test.total())
    return shared


def _balance(source: _Source) -> dict[str, Any]:
    images = len(source.images)
    return {
        "images": images,
        "missing": {name: _share(source.missing[name], images) for name in MISSING},
        "class_by_tone": {tone: dict(sorted(classes.items())) for tone, classes in sorted(source.tones.items())},
    }


def _measured(source: _Source) -> dict[str, Any]:
    """For all images, and for each phototype: how many there are, and on how many each thing was measured."""
    return {
        group: {"images": counts[_IMAGES]} | {name: rate(counts[name], counts[_IMAGES]) for name in NAMES}
        for group, counts in sorted(source.measured.items(), key=lambda each: (each[0] != ALL, each[0]))
    }


def _told(value: Any) -> str:
    return NOT_RECORDED if value is None else str(value)


def _share(part: float, whole: float) -> float:
    return part / whole if whole else 0.0


def _hash(text: str) -> int:
    return int.from_bytes(blake2b(text.encode(errors="replace"), digest_size=8).digest(), "big")


def checks_of(figures: Mapping[str, Any]) -> Sequence[str]:
    """The checks that flag something, the most frequent first."""
    return list(figures["flags"])
