"""The rows of a release as training and evaluation need them: the one module here that knows the names of columns."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dermasynth_builder.core.errors import ReleaseError, UsageError
from dermasynth_builder.core.records import SPLITS, Facts, Modality, Split, Turn, is_fake_version
from dermasynth_builder.release.columns import TOP_COLUMNS, facts_of, flat
from dermasynth_builder.release.folder import ConfigFiles, open_sources
from dermasynth_builder.release.parquet import read_rows
from dermasynth_builder.release.write import SPECIMEN_FLAG


@dataclass(frozen=True, slots=True)
class Row:
    """One pair of a release, without its image."""

    pair_id: str
    source: str
    image_id: str
    image_sha256: str
    group_id: str  # with the source before it, as two sources may number their patients alike: "hiba/17"
    split: Split
    fold: int | None
    question_type: str
    messages: tuple[Turn, ...]
    facts: Facts
    is_told: bool  # whether the engine was told the facts
    modality: Modality
    licence: str
    attribution: str
    model: str | None  # what wrote the answer; None where no model did
    is_fake: bool  # the answer is of the fake service
    is_specimen: bool  # the image is drawn and the facts are invented


@dataclass(frozen=True, slots=True)
class OpenRelease:
    """A release on disk, or a part of its sources."""

    folder: Path
    configs: Mapping[str, ConfigFiles]  # by source

    @property
    def content_digests(self) -> dict[str, str]:
        """Source -> what its card says of its content: "sha256:<16 hex digits>"."""
        return {name: config.content_digest for name, config in self.configs.items()}

    def rows(self, splits: Iterable[Split] = SPLITS) -> Iterator[Row]:
        """The rows of these splits, source by source, in the order of the files."""
        for row, _ in self._read(splits, without=("image",)):
            yield row

    def rows_with_images(self, wanted: Iterable[str], splits: Iterable[Split] = SPLITS) -> Iterator[tuple[Row, bytes]]:
        """The rows of these pair ids with the bytes of their images' files, in the order of the files."""
        kept = frozenset(wanted)
        for row, values in self._read(splits, without=()):
            if row.pair_id in kept:
                yield row, values["image"]["bytes"]

    def _read(self, splits: Iterable[Split], without: Sequence[str]) -> Iterator[tuple[Row, dict[str, Any]]]:
        columns = [name for name in TOP_COLUMNS if name not in without]
        for config in self.configs.values():
            for split in splits:
                for values in read_rows(config.files.get(split, ()), columns):
                    yield _row(values, split), values


def refuse_unfit(rows: Iterable[Row], *, is_template_allowed: bool) -> None:
    """Raises ReleaseError where a row's answer was invented, or no model wrote it and none is allowed."""
    for row in rows:
        if row.is_fake:
            raise ReleaseError(f"{row.pair_id}: `dermasynth fake-gemini` has invented its answer; ask a real service")
        if row.model is None and not is_template_allowed:
            raise ReleaseError(
                f"{row.pair_id}: no model wrote its answer, nothing looked at the image; a model tuned on such rows "
                "learns their rules. Build with a model engine, use --context closed, or say --allow-template"
            )


def open_release(folder: Path, sources: Iterable[str] = ()) -> OpenRelease:
    """The release in `folder`, of these sources or of all. Raises ReleaseError, or UsageError for an unknown source."""
    configs = open_sources(folder)
    chosen = list(dict.fromkeys(sources)) or list(configs)
    if lacking := [name for name in chosen if name not in configs]:
        raise UsageError(f"{folder} holds no {lacking[0]}; it holds {', '.join(configs)}")
    return OpenRelease(folder, {name: configs[name] for name in chosen})


def _row(columns: Mapping[str, Any], split: Split) -> Row:
    values = flat(columns)
    return Row(
        pair_id=values["pair_id"],
        source=values["source"],
        image_id=values["image_id"],
        image_sha256=values["image_sha256"],
        group_id=f"{values['source']}/{values['group_id']}",
        split=split,
        fold=values["fold"],
        question_type=values["question_type"],
        messages=tuple(Turn(turn["role"], turn["content"]) for turn in values["messages"]),
        facts=facts_of(columns),
        is_told=values["is_metadata_shown"],
        modality=values["modality"],
        licence=values["licence"],
        attribution=values["attribution"],
        model=values["model"],
        is_fake=is_fake_version(values["model_version"] or ""),
        is_specimen=SPECIMEN_FLAG in values["doubts"],
    )
