"""Reads the mapping tables in this folder: what a source publishes -> name in words and place in a taxonomy.

The taxonomy itself is the one of the ISIC archive, from the package `isic-metadata`; nothing of it is written here.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from dermasynth_builder.core import registry
from dermasynth_builder.core.errors import SourceError
from dermasynth_builder.core.files import read_toml
from dermasynth_builder.core.records import Malignancy

_FOLDER = Path(__file__).resolve().parent
_MALIGNANCIES: dict[str, Malignancy] = {
    "Benign": "benign",
    "Indeterminate": "indeterminate",
    "Malignant": "malignant",
}


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """A diagnosis in the one vocabulary."""

    name: str  # in words: "basal cell carcinoma"
    isic: str | None = None  # node of the ISIC taxonomy, levels joined by colons; None where it has no place there

    @property
    def malignancy(self) -> Malignancy | None:
        """First level of the node."""
        return _MALIGNANCIES[self.isic.partition(":")[0]] if self.isic else None

    @property
    def is_class_alone(self) -> bool:
        """Whether nothing but the first level is known, which names no disease."""
        return self.isic in _MALIGNANCIES


@dataclass(frozen=True, slots=True)
class _SourceWords:
    """`<source>.toml`."""

    diagnoses: Mapping[str, Diagnosis]


@dataclass(frozen=True, slots=True)
class _IsicWords:
    """`isic.toml`, whose head says what each table is."""

    proper_names: tuple[str, ...]
    legacy: Mapping[str, Diagnosis]
    nodes: Mapping[str, str]
    sites: Mapping[str, str]


@cache
def diagnoses(source: str) -> Mapping[str, Diagnosis]:
    """What the source publishes -> diagnosis, from `<source>.toml`, or from `vocabulary.toml` of its own package."""
    path = registry.resource(source, "vocabulary.toml") or _FOLDER / f"{source}.toml"
    return read_toml(path, _SourceWords, SourceError).diagnoses


def legacy_diagnoses() -> Mapping[str, Diagnosis]:
    """What ISIC exports said before they named nodes -> diagnosis."""
    return _isic().legacy


@cache
def node_name(node: str) -> str:
    """A node of the ISIC taxonomy as a name in a sentence: "melanoma" for "...:Melanoma, NOS"."""
    return _isic().nodes.get(node) or _in_sentence(re.sub(r",? NOS\b", "", node.rpartition(":")[2]))


@cache
def site_name(node: str) -> str:
    """A node of the ISIC tree of body sites as words: "forehead" for "Head and neck:Head:Face:Forehead"."""
    return _isic().sites.get(node) or _in_sentence(node.rpartition(":")[2])


@cache
def isic_nodes() -> frozenset[str]:
    """All nodes of the ISIC diagnosis taxonomy."""
    from isic_metadata.diagnosis_hierarchical import DiagnosisEnum

    return frozenset(node.value for node in DiagnosisEnum)


@cache
def isic_sites() -> frozenset[str]:
    """All nodes of the ISIC tree of body sites."""
    from isic_metadata.anatom_site_hierarchical import AnatomSiteEnum

    return frozenset(node.value for node in AnatomSiteEnum)


def _in_sentence(title: str) -> str:
    """The title without its capitals, but for people's and places' names: "nevus, Spitz"."""
    proper = {name.lower(): name for name in _isic().proper_names}
    return re.sub(r"[A-Za-z][a-z]+", lambda word: proper.get(word[0].lower(), word[0].lower()), title)


@cache
def _isic() -> _IsicWords:
    return read_toml(_FOLDER / "isic.toml", _IsicWords, SourceError)


@cache
def _nodes_by_name() -> Mapping[str, str]:
    """Every name that a node has among the sources that ship, in ISIC exports or as its own last level."""
    words = [diagnoses(path.stem) for path in sorted(_FOLDER.glob("*.toml")) if path.stem != "isic"]
    told = [diagnosis for table in (*words, legacy_diagnoses()) for diagnosis in table.values()]
    return {node_name(node): node for node in sorted(isic_nodes())} | {d.name: d.isic for d in told if d.isic}


def node_of(name: str) -> str | None:
    """The node of the ISIC taxonomy that a diagnosis in words stands for; None where it has no place there."""
    return _nodes_by_name().get(name)
