"""Reads SCIN, photographs of common skin conditions that people in the United States took of themselves.

Ward et al. 2024, doi:10.5281/zenodo.10819503. The release is `scin_cases.csv` (what people said, one to three images
a case) and `scin_labels.csv` (what dermatologists said), joined on `case_id`, and one PNG file an image; people keep it
as `dataset/` with `dataset/images/`, or all beside each other.

Answers of the patients are `YES` or empty, never `NO`: what was not ticked is not known, not denied. The columns on
race and ethnicity are not read: they are sensitive, and a text about what an image shows has no use for them; skin is
told by phototype and Monk tone.
"""

import ast
import re
from collections.abc import Generator, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

from dermasynth_builder.core.errors import SourceError
from dermasynth_builder.core.records import ClinicalImage, Facts, Problem, ProblemKind, Sex
from dermasynth_builder.core.wording import join_words
from dermasynth_builder.read import vocabulary
from dermasynth_builder.read.origin import Gathered, RawFolder, Sign, TableKind
from dermasynth_builder.read.tables import IMAGE_SUFFIXES, CellReader, ImageFolder, Row, split_doubled, told_columns

SHOTS = (1, 2, 3)


MISSING = frozenset({"", "AGE_UNKNOWN", "NONE_IDENTIFIED", "NONE_SELECTED", "OTHER_OR_UNSPECIFIED", "UNKNOWN"})
AGE_BANDS = {
    "AGE_18_TO_29": "18 to 29",
    "AGE_30_TO_39": "30 to 39",
    "AGE_40_TO_49": "40 to 49",
    "AGE_50_TO_59": "50 to 59",
    "AGE_60_TO_69": "60 to 69",
    "AGE_70_TO_79": "70 to 79",
    "AGE_80_OR_ABOVE": "80 or above",
}
SEXES: dict[str, Sex] = {"FEMALE": "female", "MALE": "male"}
PHOTOTYPES = {f"FST{number}": number for number in range(1, 7)}
BODY_PARTS = {
    "head_or_neck": "head or neck",
    "arm": "arm",
    "palm": "palm of the hand",
    "back_of_hand": "back of the hand",
    "torso_front": "front of the torso",
    "torso_back": "back of the torso",
    "genitalia_or_groin": "genitalia or groin",
    "buttocks": "buttocks",
    "leg": "leg",
    "foot_top_or_side": "top or side of the foot",
    "foot_sole": "sole of the foot",
    "other": None,  # says nothing that could be put into words
}
TEXTURES = {
    "raised_or_bumpy": "raised or bumpy",
    "flat": "flat",
    "rough_or_flaky": "rough or flaky",
    "fluid_filled": "filled with fluid",
}
# Complaints that have no sign of their own in `Facts`; `no_relevant_*` says that there is none, and is none.
SYMPTOMS = {
    "condition_symptoms_bothersome_appearance": "bothersome appearance",
    "condition_symptoms_darkening": "darkening",
    "condition_symptoms_burning": "burning",
    "other_symptoms_fever": "fever",
    "other_symptoms_chills": "chills",
    "other_symptoms_fatigue": "fatigue",
    "other_symptoms_joint_pain": "joint pain",
    "other_symptoms_mouth_sores": "mouth sores",
    "other_symptoms_shortness_of_breath": "shortness of breath",
}
DURATIONS = {
    "ONE_DAY": "one day",
    "LESS_THAN_ONE_WEEK": "less than one week",
    "ONE_TO_FOUR_WEEKS": "one to four weeks",
    "ONE_TO_THREE_MONTHS": "one to three months",
    "THREE_TO_TWELVE_MONTHS": "three to twelve months",
    "MORE_THAN_ONE_YEAR": "more than one year",
    "MORE_THAN_FIVE_YEARS": "more than five years",
    "SINCE_CHILDHOOD": "since childhood",
}
SHOT_TYPES = {"CLOSE_UP": "close-up", "AT_AN_ANGLE": "at an angle", "AT_DISTANCE": "at a distance"}
CONDITIONS = "weighted_skin_condition_label"
_MOST_WEIGHT = 1e6  # a published weight is at most 1
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9 ,'’()/&+-]{0,79}")  # the longest that is published has 61 letters
_MOST_WORDS = 9
RETIRED = "Remove from labeling tool"  # stands where a condition's name was taken out of the list after it was chosen
CASES = TableKind(
    "scin_cases.csv",
    "case_id",
    ("image_1_path",),
    signs=(Sign("source", "^scin$", "SCIN"), Sign("case_id", r"^-?\d+$", "-1000600354148496558")),
    counts=(5033,),
    facts=(
        *("age_group", "sex_at_birth", "fitzpatrick_skin_type", "condition_duration"),
        *(f"image_{shot}_shot_type" for shot in SHOTS),
        *(f"body_parts_{part}" for part in BODY_PARTS),
        *(f"textures_{texture}" for texture in TEXTURES),
        *(f"condition_symptoms_{sign}" for sign in ("itching", "pain", "bleeding", "increasing_size")),
        *SYMPTOMS,
    ),
    unread=r"race_ethnicity_\w+|combined_race|source|release|year|related_category|\w+_no_relevant_\w+",
)
LABELS = TableKind(
    "scin_labels.csv",
    "case_id",
    (CONDITIONS,),
    lacks=("image_1_path",),
    is_joined=True,
    facts=(
        *(f"monk_skin_tone_label_{place}" for place in ("india", "us")),
        *(f"dermatologist_fitzpatrick_skin_type_label_{number}" for number in (1, 2, 3)),
    ),
    unread=r"(dermatologist_)?gradable_for_\w+|dermatologist_skin_condition_\w+",
)


