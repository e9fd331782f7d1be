"""Reads a table by a mapping: which column says which fact, and what its words mean. No code for a set is needed."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal, get_args, get_origin, get_type_hints

from dermasynth_builder.core.folder_options import FolderOptions
from dermasynth_builder.core.records import ClinicalImage, Facts, Modality, Problem, ProblemKind
from dermasynth_builder.read import vocabulary
from dermasynth_builder.read.tables import CellReader, Columns, Form, Row, stem_of
from dermasynth_builder.read.vocabulary import Diagnosis

COLUMN = "column:"  # in front of a column's name, where one word for all images would do too
_MODALITIES: dict[str, Modality] = {
    **{"CLINICAL": "clinical", "CLINICAL: OVERVIEW": "clinical", "CLINICAL: CLOSE-UP": "clinical"},
    **{"MACROSCOPIC": "clinical", "PHOTOGRAPH": "clinical", "DERMOSCOPIC": "dermoscopic", "DERMOSCOPY": "dermoscopic"},
    "DERMATOSCOPIC": "dermoscopic",
}
_SPLITS = {"TRAIN": "train", "TRAINING": "train", "TEST": "test", "TESTING": "test"}
_WORDS: Mapping[str, Mapping[str, str]] = {  # of facts that are one of few, as tables shorten them
    "sex": {"F": "female", "W": "female", "WOMAN": "female", "M": "male", "MAN": "male"},
    "fitzpatrick": {"I": "1", "II": "2", "III": "3", "IV": "4", "V": "5", "VI": "6"},
}
_BOUNDS = {"fitzpatrick": (1, 6), "monk_tone_india": (1, 10), "monk_tone_us": (1, 10), "age_years": (0, 120)}
_MOST_MM = 1000
_IN_WORDS = re.compile(r"(?=.*[a-z])[^\W\d_](?:[^\W_]|[ ,.'’()/&+-]){2,79}")  # no code, markup or formula


def columns_named(mapping: FolderOptions) -> list[str]:
    """All columns that a mapping names; a table that lacks one of them is not the one that it was written for."""
    named = [*_needed(mapping), mapping.lesion, mapping.split, *mapping.facts.values()]
    return [name for name in dict.fromkeys(named) if name]


def _needed(mapping: FolderOptions) -> tuple[str, ...]:
    """The columns without which an image may not be published, or has no place in a split."""
    or_words = (mapping.licence, mapping.attribution, mapping.modality)
    said = (each.removeprefix(COLUMN) for each in or_words if each.startswith(COLUMN))
    return tuple(dict.fromkeys((mapping.id or mapping.image, mapping.image, mapping.group, *said)))


@dataclass(frozen=True, slots=True)
class Mapped:
    """How the rows of a table become images of `source`."""

    source: str
    mapping: FolderOptions
    ids: Mapping[str, str]  # cell of the column of images -> id, where the name of the file alone is not one

    def form(self, columns: Columns, missing: frozenset[str] = frozenset()) -> Form:
        """For `read_images`."""
        words = missing | {word.upper() for word in self.mapping.missing} | {""}
        return Form(self.id_of, self.image_of, needed=_needed(self.mapping), missing=words, columns=columns)

    def id_of(self, row: Row) -> str:
        """The image's id."""
        said = row.cells.get(self.mapping.id or self.mapping.image, "")
        return re.sub(r"[^-\w]+", "_", self.ids.get(said) or _name_of(said)).strip("_")

    def image_of(self, cells: CellReader) -> ClinicalImage | None:
        """The image of a row; none where the row does not tell what kind of image it is."""
        mapping = self.mapping
        cells.asked |= {mapping.image, mapping.group, mapping.id} - {""}
        modality = self._modality(cells)
        if not modality:
            return None
        name = cells.row.cells[mapping.image].replace("\\", "/").rpartition("/")[2]
        group, lesion = cells.row.cells[mapping.group], cells.text(mapping.lesion) if mapping.lesion else None
        return ClinicalImage(
            source=self.source,
            image_id=self.id_of(cells.row),
            file_name=name if stem_of(name) != name.lower() else f"{name}.jpg",
            group_id=group,
            # People number the lesions of each patient anew.
            lesion_id=f"{group}_{lesion}" if lesion and lesion != group else lesion,
            modality=modality,
            facts=self._facts(cells),
            licence=_said(mapping.licence, cells),
            attribution=_said(mapping.attribution, cells),
            row_location=cells.row.location,
            official_split=cells.choice(mapping.split, _SPLITS) if mapping.split else None,
        )

    def _modality(self, cells: CellReader) -> Modality | None:
        if not self.mapping.modality.startswith(COLUMN):
            return _MODALITIES[self.mapping.modality.upper()]
        column = self.mapping.modality.removeprefix(COLUMN)
        words = {said.upper(): _MODALITIES[word.upper()] for said, word in self.mapping.words.items()
                 if word.upper() in _MODALITIES}  # fmt: skip
        known, said = _MODALITIES | words, cells.text(column) or ""
        if said.upper() not in known:
            told = f"{column} is {said!r}, which is no kind of image; known are {', '.join(sorted(known))}"
            cells.problems.append(Problem(ProblemKind.BROKEN_ROW, cells.row.location, told))
        return known.get(said.upper())

    def _facts(self, cells: CellReader) -> Facts:
        told = {fact: self._fact(fact, column, cells) for fact, column in self.mapping.facts.items()}
        column = self.mapping.facts.get("diagnosis")
        published = cells.text(column) if column else None
        diagnosis = self._diagnosis(published, column or "", cells) if published else None
        told |= {
            "diagnosis": diagnosis.name if diagnosis and not diagnosis.is_class_alone else None,
            "diagnosis_published": published,
            "diagnosis_isic": diagnosis.isic if diagnosis and diagnosis.isic else self._class(told),
            "malignancy_published": cells.text(self.mapping.facts["malignancy"]) if "malignancy" in told else None,
            "malignancy": diagnosis.malignancy if diagnosis and diagnosis.isic else told.get("malignancy"),
            "body_site_published": cells.text(self.mapping.facts["body_site"]) if "body_site" in told else None,
        }
        return Facts(**told)

    @staticmethod
    def _class(told: Mapping[str, Any]) -> str | None:
        """The first level of the taxonomy, which is all that a class of malignancy says."""
        return malignancy.capitalize() if (malignancy := told.get("malignancy")) else None

    def _fact(self, fact: str, column: str, cells: CellReader) -> Any:
        """The value of one fact, as its type has it."""
        kinds = get_args(_hints()[fact])
        kind = next(each for each in kinds if each is not type(None))
        words = dict(_WORDS.get(fact, {})) | {said.upper(): word for said, word in self.mapping.words.items()}
        if fact == "diagnosis":
            return None
        if get_origin(kind) is Literal:
            allowed = {word.upper(): word for word in get_args(kind)}
            return cells.choice(column, allowed | {said: allowed[w.upper()] for said, w in words.items()
                                                   if w.upper() in allowed})  # fmt: skip
        if kind is str:
            said = cells.text(column)
            return said and words.get(said.upper(), said.lower())
        reworded = CellReader(_reworded(cells.row, column, words), cells.missing, cells.problems, cells.asked)
        if kind is bool:
            return reworded.boolean(column)
        low, high = _BOUNDS.get(fact, (0, _MOST_MM))
        return reworded.whole(column, low, high) if kind is int else reworded.number(column, low, high) or None

    def _diagnosis(self, published: str, column: str, cells: CellReader) -> Diagnosis | None:
        """From the mapping, else from the names of the ISIC taxonomy, else the words as published."""
        mapped = {said.upper(): word for said, word in self.mapping.diagnoses.items()}
        word = mapped.get(published.upper(), published)
        if word in vocabulary.isic_nodes():
            return Diagnosis(vocabulary.node_name(word), word)
        if known := _named().get(word.lower()):
            return known
        if word != published or _IN_WORDS.fullmatch(word):
            return Diagnosis(word.lower())
        cells.unknown(column, published, "a code that the mapping's diagnoses do not name")
        return None


def _name_of(cell: str) -> str:
    name = cell.replace("\\", "/").rpartition("/")[2]
    stem = stem_of(name)
    return name[: len(stem)]


def _said(what: str, cells: CellReader) -> str:
    return cells.text(what.removeprefix(COLUMN)) or "" if what.startswith(COLUMN) else what


def _reworded(row: Row, column: str, words: Mapping[str, str]) -> Row:
    said = row.cells.get(column, "")
    return Row(row.table, row.line, {**row.cells, column: words.get(said.upper(), said)})


@cache
def _hints() -> Mapping[str, Any]:
    return get_type_hints(Facts)


@cache
def _named() -> Mapping[str, Diagnosis]:
    """Names in words -> diagnosis: what exports said before, and what nodes are called."""
    nodes = {vocabulary.node_name(node).lower(): node for node in sorted(vocabulary.isic_nodes(), reverse=True)}
    told = {name: Diagnosis(vocabulary.node_name(node), node) for name, node in nodes.items()}
    return told | {name.lower(): named for name, named in vocabulary.legacy_diagnoses().items()}
