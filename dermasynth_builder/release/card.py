"""The dataset card: its metadata block and its text, both computed."""

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from types import MappingProxyType
from typing import Any

import yaml
from jinja2 import Environment, Template
from markupsafe import Markup

from dermasynth_builder import __version__
from dermasynth_builder.core.errors import ReleaseError
from dermasynth_builder.core.files import read_toml, resource_dir
from dermasynth_builder.core.plain import markdown
from dermasynth_builder.core.protocols import Source
from dermasynth_builder.core.records import AXES, SPLITS, Split, digest
from dermasynth_builder.core.registry import ALL, CLOSED, SAMPLE
from dermasynth_builder.read.licences import Licence, by_strictness
from dermasynth_builder.release.closed_config import SPLIT, closed_features
from dermasynth_builder.release.columns import COLUMNS, card_features
from dermasynth_builder.release.parquet import SplitFiles

DATA = "data"  # folder of the sources' Parquet files: whoever reads all of it meets each row once, and nothing else
LICENCE = "LICENSE"
_IMAGE_SET, _ENGINE, _CHECKS, _BUILDER = "image set", "engine", "checks", "builder"
_GIVERS = MappingProxyType(
    {
        **dict.fromkeys(("image", "diagnosis", "malignancy", "body_site", "sex", "age_years"), _IMAGE_SET),
        **dict.fromkeys(("fitzpatrick", "confirmation", "modality", "facts", "recorded", "licence"), _IMAGE_SET),
        **dict.fromkeys(("image_id", "group_id", "lesion_id", "official_split", "attribution"), _IMAGE_SET),
        **dict.fromkeys(("question", "answer", "messages", "certainty", "references", "grounds", "observed"), _ENGINE),
        **dict.fromkeys(("cites", "not_assessable", "conflict", "reply"), _ENGINE),
        **dict.fromkeys(("is_flagged", "flags", "doubts"), _CHECKS),
        **{"measured": "the image's pixels", "reviews": "persons", "verdict": "another model"},
        **{"judgements": "another model", "checks": _IMAGE_SET},
        **dict.fromkeys(("question_type", "source", "style", "is_metadata_shown", "engine", "model"), _BUILDER),
        **dict.fromkeys(("provenance", "origin", "pair_id"), _BUILDER),
    }
)
"""The last part of a column's path, or a struct that it stands in -> who gives its value."""
_LOOKS_FOR = MappingProxyType(
    {
        "advice": "advice that may harm whoever follows it, and certainty that no image gives.",
        "claims": "claims that another model says are contradicted.",
        "columns": "recorded facts of one row that do not go together; the doubt is about the record, not the text.",
        "contradictions": "what is recorded otherwise for the same picture elsewhere.",
        "diagnosis": "a diagnosis or class that the recorded one rules out.",
        "form": "text that is broken, cut off, in another language or not plain.",
        "modality": "an image taken for one of another kind, as dermoscopy for a photograph.",
        "novelty": "questions written by the engine that are not new.",
        "person": "an age, a sex or a place on the body that is not the recorded one.",
        "repeats": "the same text on one image twice, on many images, or in two splits.",
        "review": "what persons doubt.",
        "speech": "a model that speaks of itself, its task or what it was told.",
        "unseen": "what no such image shows and nobody recorded: sizes, complaints, history, touch.",
    }
)
"""A check that ships -> what it looks for, as a card says it."""
_SHOWN = 10  # rows of a table before the rest is folded
_NOT_STATED = "not stated here"
_CITED = "@misc{dermasynth,"  # a pushed card adds where it is
VERIFY = "dermasynth verify dermasynth --raw"  # of the folder beside; a pushed card names repository and tag
_CODE = re.compile(r"(?<=^```python\n).*?(?=^```$)", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True, slots=True)
class Config:
    """One config of a release: its source, its files, its counts."""

    source: Source
    splits: Mapping[Split, SplitFiles]
    rejected: int
    changes: Counter[str]  # what was done to image files -> how many; "" for those that went out byte for byte
    is_specimen: bool
    proof: str = ""  # digest of all that its files were made from
    is_kept: bool = False  # whether its files are those of the release before

    @property
    def content_sha256(self) -> str:
        """First 16 hex digits of the splits' content hashes together."""
        return content_mark(self.splits)

    @property
    def rows(self) -> int:
        """Rows of all splits."""
        return sum(files.rows for files in self.splits.values())


