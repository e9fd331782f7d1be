"""One source's requests, round of self-instruct by round; what a round shows is kept beside the ledger.

What a round shows of questions that were accepted before is frozen into a file when the round begins, and is read from
there ever after: so its requests are known, and the same on every run.
"""

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from heapq import merge
from itertools import chain
from pathlib import Path
from typing import Any, TypeVar

from pydantic import ConfigDict, TypeAdapter, ValidationError

from dermasynth_builder.core.errors import LedgerError
from dermasynth_builder.core.files import private
from dermasynth_builder.core.records import PlannedRequest, Request, digest
from dermasynth_builder.core.reporter import Reporter, SilentReporter
from dermasynth_builder.generate.ledger import Ledger
from dermasynth_builder.plan.looks import UNUSABLE, look_text
from dermasynth_builder.plan.plan_file import PlanFile, PlanPart, images_digest, plan_file, settings_digest
from dermasynth_builder.plan.planner import LOOK, Planner
from dermasynth_builder.plan.reply_form import look_of, question_of
from dermasynth_builder.plan.similarity import Known, accepted
from dermasynth_builder.read.source import ReadSource

_Shown = tuple[Sequence[str], Mapping[str, str] | None]  # accepted questions, what was seen


_Form = TypeVar("_Form")


@dataclass(slots=True)
class Planned:
    """One source with the requests that its images get; they are planned at the first look, each round by itself."""

    read: ReadSource
    planner: Planner
    rounds: Path  # folder of the frozen rounds, one ledger's
    plans: Path  # folder of the plan files
    report: Reporter = field(default_factory=SilentReporter)
    _files: dict[int, tuple[_Shown, PlanFile]] = field(default_factory=dict, init=False, repr=False)
    _images: str = field(default="", init=False, repr=False)

    def requests(self) -> Iterator[PlannedRequest]:
        """All requests, image by image; those of rounds that have not begun as if nothing was accepted before them."""
        return merge(*(file.requests() for file in self._all()), key=_order)

    def all_keys(self) -> Iterator[str]:
        """The keys of all requests, round by round."""
        return chain.from_iterable(file.keys() for file in self._all())

    def begun_keys(self) -> Iterator[str]:
        """The keys of what can be asked by now, round by round."""
        begun = (n for n in range(self.planner.rounds) if self.accepted_by(n) is not None)
        return chain.from_iterable(self._file(number).keys() for number in begun)

    @property
    def waiting(self) -> int:
        """How many requests belong to rounds that have not begun."""
        return sum(count for number, count in self._file(0).later.items() if self.accepted_by(number) is None)

    @property
    def unanswerable(self) -> Mapping[str, int]:
        """The question types that the engine cannot answer and is not asked, with the images that they would fit."""
        return self._file(0).unanswerable

    @property
    def shape(self) -> str:
        """64 hex digits for all that shapes the requests, each round's accepted questions included."""
        return digest([file.shape for file in self._all()])

    def in_full(self, planned: PlannedRequest) -> Request:
        """The request as it is sent to an engine."""
        return self._files[planned.round][1].in_full(planned)

    def all_in_full(self) -> Iterator[Request]:
        """All requests as they would be sent, as `requests` gives them."""
        total = len(self.read.images)
        with self.report.bar(f"looking at prompts of {self.read.name}", total) as advance:
            before = -1
            for planned in self.requests():
                advance(planned.image_number - before)
                before = planned.image_number
                yield self.in_full(planned)

    def requests_of_round(self, number: int) -> Iterator[PlannedRequest]:
        """The self-instruct requests of a round that has begun; with round 0 also all that belong to no round."""
        return self._file(number).requests()

    def requests_to_ask(self, number: int, ledger: Ledger) -> Iterator[PlannedRequest]:
        """As `requests_of_round`, once the round has begun; none, and a warning, where it has to wait."""
        if self.begin_round(number, ledger):
            yield from self.requests_of_round(number)
        else:
            of_style = number - self.planner.first_round + 1
            self.report.warn(
                f"{self.read.name}: round {of_style} of self-instruct waits for replies of the round before; "
                "run again once all are there; after --shard, merge the ledgers of all parts first"
            )

    def begin_round(self, number: int, ledger: Ledger) -> bool:
        """Freezes what a round shows, unless it has begun; False where a request of an earlier round was not asked."""
        if self.planner.first_round and number == self.planner.first_round:
            self._freeze_looks(ledger)
        if self.accepted_by(number) is not None:
            return True
        earlier = [r for n in range(number) for r in self.requests_of_round(n) if r.style in ("self_instruct", LOOK)]
        if not all(ledger.is_settled(request.key) for request in earlier):
            return False
        briefed = (request for request in earlier if request.style == "self_instruct")
        written = (question_of(request, reply) for request, reply in ledger.answered(briefed))
        known = Known().add(self.planner.book.wordings(self.read.name))
        self._freeze(number, accepted((question for question in written if question), known))
        return True

    def accepted_by(self, number: int) -> Sequence[str] | None:
        """The accepted questions that round `number`, from 0, draws its examples from; None before it has begun."""
        if number < self.planner.first_round:
            return ()
        if number == self.planner.first_round:
            return () if number == 0 or self._looks() is not None else None
        return _read(self._frozen(number), list[str])

    def _freeze_looks(self, ledger: Ledger) -> None:
        """Keeps what was seen so far; of an image whose look has failed or says that it is unfit, nothing is asked.

        What an image is asked rests on its own look alone, so others may come later and change nothing.
        """
        seen = {
            request.key: look_text(look)
            for request, reply in ledger.answered(self.requests_of_round(0))
            if reply and (look := look_of(request, reply)) and look.quality != UNUSABLE
        }
        _write(self._frozen(LOOK), seen)

    def _looks(self) -> Mapping[str, str] | None:
        """What was seen, as `look_text` writes it, by the key of the request; None before anybody has looked."""
        return _read(self._frozen(LOOK), dict[str, str])

    def _freeze(self, number: int, questions: Sequence[str]) -> None:
        """Begins a round; what it shows never changes again."""
        _write(self._frozen(number), questions)

    def _frozen(self, number: int | str) -> Path:
        settings = settings_digest(self.planner.seed, self.planner.options)
        return self.rounds / f"{self.read.name}-{settings}-{number}.json"

    def _all(self) -> list[PlanFile]:
        return [self._file(number) for number in range(self.planner.rounds)]

    def _file(self, number: int) -> PlanFile:
        """The plan of a round; of one that has not begun, as if nothing was accepted before it."""
        seen = self._looks() if number and self.planner.first_round else None
        shown = (self.accepted_by(number) or (), seen)
        if number not in self._files or self._files[number][0] != shown:
            images = self.read.images
            self._images = self._images or images_digest(images)
            part = PlanPart(self.planner, self.read.name, images, self._images, number, self.rounds.stem, *shown)
            with self.report.bar(f"planning {self.read.name}", len(images)) as advance:
                self._files[number] = (shown, plan_file(part, self.plans, advance))
        return self._files[number][1]


def rounds_folder(ledger: Path) -> Path:
    """Where the rounds of that ledger are kept."""
    return ledger.with_suffix(".rounds")


def _order(planned: PlannedRequest) -> tuple[int, int]:
    """Of an image, what is seen comes first, then its self-instruct request, which may be of a later round."""
    return planned.image_number, {LOOK: 0, "self_instruct": 1}.get(planned.style, 2)


def _read(path: Path, form: type[_Form]) -> _Form | None:
    """What `_write` wrote there; None where there is nothing. Raises LedgerError."""
    try:
        return TypeAdapter(form, config=ConfigDict(strict=True)).validate_json(path.read_bytes())
    except FileNotFoundError:
        return None
    except ValidationError as error:
        why = error.errors()[0]["msg"]
        raise LedgerError(f"{path} cannot be read: {why}; delete it, and run again") from error


def _write(path: Path, value: Any) -> None:
    """A file that is there whole or not at all."""
    fresh = private(path.with_suffix(f".{os.getpid()}"))
    fresh.write_text(json.dumps(value, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    fresh.replace(path)