@dataclass(frozen=True, slots=True)
class Mention:
    """One case naming one image file."""

    case: Row
    shot: int  # one of SHOTS
    file_name: str

    @property
    def image_id(self) -> str:
        """The name of the file without its suffix: a number of up to 19 digits, which may be negative."""
        return PurePosixPath(self.file_name).stem

    @property
    def case_id(self) -> str:
        """The case, as text; the number may be negative."""
        return _case_id(self.case)


class Scin:
    """SCIN; see `dermasynth_builder.core.protocols.Source`."""

    name = "scin"
    tables = (CASES, LABELS)
    title = "SCIN"
    licence = "SCIN Data Use License"
    attribution = "SCIN by Ward et al., Google LLC (2024), doi:10.5281/zenodo.10819503"
    citation = (
        "Ward A, Li J, Wang J, et al. Creating an empirical dermatology dataset through crowdsourcing with web search "
        "advertisements. JAMA Network Open 2024;7(11):e2446615. arXiv:2402.18545; data doi:10.5281/zenodo.10819503"
    )
    homepage = "https://github.com/google-research-datasets/scin"

    def read(self, root: Path) -> Iterator[ClinicalImage | Problem]:
        """See `Source.read`. One image a file; images are grouped by case, and cases that share a file are one group.

        A file of several cases has the facts of the first; the other mentions of it are problems. Ids get a word before
        the number: readers of tables take bare ones for numbers or dates.
        """
        folder = RawFolder(root, self)
        cases_table, labels_table = self._gathered(folder)
        cases = yield from _rows_by_case(cases_table)
        labels = yield from _rows_by_case(labels_table)
        if cases and labels and not cases.keys() & labels.keys():
            raise SourceError(
                f"no case_id of {labels_table.tables[0]} is in {cases_table.tables[0]} ({next(iter(labels))!r}, "
                f"{next(iter(cases))!r}): no label would reach its image. Get both tables of one release again."
            )
        for got in (cases_table, labels_table):
            paths = (f"image_{shot}_path" for shot in SHOTS)
            read = {got.kind.key, *got.kind.columns, *got.kind.facts, *paths}
            yield from told_columns(got.rows, read, got.kind)
        facts = yield from _facts_by_case(cases, labels)
        by_file: dict[str, list[Mention]] = {}
        for item in _mentions(cases.values()):
            if isinstance(item, Problem):
                yield item
            else:
                folder.images.claim(item.file_name)
                by_file.setdefault(item.image_id, []).append(item)
        groups = _groups(by_file.values())
        for first, *others in by_file.values():
            yield from _also_mentioned(first, others)
            yield from self._image(first, facts[first.case_id], group=groups[first.case_id], folder=folder.images)
        yield from folder.images.unclaimed()

    def tallies(self, root: Path) -> Mapping[str, int]:
        """See `CountsTables.tallies`. A note in place of a condition's name counts as a name, as published."""
        cases, labels = (got.rows for got in self._gathered(RawFolder(root, self)))
        mentions = [item for item in _mentions(cases) if isinstance(item, Mention)]
        cases_of_file: dict[str, set[str]] = {}
        for mention in mentions:
            cases_of_file.setdefault(mention.image_id, set()).add(mention.case_id)
        conditions = [conditions_named(row) for row in labels]
        return {
            "cases": len({_case_id(row) for row in cases}),
            "image references": len(mentions),
            "image files": len(cases_of_file),
            "files shared by several cases": sum(len(sharing) > 1 for sharing in cases_of_file.values()),
            "labelled cases": sum(bool(names) for names in conditions),
            "condition names": len(set().union(*conditions)),
        }

    def _gathered(self, folder: RawFolder) -> tuple[Gathered, Gathered]:
        """What the tables of cases and those of labels say."""
        cases, labels = folder.gather(CASES), folder.gather(LABELS)
        if cases.tables and labels.tables:
            return cases, labels
        advice = (
            "Get dataset/scin_cases.csv, dataset/scin_labels.csv and dataset/images/ from "
            f"https://storage.googleapis.com/dx-scin-public-data ({self.homepage} tells how); give their folder."
        )
        raise folder.refusal([each.kind for each in (cases, labels) if not each.tables], advice)

    def _image(
        self, mention: Mention, facts: Facts, *, group: str, folder: ImageFolder
    ) -> Iterator[ClinicalImage | Problem]:
        cells = CellReader(mention.case, MISSING)
        image = ClinicalImage(
            source=self.name,
            image_id=f"scin_{mention.image_id}",
            file_name=mention.file_name,
            group_id=f"case_{group}",
            modality="clinical",
            facts=replace(facts, shot_type=shot_type(cells, mention.shot)),
            licence=self.licence,
            attribution=self.attribution,
            row_location=mention.case.location,
        )
        yield from cells.problems
        yield folder.attach(image)


