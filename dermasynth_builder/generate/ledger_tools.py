"""Reads whole ledgers, whatever their engine: what they hold, and several of one engine made into one."""

from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from dermasynth_builder.core.errors import LedgerError
from dermasynth_builder.core.records import Reply
from dermasynth_builder.core.wording import join_words
from dermasynth_builder.generate.engines.online.pace import is_same_day
from dermasynth_builder.generate.ledger import (
    NOBODYS_FAULT,
    Ledger,
    differences,
    kind_of,
    ledger_name,
    read_record,
    reply_of,
)
from dermasynth_builder.generate.usage import Usage, read_usage


@dataclass(frozen=True, slots=True)
class LedgerSummary:
    """What a ledger file holds: answers and failures by the last reply to each key, tokens and money of all replies."""

    identity: Mapping[str, Any]
    answered: int
    failures: Mapping[str, int]  # by kind, the part of the failure before its colon
    torn_lines: int
    model_versions: Mapping[str, int]  # answers of each
    tokens: Usage  # as the service has counted them, replies that were replaced included: they were paid too
    cost_usd: float
    unpriced: int  # replies that took tokens, and whose cost the ledger does not hold
    written_at: float  # when the file last changed; seconds since 1970
    keys: Collection[str] = field(repr=False)  # of the requests that it has replies to


def summarise(path: Path) -> LedgerSummary:
    """Reads any ledger file, whatever its engine."""
    identity: Mapping[str, Any] = {}
    last: dict[str, tuple[str | None, str | None]] = {}  # key -> kind of failure, None for an answer; version
    torn_lines = unpriced = 0
    tokens, cost_usd = Usage(), 0.0
    for record in _records(path):
        if record is None:
            torn_lines += 1
        elif "ledger" in record:
            identity = record.get("identity", {})
        else:
            last[record["key"]] = (kind_of(record["failure"]), record.get("model_version"))
            tokens += read_usage(record.get("usage", {})) or Usage()
            cost_usd += record.get("cost_usd") or 0.0
            unpriced += bool(record.get("usage")) and record.get("cost_usd") is None
    failures = Counter(kind for kind, _ in last.values() if kind is not None)
    return LedgerSummary(
        identity=identity,
        answered=len(last) - failures.total(),
        failures=failures,
        torn_lines=torn_lines,
        model_versions=Counter(version for kind, version in last.values() if kind is None and version),
        tokens=tokens,
        cost_usd=cost_usd,
        unpriced=unpriced,
        written_at=path.stat().st_mtime,
        keys=last.keys(),
    )


def failed_replies(path: Path) -> list[Reply]:
    """The last replies to their keys that are failures, in the order of the ledger."""
    last = {record["key"]: record for record in _records(path) if record and "ledger" not in record}
    return [reply_of(record) for record in last.values() if record["text"] is None]


def usages(path: Path) -> Iterator[tuple[str, str | None, Mapping[str, int]]]:
    """Key, model and usage of every reply that took tokens, replaced ones included, in the order of the ledger."""
    for record in _records(path):
        if record is not None and record.get("usage"):
            yield record["key"], record.get("model"), record["usage"]


def sent_on_day(folder: Path, model: str, now: str) -> int:
    """Requests that have gone to a model, one by one, on the quota's day of `now`, by all ledgers of a folder.

    A reply counts with all its attempts, on the day of the last one. What was under way when a run was killed, or
    waited for another attempt when it stopped, is in no ledger and not counted: the service may know of more. `now` is
    a UTC time in ISO 8601.
    """
    replies = (record for path in sorted(folder.glob("*.jsonl")) for record in _records(path) if record)
    return sum(
        record.get("attempts", 1)
        for record in replies
        if record.get("model") == model
        and record.get("parameters", {}).get("tier") != "batch"
        and record.get("answered_at")
        and is_same_day(record["answered_at"], now)
    )


@dataclass(slots=True)
class Merged:
    """What a merge came to."""

    path: Path
    added: int = 0
    repeated: int = 0  # replies to requests that had a good one already
    repeated_usd: float = 0.0  # what those had cost


def merge(
    paths: Sequence[Path], folder: Path, *, warn: Callable[[str], object], is_version_change_allowed: bool = False
) -> Merged:
    """Adds the replies of these ledgers to the one of their engine in `folder`, one good reply a key.

    An answer takes the place of a failure, one that lies with the request that of one that does not, and nothing that
    of an answer. Doing it again adds nothing.
    Raises LedgerError where the ledgers are of several engines or, unless allowed, of several versions of a model.
    """
    summaries = [summarise(path) for path in paths]
    identity = summaries[0].identity
    for path, summary in zip(paths, summaries, strict=True):
        if not summary.identity or summary.identity != identity:
            raise LedgerError(
                "ledgers of different settings cannot be merged: "
                + differences({str(paths[0]): identity, str(path): summary.identity})
            )
    merged = Merged(folder / ledger_name(identity))
    with Ledger(merged.path, identity, warn) as ledger:
        versions = ledger.model_versions.union(*(summary.model_versions for summary in summaries))
        if len(versions) > 1 and not is_version_change_allowed:
            told = join_words(sorted(versions))
            raise LedgerError(
                f"{merged.path}: the ledgers hold answers of several versions of the model, {told}; to merge them "
                "nevertheless, add --allow-version-change"
            )
        for path in paths:
            if path.resolve() != merged.path.resolve():
                _add(path, ledger, merged)
    return merged


def unused_text(keys: Collection[str], ledger: Ledger, elsewhere: Collection[str] = ()) -> str | None:
    """What a plan with these keys leaves unused in a ledger, and asks; None where it uses all, or asks nothing.

    Keys that plans of other sources have, `elsewhere`, are used too. A new question type, say, redraws the questions of
    some images: then they are asked, and paid, again.
    """
    used = sum(key in ledger for key in {*keys, *elsewhere})
    unused, missing = len(ledger) - used, sum(key not in ledger for key in set(keys))
    if not unused or not missing:
        return None
    return (
        f"{unused:,} of {len(ledger):,} replies in {ledger.path} are not used by any plan: the banks, templates or "
        f"options have changed since, or they are of another run; {missing:,} requests would be asked anew"
    )


def _add(path: Path, ledger: Ledger, merged: Merged) -> None:
    for record in _records(path):
        if record is None or "ledger" in record:
            continue
        reply = reply_of(record)
        if reply.key in ledger and not _is_better(reply, ledger):
            merged.repeated += 1
            merged.repeated_usd += reply.cost_usd or 0.0
            continue
        ledger.append(reply)
        merged.added += 1


def _is_better(reply: Reply, ledger: Ledger) -> bool:
    """Than the one that the ledger has."""
    if reply.text is not None:
        return ledger.is_failure(reply.key)
    return kind_of(reply.failure) not in NOBODYS_FAULT and not ledger.is_settled(reply.key)


def _records(path: Path) -> Iterator[dict[str, Any] | None]:
    try:
        with path.open("rb") as file:
            yield from map(read_record, file)
    except OSError as error:
        raise LedgerError(f"{path} cannot be read: {error}") from error
