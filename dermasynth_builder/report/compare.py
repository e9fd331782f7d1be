"""Two runs over the same images held against each other: the record shown or hidden, two models, a blank picture.

A run is found by the name that `generate` gave it, or is a release. Pairs are compared by their ids: the same image and
the same place among its questions.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

from dermasynth_builder import pipeline
from dermasynth_builder.check.assemble import Reject
from dermasynth_builder.core.errors import UsageError
from dermasynth_builder.core.records import ClinicalImage, Pair, digest
from dermasynth_builder.core.reporter import Reporter
from dermasynth_builder.plan.similarity import rouge_l
from dermasynth_builder.release.folder import is_release, read_card, require_current, sources_of
from dermasynth_builder.release.parquet import read_values, rows_where
from dermasynth_builder.report.paired import RESAMPLES, SURE, differences, holm
from dermasynth_builder.report.runs import run_path, settings_of_run

Fate = Literal["kept", "rejected", "declined"]
MEASURES: Mapping[str, str] = {
    "conflict": "the answer contradicts the record, as checks find",
    "conflict told": "the model says that record and image disagree",
    "flagged": "a check flags the pair",
    "rejected": "a check rejects the reply",
    "declined": "the model says that image or question is unfit",
}
"""What is compared of each pair, before the checks one by one."""

_OF_NO_ANSWER = frozenset({"specimen", "control", "contradictions"})  # flags that no answer earns
_RECORD_CHECKS, _CONTRADICTS = ("diagnosis", "person"), "says "
"""Checks that hold an answer to the record, and how they begin where it says otherwise."""

_WANTED = ("pair_id", "source", "image_id", "group_id", "question_type", "messages", "doubts", "conflict")


@dataclass(frozen=True, slots=True)
class Answered:
    """What became of a question in one run."""

    pair_id: str
    source: str
    image_id: str
    group: str  # the patient, unique over all sources
    question_type: str
    question: str
    answer: str  # of a conversation all that follows the first question
    fate: Fate
    findings: tuple[str, ...]  # "check: reason"; of what is declined, why
    told: str | None  # the conflict that the model tells of

    @property
    def checks(self) -> set[str]:
        """Those that find something."""
        return set() if self.fate == "declined" else {each.partition(":")[0] for each in self.findings}

    def has(self, measure: str) -> bool:
        """Whether a measure of `MEASURES`, or else a check, says yes."""
        match measure:
            case "conflict":
                return self.fate != "declined" and any(map(is_conflict, self.findings))
            case "conflict told":
                return self.told is not None
            case "flagged":
                return self.fate == "kept" and bool(self.checks)
            case "rejected" | "declined":
                return self.fate == measure
        return measure in self.checks


@dataclass(slots=True)
class Side:
    """One of the two runs."""

    name: str
    pictures: Callable[[Sequence[str]], dict[str, bytes]]  # pair ids -> the picture that was shown, where it is known
    is_release: bool = False
    answered: dict[str, Answered] = field(default_factory=dict)
    unfit: dict[tuple[str, str], str] = field(default_factory=dict)  # images of which nothing was asked, and why

    def of(self, pair_id: str, other: "Side") -> Answered | None:
        """What became of a question; one that was not asked because its image is unfit is declined."""
        found, there = self.answered.get(pair_id), other.answered.get(pair_id)
        if found is None and there and (why := self.unfit.get((there.source, there.image_id))):
            return replace(there, answer="", fate="declined", findings=(why,), told=None)
        return found


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two runs, and the questions that both have."""

    first: Side
    second: Side
    pairs: Sequence[tuple[Answered, Answered]]

    @classmethod
    def of(cls, first: Side, second: Side) -> "Comparison":
        """Raises UsageError where they have no question in common."""
        ids = dict.fromkeys([*first.answered, *second.answered])
        both = ((first.of(each, second), second.of(each, first)) for each in ids)
        pairs = [(one, other) for one, other in both if one and other]
        if not pairs:
            raise UsageError(f"{first.name} and {second.name} have no question about the same image in common")
        return cls(first, second, pairs)

    def figures(self, resamples: int = RESAMPLES) -> dict[str, Any]:
        """All rates and differences, as plain values."""
        groups = [one.group for one, _ in self.pairs]
        measures = self._measures()
        tables = [[[each[side].has(name) for name in measures] for each in self.pairs] for side in (0, 1)]
        found = differences(groups, *tables, resamples=resamples)
        adjusted = holm([each.p for each in found])
        written = [(one.answer, other.answer) for one, other in self.pairs if one.answer and other.answer]
        return {
            "first": self.first.name,
            "second": self.second.name,
            "pairs": len(self.pairs),
            "images": len({(one.source, one.image_id) for one, _ in self.pairs}),
            "patients": len(set(groups)),
            "only_first": len(self.first.answered.keys() - {one.pair_id for one, _ in self.pairs}),
            "only_second": len(self.second.answered.keys() - {one.pair_id for one, _ in self.pairs}),
            "same_question": sum(one.question == other.question for one, other in self.pairs),
            "both_answered": len(written),
            "same_answer": sum(one == other for one, other in written),
            "likeness": sum(rouge_l(*each) for each in written) / len(written) if written else None,
            "resamples": resamples,
            "measures": {
                name: asdict(each) | {"p_adjusted": p, "is_different": p < SURE}
                for name, each, p in zip(measures, found, adjusted, strict=True)
            },
        }

    def _measures(self) -> list[str]:
        """Those of which a side can say something, and each check that finds anything."""
        checks = Counter(check for pair in self.pairs for each in pair for check in each.checks)
        unknown = {"rejected", "declined"} if self.first.is_release or self.second.is_release else set()
        return [*(name for name in MEASURES if name not in unknown), *sorted(checks)]

    def examples(self, number: int) -> list[tuple[Answered, Answered]]:
        """Pairs to read side by side: in turn of each measure those that differ in it, then those least alike."""
        ranked = sorted(self.pairs, key=lambda each: digest(each[0].pair_id))
        differing = [[each for each in ranked if each[0].has(name) != each[1].has(name)] for name in MEASURES]
        chosen: dict[str, tuple[Answered, Answered]] = {}
        while any(differing) and len(chosen) < number:
            for listed in differing:
                if listed and len(chosen) < number:
                    pair = listed.pop(0)
                    chosen[pair[0].pair_id] = pair
        for pair in sorted(ranked, key=lambda each: rouge_l(each[0].answer, each[1].answer)):
            if len(chosen) >= number:
                break
            chosen.setdefault(pair[0].pair_id, pair)
        return list(chosen.values())


