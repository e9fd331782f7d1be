"""Holds the rows of a release, as `datasets` loads them, to the plan, the ledger and what `dermasynth status` says."""

import contextlib
import io
import json
import re
import time
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from math import isclose
from pathlib import Path
from typing import Any

from dermasynth_builder.cli import main as dermasynth
from dermasynth_builder.generate.prices import load_prices
from dermasynth_builder.release.columns import flat, path_of

COLUMNS = (
    *("pair_id", "source", "group_id", "style", "engine", "model", "model_version"),
    *("prompt_id", "prompt_sha256", "cost_usd", "request_key"),
)
_NEEDED = ("engine", "model", "model_version", "prompt_id", "prompt_sha256", "request_key")


@dataclass(slots=True)
class Checked:
    """What a release was found to hold."""

    requests: int
    cost_of: dict[str, float]  # request key -> USD, of the rows
    figures: dict[str, float] = field(default_factory=dict)
    found: list[str] = field(default_factory=list)  # what does not agree


def check(folder: Path, engine: str, requests: Mapping[str, int]) -> Checked:
    """Loads `folder`/out, config by config; `requests` are those that the plan has of each source."""
    started = time.monotonic()
    rows = {name: _loaded(folder / "out", name) for name in requests}
    load_s = time.monotonic() - started
    every = [row for of_source in rows.values() for row in of_source]
    replies = _replies(folder)
    rejected = {name: _lines(folder / "build" / "rejects" / f"{name}.jsonl") for name in requests}
    checked = Checked(sum(requests.values()), {row["request_key"]: row["cost_usd"] for row in every})
    checked.found += _miscounted(rows, rejected, requests)
    checked.found += _unlike(folder, every, replies)
    checked.found += filter(None, (_lacking(row, engine) for row in every))
    checked.found += _parted(every)
    styles = Counter(row["style"] for row in every)
    lost = [reject["request_key"] for rejects in rejected.values() for reject in rejects]
    checked.figures = {
        "loading with `datasets`, seconds": load_s,
        "pairs": len(every),
        **{f"  {style}": count for style, count in sorted(styles.items())},
        "rejected": len(lost),
        "  failures among them": sum(replies[key]["text"] is None for key in lost),
        "cost of the rows, USD": sum(checked.cost_of.values()),
        "cost of what was rejected, USD": sum(replies[key]["cost_usd"] or 0 for key in lost),
        "cost by the ledger, USD": sum(reply["cost_usd"] or 0 for reply in replies.values()),
    }
    of_rows, of_rejects, of_ledger = (cost for name, cost in checked.figures.items() if name.endswith("USD"))
    told = _told_by_status(folder)
    if not (isclose(of_rows + of_rejects, of_ledger) and isclose(told, of_ledger, abs_tol=0.0001)):
        checked.found.append(f"{engine}: the costs do not add up, or `dermasynth status` says otherwise: {told} USD")
    return checked


def disagreements(by_engine: Mapping[str, Checked]) -> list[str]:
    """What was found with each engine, and where a request did not cost half as a batch."""
    online, batch = (checked.cost_of for checked in by_engine.values())
    found = [told for checked in by_engine.values() for told in checked.found]
    if online.keys() != batch.keys():
        found.append(f"{len(online.keys() ^ batch.keys())} requests have a row with one engine alone")
    share = load_prices().factors["batch"]
    dear = [key for key in online.keys() & batch.keys() if not isclose(batch[key], online[key] * share)]
    return found + ([f"{len(dear)} requests did not cost half as a batch, the first {dear[0]}"] if dear else [])


def _loaded(out: Path, name: str) -> list[dict[str, Any]]:
    """The rows of a config without images, each with its split; the first image is decoded."""
    import datasets

    datasets.disable_progress_bars()
    splits = datasets.load_dataset(str(out), name)
    next(iter(splits.values()))[0]["image"].load()
    columns = list(dict.fromkeys(path_of(name).partition(".")[0] for name in COLUMNS))
    return [flat(row) | {"split": split} for split, loaded in splits.items() for row in loaded.select_columns(columns)]


def _replies(folder: Path) -> dict[str, dict[str, Any]]:
    """Each request's last reply, by key."""
    (ledger,) = (folder / "build" / "ledgers").glob("*.jsonl")
    return {record["key"]: record for record in _lines(ledger)[1:]}


def _lines(path: Path) -> list[dict[str, Any]]:
    with path.open(encoding="utf-8") as file:
        return [json.loads(line) for line in file]


def _told_by_status(folder: Path) -> float:
    """The cost that `dermasynth status` tells, USD."""
    with contextlib.redirect_stdout(io.StringIO()) as told:
        assert dermasynth(["status", "--work", str(folder / "build"), "--out", str(folder / "out")]) == 0
    found = re.search(r"cost: \$([\d,.]+)", told.getvalue())
    return float(found[1].replace(",", "")) if found else 0.0


def _miscounted(
    rows: Mapping[str, list[Any]], rejected: Mapping[str, list[Any]], requests: Mapping[str, int]
) -> Iterator[str]:
    """Each request of a source has to be a row or a reject of it."""
    for name, planned in requests.items():
        if len(rows[name]) + len(rejected[name]) != planned:
            yield f"{name}: {planned} requests, but {len(rows[name])} rows and {len(rejected[name])} rejects"


def _unlike(folder: Path, rows: list[dict[str, Any]], replies: Mapping[str, dict[str, Any]]) -> Iterator[str]:
    """Rows against the ledger, one to one, and against the config of all sources."""
    keys = {row["request_key"] for row in rows}
    if len(keys) < len(rows):
        yield f"{len(rows) - len(keys)} rows share a request"
    if lost := keys - replies.keys():
        yield f"{len(lost)} rows have no reply in the ledger"
    known = [row for row in rows if row["request_key"] in replies]
    if wrong := [row for row in known if row["cost_usd"] != replies[row["request_key"]]["cost_usd"]]:
        yield f"{len(wrong)} rows have not the cost of their reply, the first {wrong[0]['pair_id']}"
    if Counter(row["pair_id"] for row in _loaded(folder / "out", "all")) != Counter(row["pair_id"] for row in rows):
        yield "the config `all` has other rows than the sources"


def _lacking(row: Mapping[str, Any], engine: str) -> str | None:
    empty = [name for name in _NEEDED if not row[name]]
    if empty or not row["cost_usd"] or row["cost_usd"] < 0 or row["engine"] != engine:
        return f"{row['pair_id']}: engine {row['engine']}, {row['cost_usd']} USD, lacks {', '.join(empty) or 'nothing'}"
    return None


def _parted(rows: list[dict[str, Any]]) -> Iterator[str]:
    """Groups in two splits."""
    splits: dict[tuple[str, str], set[str]] = defaultdict(set)
    for row in rows:
        splits[row["source"], row["group_id"]].add(row["split"])
    for (source, group), found in splits.items():
        if len(found) > 1:
            yield f"{source}: group {group} is in {', '.join(sorted(found))}"
