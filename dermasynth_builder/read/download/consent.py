"""Remembers which licences the user has accepted, in a small file beside the user's other settings."""

import json
import os
from collections.abc import Mapping
from pathlib import Path

from dermasynth_builder.read.licences import Licence


def accepted_file(environment: Mapping[str, str] = os.environ) -> Path:
    """Where it is kept: in the folder that the XDG base directory specification names."""
    base = environment.get("XDG_CONFIG_HOME", "")
    config = Path(base) if Path(base).is_absolute() else Path.home() / ".config"
    return config / "dermasynth" / "licences.json"


def is_accepted(source: str, licence: Licence, path: Path) -> bool:
    """Whether this licence was accepted for this source; another licence of the same source was not."""
    return _key(source, licence) in _accepted(path)


def accept(source: str, licence: Licence, path: Path) -> None:
    """Remembers that this licence was accepted for this source."""
    accepted = sorted({*_accepted(path), _key(source, licence)})
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_suffix(f".{os.getpid()}.part")
    fresh.write_text(json.dumps(accepted, indent=2) + "\n", encoding="utf-8")
    fresh.replace(path)


def _accepted(path: Path) -> list[str]:
    """The keys in the file; none where it cannot be understood, so that one is asked again."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        return []
    return [key for key in content if isinstance(key, str)] if isinstance(content, list) else []


def _key(source: str, licence: Licence) -> str:
    return f"{source}: {licence.name}"
