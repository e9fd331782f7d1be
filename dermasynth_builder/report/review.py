"""Sheets for persons to judge pairs by, their verdicts, and a release that waits for them."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from rich.table import Table

from dermasynth_builder.core.errors import ReviewError, StoppedError
from dermasynth_builder.core.images.renditions import publish_image
from dermasynth_builder.core.options import Settings
from dermasynth_builder.core.records import Pair
from dermasynth_builder.core.reporter import Reporter
from dermasynth_builder.generate.ledger import Ledger
from dermasynth_builder.generate.rounds import Planned
from dermasynth_builder.release.columns import flat, row
from dermasynth_builder.release.reviews import (
    Verdicts,
    as_verdicts,
    keep_sheet,
    raters_of,
    review_folder,
    take_verdicts,
)
from dermasynth_builder.release.write import checked_pairs, terms_of
from dermasynth_builder.report.chosen import Candidate, choose
from dermasynth_builder.report.label_studio import labelling_config, tasks, verdicts_in
from dermasynth_builder.report.page import Collected, Shown, collect, write_page
from dermasynth_builder.report.tables import name, table_of_numbers

PAIRS = 200  # on a sheet
RATERS = 2  # whose verdicts on each pair a held release waits for
PAGE, TASKS, CONFIG = "review.html", "label_studio.json", "label_studio.xml"


@dataclass(frozen=True, slots=True)
class Sheet:
    """Pairs that persons are asked about."""

    id: str
    folder: Path
    texts: Sequence[str]  # digests

    @property
    def page(self) -> Path:
        """The page to send to each person."""
        return self.folder / PAGE


def write_sheet(shown: Iterable[Shown], folder: Path, title: str, *, work: Path) -> Sheet:
    """Writes the page, the tasks and the settings for Label Studio into a folder, and notes the sheet in `work`."""
    collected: Collected = collect(shown)
    sheet = keep_sheet(work, collected.texts)
    write_page(collected, folder / PAGE, title, sheet=sheet)
    (folder / TASKS).write_text(json.dumps(tasks(collected, sheet), indent=1), encoding="utf-8")
    (folder / CONFIG).write_text(labelling_config(), encoding="utf-8")
    return Sheet(sheet, folder, list(collected.texts.values()))


def import_verdicts(paths: Iterable[Path], work: Path) -> dict[str, int]:
    """Keeps what review pages or Label Studio exported, all files or none; see `take_verdicts`. Raises ReviewError."""
    given = [(path, verdicts) for path in paths for verdicts in read_verdicts(path)]
    return take_verdicts(given, work)


def read_verdicts(path: Path) -> list[Verdicts]:
    """What a file says. Raises ReviewError with a line for each thing that is wrong."""
    try:
        table: Any = json.loads(path.read_text(encoding="utf-8-sig"))
        files = list(verdicts_in(table)) if isinstance(table, list) else [table]
    except OSError as error:
        raise ReviewError(f"{path} cannot be read: {error.strerror}") from error
    except (ValueError, RecursionError) as error:
        raise ReviewError(f"{path} is not whole JSON ({error}); export the verdicts again") from error
    except (KeyError, TypeError, AttributeError, IndexError) as error:
        raise ReviewError(
            f"{path} is no export of a review page or of our tasks in Label Studio ({error!r})"
        ) from error
    return [as_verdicts(each, path) for each in files]


def hold(planned: Sequence[Planned], ledger: Ledger, *, settings: Settings, report: Reporter) -> None:
    """Writes a sheet of the pairs that a release would hold, and lets it go on once two persons have judged them all.

    The sheet is the same until the pairs are others. Raises StoppedError while verdicts are missing.
    """

    def pairs() -> Iterator[Pair]:
        for each in planned:
            terms = replace(terms_of(settings, each.read.images), reviews={})  # verdicts must not change what is asked
            yield from (item for item in checked_pairs(each, ledger, terms) if isinstance(item, Pair))

    ids = set(choose(map(_candidate, pairs()), PAIRS))
    shown = (_shown(pair, settings.max_side_px) for pair in pairs() if pair.pair_id in ids)
    sheet = write_sheet(shown, review_folder(settings.work), f"Review of {settings.out.name}", work=settings.work)
    judged = sum(count >= RATERS for count in raters_of(settings.work, sheet.texts).values())
    report.say(f"review: {judged} of {len(sheet.texts)} pairs are judged by {RATERS} persons")
    if judged < len(sheet.texts):
        raise StoppedError(
            f"the release waits for its review: send {sheet.page} to {RATERS} persons, take in their files with "
            "`dermasynth review import FILE...`, and run the same command again; without --hold it does not wait"
        )


def _candidate(pair: Pair) -> Candidate:
    flags = "; ".join(sorted({flag.partition(":")[0] for flag in pair.flags}))
    return Candidate(pair.pair_id, pair.image.source, pair.question_type, flags or None, pair.image.facts.diagnosis)


def _shown(pair: Pair, max_side_px: int | None) -> Shown:
    image = publish_image(pair.image, max_side_px)
    return Shown(flat(row(pair, image)), image.content)


def agreement_table(told: Mapping[str, Mapping[str, Any]]) -> Table:
    """How far persons agree, of `release.opinions.agreement`, as a table."""
    table = table_of_numbers("judged", "pairs", "by two or more", "mean", "Krippendorff's alpha")
    for axis, each in told.items():
        numbers = ("" if each[key] is None else f"{each[key]:.2f}" for key in ("mean", "alpha"))
        label = "keep it" if axis == "verdict" else axis
        table.add_row(name(label, indent=2), f"{each['pairs']:,}", f"{each['by_two']:,}", *numbers)
    return table
