"""The vocabulary of diagnoses and body sites: sources' labels, ISIC taxonomy, and the aliases of `words.toml`."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path

from dermasynth_builder.check.prose.terms import Terms
from dermasynth_builder.core import registry
from dermasynth_builder.core.errors import DermaSynthError, SourceError
from dermasynth_builder.core.files import read_toml
from dermasynth_builder.core.records import Facts, Malignancy
from dermasynth_builder.read import vocabulary

_WORDS = Path(__file__).with_name("words.toml")
_CLASSES: Mapping[str, Malignancy] = {"Benign": "benign", "Indeterminate": "indeterminate", "Malignant": "malignant"}
_MELANOMA = "Malignant:Malignant melanocytic proliferations (Melanoma)"
_NEAR_LEVELS = 3  # nodes that share so many levels are kinds of one disease


@dataclass(frozen=True, slots=True)
class Words:
    """`words.toml`; its head says what each table is."""

    aliases: Mapping[str, str]
    groups: Mapping[str, tuple[str, ...]]
    zones: Mapping[str, tuple[str, ...]]
    not_diagnoses: tuple[str, ...]
    english: frozenset[str]
    strange: frozenset[str]
    never_last: frozenset[str]


@dataclass(frozen=True, slots=True, eq=False)  # `concept` gives one object a name
class Concept:
    """A diagnosis as far as two names of it can be held together."""

    name: str
    node: str | None  # of the ISIC taxonomy
    groups: frozenset[str]  # kinds of rash, for what that taxonomy does not know

    @property
    def malignancy(self) -> Malignancy | None:
        """First level of the node."""
        return _CLASSES.get(self.node.partition(":")[0]) if self.node else None

    @property
    def is_known(self) -> bool:
        """Whether anything but its name is known."""
        return bool(self.node or self.groups)


@cache
def word_tables() -> Words:
    """The aliases, groups and zones."""
    return read_toml(_WORDS, Words, SourceError)


@cache
def concept(name: str, node: str | None = None) -> Concept:
    """The concept of a name in words."""
    plain = _plain(name)
    node = node or _nodes().get(plain)
    return Concept(plain, node, _groups_of(plain))


@lru_cache(maxsize=65536)
def are_related(one: Concept, other: Concept) -> bool:
    """Whether the two may be said of one lesion: the same, one a kind of the other, or nothing is known of one."""
    if one.name == other.name or _holds(one.name, other.name) or _holds(other.name, one.name):
        return True
    if one.groups & other.groups or not (one.is_known and other.is_known):
        return True
    return bool(one.node and other.node) and _are_near(str(one.node), str(other.node))


def is_kind_of(one: Concept, other: Concept) -> bool:
    """Whether the one is the other, or a kind of it."""
    return one.name == other.name or bool(one.node and other.node and f"{one.node}:".startswith(f"{other.node}:"))


def _are_near(one: str, other: str) -> bool:
    levels, others = one.split(":"), other.split(":")
    shared = sum(1 for _ in _shared(levels, others))
    is_path = shared == min(len(levels), len(others))
    stems = [re.split(r",| in situ| invasive", each[2], flags=re.I)[0] for each in (levels, others) if len(each) > 2]
    is_one_stem = (
        shared == 2 and len(stems) == 2 and stems[0] == stems[1]
    )  # "Squamous cell carcinoma in situ" and ", NOS"
    is_melanoma = one.startswith(_MELANOMA) and other.startswith(_MELANOMA)
    return is_path or shared >= _NEAR_LEVELS or is_one_stem or is_melanoma


def _shared(levels: Iterable[str], others: Iterable[str]) -> Iterable[str]:
    for level, other in zip(levels, others, strict=False):
        if level != other:
            return
        yield level


def _holds(name: str, part: str) -> bool:
    """Whether all words of a name stand in another, as those of "melanoma" in "nodular melanoma"."""
    return set(part.split()) <= set(name.split())


def recorded(facts: Facts) -> tuple[Concept, ...]:
    """The concepts of the recorded diagnosis and of what dermatologists considered."""
    found = [concept(facts.diagnosis.lower(), facts.diagnosis_isic)] if facts.diagnosis else []
    return (*found, *(concept(name.lower()) for name in facts.differential))


@cache
def diagnosis_terms() -> Terms[Concept]:
    """Every name of a diagnosis."""
    left_out = set(word_tables().not_diagnoses)
    names = {name: concept(name) for name in _nodes() if name not in left_out and len(name) > 2}
    return Terms({**names, **{alias: concept(name) for alias, name in word_tables().aliases.items()}})


@cache
def site_terms() -> Terms[frozenset[str]]:
    """Every name of a place on the body, with the zones that it lies in."""
    return Terms({site: frozenset(zones) for site, zones in word_tables().zones.items()})


@cache
def zones_of(site: str) -> frozenset[str]:
    """The zones of a recorded place, "arm and leg" say; none where no word of it is known."""
    return frozenset(zone for hit in site_terms().find(site.lower()) for zone in hit.meaning)


@cache
def _nodes() -> Mapping[str, str | None]:
    """Names in words -> node of the ISIC taxonomy; None where it has none."""
    found: dict[str, str | None] = {}
    for node in vocabulary.isic_nodes():
        if ":" in node:
            found.setdefault(_plain(vocabulary.node_name(node)), node)
    told = [*vocabulary.legacy_diagnoses().values()]
    for source in registry.SOURCES.shipped:
        try:
            told += vocabulary.diagnoses(source).values()
        except DermaSynthError:  # a source that publishes names in words has no table
            continue
    for each in told:
        name = _plain(each.name)
        found[name] = each.isic or found.get(name)
    for alias, name in word_tables().aliases.items():
        found.setdefault(alias, found.get(name))
    return found


@cache
def _groups_of(name: str) -> frozenset[str]:
    target = word_tables().aliases.get(name, name)
    return frozenset(
        group for group, parts in word_tables().groups.items() if any(re.search(rf"\b{part}", target) for part in parts)
    )


def _plain(name: str) -> str:
    """A name in lower case, of a node turned round: "blue nevus" for "nevus, blue"."""
    return " ".join(name.lower().replace("’", "'").split())
