"""DermaSynth as a `datasets` builder: one config per source and one over all, from a release or from raw images.

    import dermasynth
    builder = dermasynth.DermaSynth(config_name="pad_ufes", data_dir="dermasynth")
    builder.download_and_prepare()
    pairs = builder.as_dataset()            # or, without preparing: builder.as_streaming_dataset()

`data_dir` is a release folder (default: ./dermasynth), or the raw release of the source; then the rows are made
from its images and the replies that `dermasynth generate` left in `work_dir`; what that was told of engine and plan
has to be told here too, see `DermaSynthConfig`. With datasets 3.x the file is also a loading script:
load_dataset("./dermasynth.py", "pad_ufes", data_dir=..., trust_remote_code=True). It never belongs into a release:
`load_dataset` reads that without any code.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import datasets

import dermasynth_builder
from dermasynth_builder.core.options import (
    DEFAULT_OPTIONS,
    DEFAULT_SEED,
    WITHDRAWN,
    EngineOptions,
    PlanOptions,
    Settings,
)
from dermasynth_builder.core.registry import ALL, SAMPLE, SOURCES

_WHERE = (
    "Build a release with `dermasynth build SOURCE --raw DIR`, or download one with `hf download USER/dermasynth "
    "--repo-type dataset --local-dir dermasynth`, and give its folder as data_dir."
)


_VERSION = datasets.Version(dermasynth_builder.__version__)


@dataclass
class DermaSynthConfig(datasets.BuilderConfig):  # type: ignore[misc]  # datasets has no types
    """One source. `data_dir` is a release folder or the source's raw release."""

    work_dir: str = "build"  # with a raw release: where the ledger is
    engine: str = "template"  # with a raw release: whose replies to take
    engine_options: EngineOptions = DEFAULT_OPTIONS  # with a raw release: how they were asked for
    seed: int = DEFAULT_SEED  # with a raw release: seed of the draws
    plan_options: PlanOptions = field(default_factory=PlanOptions)  # with a raw release: what was asked
    is_partial_allowed: bool = False  # with a raw release: take the rows that have a reply where others have none
    is_specimen_allowed: bool = False  # with a release: give drawn specimens under the source's name
    withdrawn: str = WITHDRAWN  # list of rows to leave out, beside the one that a release carries


