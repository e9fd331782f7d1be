"""Takes over the files of a config of the old release where written anew they would be the same.

What a config was made from is kept as a digest in `<work>/released/`, with the size and the times of its files when
they were put in place. Where anything else is found, or nothing, the config is written anew.
"""

import json
import os
import shutil
import sys
from collections import Counter
from dataclasses import asdict, fields
from hashlib import sha256
from itertools import chain
from operator import attrgetter
from pathlib import Path
from typing import Any

import PIL
import pyarrow as pa

from dermasynth_builder.core import registry
from dermasynth_builder.core.files import code_digest, private
from dermasynth_builder.core.options import Settings
from dermasynth_builder.core.records import SPLITS, ClinicalImage, ImageFile, canonical_json, digest
from dermasynth_builder.generate.ledger import Ledger
from dermasynth_builder.generate.retries import retries_of
from dermasynth_builder.generate.rounds import Planned
from dermasynth_builder.release.card import DATA, Config
from dermasynth_builder.release.parquet import SplitFiles
from dermasynth_builder.release.reviews import read_reviews
from dermasynth_builder.release.withdrawn import read_withdrawn

_NOT_IN_A_ROW = ("row_location", "path", "file")
_image_of = attrgetter(*(field.name for field in fields(ClinicalImage) if field.name not in _NOT_IN_A_ROW))
_file_of = attrgetter(*(name for name in ImageFile._fields if name != "mtime_ns"))


def proof_of(planned: Planned, ledger: Ledger, settings: Settings) -> str:
    """64 hex digits for all that the files of a config are made from: requests, replies, images, settings, code."""
    state = sha256(canonical_json(_settings_of(settings)).encode())
    state.update(planned.shape.encode())
    for image in planned.read.images:
        state.update(repr((_image_of(image), image.file and _file_of(image.file))).encode())
    for line in ledger.lines(chain(planned.all_keys(), retries_of(ledger).keys())):
        state.update(line or b"none\n")
    return state.hexdigest()


def _settings_of(settings: Settings) -> list[Any]:
    checks = [(name, _source_digest(registry.check(name))) for name in registry.CHECKS]
    withdrawn = read_withdrawn(settings.withdrawn)
    told = [
        read_reviews(settings.work),
        withdrawn,
        settings.engine,
        settings.seed,
        settings.split_shares,
        settings.folds,
        settings.max_side_px,
        settings.is_specimen,
    ]
    return [*told, checks, code_digest(), pa.__version__, PIL.__version__]


def _source_digest(check: object) -> str:
    """Of the file that a check stands in, which may be another package's."""
    module = sys.modules[getattr(check, "__module__", type(check).__module__)]
    return sha256(Path(module.__file__ or "").read_bytes()).hexdigest() if module.__file__ else ""


def keep(name: str, proof: str, folder: Path, *, settings: Settings) -> Config | None:
    """The config with the old release's files, as links, in `folder`; None where it has to be written anew."""
    try:
        record = json.loads(_record_path(name, settings).read_text(encoding="utf-8"))
        if record["proof"] != proof or record["files"] != _stamps(name, record["splits"], settings):
            return None
        config = _config_of(name, record, folder, settings=settings)
        (folder / DATA / name).mkdir(parents=True)
        for files in config.splits.values():
            for path in files.files:
                _link(settings.out / DATA / name / path.name, path)
    except (OSError, ValueError, KeyError, TypeError):
        shutil.rmtree(folder / DATA / name, ignore_errors=True)
        return None
    return config


def remember(config: Config, settings: Settings) -> None:
    """Notes what the files of a config, which are in place now, were made from."""
    name = config.source.name
    splits: dict[str, Any] = {
        split: {**asdict(files), "files": [path.name for path in files.files]} for split, files in config.splits.items()
    }
    record = {
        "proof": config.proof,
        "files": _stamps(name, splits, settings),
        "splits": splits,
        "rejected": config.rejected,
        "changes": config.changes,
    }
    path = _record_path(name, settings)
    fresh = private(path.with_suffix(f".{os.getpid()}"))
    fresh.write_text(canonical_json(record), encoding="utf-8")
    fresh.replace(path)


def rejects_path(name: str, settings: Settings) -> Path:
    """Where the rejects of a source are kept."""
    return settings.work / "rejects" / f"{name}.jsonl"


def _record_path(name: str, settings: Settings) -> Path:
    return settings.work / "released" / f"{name}-{digest(str(settings.out.resolve()))[:12]}.json"


def _stamps(name: str, splits: dict[str, Any], settings: Settings) -> dict[str, list[int]]:
    """Size and times of each file, by which any later writer shows. Raises OSError where one is not there."""
    paths = [settings.out / DATA / name / file for files in splits.values() for file in files["files"]]
    stats = {path.name: path.stat() for path in paths}
    rejects = rejects_path(name, settings).stat()
    stamps = {name: [stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns] for name, stat in stats.items()}
    return stamps | {"rejects": [rejects.st_size, rejects.st_mtime_ns]}


def _link(old: Path, new: Path) -> None:
    """The same file under a second name; a copy where the disk or its owner allows no links."""
    try:
        new.hardlink_to(old)
    except OSError:
        shutil.copy2(old, new)


def _config_of(name: str, record: dict[str, Any], folder: Path, *, settings: Settings) -> Config:
    told = record["splits"]
    splits = {
        split: SplitFiles(
            **{**told[split], "files": tuple(folder / DATA / name / file for file in told[split]["files"])}
        )
        for split in SPLITS
        if split in told
    }
    changes = Counter(record["changes"])
    source = registry.source(name, settings)
    return Config(source, splits, record["rejected"], changes, settings.is_specimen, record["proof"], is_kept=True)