def _case_id(row: Row) -> str:
    return row.cells["case_id"]


def _rows_by_case(table: Gathered) -> Generator[Problem, None, dict[str, Row]]:
    """The rows of a table by their case, in its order."""
    yield from table.problems
    rows: list[Row] = []
    for row in table.rows:
        if _case_id(row):
            rows.append(row)
        else:
            yield Problem(ProblemKind.BROKEN_ROW, row.location, "has no case_id")
    by_case: dict[str, Row] = {}
    for item in split_doubled(rows, _case_id):
        if isinstance(item, Problem):
            yield item
        else:
            by_case[_case_id(item)] = item
    return by_case


def _facts_by_case(cases: Mapping[str, Row], labels: Mapping[str, Row]) -> Generator[Problem, None, dict[str, Facts]]:
    """What both tables say of each case. A case without labels keeps what the person said."""
    facts: dict[str, Facts] = {}
    for case_id, row in cases.items():
        cells = CellReader(row, MISSING)
        facts[case_id] = of_case(cells)
        yield from cells.problems
        if case_id in labels:
            label_cells = CellReader(labels[case_id], MISSING)
            facts[case_id] = with_labels(facts[case_id], label_cells)
            yield from label_cells.problems
        else:
            yield Problem(ProblemKind.UNKNOWN_VALUE, row.location, f"{LABELS.what} has no row for case {case_id}")
    for case_id, row in labels.items():
        if case_id not in cases:
            yield Problem(ProblemKind.BROKEN_ROW, row.location, f"{CASES.what} has no row for case {case_id}")
    return facts


