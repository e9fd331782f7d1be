"""Writes a release folder in one piece, and reads one back to see whether it holds together.

A release is the Hub repository: README.md with the metadata block, ATTRIBUTION.md, LICENSE, facts.json, croissant.json,
recipe.toml, withdrawn.csv, `figures/*`, `data/<source>/<split>-*.parquet`, `sample/train-*.parquet`,
`closed/test-*.parquet`, and nothing else. Its configs are `sample`, the sources, `closed`, whose rows are no pairs, and
`all`, which names the files of the sources. One that an older version made
can be replaced, and not be read.
"""

import json
import re
import shutil
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from dermasynth_builder import __version__
from dermasynth_builder.core.errors import ReleaseError
from dermasynth_builder.core.files import lock_beside
from dermasynth_builder.core.options import RECIPE, WITHDRAWN
from dermasynth_builder.core.records import SPLITS, Split
from dermasynth_builder.core.registry import ALL, CLOSED, SAMPLE
from dermasynth_builder.core.reporter import Advance, Reporter
from dermasynth_builder.release.card import LICENCE, content_digest_of_all, content_mark
from dermasynth_builder.release.closed_config import closed_features, read_closed_files
from dermasynth_builder.release.columns import card_features
from dermasynth_builder.release.croissant import CROISSANT
from dermasynth_builder.release.examples import FIGURES
from dermasynth_builder.release.facts import FACTS
from dermasynth_builder.release.parquet import SplitFiles, check_images, read_split, read_values, rows_in

_FIGURE = re.compile(rf"{FIGURES}/(row-\d+\.(jpg|png)|[a-z]+\.png)")
CARD = "README.md"
ATTRIBUTION = "ATTRIBUTION.md"


@contextmanager
def new_release(out: Path) -> Iterator[Path]:
    """A new folder beside `out` that takes its place when the block ends well, and vanishes when it does not.

    Whoever loads `out` meets the old release or the new one. Raises ReleaseError where `out` is something
    else than a release, and where another process is making one there.
    """
    out = out.resolve()
    _require_replaceable(out)
    out.parent.mkdir(parents=True, exist_ok=True)
    making, old = (out.with_name(f".{out.name}.{name}") for name in ("new", "old"))
    taken = ReleaseError(f"another build writes {out}; wait for it or stop it, or choose another --out")
    with ExitStack() as leaving:
        leaving.callback(lock_beside(out.with_name(f".{out.name}"), taken).release)
        if old.exists() and not out.exists():  # killed between the two renames
            old.rename(out)
        for left in (making, old):
            shutil.rmtree(left, ignore_errors=True)
        making.mkdir()
        leaving.callback(shutil.rmtree, making, ignore_errors=True)
        yield making
        _swap(making, out, old)
        shutil.rmtree(old, ignore_errors=True)


def _swap(making: Path, out: Path, old: Path) -> None:
    if out.exists():
        out.rename(old)
    try:
        making.rename(out)
    except OSError:
        if old.exists():
            old.rename(out)
        raise


@dataclass(frozen=True, slots=True)
class ConfigFiles:
    """What the card of a release says of one config, and the files that it names."""

    name: str
    content_digest: str  # "sha256:<16 hex digits>"
    features: Any
    files: Mapping[Split, tuple[Path, ...]]
    rows: Mapping[Split, int]
    download_size: int

    @property
    def paths(self) -> list[Path]:
        """The files of all splits, in the splits' order."""
        return [path for files in self.files.values() for path in files]


def is_release(folder: Path) -> bool:
    """Whether the folder has a card: a README that opens with a metadata block, as no raw release's does."""
    try:
        with (folder / CARD).open("rb") as card:
            return card.read(3) == b"---"
    except OSError:
        return False


def read_card(folder: Path) -> dict[str, ConfigFiles]:
    """The configs of pairs by name, the default one first. Raises ReleaseError where `folder` is no release."""
    return {name: config for name, config in _listed(folder).items() if name != CLOSED}


def read_closed(folder: Path) -> dict[str, ConfigFiles]:
    """The config of closed questions by its name; empty where a release has none. Raises ReleaseError."""
    return {name: config for name, config in _listed(folder).items() if name == CLOSED}