class DermaSynth(datasets.GeneratorBasedBuilder):  # type: ignore[misc]  # datasets has no types
    """Image-text pairs about images of the skin; see the module's docstring."""

    VERSION = _VERSION
    BUILDER_CONFIG_CLASS = DermaSynthConfig
    BUILDER_CONFIGS = [DermaSynthConfig(name=name, version=_VERSION) for name in (*SOURCES, SAMPLE, ALL)]  # noqa: RUF012 - as datasets asks
    DEFAULT_CONFIG_NAME = next(iter(SOURCES))

    def __init__(
        self,
        cache_dir: str | None = None,
        dataset_name: str | None = None,
        config_name: str | None = None,
        hash: str | None = None,
        **options: Any,
    ) -> None:
        """As the base class; the cache goes by the content, so that a rebuilt folder gives its new rows."""
        content = _content_hash(config_name or self.DEFAULT_CONFIG_NAME, options)
        # One version of `datasets` cannot read what another one has cached.
        hash = f"{hash or ''}{content}-{datasets.__version__}"
        super().__init__(cache_dir, dataset_name, config_name, hash=hash, **options)

    def _info(self) -> datasets.DatasetInfo:
        from dermasynth_builder.core import registry
        from dermasynth_builder.release.columns import features

        columns = features().copy()
        if self.config.name in (ALL, SAMPLE):
            return datasets.DatasetInfo(description="Image-text pairs over all sources of a release", features=columns)
        source = registry.source(self.config.name)
        return datasets.DatasetInfo(
            description=f"Image-text pairs over {source.title}",
            features=columns,
            homepage=source.homepage,
            license=source.licence,
            citation=source.citation,
        )

    def _split_generators(self, dl_manager: Any) -> list[datasets.SplitGenerator]:
        from dermasynth_builder.release.folder import is_release

        folder = Path(self.config.data_dir or "dermasynth")
        if not folder.is_dir():
            raise FileNotFoundError(f"DermaSynth found no folder {folder.resolve()}. {_WHERE}")
        if is_release(folder):
            return self._of_release(folder)
        if (name := self.config.name) in (ALL, SAMPLE):
            raise ValueError(f"{folder} is no release, and the config {name!r} is read from a release only. {_WHERE}")
        return self._of_raw(folder)

    def _of_release(self, folder: Path) -> list[datasets.SplitGenerator]:
        from dermasynth_builder.release.folder import read_card, require_current
        from dermasynth_builder.release.write import are_specimens, has_controls

        configs = read_card(folder)
        if self.config.name not in configs:
            raise ValueError(f"{folder} holds {', '.join(configs)} and not {self.config.name}. {_WHERE}")
        require_current(folder, [configs[self.config.name]])
        if not self.config.is_specimen_allowed and any(are_specimens(configs[self.config.name])):
            raise ValueError(
                f"{folder.resolve()} holds drawn specimens with invented facts, and no images of {self.config.name}. "
                "Give the folder of your own release as data_dir, or, to try the tools on specimens, "
                "is_specimen_allowed=True."
            )
        if has_controls(configs[self.config.name]):
            raise ValueError(
                f"{folder.resolve()} holds answers of a run with --control, which are about other pictures than the "
                "images beside them; build the release anew without it."
            )
        return [
            datasets.SplitGenerator(name=split, gen_kwargs={"files": [str(path) for path in files]})
            for split, files in configs[self.config.name].files.items()
        ]

    def _of_raw(self, folder: Path) -> list[datasets.SplitGenerator]:
        from dermasynth_builder.core.errors import ReleaseError, UsageError
        from dermasynth_builder.core.records import SPLITS

        try:
            splits = {pair.split for pair in self._pairs(folder)}
        except (ReleaseError, UsageError) as error:
            raise ValueError(str(error)) from error
        if not splits:
            raise ValueError(
                f"no replies for {folder} in {self.config.work_dir}; run `dermasynth generate {self.config.name} "
                f"--raw {folder} --work {self.config.work_dir}` first. {_WHERE}"
            )
        return [
            datasets.SplitGenerator(name=split, gen_kwargs={"raw": str(folder), "split": split})
            for split in SPLITS
            if split in splits
        ]

    def _generate_examples(
        self, files: list[str] | None = None, raw: str | None = None, split: str | None = None
    ) -> Iterator[tuple[str, dict[str, Any]]]:
        from dermasynth_builder.core.images.renditions import publish_image
        from dermasynth_builder.release.columns import row
        from dermasynth_builder.release.parquet import read_rows
        from dermasynth_builder.release.withdrawn import why_withdrawn

        withdrawn = self._withdrawn()
        for values in read_rows([Path(path) for path in files or []]):
            if not why_withdrawn(values["pair_id"], withdrawn):
                yield values["pair_id"], values
        for pair in self._pairs(Path(raw)) if raw else ():
            if pair.split == split:
                image = publish_image(pair.image)
                yield pair.pair_id, row(pair, image) | {"image": image.cell}

    def _withdrawn(self) -> dict[str, str]:
        return _withdrawn(Path(self.config.data_dir or "dermasynth"), Path(self.config.withdrawn))

    def _pairs(self, raw: Path) -> Iterator[Any]:
        from dermasynth_builder import pipeline
        from dermasynth_builder.core.reporter import SilentReporter

        settings = Settings(
            raw={self.config.name: raw},
            work=Path(self.config.work_dir),
            engine=self.config.engine,
            engine_options=self.config.engine_options,
            seed=self.config.seed,
            plan_options=self.config.plan_options,
            withdrawn=Path(self.config.withdrawn),
            is_partial_allowed=self.config.is_partial_allowed,
        )
        return pipeline.pairs(settings, SilentReporter())


def _withdrawn(folder: Path, own: Path) -> dict[str, str]:
    """What was withdrawn by the list in a release and by the user's own."""
    from dermasynth_builder.release.withdrawn import read_withdrawn

    return read_withdrawn(folder / WITHDRAWN) | read_withdrawn(own)


def _content_hash(config_name: str, options: dict[str, Any]) -> str:
    """Changes with the rows: from the card of a release, else from the files' sizes and times."""
    from dermasynth_builder.core.records import digest
    from dermasynth_builder.release.folder import is_release, read_card

    folder = Path(options.get("data_dir") or "dermasynth")
    withdrawn = _withdrawn(folder, Path(options.get("withdrawn") or WITHDRAWN))
    if is_release(folder):
        config = read_card(folder).get(config_name)
        return digest([config.content_digest if config else None, withdrawn])[:16]
    if not folder.is_dir():
        return digest(None)[:16]
    from dermasynth_builder.read.tables import walk_files

    ledgers = Path(options.get("work_dir") or "build") / "ledgers"
    paths = walk_files(folder) + (walk_files(ledgers) if ledgers.is_dir() else [])
    stats = {str(path.resolve()): path.stat() for path in paths}
    return digest([{name: [stat.st_size, stat.st_mtime_ns] for name, stat in stats.items()}, withdrawn])[:16]