def _mentions(cases: Iterable[Row]) -> Iterator[Mention | Problem]:
    for case in cases:
        named = [(shot, path) for shot in SHOTS if (path := case.cells.get(f"image_{shot}_path"))]
        for shot, path in named:
            name = PurePosixPath(path)
            if name.suffix.lower() in IMAGE_SUFFIXES:
                yield Mention(case, shot, name.name)
            else:
                detail = f"image_{shot}_path is {path!r}, which is not an image file; skipped"
                yield Problem(ProblemKind.UNKNOWN_VALUE, case.location, detail)
        if not named:
            yield Problem(ProblemKind.BROKEN_ROW, case.location, "names no image")


def _also_mentioned(first: Mention, others: list[Mention]) -> Iterator[Problem]:
    cases = ", ".join(dict.fromkeys(mention.case_id for mention in (first, *others)))
    for mention in others:
        detail = f"{mention.file_name} is an image of the cases {cases}; kept once, as {first.case.location} has it"
        yield Problem(ProblemKind.DOUBLED_ID, mention.case.location, detail)


def _groups(shared: Iterable[Iterable[Mention]]) -> Mapping[str, str]:
    """The group of each case: the smallest id, as text, of all cases that are tied to it by common files."""
    parents: dict[str, str] = {}

    def root_of(case: str) -> str:
        while parents.setdefault(case, case) != case:
            case = parents[case]
        return case

    for mentions in shared:
        roots = [root_of(mention.case_id) for mention in mentions]
        for root in roots:
            parents[root] = min(roots)
    return {case: root_of(case) for case in list(parents)}


def of_case(case: CellReader) -> Facts:
    """What the person said; what dermatologists said is not in it."""
    ticked = [part for part in BODY_PARTS if _is_ticked(case, f"body_parts_{part}")]
    words = [word for part in ticked if (word := BODY_PARTS[part])]
    phototype = case.choice("fitzpatrick_skin_type", PHOTOTYPES)
    return Facts(
        body_site=join_words(words) if words else None,
        body_sites=tuple(words) if len(words) > 1 else (),
        body_site_published=", ".join(ticked) or None,
        age_band=case.choice("age_group", AGE_BANDS),
        sex=case.choice("sex_at_birth", SEXES),
        fitzpatrick=phototype,
        fitzpatrick_rater="patient" if phototype else None,
        itches=_is_ticked(case, "condition_symptoms_itching"),
        hurts=_is_ticked(case, "condition_symptoms_pain"),
        bleeds=_is_ticked(case, "condition_symptoms_bleeding"),
        has_grown=_is_ticked(case, "condition_symptoms_increasing_size"),
        symptoms=tuple(word for column, word in SYMPTOMS.items() if _is_ticked(case, column)),
        textures=tuple(word for texture, word in TEXTURES.items() if _is_ticked(case, f"textures_{texture}")),
        duration=case.choice("condition_duration", DURATIONS),
    )


def shot_type(case: CellReader, shot: int) -> str | None:
    """How the image of that number, 1 to 3, was taken."""
    return case.choice(f"image_{shot}_shot_type", SHOT_TYPES)


