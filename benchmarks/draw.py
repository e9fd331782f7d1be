"""Draws pairs of the engine `template` over the real tables, for a person to read and score, and sums the scores.

    python benchmarks/draw.py TABLES --seed 404 --to scores.csv    a sheet of 150 pairs; TABLES holds a folder a source
    python benchmarks/draw.py --sum scores.csv                     what a filled sheet says, with 95 % intervals

A sheet has a row a pair and empty columns for the reader, who fills them by what a trainer of a model would want:

- `answered`: yes, partly or no: is what was asked answered?
- `kept`: as is, edited or no: would the pair go into a training set so, after a small change of words, or not at all?
- `medical`: yes or no: does the answer hold medical content beyond the case's own facts?
- `declines`: yes or no: does a sentence say that something cannot be told, is not known, or needs another look?
- `says_record`: yes or no: does the answer speak of a record, which a trained model does not have?
- `why`: what is wrong, in a few words.

The pairs are one of each image, of images in an order that the seed draws, so that they can be drawn again.
"""

import argparse
import csv
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from random import Random

from PIL import Image

from dermasynth_builder.core import registry
from dermasynth_builder.core.images.eyes import measured_on
from dermasynth_builder.core.options import PlanOptions
from dermasynth_builder.core.protocols import ChoosesQuestions
from dermasynth_builder.core.records import ClinicalImage, Measured
from dermasynth_builder.generate.run import Run
from dermasynth_builder.plan import reply_form
from dermasynth_builder.plan.facts_in_words import metadata_lines
from dermasynth_builder.plan.planner import Planner
from dermasynth_builder.plan.questions import load_prompt_book
from dermasynth_builder.report.quality import rate

SHARES = {"pad_ufes": 40, "bcn20000": 40, "scin": 40, "derm12345": 18, "hiba": 12}  # of 150
SCORES = {
    "answered": ("yes", "partly", "no"),
    "kept": ("as is", "edited", "no"),
    "medical": ("yes", "no"),
    "declines": ("yes", "no"),
    "says_record": ("yes", "no"),
}
COLUMNS = ("pair_id", "source", "question_type", "modality", "facts", "question", "answer", *SCORES, "why")
Row = dict[str, str]


def images_of(source: str, root: Path) -> list[ClinicalImage]:
    """The images of a source, measured where their files are there."""
    images = [image for image in registry.source(source).read(root) if isinstance(image, ClinicalImage)]
    return [replace(image, measured=measured_at(image.path)) if image.path else image for image in images]


def measured_at(path: Path) -> tuple[Measured, ...]:
    """What the pixels of a file tell."""
    with Image.open(path) as image:
        return measured_on(image)


def drawn(source: str, root: Path, *, seed: int, count: int) -> Iterator[Row]:
    """So many pairs, of an image each; fewer where the table has not as many images."""
    draws = Random(f"{seed}/{source}")  # noqa: S311 - a draw, not a secret
    images, engine = images_of(source, root), registry.engine("template")
    chooser = engine if isinstance(engine, ChoosesQuestions) else None
    planner = Planner(load_prompt_book(sources=(source,)), seed, PlanOptions(), chooser)
    draws.shuffle(images)
    for image in images:
        if count and (requests := list(planner.requests([image]))):
            request = draws.choice(requests)
            [reply] = engine.answer([request], Run())
            exchange, *_ = reply_form.exchanges(request, reply)
            count -= 1
            yield {
                "pair_id": request.pair_id,
                "source": source,
                "question_type": request.question_type,
                "modality": image.modality,
                "facts": "; ".join(metadata_lines(image.facts)),
                "question": exchange.turns[0].content,
                "answer": exchange.turns[1].content,
            }


def write_sheet(tables: Path, to: Path, *, seed: int, count: int) -> int:
    """The sheet to fill. Exit code: 1 where a file of that name is there, which may hold scores."""
    if to.exists():
        print(f"{to} is there; give another name, or remove it")
        return 1
    rows = [
        row
        for source, share in SHARES.items()
        for row in drawn(source, tables / source, seed=seed, count=round(count * share / sum(SHARES.values())))
    ]
    with to.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    print(f"{len(rows)} pairs on {to}")
    return 0


def summed(sheet: Path) -> int:
    """Prints the shares. Exit code: 1 where a cell is empty or says what no score says."""
    with sheet.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    odd = [
        f"{row['pair_id']}: {name} is {row[name]!r}"
        for row in rows
        for name, words in SCORES.items()
        if row[name] not in words
    ]
    if odd:
        print(*odd[:10], f"{len(odd)} cells are no score", sep="\n")
        return 1
    sources = [source for source in SHARES if any(row["source"] == source for row in rows)]
    for name, words in SCORES.items():
        for word in words:
            of_source = Counter(row["source"] for row in rows if row[name] == word)
            found = rate(of_source.total(), len(rows))
            interval = f"({found['low']:.1%} to {found['high']:.1%})"
            print(
                f"{name:>12} {word:<7} {found['count']:>4} {found['share']:6.1%} {interval}",
                *(f"{source} {of_source[source]}/{sum(row['source'] == source for row in rows)}" for source in sources),
                sep="   ",
            )
    return 0


def main() -> int:
    """Exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("tables", type=Path, nargs="?")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--count", type=int, default=150)
    parser.add_argument("--to", type=Path, default=Path("scores.csv"))
    parser.add_argument("--sum", type=Path, metavar="SHEET")
    arguments = parser.parse_args()
    if arguments.sum:
        return summed(arguments.sum)
    if not arguments.tables:
        parser.error("name the folder of the real tables")
    return write_sheet(arguments.tables, arguments.to, seed=arguments.seed, count=arguments.count)


if __name__ == "__main__":
    sys.exit(main())