def _listed(folder: Path) -> dict[str, ConfigFiles]:
    card = folder / CARD
    try:
        _, block, _ = card.read_text(encoding="utf-8").split("---\n", 2)
        metadata = yaml.safe_load(block)
        infos = {info["config_name"]: info for info in metadata["dataset_info"]}
        entries = {entry["config_name"]: entry for entry in metadata["configs"]}
        if not entries:
            raise ValueError("it lists no config")
        return {name: _config(folder, entry, infos[name]) for name, entry in entries.items()}
    except (FileNotFoundError, NotADirectoryError) as error:
        raise ReleaseError(f"{folder} is not a release: it has no {CARD}; `dermasynth build` writes one") from error
    except (ValueError, KeyError, TypeError, NotImplementedError, yaml.YAMLError) as error:
        raise ReleaseError(f"{card} has no metadata block of a release ({error}); build the release anew") from error


def loading_call(folder: Path, config: str) -> str:
    """The Python call that loads a config of this release wherever it is run.

    By its whole path: of a name, or a path of two parts, `datasets` gives what an older build has left in its cache
    where it finds no such folder.
    """
    return f"load_dataset({json.dumps(str(folder.resolve()), ensure_ascii=False)}, {json.dumps(config)})"


def why_not_loaded(folder: Path) -> str:
    """Why `datasets` finds no file under the folder's path: it takes brackets for a pattern. "" where it finds them."""
    if magic := sorted(set(str(folder.resolve())) & set("*?[]")):
        return (
            f"{folder.resolve()}: `load_dataset` takes a path with {' '.join(magic)} for a pattern, and finds no file "
            "or those of another folder; move the release, or choose another --out"
        )
    return ""


def verify(folder: Path, report: Reporter, unread: Container[str] = ()) -> dict[str, ConfigFiles]:
    """The configs of a release whose card, files and images agree. Raises ReleaseError naming the first disagreement.

    Reads all of it but the files of the configs `unread`; see `check_images` for how long that takes.
    """
    configs = read_card(folder)
    named = _named(folder, configs)
    for path in _visible_files(folder):
        if path.suffix == ".py":
            raise ReleaseError(f"{path}: a release holds no code; `datasets` refuses a repository with a script")
        if path not in named:
            raise ReleaseError(f"{path} is not named by the card; build the release anew")
    for name in (ATTRIBUTION, LICENCE):
        if not (folder / name).is_file():
            raise ReleaseError(f"{folder} has no {name}, without which its images must not go out; build it anew")
    to_read = {name: config for name, config in configs.items() if name != ALL and name not in unread}
    to_read |= read_closed(folder)
    for name, config in to_read.items():
        with report.bar(f"checking the text of {name}", sum(config.rows.values())) as bar:
            _verify_config(folder, config, bar)
    if ALL in configs:
        _verify_all(folder, configs[ALL], sources_of(configs))
    for name, config in to_read.items():
        with report.bar(f"checking the images of {name}", sum(config.rows.values())) as bar:
            check_images(config.paths, bar)
    return configs


def sources_of(configs: Mapping[str, ConfigFiles]) -> list[ConfigFiles]:
    """The configs that are a source's, each row of a release being in one of them."""
    return [config for name, config in configs.items() if name not in (ALL, SAMPLE)]


def require_current(folder: Path, configs: Iterable[ConfigFiles]) -> None:
    """Raises ReleaseError where another version has written these configs, whose rows have other columns."""
    for config in configs:
        if config.features != (list(closed_features()._to_yaml_list()) if config.name == CLOSED else card_features()):
            raise ReleaseError(
                f"{folder / CARD}, config {config.name}: its features are not those of this version, {__version__}; "
                "build the release anew (no reply is asked for again), or use the version that made it"
            )


def require_whole(folder: Path, configs: Iterable[ConfigFiles]) -> None:
    """Raises ReleaseError where files that the card counts are not there, or end too early; reads footers alone."""
    for config in configs:
        for split in config.rows:
            found = sum(rows_in(path) for path in config.files.get(split, ()))
            if found != config.rows[split]:
                raise ReleaseError(
                    f"{folder / CARD}, config {config.name}: says {config.rows[split]} rows of {split}, its files hold "
                    f"{found}; fetch the release again, or build the release anew"
                )


def open_sources(folder: Path) -> dict[str, ConfigFiles]:
    """The configs that are a source's, by name, whose rows have this version's columns; each row is in one of them.

    Raises ReleaseError where `folder` is no release, or one of another version.
    """
    configs = sources_of(read_card(folder))
    require_current(folder, configs)
    require_whole(folder, configs)
    return {config.name: config for config in configs}


def files_of(folder: Path, configs: Mapping[str, ConfigFiles]) -> dict[str, Path]:
    """The files of a release that are there, by their path in the repository."""
    return {path.relative_to(folder).as_posix(): path for path in sorted(_named(folder, configs)) if path.is_file()}


