"""What other models said of pairs, kept in `<work>/verdicts/`: a ledger each, and a table that is made from it.

As a verdict of a person, each is about one text, and says nothing any more once that has changed.
"""

import json
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path

from dermasynth_builder.core.errors import ReviewError
from dermasynth_builder.core.files import private
from dermasynth_builder.core.records import CheckedClaim, Judgement, canonical_json

VERDICTS = "verdicts"  # folder in the working folder


def table_of(work: Path, ledger: Path) -> Path:
    """Where the verdicts stand that were made from the replies of a ledger."""
    return work / VERDICTS / f"{ledger.stem}.json"


def keep_judgements(path: Path, judgements: Mapping[str, Judgement]) -> None:
    """Writes a table; `judgements` are by `core.records.text_digest`."""
    making = private(path.with_name(f".{path.name}.new"))
    making.write_text(canonical_json(dict(judgements)), encoding="utf-8", errors="backslashreplace")
    making.replace(path)


def read_judgements(work: Path) -> dict[str, tuple[Judgement, ...]]:
    """By text digest, those of all models, by the names of their ledgers. Raises ReviewError for a damaged table."""
    found: dict[str, list[Judgement]] = defaultdict(list)
    for path in sorted((work / VERDICTS).glob("*.json")):
        try:
            for text, (verifier, claims, scores) in json.loads(path.read_text(encoding="utf-8")).items():
                told = tuple(CheckedClaim(*claim) for claim in claims)
                found[text].append(Judgement(verifier, told, tuple(scores)))
        except (ValueError, TypeError, AttributeError) as error:
            raise ReviewError(
                f"{path} is damaged ({error}); delete it, and run `dermasynth claims` again: its ledger has the replies"
            ) from error
    return {text: tuple(told) for text, told in sorted(found.items())}
