"""The dataset card: its metadata block and its text, both computed."""

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import yaml
from jinja2 import Environment, Template
from markupsafe import Markup

from dermasynth_builder import __version__
from dermasynth_builder.core.plain import markdown
from dermasynth_builder.core.protocols import Source
from dermasynth_builder.core.records import SPLITS, Pair, Split, digest, is_fake_version
from dermasynth_builder.core.registry import ALL, SAMPLE
from dermasynth_builder.read.licences import Licence, by_strictness
from dermasynth_builder.release.columns import COLUMNS, card_features
from dermasynth_builder.release.parquet import SplitFiles

SAMPLE_ROWS = 3
DATA = "data"  # folder of the sources' Parquet files: whoever reads all of it meets each row once, and nothing else


@dataclass(frozen=True, slots=True)
class Sample:
    """A pair as the card shows it."""

    question: str
    answer: str
    image_id: str
    question_type: str
    engine: str


@dataclass(slots=True)
class ConfigStats:
    """Counts over the published pairs of one config, taken while they pass."""

    images: set[str] = field(default_factory=set)
    groups: set[str] = field(default_factory=set)
    lesions: set[str] = field(default_factory=set)
    licences: Counter[str] = field(default_factory=Counter)  # images a licence
    attributions: set[str] = field(default_factory=set)
    engines: Counter[str] = field(default_factory=Counter)
    engines_without_model: set[str] = field(default_factory=set)
    models: set[str] = field(default_factory=set)
    question_types: Counter[str] = field(default_factory=Counter)
    diagnoses: Counter[str] = field(default_factory=Counter)  # images a diagnosis
    flags: Counter[str] = field(default_factory=Counter)  # pairs a check
    samples: list[Sample] = field(default_factory=list)

    def take(self, pair: Pair) -> None:
        """Counts one pair."""
        image = pair.image
        if image.image_id not in self.images:
            self.diagnoses[image.facts.diagnosis or "not recorded"] += 1
            self.licences[image.licence] += 1
        self.images.add(image.image_id)
        self.groups.add(image.group_id)
        self.attributions.add(image.attribution)
        if image.lesion_id:
            self.lesions.add(image.lesion_id)
        self.engines[pair.engine] += 1
        if pair.model is None:
            self.engines_without_model.add(pair.engine)
        if pair.model_version or pair.model:
            self.models.add(pair.model_version or pair.model or "")
        self.question_types[pair.question_type] += 1
        self.flags.update({flag.partition(":")[0] for flag in pair.flags})
        if len(self.samples) < SAMPLE_ROWS:
            sample = Sample(pair.question, pair.answer, image.image_id, pair.question_type, pair.engine)
            self.samples.append(sample)


@dataclass(frozen=True, slots=True)
class Config:
    """One config of a release: its source, its files, its counts."""

    source: Source
    splits: Mapping[Split, SplitFiles]
    stats: ConfigStats
    rejected: int
    changes: Counter[str]  # what was done to image files -> how many; "" for those that went out byte for byte
    is_specimen: bool
    proof: str = ""  # digest of all that its files were made from
    is_kept: bool = False  # whether its files are those of the release before

    @property
    def licences(self) -> list[Licence]:
        """Those of the images, the freest first and the strictest last."""
        return by_strictness(self.stats.licences)

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


def attribution_text(configs: Sequence[Config], environment: Environment) -> str:
    """The whole ATTRIBUTION.md of a release."""
    text = _page("ATTRIBUTION.md.jinja", environment).render(configs=configs, version=__version__)
    return f"{text.strip()}\n"


def card_text(
    configs: Sequence[Config], environment: Environment, *, sample: SplitFiles | None = None, part: str = ""
) -> str:
    """The whole README.md of a release; `part` says which images were chosen."""
    metadata = yaml.safe_dump(card_metadata(configs, sample), sort_keys=False, allow_unicode=True, width=1000)
    models = sorted({model for config in configs for model in config.stats.models})
    body = _page("README.md.jinja", environment).render(
        configs=configs,
        columns=COLUMNS,
        strictest=by_strictness(licence for config in configs for licence in config.stats.licences)[-1],
        version=__version__,
        rows=sum(config.rows for config in configs),
        images=sum(len(config.stats.images) for config in configs),
        part=part,
        sample=sample,
        is_specimen=any(config.is_specimen for config in configs),
        models=models,
        is_fake=any(is_fake_version(model) for model in models),
        engines_without_model=sorted({name for config in configs for name in config.stats.engines_without_model}),
    )
    return f"---\n{metadata}---\n\n{body.strip()}\n"


def _page(name: str, environment: Environment) -> Template:
    """A template of Markdown: each value that is not marked as safe, for it is our own, is put in as plain text."""
    return environment.overlay(finalize=_on_page).get_template(name)


def _on_page(value: Any) -> Any:
    if not isinstance(value, str) or isinstance(value, Markup):
        return value
    return f"{' ' * value.startswith(' ')}{markdown(value)}{' ' * (value.endswith(' ') and not value.isspace())}"


def card_metadata(configs: Sequence[Config], sample: SplitFiles | None = None) -> dict[str, Any]:
    """The card's YAML block as a mapping. The sample is the default config, or the first source where there is none."""
    rows = sum(config.rows for config in configs)
    parts = [_Part(config.source.name, config.splits) for config in configs]
    listed = [*([_Part(SAMPLE, {"train": sample})] if sample else []), *parts]
    metadata: dict[str, Any] = {
        **_licence(configs),
        "language": ["en"],
        "pretty_name": "DermaSynth",
        "annotations_creators": ["machine-generated"],
        "task_categories": ["visual-question-answering", "image-text-to-text"],
        "size_categories": [_size_category(rows)],
        "tags": ["medical", "dermatology", "synthetic", "image", "text"],
        "configs": [part.config_entry(is_default=i == 0) for i, part in enumerate(listed)],
        "dataset_info": [part.info_entry() for part in listed],
    }
    metadata["configs"].append(_all_config_entry(parts))
    metadata["dataset_info"].append(_all_info_entry(parts))
    return metadata


def _licence(configs: Sequence[Config]) -> dict[str, Any]:
    """The Hub's ids; of a licence for which it has none, the name and the link."""
    licences = by_strictness(licence for config in configs for licence in config.stats.licences)
    ids = sorted({licence.hub for licence in licences})
    entry: dict[str, Any] = {"license": ids[0] if len(ids) == 1 else ids}
    if other := [licence for licence in licences if licence.hub == "other"]:
        strictest = other[-1]
        entry["license_name"] = re.sub(r"[^a-z0-9]+", "-", strictest.name.lower()).strip("-") or "other"
        entry |= {"license_link": strictest.url} if strictest.url else {}
    return entry


def _size_category(rows: int) -> str:
    bounds = ((1_000, "n<1K"), (10_000, "1K<n<10K"), (100_000, "10K<n<100K"), (1_000_000, "100K<n<1M"))
    return next((name for bound, name in bounds if rows < bound), "n>1M")


@dataclass(frozen=True, slots=True)
class _Part:
    """A config with files of its own."""

    name: str
    splits: Mapping[Split, SplitFiles]

    @property
    def content_sha256(self) -> str:
        return content_mark(self.splits)

    def config_entry(self, *, is_default: bool = False) -> dict[str, Any]:
        folder = SAMPLE if self.name == SAMPLE else f"{DATA}/{self.name}"
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
            "features": card_features(),
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
