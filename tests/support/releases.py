"""Releases that tests build."""

from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dermasynth_builder.core.options import Settings
from dermasynth_builder.core.records import Split
from dermasynth_builder.read.sources.pad_ufes import PadUfes
from dermasynth_builder.release.card import Config
from dermasynth_builder.release.parquet import SplitFiles, read_values


@dataclass(frozen=True)
class Built:
    """A release built from specimens: call `load_dataset("dermasynth", "pad_ufes")` in `folder`."""

    folder: Path
    settings: Settings

    @property
    def release(self) -> Path:
        return self.folder / "dermasynth"


def config_of(name: str, content_digest: str = "ab") -> Config:
    """One split of three rows, of a source that goes by another name."""
    source = PadUfes()
    source.name = name
    files: dict[Split, SplitFiles] = {
        "train": SplitFiles((Path("train-00000-of-00001.parquet"),), 3, 1000, 5000, content_digest)
    }
    return Config(source, files, rejected=0, changes=Counter(), is_specimen=False)


def rows_of_file(path: Path) -> list[dict[str, Any]]:
    """The text columns of a Parquet file's rows."""
    return list(read_values([path]))
