"""Reads the mapping tables in this folder: what a source publishes -> name in words and place in a taxonomy.

The taxonomy itself is the one of the ISIC archive, from the package `isic-metadata`; nothing of it is written here.
"""

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from dermasynth_builder.core import registry
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
    isic: str | None  # node of the ISIC taxonomy, levels joined by colons; None where it has no place there

    @property
    def malignancy(self) -> Malignancy | None:
        """First level of the node."""
        return _MALIGNANCIES[self.isic.partition(":")[0]] if self.isic else None

    @property
    def is_class_alone(self) -> bool:
        """Whether nothing but the first level is known, which names no disease."""
        return self.isic in _MALIGNANCIES


@cache
def diagnoses(source: str, table: str = "diagnoses") -> Mapping[str, Diagnosis]:
    """What the source publishes -> diagnosis, from `<source>.toml`, or from `vocabulary.toml` of its own package."""
    entries = _load(source)[table]
    return {code: Diagnosis(entry["name"], entry.get("isic")) for code, entry in entries.items()}


@cache
def node_name(node: str) -> str:
    """A node of the ISIC taxonomy as a name in a sentence: "melanoma" for "...:Melanoma, NOS"."""
    named: Mapping[str, str] = _load("isic")["nodes"]
    return named.get(node) or _in_sentence(re.sub(r",? NOS\b", "", node.rpartition(":")[2]))


@cache
def site_name(node: str) -> str:
    """A node of the ISIC tree of body sites as words: "forehead" for "Head and neck:Head:Face:Forehead"."""
    named: Mapping[str, str] = _load("isic")["sites"]
    return named.get(node) or _in_sentence(node.rpartition(":")[2])


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
    proper: Mapping[str, str] = {name.lower(): name for name in _load("isic")["proper_names"]}
    return re.sub(r"[A-Za-z][a-z]+", lambda word: proper.get(word[0].lower(), word[0].lower()), title)


@cache
def _load(name: str) -> dict[str, Any]:
    table = registry.resource(name, "vocabulary.toml") or _FOLDER / f"{name}.toml"
    return tomllib.loads(table.read_text(encoding="utf-8"))