def is_conflict(finding: str) -> bool:
    """Whether a check says that an answer contradicts the record."""
    check, _, reason = finding.partition(": ")
    return check in _RECORD_CHECKS and reason.startswith(_CONTRADICTS)


def side_of(wanted: str, work: Path, report: Reporter) -> Side:
    """A run by its name in WORK/runs or by the file of its settings, or a release by its folder.

    Raises UsageError where there is none.
    """
    if is_release(Path(wanted)):
        return _of_release(Path(wanted))
    path = run_path(wanted, work)
    settings = settings_of_run(path, work)
    paths: dict[str, Path] = {}
    side = Side(path.stem, lambda ids: {each: paths[each].read_bytes() for each in ids if each in paths})
    for image, item in pipeline.outcomes(settings, report):
        if isinstance(item, Reject) and item.pair_id.endswith("/look"):
            if item.is_outcome:
                side.unfit[image.source, image.image_id] = item.reasons[0]
            continue
        side.answered[item.pair_id] = _answered(image, item)
        if image.path:
            paths[item.pair_id] = image.path
    return side


def _answered(image: ClinicalImage, item: Pair | Reject) -> Answered:
    of_image = (image.source, image.image_id, f"{image.source}/{image.group_id}")
    asked = (item.pair_id, *of_image, item.question_type, item.question)
    if isinstance(item, Pair):
        said = _text(turn.content for turn in item.messages)
        return Answered(*asked, said, "kept", _of_answer(item.flags), item.conflict)
    if item.is_outcome:
        return Answered(*asked, "", "declined", item.reasons, None)
    return Answered(*asked, item.reply or "", "rejected", item.reasons, None)


def _of_answer(flags: Iterable[str]) -> tuple[str, ...]:
    """The flags that an answer has earned."""
    return tuple(flag for flag in flags if flag.partition(":")[0] not in _OF_NO_ANSWER)


def _text(turns: Iterable[str]) -> str:
    return "\n\n".join(list(turns)[1:])


def _of_release(folder: Path) -> Side:
    configs = sources_of(read_card(folder))
    require_current(folder, configs)
    paths = [path for config in configs for path in config.paths]
    answered = {each.pair_id: each for each in _rows(paths)}

    def pictures(ids: Sequence[str]) -> dict[str, bytes]:
        wanted = set(ids)
        found = rows_where(
            paths, lambda row: row["pair_id"] in wanted, tested=["pair_id"], columns=["pair_id", "image"]
        )
        return {row["pair_id"]: (row["image"] or {}).get("bytes") or b"" for row in found}

    return Side(folder.resolve().name, pictures, is_release=True, answered=answered)


def _rows(paths: Sequence[Path]) -> Iterator[Answered]:
    for row in read_values(paths, _WANTED):
        turns = [turn["content"] for turn in row["messages"]]
        group = f"{row['source']}/{row['group_id']}"
        told = (row["pair_id"], row["source"], row["image_id"], group, row["question_type"], turns[0], _text(turns))
        yield Answered(*told, "kept", _of_answer(row["doubts"] or ()), row["conflict"])
