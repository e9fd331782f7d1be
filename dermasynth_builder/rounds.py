"""Effect: the rounds of self-instruct, kept beside the ledger.

What a round shows of questions that were accepted before is frozen into a file when the round begins, and is read from
there ever after: so its requests are known, and the same on every run.
"""

import json
import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from dermasynth_builder.errors import LedgerError
from dermasynth_builder.records import digest
from dermasynth_builder.settings import PlanOptions


@dataclass(frozen=True, slots=True)
class Rounds:
    """What the rounds of one source show, for one engine's ledger, seed and plan."""

    folder: Path
    source: str
    seed: int
    options: PlanOptions

    def shown(self, number: int) -> Sequence[str] | None:
        """The accepted questions that round `number`, from 0, draws its examples from; None before it has begun."""
        if number == 0:
            return ()
        try:
            questions = json.loads(self._path(number).read_text(encoding="utf-8"))
        except FileNotFoundError:
            return None
        except ValueError as error:
            raise LedgerError(f"{self._path(number)} cannot be read: {error}; delete it, and run again") from error
        return [str(question) for question in questions]

    def freeze(self, number: int, questions: Sequence[str]) -> None:
        """Begins round `number`; what it shows never changes again."""
        path = self._path(number)
        path.parent.mkdir(parents=True, exist_ok=True)
        fresh = path.with_suffix(f".{os.getpid()}")
        fresh.write_text(json.dumps(questions, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
        fresh.replace(path)

    def _path(self, number: int) -> Path:
        plan = digest({"seed": self.seed, **asdict(self.options)})[:12]
        return self.folder / f"{self.source}-{plan}-{number}.json"


def rounds_folder(ledger: Path) -> Path:
    """Where the rounds of that ledger are kept."""
    return ledger.with_suffix(".rounds")