def content_mark(splits: Mapping[Split, SplitFiles]) -> str:
    """What the card says of the content: it changes whenever a row does, and caches go by it."""
    return digest({split: files.content_sha256 for split, files in splits.items()})[:16]


@dataclass(frozen=True, slots=True)
class Beside:
    """The configs beside those of the sources, each with one split; None where there is none."""

    sample: SplitFiles | None = None
    closed: SplitFiles | None = None


NOTHING_BESIDE = Beside()


@dataclass(frozen=True, slots=True)
class Note:
    """What is known of a source, or of the paper, beside its tables; the head of card/sources.toml says more."""

    country: str = _NOT_STATED
    years: str = _NOT_STATED
    consent: str = _NOT_STATED
    pictures: str = _NOT_STATED
    bibtex: str = ""
    url: str = ""


@dataclass(frozen=True, slots=True)
class Terms:
    """What the maker of texts asks; see card/engines.toml."""

    terms: str = "its terms are not known here: find and read them before any use."
    url: str = ""


@cache
def notes() -> Mapping[str, Note]:
    """What is known of each source, and of the paper, by name."""
    return read_toml(resource_dir("card") / "sources.toml", dict[str, Note], ReleaseError)


@cache
def engine_terms() -> Mapping[str, Terms]:
    """What the maker of each engine's texts asks, by the engine's name."""
    return read_toml(resource_dir("card") / "engines.toml", dict[str, Terms], ReleaseError)


def attribution_text(facts: Mapping[str, Any], environment: Environment) -> str:
    """The whole ATTRIBUTION.md of a release."""
    text = _page("ATTRIBUTION.md.jinja", environment).render(facts=facts, sources=_sources_of(facts))
    return f"{text.strip()}\n"


def licence_text(facts: Mapping[str, Any], environment: Environment) -> str:
    """The whole LICENSE of a release: the notices that go with its images."""
    licences = by_strictness(facts["licences"])
    text = _page("LICENSE.jinja", environment).render(facts=facts, licences=licences)
    return f"{text.strip()}\n"


def card_text(
    facts: Mapping[str, Any],
    configs: Sequence[Config],
    environment: Environment,
    *,
    beside: Beside = NOTHING_BESIDE,
    figures: Mapping[str, str] = MappingProxyType({}),
) -> str:
    """The whole README.md of a release; `figures` are files of the folder `figures`, each with what it shows."""
    entries = card_metadata(configs, facts["licences"], beside)
    metadata = yaml.safe_dump(entries, sort_keys=False, allow_unicode=True, width=1000)
    return f"---\n{metadata}---\n\n{body_text(facts, environment, figures)}\n"


def body_text(
    facts: Mapping[str, Any], environment: Environment, figures: Mapping[str, str] = MappingProxyType({})
) -> str:
    """The card without its metadata: of the facts, and of what the code knows of sources, licences and engines."""
    body = _page("README.md.jinja", environment).render(
        facts=facts,
        sources=_sources_of(facts),
        strictest=by_strictness(facts["licences"])[-1],
        engines={name: engine_terms().get(name, Terms()) for name in facts["made"]["engines"]},
        paper=notes()["paper"],
        axes=AXES,
        two_digits=lambda value: "" if value is None else round(value, 2),
        columns=COLUMNS,
        giver_of=giver_of,
        counted=counted,
        checks=_LOOKS_FOR,
        giveaway_rows=_giveaway_rows,
        figures=figures,
        shown=_SHOWN,
        rows=_rows,
        megabytes=lambda size: f"{size / 1e6:,.1f}",
    )
    return body.strip()


