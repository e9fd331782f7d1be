"""What came to nothing, and why: failed replies of the ledgers, and pairs that the checks of a release rejected."""

import json
import textwrap
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from rich.table import Table

from dermasynth_builder.core.errors import ReleaseError
from dermasynth_builder.core.plain import printable
from dermasynth_builder.generate.ledger_tools import failed_replies
from dermasynth_builder.plan.plan_file import PLANS, questions_in
from dermasynth_builder.report.audit import counted
from dermasynth_builder.report.tables import heading, name, table_of_numbers

_KEY_DIGITS = 16  # enough to find a line of a ledger by
REJECTS = "rejects"  # folder in the working folder


@dataclass(frozen=True, slots=True)
class Failure:
    """One failed reply or rejected pair."""

    kind: str  # "failed reply" or "rejected pair"
    what: str  # the pair's id, or else the question type and the key
    source: str  # "" where no plan tells
    reasons: Sequence[str]  # each "kind: reason"
    question: str
    text: str  # what came back; "" for nothing
    file: Path


def failures_in(work: Path, sources: Collection[str] = ()) -> list[Failure]:
    """All of a working folder, or those of some sources. Raises LedgerError and ReleaseError for a damaged file."""
    rejected = list(_rejected(work))
    known = {key for key, _ in rejected}  # a failed reply is rejected as well, once there is a release
    found = [failure for key, failure in _failed(work) if key not in known] + [failure for _, failure in rejected]
    return [each for each in found if not sources or each.source in sources]


def _failed(work: Path) -> Iterator[tuple[str, Failure]]:
    for path in sorted((work / "ledgers").glob("*.jsonl")):
        replies = failed_replies(path)
        questions = questions_in(work / PLANS, {reply.key for reply in replies})
        for reply in replies:
            source, question_type, question = questions.get(reply.key, ("", "", ""))
            what = f"{source} {question_type}, key {reply.key[:_KEY_DIGITS]}".strip(" ,")
            reasons = (reply.failure or "no reply: the ledger gives no reason",)
            yield reply.key, Failure("failed reply", what, source, reasons, question, reply.failed_text or "", path)


def _rejected(work: Path) -> Iterator[tuple[str, Failure]]:
    for path in sorted((work / REJECTS).glob("*.jsonl")):
        for number, line in enumerate(path.read_text(encoding="utf-8", errors="replace").splitlines(), 1):
            try:
                reject = json.loads(line)
                key, told = reject["request_key"], (reject["question"], reject["reply"] or "")
                yield key, Failure("rejected pair", reject["pair_id"], path.stem, reject["reasons"], *told, path)
            except (ValueError, KeyError, TypeError) as error:
                raise ReleaseError(f"{path}, line {number} is damaged; run `dermasynth release` again") from error


def counts_table(failures: Sequence[Failure]) -> Table:
    """How many there are of each kind and reason."""
    table = table_of_numbers("", "")
    for kind in dict.fromkeys(each.kind for each in failures):
        those = [each for each in failures if each.kind == kind]
        table.add_row(heading(f"{kind}s" if kind.endswith("pair") else "failed replies"), f"{len(those):,}")
        for reason, count in counted(_short(reason) for each in those for reason in each.reasons).items():
            table.add_row(name(reason, indent=2), f"{count:,}")
    return table


def _short(reason: str) -> str:
    """The first two parts of a reason: "reply: blocked" of "reply: blocked: SAFETY"."""
    parts = [part.strip() for part in reason.split(":")]
    return ": ".join(parts[: 2 if parts[0] == "reply" else 1])


def failure_text(failure: Failure, width: int) -> str:
    """One of them, readable, in lines of up to `width`."""
    wrap = partial(textwrap.fill, width=width, subsequent_indent="   ")
    lines = [f"--- {failure.kind}: {failure.what}", *(wrap(f"why: {reason}") for reason in failure.reasons)]
    lines += [wrap(f"Q: {failure.question}")] if failure.question else []
    lines.append(wrap(f"came back: {failure.text}") if failure.text else "came back: nothing")
    return printable("\n".join([*lines, f"in: {failure.file}"]))
