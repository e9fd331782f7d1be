"""Releases that tests build."""

from dataclasses import dataclass
from pathlib import Path

from dermasynth_builder.core.options import Settings


@dataclass(frozen=True)
class Built:
    """A release built from specimens: call `load_dataset("dermasynth", "pad_ufes")` in `folder`."""

    folder: Path
    settings: Settings

    @property
    def release(self) -> Path:
        return self.folder / "dermasynth"
