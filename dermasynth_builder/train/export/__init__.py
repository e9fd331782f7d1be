"""Writes a release in the form that a trainer reads: one module a format, one line each in the registry."""

import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from dermasynth_builder.core import registry
from dermasynth_builder.core.errors import ReleaseError, UsageError
from dermasynth_builder.core.files import lock_beside
from dermasynth_builder.core.records import SPLITS, Split
from dermasynth_builder.core.reporter import Reporter
from dermasynth_builder.release.closed import ClosedQuestions, one_an_image
from dermasynth_builder.train.options import ExportOptions
from dermasynth_builder.train.pictures import Picture, PictureOptions, handed_on
from dermasynth_builder.train.rows import OpenRelease, open_release, refuse_unfit
from dermasynth_builder.train.turns import Example, example_of, example_of_item

MARKER = ".dermasynth-export"  # in a folder that an export made, so that a later one may replace it


@dataclass(slots=True)
class Output:
    """The folder of an export, and the pictures in it: `images/<sha256>.<suffix>`, each once."""

    folder: Path  # where it is made
    home: Path  # where it will be
    uri: str = ""
    _written: set[str] = field(default_factory=set)

    def place(self, example: Example, picture: Picture, under: str = "images") -> str:
        """Writes the picture unless it is there, and gives its path in the folder."""
        path = f"{under}/{example.row.image_sha256}.{picture.suffix}"
        if path not in self._written:
            (self.folder / under).mkdir(parents=True, exist_ok=True)
            (self.folder / path).write_bytes(picture.content)
            self._written.add(path)
        return path


class WriteSplit(Protocol):
    """What a format is: it writes the examples of one split and gives how many there were."""

    def __call__(self, examples: Iterator[tuple[Example, Picture]], split: Split, output: Output) -> int:
        """Called once for each split that the release has."""


def export(release: Path, kind: str, *, options: ExportOptions, report: Reporter) -> Path:
    """Writes the release in that format and gives the folder.

    Raises UsageError for a format that is not there, and ReleaseError where the folder holds something else, or a row
    cannot be trained on.
    """
    write: WriteSplit = registry.EXPORTS.load(kind)
    if kind == "vertex" and not re.match("gs://[^/]", options.uri):
        raise UsageError("the format vertex names pictures by their place in a bucket; say it with --uri gs://B/PATH")
    opened = open_release(release, options.sources)
    folder = options.to or Path("export", kind)
    if options.context != "closed":
        refuse_unfit(opened.rows(), is_template_allowed=options.is_template_allowed)
    with _new_folder(folder) as making:
        output = Output(making, folder.resolve(), options.uri.rstrip("/"))
        is_closed = options.context == "closed"
        questions = ClosedQuestions.of(opened.rows(), options.tasks, options.forms) if is_closed else None
        for split in (each for each in SPLITS if any(config.files.get(each) for config in opened.configs.values())):
            count = write(_examples(opened, split, options, questions=questions), split, output)
            report.say(f"{split}: {count} examples")
    report.say(f"{kind}: written to {folder}")
    return folder


def _examples(
    opened: OpenRelease, split: Split, options: ExportOptions, *, questions: ClosedQuestions | None
) -> Iterator[tuple[Example, Picture]]:
    """The examples of a split with their pictures; each picture is decoded once to see that it is whole."""
    pictures = PictureOptions(options.is_rgb, options.max_side_px)
    rows = opened.rows([split])
    ids = [row.pair_id for row in (one_an_image(rows) if questions else rows)]
    before, picture = "", Picture(b"", "")
    for row, content in opened.rows_with_images(ids, [split]):
        if row.image_sha256 != before:
            before, picture = row.image_sha256, handed_on(content, pictures, row.pair_id)
        if options.context == "closed":
            for item in questions.items(row) if questions else ():
                yield example_of_item(item, row), picture
        else:
            yield example_of(row, options.context), picture


@contextmanager
def _new_folder(folder: Path) -> Iterator[Path]:
    """A folder beside the one wanted, which takes its place when the block ends well."""
    if folder.exists() and not (folder / MARKER).is_file() and (not folder.is_dir() or any(folder.iterdir())):
        raise ReleaseError(f"{folder} was not made by an export and would be lost; move it away or choose another --to")
    folder = folder.resolve()
    making = folder.with_name(f".{folder.name}.new")
    folder.parent.mkdir(parents=True, exist_ok=True)
    taken = ReleaseError(f"another export writes {folder}; wait for it or stop it, or choose another --to")
    lock = lock_beside(folder.with_name(f".{folder.name}"), taken)
    try:
        shutil.rmtree(making, ignore_errors=True)
        making.mkdir()
        yield making
        (making / MARKER).write_text("", encoding="utf-8")
        shutil.rmtree(folder, ignore_errors=True)
        making.rename(folder)
    finally:
        shutil.rmtree(making, ignore_errors=True)
        lock.release()
