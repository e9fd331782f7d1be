"""What public benchmarks share with the images at hand: by id where a table of theirs is there, else by picture.

Each comparison has a control, so that "none" can be told from "not found": images of ours are put into the benchmark,
under its own way to write names or as pictures that are encoded anew and turned, and as many have to be found.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from re import compile as pattern

from PIL import Image, ImageOps

from dermasynth_builder.core.errors import UsageError
from dermasynth_builder.core.images.picture import picture_of
from dermasynth_builder.core.images.pictures import COPY, near_pictures
from dermasynth_builder.core.records import ClinicalImage
from dermasynth_builder.read.tables import IMAGE_SUFFIXES
from dermasynth_builder.report.leaks import key_of, table_of

_ISIC = r"isic_\d{7}(_downsampled)?"
BENCHMARKS: Mapping[str, str] = {
    **dict.fromkeys(("HAM10000", "ISIC 2016", "ISIC 2017", "ISIC 2018", "ISIC 2019", "ISIC 2020", "MILK10k"), _ISIC),
    "PH2": r"imd\d{3}",
    "Derm7pt": r"[a-z]+\d+[a-z]?",
    "DDI": r"\d{6}",
    "Fitzpatrick17k": r"[0-9a-f]{32}",
    "SkinCAP": r"\d+|[0-9a-f]{32}",
}
"""Public benchmark -> how it writes the names of its images, without suffix and in lower case."""
_PLANTED = 10


@dataclass(frozen=True, slots=True)
class Overlap:
    """What one benchmark shares with the images at hand."""

    benchmark: str
    by: str  # "id", "picture", or why nothing was compared
    images: int = 0  # of the benchmark
    shared: int = 0  # of these, what is at hand too
    planted: int = 0
    found: int = 0  # of the planted

    @property
    def is_told(self) -> bool:
        """Whether the count says something: all that was planted was found."""
        return self.planted > 0 and self.found == self.planted


def overlaps(given: Mapping[str, Path], images: Sequence[ClinicalImage]) -> list[Overlap]:
    """A row for every known benchmark, and for every other that is given."""
    return [
        overlap(name, given[name], images) if name in given else Overlap(name, "not given")
        for name in [*BENCHMARKS, *(name for name in given if name not in BENCHMARKS)]
    ]


def overlap(name: str, path: Path, images: Sequence[ClinicalImage]) -> Overlap:
    """What is shared with a table of ids or a folder of pictures. Raises UsageError where it is neither."""
    if path.is_dir():
        return _by_picture(name, path, images)
    if not path.is_file():
        raise UsageError(f"--benchmark {name}={path}: there is no such file or folder")
    return _by_id(name, path, images)


def _by_id(name: str, path: Path, images: Sequence[ClinicalImage]) -> Overlap:
    ours = {key_of(image.image_id) for image in images}
    names = _names_in(path, ours, BENCHMARKS.get(name, ""))
    theirs = {key_of(each) for each in names}
    form = pattern(BENCHMARKS.get(name, ".*"))
    comparable = sorted(key for key in ours if form.fullmatch(key))[:_PLANTED]
    if not comparable:
        return Overlap(name, "ids of another kind; give its pictures", len(theirs))
    front, _, last = names[0].strip().rpartition("/")
    suffix = last[len(key_of(last)) :]
    planted = [f"{front}/{key}{suffix}" if front else f"{key}{suffix}" for key in comparable]
    found = sum(key_of(each) in ours for each in planted)
    return Overlap(name, "id", len(theirs), len(theirs & ours), len(planted), found)


def _names_in(path: Path, ours: set[str], form: str) -> list[str]:
    """The column that names images: of the benchmark's form or, where that is not known, of most different cells."""
    rows = table_of(path)
    width = max(map(len, rows), default=0)
    columns = [[row[place] for row in rows if place < len(row)] for place in range(width)]
    if not columns:
        raise UsageError(f"{path} is empty")
    is_name = pattern(form or ".*")

    def claim(column: list[str]) -> tuple[int, int, int]:
        keys = {key_of(cell) for cell in column}
        return len(keys & ours), sum(bool(is_name.fullmatch(key)) for key in keys) if form else 0, len(keys)

    best = max(columns, key=claim)
    return [cell for cell in best if is_name.fullmatch(key_of(cell)) or key_of(cell) in ours] or best


def _by_picture(name: str, folder: Path, images: Sequence[ClinicalImage]) -> Overlap:
    ours = {image.file.pixel_sha256: image.path for image in images if image.file and image.path}
    paths = sorted(path for path in folder.rglob("*") if path.suffix.lower() in IMAGE_SUFFIXES)
    if not ours or not paths:
        return Overlap(name, "no picture on disk", len(paths))
    thumbs: dict[str, bytes] = {}
    held, theirs, planted = set(ours), [], []
    for path in [each for each in ours.values() if each]:
        with Image.open(path) as image:
            thumbs.update([picture_of(image)])
    for path in paths:
        try:
            with Image.open(path) as image:
                looked_at = picture_of(image)
        except (OSError, ValueError, SyntaxError):
            continue  # no picture: it cannot be shared
        theirs.append(looked_at.pixel_sha256)
        thumbs[looked_at.pixel_sha256] = looked_at.thumb
    for path in [each for each in ours.values() if each][:_PLANTED]:
        planted.append(_planted(path, thumbs))
    ties = {frozenset(pair[:2]) for pair in near_pictures(thumbs) if pair.likeness >= COPY}
    tied = _reached(held, ties, apart=set(planted))
    found = sum(any(each in tie for tie in ties) for each in planted)
    return Overlap(name, "picture", len(theirs), sum(each in tied for each in theirs), len(planted), found)


def _planted(path: Path, thumbs: dict[str, bytes]) -> str:
    """Puts a copy of a picture among the others, encoded anew and turned; gives its name."""
    made = BytesIO()
    with Image.open(path) as image:
        ImageOps.exif_transpose(image).convert("RGB").transpose(Image.Transpose.ROTATE_90).save(made, "JPEG")
    with Image.open(made) as again:
        copy = picture_of(again)
    thumbs[copy.pixel_sha256] = copy.thumb
    return copy.pixel_sha256


def _reached(start: set[str], ties: set[frozenset[str]], *, apart: set[str]) -> set[str]:
    """What is tied to the start, by whatever lies between but what is kept apart."""
    reached = set(start)
    waiting = [tie for tie in ties if not tie & apart]
    while news := [tie for tie in waiting if tie & reached and not tie <= reached]:
        reached |= set().union(*news)
    return reached
