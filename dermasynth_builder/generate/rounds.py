"""The rounds of self-instruct, kept beside the ledger.

What a round shows of questions that were accepted before is frozen into a file when the round begins, and is read from
there ever after: so its requests are known, and the same on every run.
"""

import json
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from dermasynth_builder.core.errors import LedgerError
from dermasynth_builder.core.options import PlanOptions
from dermasynth_builder.core.records import Request, digest
from dermasynth_builder.generate.ledger import Ledger
from dermasynth_builder.plan.planner import Planner
from dermasynth_builder.plan.reply_form import question_of
from dermasynth_builder.plan.similarity import Known, accepted
from dermasynth_builder.read.source import ReadSource


@dataclass(frozen=True, slots=True)
class Rounds:
    """What the rounds of one source show, for one engine's ledger, seed and plan."""

    folder: Path
    source: str
    seed: int
    options: PlanOptions

    def accepted_by(self, number: int) -> Sequence[str] | None:
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
        plan = digest({"seed": self.seed, **self.options.values()})[:12]
        return self.folder / f"{self.source}-{plan}-{number}.json"


def rounds_folder(ledger: Path) -> Path:
    """Where the rounds of that ledger are kept."""
    return ledger.with_suffix(".rounds")


@dataclass(frozen=True, slots=True)
class Planned:
    """One source with the questions that its images get."""

    read: ReadSource
    planner: Planner
    rounds: Rounds

    def requests(self) -> Iterator[Request]:
        """All requests, those of rounds that have not begun as if nothing had been accepted before them.

        Image by image; made anew at each call, so that none is held in memory.
        """
        accepted_by = cache(self.rounds.accepted_by)
        return self.planner.requests(self.read.images, lambda number: accepted_by(number) or ())

    def requests_of_round(self, number: int) -> Iterator[Request]:
        """The self-instruct requests of a round that has begun; with round 0 also all that belong to no round."""
        return self.planner.requests_of_round(self.read.images, number, cache(self.rounds.accepted_by))

    def begin_round(self, number: int, ledger: Ledger) -> bool:
        """Freezes what a round shows, unless it has begun; False where a request of an earlier round was not asked."""
        if self.rounds.accepted_by(number) is not None:
            return True
        earlier = [r for n in range(number) for r in self.requests_of_round(n) if r.style == "self_instruct"]
        if any(request.key not in ledger for request in earlier):
            return False
        written = (question_of(request, reply) for request, reply in ledger.answered(earlier))
        known = Known().add(self.planner.book.wordings())
        self.rounds.freeze(number, accepted((question for question in written if question), known))
        return True