def _named(folder: Path, configs: Mapping[str, ConfigFiles]) -> set[Path]:
    """The files of a release: its card, what the card names, attribution, recipe, what was withdrawn."""
    texts = (CARD, ATTRIBUTION, LICENCE, FACTS, CROISSANT, RECIPE, WITHDRAWN)
    figures = [path for path in (folder / FIGURES).glob("*") if is_figure(path.relative_to(folder).as_posix())]
    return {
        *(folder / name for name in texts),
        *figures,
        *(path for config in [*configs.values(), *read_closed(folder).values()] for path in config.paths),
    }


def is_figure(name: str) -> bool:
    """Whether a file of a repository is a picture of a card, by its path."""
    return bool(_FIGURE.fullmatch(name))


def values_in(config: ConfigFiles, column: str) -> set[Any]:
    """The values of this name in all rows of a config; None where a row has none."""
    return {values[column] for values in read_values(config.paths, [column])}


def _config(folder: Path, entry: Mapping[str, Any], info: Mapping[str, Any]) -> ConfigFiles:
    files = {item["split"]: _matching(folder, item["path"]) for item in entry["data_files"]}
    return ConfigFiles(
        name=entry["config_name"],
        content_digest=entry["description"],
        features=info["features"],
        files={split: files[split] for split in SPLITS if split in files},
        rows={split["name"]: split["num_examples"] for split in info["splits"]},
        download_size=info["download_size"],
    )


def _matching(folder: Path, patterns: str | list[str]) -> tuple[Path, ...]:
    """The files that a card's pattern, or each pattern of its list, names; in the order in which `datasets` reads."""
    listed = [patterns] if isinstance(patterns, str) else patterns
    return tuple(path for pattern in listed for path in sorted(folder.glob(pattern)))


def _verify_all(folder: Path, whole: ConfigFiles, parts: Sequence[ConfigFiles]) -> None:
    """Whether the config over all says what the others together say; their files are verified already."""
    files = {split: tuple(path for part in parts for path in part.files.get(split, ())) for split in SPLITS}
    rows = {split: sum(part.rows.get(split, 0) for part in parts) for split in SPLITS}
    together = ConfigFiles(
        name=ALL,
        content_digest=f"sha256:{content_digest_of_all(part.content_digest.removeprefix('sha256:') for part in parts)}",
        features=card_features(),
        files={split: paths for split, paths in files.items() if paths},
        rows={split: count for split, count in rows.items() if count},
        download_size=sum(part.download_size for part in parts),
    )
    if whole != together:
        raise ReleaseError(f"{folder / CARD}, config {ALL}: is not the other configs together; build the release anew")


def _verify_config(folder: Path, config: ConfigFiles, advance: Advance) -> None:
    where, is_closed = f"{folder / CARD}, config {config.name}", config.name == CLOSED
    require_current(folder, [config])
    read = read_closed_files if is_closed else read_split
    if set(config.rows) != set(config.files):
        counted, named = (", ".join(sorted(splits)) or "no split" for splits in (config.rows, config.files))
        raise ReleaseError(f"{where}: counts rows of {counted} and names files of {named}; build the release anew")
    found: dict[Split, SplitFiles] = {}
    for split, files in config.files.items():
        if not files:
            raise ReleaseError(f"{where}: no file for split {split}")
        found[split] = read(files, advance)
        if found[split].rows != config.rows.get(split):
            raise ReleaseError(
                f"{where}: says {config.rows.get(split)} rows of {split}, its files hold {found[split].rows}"
            )
    if sum(files.file_bytes for files in found.values()) != config.download_size:
        raise ReleaseError(f"{where}: its files have another size than the card says; build the release anew")
    if config.content_digest != f"sha256:{content_mark(found)}":
        raise ReleaseError(f"{where}: says {config.content_digest}, its files hold sha256:{content_mark(found)}")


def _require_replaceable(out: Path) -> None:
    """Only what is a release, and nothing else, may be replaced."""
    if not out.exists() or (out.is_dir() and not any(out.iterdir())):
        return
    try:
        named = _named(out, read_card(out))
        strangers = [path for path in _visible_files(out) if path not in named] + list(out.glob(".git"))
    except (ReleaseError, NotADirectoryError):
        strangers = [out]
    if strangers:
        raise ReleaseError(
            f"{strangers[0]} is not part of a release and would be lost; move it away or choose another --out"
        )


def _visible_files(folder: Path) -> list[Path]:
    """Every file below `folder` but hidden ones, which download tools leave behind."""
    files = (path for path in folder.rglob("*") if path.is_file())
    return sorted(path for path in files if not any(part.startswith(".") for part in path.relative_to(folder).parts))