def with_labels(facts: Facts, labels: CellReader) -> Facts:
    """The facts with what dermatologists said of the case.

    The diagnosis is the condition of the greatest weight; where several share it, there is none, for nobody chose. A
    phototype is taken from the patient first and from the first dermatologist who gave one after that.
    """
    weighed = _weighed(labels)
    rated = _rated_phototype(labels)
    facts = replace(
        facts,
        differential=tuple(_in_words(name, labels) for name in weighed if name != RETIRED),
        differential_weights=tuple(weight for name, weight in weighed.items() if name != RETIRED),
        monk_tone_india=labels.whole("monk_skin_tone_label_india", 1, 10),
        monk_tone_us=labels.whole("monk_skin_tone_label_us", 1, 10),
    )
    if facts.fitzpatrick is None and rated is not None:
        facts = replace(facts, fitzpatrick=rated, fitzpatrick_rater="dermatologist")
    return _with_diagnosis(facts, weighed)


def weighted_conditions(text: str) -> dict[str, float]:
    """The published dict, a Python literal: condition -> weight, in its own order. Raises ValueError for any other."""
    try:
        conditions = ast.literal_eval(text)
    except (SyntaxError, MemoryError, RecursionError, TypeError) as error:
        raise ValueError(str(error)) from error
    if not isinstance(conditions, dict):
        raise ValueError("not a dict")
    for name, weight in conditions.items():
        is_number = isinstance(weight, int | float) and not isinstance(weight, bool)
        if not isinstance(name, str) or not name.strip() or not is_number or not 0 < weight < _MOST_WEIGHT:
            raise ValueError(f"{name!r}: {weight!r} is not a condition with a weight above 0")
    return {name.strip(): float(weight) for name, weight in conditions.items()}


def conditions_named(labels: Row) -> frozenset[str]:
    """The names of all conditions of a row of labels as published; none where they cannot be read."""
    try:
        return frozenset(weighted_conditions(labels.cells.get(CONDITIONS) or "{}"))
    except ValueError:
        return frozenset()


def _weighed(labels: CellReader) -> Mapping[str, float]:
    """The conditions, weightiest first, ties in their published order."""
    text = labels.text(CONDITIONS)
    if text is None:
        return {}
    try:
        conditions = weighted_conditions(text)
    except ValueError as error:
        labels.unknown(CONDITIONS, text, f"expected a dict of conditions and weights: {error}")
        return {}
    if RETIRED in conditions:
        labels.unknown(CONDITIONS, RETIRED, "a note about a tool and no condition", taken="left out")
    for name in [name for name in conditions if not _is_name(name)]:
        labels.unknown(CONDITIONS, name, "no name of a condition", taken="left out")
        del conditions[name]
    return dict(sorted(conditions.items(), key=lambda item: -item[1]))


def _is_name(text: str) -> bool:
    """Whether it is listed, or at least looks like a condition's name: a prompt shows it to a model."""
    return text in vocabulary.diagnoses("scin") or bool(_NAME.fullmatch(text) and len(text.split()) <= _MOST_WORDS)


def _in_words(name: str, labels: CellReader) -> str:
    known = vocabulary.diagnoses("scin")
    if name in known:
        return known[name].name
    labels.unknown(CONDITIONS, name, "a name that scin.toml does not list", taken="kept as published")
    return name


def _with_diagnosis(facts: Facts, weighed: Mapping[str, float]) -> Facts:
    first, *others = weighed.items() if weighed else [(RETIRED, 0.0)]
    if first[0] == RETIRED or (others and others[0][1] == first[1]):
        return facts
    known = vocabulary.diagnoses("scin").get(first[0])
    return replace(
        facts,
        diagnosis=facts.differential[0],
        diagnosis_published=first[0],
        diagnosis_isic=known.isic if known else None,
        malignancy=known.malignancy if known else None,
    )


def _rated_phototype(labels: CellReader) -> int | None:
    columns = [f"dermatologist_fitzpatrick_skin_type_label_{number}" for number in (1, 2, 3)]
    return next((rated for column in columns if (rated := labels.choice(column, PHOTOTYPES))), None)


def _is_ticked(cells: CellReader, column: str) -> bool | None:
    """True, or None where the box is empty or a copy says no: what was not ticked was not denied."""
    return cells.boolean(column) or None
