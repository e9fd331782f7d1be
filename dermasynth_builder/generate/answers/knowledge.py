"""Reads `prompts/answers/knowledge/`: curated general sentences, each with its reference.

An entry stands for a diagnosis, for a node of the ISIC taxonomy with all below it, for a group of diagnoses, or for a
finding (a texture, a complaint, a place on the body, a course). What an entry does not say itself, it has from the
entry that it names as `is_a`, or else from the entry of the node above: kind by kind, so that a blue nevus has a look
of its own and the next steps of a nevus. The head of references.toml says what each kind is.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from dermasynth_builder.core.errors import PromptError
from dermasynth_builder.core.files import as_form, toml_table
from dermasynth_builder.generate.answers import notation
from dermasynth_builder.generate.answers.case import MARKS, Case
from dermasynth_builder.read import vocabulary

REFERENCES = "references.toml"
FINDINGS = "findings.toml"
TOPICS = ("texture", "complaint", "course", "site", "class", "image", "any")


@dataclass(frozen=True, slots=True)
class Reference:
    """Where a curated sentence can be looked up."""

    text: str
    id: str  # "doi:10.1000/1", "pmid:1" or the address of a government's page
    seen: bool  # whether its full text was at hand when the sentences were written


@dataclass(frozen=True, slots=True)
class Curated:
    """A sentence of general knowledge, or, with `rival`, what would point to another diagnosis."""

    cite: str  # a name in the references
    say: str = ""
    rival: str = ""  # "melanoma"
    by: str = ""  # "an atypical network and blue-white structures", which would speak for the rival
    when: tuple[str, ...] = ()  # marks that a case has to have
    unless: tuple[str, ...] = ()  # marks that it must not have

    def __post_init__(self) -> None:
        """Raises ValueError where the sentence is not whole or its conditions are no marks."""
        if bool(self.say) == bool(self.rival) or bool(self.rival) != bool(self.by):
            raise ValueError("has either a sentence to `say`, or a `rival` and `by` what it would be told")
        if unknown := {*self.when, *self.unless} - MARKS.keys():
            raise ValueError(f"{', '.join(sorted(unknown))} is no mark of a case")
        notation.parsed(self.say)

    def fits(self, case: Case) -> bool:
        """Whether nothing known of the case speaks against it."""
        return case.marks.issuperset(self.when) and case.marks.isdisjoint(self.unless)


@dataclass(frozen=True, slots=True)
class Entry:
    """What is curated of one thing, by kind."""

    name: str
    kinds: Mapping[str, tuple[Curated, ...]]
    is_a: str = ""  # entry that it has from what it lacks
    nodes: tuple[str, ...] = ()  # of the ISIC taxonomy
    names: tuple[str, ...] = ()  # further diagnoses, or findings, that it stands for


@dataclass(frozen=True, slots=True)
class _EntryTable:
    """An entry as it stands in a file."""

    is_a: str = ""
    nodes: tuple[str, ...] = ()
    names: tuple[str, ...] = ()
    what: tuple[Curated, ...] = ()
    look: tuple[Curated, ...] = ()
    dermoscopy: tuple[Curated, ...] = ()
    mimics: tuple[Curated, ...] = ()
    tells_apart: tuple[Curated, ...] = ()
    signs: tuple[Curated, ...] = ()
    course: tuple[Curated, ...] = ()
    who: tuple[Curated, ...] = ()
    next: tuple[Curated, ...] = ()
    lay: tuple[Curated, ...] = ()
    lay_next: tuple[Curated, ...] = ()
    alarm: tuple[Curated, ...] = ()  # what is said beside all else where a complaint calls for haste
    lay_alarm: tuple[Curated, ...] = ()
    why: tuple[Curated, ...] = ()


KINDS = tuple(name for name in _EntryTable.__dataclass_fields__ if name not in ("is_a", "nodes", "names"))


@dataclass(frozen=True, slots=True)
class Knowledge:
    """All that is curated."""

    references: Mapping[str, Reference]
    entries: Mapping[str, Entry]  # of diagnoses, by name
    findings: Mapping[str, Mapping[str, Entry]]  # topic -> finding -> entry
    _by_name: Mapping[str, Entry] = field(repr=False)
    _by_node: Mapping[str, Entry] = field(repr=False)

    def entry(self, diagnosis: str) -> Entry | None:
        """The entry of a diagnosis: by its name, or else by its place in the ISIC taxonomy."""
        if found := self._by_name.get(diagnosis):
            return found
        node = vocabulary.node_of(diagnosis) or ""
        while node:
            if found := self._by_node.get(node):
                return found
            node = node.rpartition(":")[0]
        return None

    def of_diagnosis(self, diagnosis: str, kind: str) -> Iterator[Sequence[Curated]]:
        """What is curated of a diagnosis: the entry's own first, then that of those from which it has the rest."""
        entry, passed = self.entry(diagnosis), set[str]()
        while entry and entry.name not in passed:
            passed.add(entry.name)
            yield entry.kinds[kind]
            entry = self.entries.get(entry.is_a)

    def of_finding(self, topic: str, finding: str, kind: str) -> Sequence[Curated]:
        """What is curated of a finding."""
        entry = self.findings.get(topic, {}).get(finding)
        return entry.kinds[kind] if entry else ()


def load_knowledge(folder: Path) -> Knowledge:
    """All files of the folder. Raises PromptError where they break their form or cite what is no reference."""
    references = as_form(
        toml_table(folder / REFERENCES, PromptError), dict[str, Reference], path=folder / REFERENCES, fault=PromptError
    )
    entries: dict[str, Entry] = {}
    for path in sorted(folder.glob("*.toml")):
        if path.name not in (REFERENCES, FINDINGS):
            entries |= _entries(toml_table(path, PromptError), path, references)
    path = folder / FINDINGS
    tables = toml_table(path, PromptError)
    if unknown := tables.keys() - set(TOPICS):
        raise PromptError(f"{path}: {', '.join(sorted(unknown))} is none of {', '.join(TOPICS)}")
    findings = {topic: _by_names(_entries(table, path, references)) for topic, table in tables.items()}
    by_node = {node: entry for entry in entries.values() for node in entry.nodes}
    if stray := {entry.is_a for entry in entries.values() if entry.is_a} - entries.keys():
        raise PromptError(f"{folder}: no entry is called {', '.join(sorted(stray))}")
    return Knowledge(references, entries, findings, _by_names(entries), by_node)


def _entries(tables: Mapping[str, Any], path: Path, references: Mapping[str, Reference]) -> dict[str, Entry]:
    forms = as_form(tables, dict[str, _EntryTable], path=path, fault=PromptError)
    made = {
        name: Entry(name, {kind: getattr(form, kind) for kind in KINDS}, form.is_a, form.nodes, form.names)
        for name, form in forms.items()
    }
    cited = {each.cite for entry in made.values() for kind in entry.kinds.values() for each in kind}
    if unknown := cited - references.keys():
        raise PromptError(f"{path}: {', '.join(sorted(unknown))} is cited and not among the references")
    return made


def _by_names(entries: Mapping[str, Entry]) -> dict[str, Entry]:
    return {name: entry for key, entry in entries.items() for name in (key, *entry.names)}


@cache
def knowledge_in(folder: Path) -> Knowledge:
    """As `load_knowledge`, read once."""
    return load_knowledge(folder)
