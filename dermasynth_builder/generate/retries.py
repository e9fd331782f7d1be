"""Rejected replies that are asked again, with the reason in the prompt; what was asked is kept beside the ledger.

A line is written when a request is made, and is never changed, so that every later run knows the request's key and
takes its reply in place of the one that was rejected.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from dermasynth_builder.core.files import private
from dermasynth_builder.core.plain import one_line, printable
from dermasynth_builder.core.records import PlannedRequest, Request, canonical_json
from dermasynth_builder.generate.foreign import NotJSON, mapping, parsed
from dermasynth_builder.generate.ledger import Ledger

MOST = 2
"""So often at most a reply is asked for again."""

_TELL_NO_FACT = frozenset({"reply", "form", "speech", "advice", "novelty", "repeats"})
"""Checks whose reasons quote the reply alone, and may be told where the recorded facts are hidden."""

_LONGEST_REASON = 200
_NOTE = """

AN EARLIER ANSWER
An earlier answer to this was not accepted. What was wrong with it:
{reasons}
Answer anew and without this fault. All of the above holds as before."""


@dataclass(slots=True)
class Retries:
    """The requests that were made anew, one ledger's, by the key of what was asked first."""

    path: Path
    _made: dict[str, list[Mapping[str, str]]] = field(default_factory=dict)
    _is_torn: bool = False  # its last line was cut off

    def __post_init__(self) -> None:
        """Reads what earlier runs have made; a line that was cut off is as if it had not been written."""
        try:
            lines = self.path.read_bytes().split(b"\n")
        except FileNotFoundError:
            return
        self._is_torn = lines[-1] != b""
        for made in filter(None, map(_made_in, lines)):
            if made not in self._made.setdefault(made["first"], []):
                self._made[made["first"]].append(made)

    def keys(self) -> Iterator[str]:
        """The keys of all requests that were made anew."""
        return (each["key"] for made in self._made.values() for each in made)

    def current(self, planned: Iterable[PlannedRequest], ledger: Ledger) -> Iterator[PlannedRequest]:
        """Each request as it was asked last, of those that have an answer; as it is planned where none has."""
        for request in planned:
            made = self._made.get(request.key, ())
            answered = [each for each in made if each["key"] in ledger and not ledger.is_failure(each["key"])]
            yield (
                replace(request, key=answered[-1]["key"], prompt_sha256=answered[-1]["prompt_sha256"])
                if answered
                else request
            )

    def anew(self, first: Request, reasons: Sequence[str], rejected: str) -> Request | None:
        """The request to ask in place of `first`, whose reply to the key `rejected` was left out; kept.

        The same request where it was made before and has no answer yet. None where it was asked often enough, and
        where no reason may be told.
        """
        made = self._made.get(first.key, [])
        asked = [first.key, *(each["key"] for each in made)]
        told = [each for each in reasons if first.is_metadata_shown or each.partition(":")[0] in _TELL_NO_FACT]
        number = asked.index(rejected) if rejected in asked else MOST
        if not told or number >= MOST:
            return None
        lines = "\n".join(
            f"- {one_line(printable(each))[:_LONGEST_REASON]}" for each in made_reasons(made, number, told)
        )
        again = replace(first, prompt=first.prompt + _NOTE.format(reasons=lines), variant=number)
        if again.key not in asked:
            self._keep(
                {"first": first.key, "key": again.key, "prompt_sha256": again.prompt_sha256, "reasons": "\n".join(told)}
            )
        return again

    def _keep(self, line: Mapping[str, str]) -> None:
        with private(self.path).open("a", encoding="utf-8", errors="backslashreplace") as file:
            file.write("\n" * self._is_torn + canonical_json(line) + "\n")
        self._is_torn = False
        self._made.setdefault(line["first"], []).append(line)


_TEXTS = ("first", "key", "prompt_sha256", "reasons")


def _made_in(line: bytes) -> Mapping[str, str] | None:
    """What a line tells of a request; None for what is no such line."""
    try:
        made = mapping(parsed(line))
    except NotJSON:
        return None
    return made if all(isinstance(made.get(name), str) for name in _TEXTS) else None


def made_reasons(made: Sequence[Mapping[str, str]], number: int, told: Sequence[str]) -> list[str]:
    """What was wrong before the attempt of that number, and now; each thing once."""
    earlier = [reason for each in made[:number] for reason in each["reasons"].split("\n")]
    return list(dict.fromkeys([*earlier, *told]))


def retries_of(ledger: Ledger) -> Retries:
    """What is kept beside that ledger."""
    return Retries(ledger.path.with_suffix(".retries"))
