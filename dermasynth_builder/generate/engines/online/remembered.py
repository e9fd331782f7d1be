"""What servers were found to take, kept in a file from one run to the next: nothing in it decides more than words."""

import json
import os
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from dermasynth_builder.core.files import private
from dermasynth_builder.generate.foreign import NotJSON, amount, mapping, parsed, text

_KEPT_S = 7 * 86_400.0  # then a server is asked anew: it may take by now what it refused


@dataclass(frozen=True, slots=True)
class Remembered:
    """The words of one model at one server."""

    path: Path
    server: str  # address and model
    now: Callable[[], float]  # seconds since 1970

    def words(self) -> dict[str, str]:
        """What was found out in the last days; nothing where the file is not there or cannot be read."""
        found = mapping(self._all().get(self.server))
        age_s = self.now() - (amount(found.get("found_at")) or 0.0)
        if not 0 <= age_s < _KEPT_S:
            return {}
        return {name: said for name, each in mapping(found.get("words")).items() if (said := text(each))}

    def keep(self, words: Mapping[str, str]) -> None:
        """Notes what a server takes; where the file cannot be written it is found out again another time."""
        known = {**self._all(), self.server: {"found_at": round(self.now(), 3), "words": dict(words)}}
        fresh = self.path.with_suffix(f".{os.getpid()}")
        try:
            private(fresh).write_text(json.dumps(known, indent=1, sort_keys=True) + "\n", encoding="utf-8")
            fresh.replace(self.path)
        except OSError:
            with suppress(OSError):
                fresh.unlink()

    def _all(self) -> dict[str, object]:
        try:
            return dict(mapping(parsed(self.path.read_bytes())))
        except (OSError, NotJSON):
            return {}
