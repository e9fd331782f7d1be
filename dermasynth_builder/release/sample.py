"""Chooses the pairs of the config `sample`: what a visitor of the Hub's page sees first, and whoever tries something.

About a thousand pairs of the train splits, one an image, over sources, diagnoses and question types as evenly as they
allow; small enough for the viewer to make complete statistics of it. The choice depends on the rows alone.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, groupby, islice, zip_longest
from operator import attrgetter, itemgetter
from pathlib import Path
from typing import Any

from dermasynth_builder.core.errors import ReleaseError
from dermasynth_builder.core.images.renditions import PublishedImage, publish_image
from dermasynth_builder.core.records import ClinicalImage, digest
from dermasynth_builder.release.columns import TEXT_COLUMNS, flat
from dermasynth_builder.release.parquet import SplitFiles, read_values, rows_where, write_split

PAIRS = 1000
BYTES = 500_000_000  # of images
_READ = ("pair_id", "source", "image_id", "group_id", "diagnosis", "question_type")


@dataclass(frozen=True, slots=True)
class Candidate:
    """A pair that may be chosen."""

    pair_id: str
    source: str
    image_id: str
    group_id: str
    diagnosis: str | None
    question_type: str

    @property
    def rank(self) -> str:
        """An order that has nothing to do with patients."""
        return digest([self.source, self.image_id, self.question_type])

    @property
    def place(self) -> tuple[str, str]:
        """Where it stands in the sample: groups are shuffled, and stay together."""
        return digest([self.source, self.group_id]), self.rank


def candidates(files: Iterable[Path]) -> Iterator[Candidate]:
    """The pairs of files."""
    return (Candidate(**values) for values in read_values(files, _READ))


def choose(pairs: Iterable[Candidate]) -> Iterator[Candidate]:
    """One pair of each image, those of sources and diagnoses in turn; the type is the one that was chosen least."""
    by_source: dict[str, list[Candidate]] = defaultdict(list)
    for pair in pairs:
        by_source[pair.source].append(pair)
    turns = zip_longest(*(_of_source(by_source[source]) for source in sorted(by_source)))
    return (pair for pair in chain.from_iterable(turns) if pair is not None)


def _of_source(pairs: Sequence[Candidate]) -> Iterator[Candidate]:
    by_diagnosis: dict[str, list[list[Candidate]]] = defaultdict(list)
    for _, of_image in groupby(sorted(pairs, key=attrgetter("image_id")), key=attrgetter("image_id")):
        image = sorted(of_image, key=attrgetter("rank"))
        by_diagnosis[image[0].diagnosis or ""].append(image)
    for images in by_diagnosis.values():
        images.sort(key=lambda image: image[0].rank)
    types: Counter[str] = Counter()
    for image in filter(None, chain.from_iterable(zip_longest(*map(itemgetter(1), sorted(by_diagnosis.items()))))):
        chosen = min(image, key=lambda pair: (types[pair.question_type], pair.rank))
        types[chosen.question_type] += 1
        yield chosen


def write_sample(
    train: Mapping[str, Sequence[Path]],
    images: Mapping[str, Mapping[str, ClinicalImage]],
    folder: Path,
    *,
    max_side_px: int | None,
) -> SplitFiles | None:
    """Writes the sample's one split of the rows in files of each source; `images` are those of each source by id.

    None where there are no rows. Raises ReleaseError where an image is not what its row says, and as `publish_image`.
    """
    files = list(chain.from_iterable(train.values()))
    chosen = list(_that_fit(choose(candidates(files)), images))
    ids = {pair.pair_id for pair in chosen}
    found = rows_where(files, lambda row: row["pair_id"] in ids, tested=["pair_id"], columns=TEXT_COLUMNS)
    rows = {row["pair_id"]: row for row in found}

    def published() -> Iterator[tuple[PublishedImage, dict[str, Any]]]:
        for pair in sorted(chosen, key=attrgetter("place")):
            image, row = publish_image(images[pair.source][pair.image_id], max_side_px), rows[pair.pair_id]
            if image.sha256 != flat(row)["image_sha256"]:
                raise ReleaseError(f"{pair.pair_id}: its image has changed since it was written; run the build again")
            yield image, row

    return write_split(folder, "train", published()) if chosen else None


def _that_fit(pairs: Iterable[Candidate], images: Mapping[str, Mapping[str, ClinicalImage]]) -> Iterator[Candidate]:
    """The first pairs, as many as a sample has and as their images leave room for; one there is always."""
    size = 0
    for number, pair in enumerate(islice(pairs, PAIRS)):
        file = images[pair.source][pair.image_id].file
        size += file.size_bytes if file else 0
        if number and size > BYTES:
            return
        yield pair