def giver_of(path: str) -> str:
    """Who gives the value of a column: by its own name, else by the innermost struct of which this is known."""
    return next(_GIVERS[part] for part in reversed(path.split(".")) if part in _GIVERS)


def with_repository(card: str, repo: str) -> str:
    """The card whose code loads `repo` from the Hub in place of the folder beside it, and whose entry names it.

    The rest is untouched.
    """
    if repo == "dermasynth" or repository_of(card) != "dermasynth":
        return card

    def on_hub(code: re.Match[str]) -> str:
        paths = code[0].replace('"dermasynth/', f'"hf://datasets/{repo}/')
        return paths.replace('"dermasynth"', f'"{repo}"')

    told = _CODE.sub(on_hub, card)
    tag = re.search(r'revision="(v[^"]+)"', card)
    told = told.replace(_CITED, f"{_CITED}\n  url = {{https://huggingface.co/datasets/{repo}}},")
    return told.replace(VERIFY, f"dermasynth verify {repo}{'@' + tag[1] if tag else ''} --raw")


def repository_of(card: str) -> str:
    """What the code of a card loads: "dermasynth", the folder beside it, or a repository of the Hub."""
    found = re.search(r'load_dataset\("([^"]+)"', card)
    return found[1] if found else "dermasynth"


def _sources_of(facts: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The facts of each source with what the code knows of it."""
    return [
        {
            **told,
            "terms": by_strictness(told["licences"]),
            "note": notes().get(told["name"], Note()),
        }
        for told in facts["sources"]
    ]


def _rows(counts: Mapping[str, int] | Sequence[Mapping[str, Any]]) -> list[list[str]]:
    """The cells of a table, fit for a page."""
    rows = counts.items() if isinstance(counts, Mapping) else (row.values() for row in counts)
    return [[str(_on_page(cell)) for cell in row] for row in rows]


def _giveaway_rows(source: Mapping[str, Any]) -> list[list[str]]:
    """The cells of a table of what gives the label away in a source."""
    order = ("fact", "by", "cramers_v", "least_percent", "least", "most_percent", "most")
    words = {"by": {"missing": "gap"}}
    told = [[words.get(name, {}).get(each[name], each[name]) for name in order] for each in source["giveaways"]]
    return [[str(_on_page(cell)) for cell in (source["name"], *cells)] for cells in told]


def counted(number: int, one: str, many: str | None = None) -> str:
    """A number with what it counts: "1 pair", "2,000 pairs"."""
    return f"{number:,} {one if number == 1 else many or f'{one}s'}"


def _page(name: str, environment: Environment) -> Template:
    """A template of Markdown: each value that is not marked as safe, for it is our own, is put in as plain text."""
    return environment.overlay(finalize=_on_page).get_template(name)


def _on_page(value: Any) -> Any:
    if isinstance(value, int) and not isinstance(value, bool):
        return f"{value:,}"
    if not isinstance(value, str) or isinstance(value, Markup):
        return value
    return f"{' ' * value.startswith(' ')}{markdown(value)}{' ' * (value.endswith(' ') and not value.isspace())}"


def card_metadata(
    configs: Sequence[Config], licences: Iterable[str], beside: Beside = NOTHING_BESIDE
) -> dict[str, Any]:
    """The card's YAML block as a mapping. The sample is the default config, or the first source where there is none."""
    sample, closed = beside.sample, beside.closed
    rows = sum(config.rows for config in configs)
    parts = [_Part(config.source.name, config.splits) for config in configs]
    asked = [_Part(CLOSED, {SPLIT: closed}, list(closed_features()._to_yaml_list()))] if closed else []
    listed = [*([_Part(SAMPLE, {"train": sample})] if sample else []), *parts, *asked]
    metadata: dict[str, Any] = {
        **_licence(by_strictness(licences)),
        "language": ["en"],
        "pretty_name": "DermaSynth",
        "annotations_creators": ["machine-generated"],
        "language_creators": ["machine-generated"],
        "multilinguality": ["monolingual"],
        "source_datasets": ["original"],
        "task_categories": ["visual-question-answering", "image-text-to-text"],
        "size_categories": [_size_category(rows)],
        "tags": ["medical", "dermatology", "synthetic", "image", "text", "croissant"],
        "configs": [part.config_entry(is_default=i == 0) for i, part in enumerate(listed)],
        "dataset_info": [part.info_entry() for part in listed],
    }
    metadata["configs"].append(_all_config_entry(parts))
    metadata["dataset_info"].append(_all_info_entry(parts))
    return metadata


def _licence(licences: Sequence[Licence]) -> dict[str, Any]:
    """The Hub's id of the one licence; of several, or of one for which it has none, a name and the file."""
    if len(licences) == 1 and licences[0].hub != "other":
        return {"license": licences[0].hub}
    name = licences[0].name if len(licences) == 1 else "mixed, see LICENSE"
    told = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-") or "other"
    return {"license": "other", "license_name": told, "license_link": LICENCE}


def _size_category(rows: int) -> str:
    bounds = ((1_000, "n<1K"), (10_000, "1K<n<10K"), (100_000, "10K<n<100K"), (1_000_000, "100K<n<1M"))
    return next((name for bound, name in bounds if rows < bound), "n>1M")


@dataclass(frozen=True, slots=True)
class _Part:
    """A config with files of its own."""

    name: str
    splits: Mapping[Split, SplitFiles]
    features: list[dict[str, Any]] | None = None  # None: those of the pairs

    @property
    def content_sha256(self) -> str:
        return content_mark(self.splits)

    def config_entry(self, *, is_default: bool = False) -> dict[str, Any]:
        folder = self.name if self.name in (SAMPLE, CLOSED) else f"{DATA}/{self.name}"
        entry: dict[str, Any] = {
            "config_name": self.name,
            "version": __version__,
            "description": f"sha256:{self.content_sha256}",  # `datasets` keys its cache by this
            "data_files": [{"split": split, "path": f"{folder}/{split}-*.parquet"} for split in self.splits],
        }
        return entry | ({"default": True} if is_default else {})

    def info_entry(self) -> dict[str, Any]:
        splits = [
            {"name": split, "num_bytes": files.arrow_bytes, "num_examples": files.rows}
            for split, files in self.splits.items()
        ]
        return {
            "config_name": self.name,
            "features": self.features or card_features(),
            "splits": splits,
            "download_size": sum(files.file_bytes for files in self.splits.values()),
            "dataset_size": sum(files.arrow_bytes for files in self.splits.values()),
        }


def _all_config_entry(parts: Sequence[_Part]) -> dict[str, Any]:
    """One config over all sources: it names the files of the others, so that nothing is stored twice."""
    entries = [part.config_entry() for part in parts]
    paths: dict[str, list[str]] = {}
    for split in SPLITS:
        named = [file["path"] for entry in entries for file in entry["data_files"] if file["split"] == split]
        paths |= {split: named} if named else {}
    return {
        "config_name": ALL,
        "version": __version__,
        "description": f"sha256:{content_digest_of_all(part.content_sha256 for part in parts)}",
        "data_files": [{"split": split, "path": path} for split, path in paths.items()],
    }


def content_digest_of_all(marks: Iterable[str]) -> str:
    """What the card says of the content of all sources together, from their own marks in their order."""
    return digest(list(marks))[:16]


def _all_info_entry(parts: Sequence[_Part]) -> dict[str, Any]:
    infos = [part.info_entry() for part in parts]
    splits = [
        {"name": split} | {size: sum(s[size] for s in same) for size in ("num_bytes", "num_examples")}
        for split in SPLITS
        if (same := [s for info in infos for s in info["splits"] if s["name"] == split])
    ]
    sizes = {size: sum(info[size] for info in infos) for size in ("download_size", "dataset_size")}
    return {"config_name": ALL, "features": infos[0]["features"], "splits": splits, **sizes}
