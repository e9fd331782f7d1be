"""Reads own images by a mapping in the recipe: files and a CSV table, an imagefolder, or Parquet with an image column.

The mapping is the recipe's table `[folder]`; without one, that of a `recipe.toml` beside the images. It has to say the
licence and what must not be parted, for nobody else can.
"""

import atexit
import shutil
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache
from hashlib import sha256
from pathlib import Path

from dermasynth_builder.core.errors import NoReleaseError, SourceError
from dermasynth_builder.core.folder_options import NO_FOLDER, FolderOptions
from dermasynth_builder.core.options import RECIPE, Settings
from dermasynth_builder.core.records import ClinicalImage, Problem
from dermasynth_builder.read.hidden_names import hashed
from dermasynth_builder.read.mapped import COLUMN, Mapped, columns_named
from dermasynth_builder.read.origin import TableKind
from dermasynth_builder.read.tables import (
    MISSING_WORDS,
    ImageFolder,
    Row,
    columns_of,
    read_images,
    read_table,
    walk_files,
)
from dermasynth_builder.read.typed_tables import Mirror, json_columns, read_json_lines

_NEEDED = ("image", "group", "licence", "attribution")


@dataclass(frozen=True, slots=True)
class Folder:
    """Own images; see `dermasynth_builder.core.protocols.Source`."""

    mapping: FolderOptions = NO_FOLDER
    work: Path | None = None  # where images of Parquet files are unpacked; None: for this process alone
    name: str = "folder"

    @property
    def title(self) -> str:
        """As the mapping says."""
        return self.mapping.title

    @property
    def licence(self) -> str:
        """As the mapping says."""
        return self.mapping.licence or "as the recipe says"

    @property
    def attribution(self) -> str:
        """As the mapping says."""
        return self.mapping.attribution or "as the recipe says"

    @property
    def citation(self) -> str:
        """As the mapping says."""
        return self.mapping.citation or self.mapping.title

    @property
    def homepage(self) -> str:
        """As the mapping says."""
        return self.mapping.homepage

    @property
    def are_names_kept(self) -> bool:
        """See `KeepsNames.are_names_kept`."""
        return self.mapping.names == "kept"

    def with_settings(self, settings: Settings) -> "Folder":
        """See `TakesSettings.with_settings`."""
        mapping = settings.folder
        if mapping == NO_FOLDER and self.name in settings.raw:
            mapping = _mapping_beside(settings.raw[self.name])
        return replace(self, mapping=mapping, work=settings.work)

    def read(self, root: Path) -> Iterator[ClinicalImage | Problem]:
        """See `Source.read`. Images are grouped by the column that the mapping names."""
        files = walk_files(root)
        mapping = self.mapping if self.mapping != NO_FOLDER else _mapping_beside(root)
        if mapping == NO_FOLDER:
            raise NoReleaseError(
                f"{root} holds no raw release of own images: no recipe says what its table means. Write a table "
                "[folder] with image, group, licence and attribution into recipe.toml; docs/own_images.md shows how."
            )
        _require_told(mapping)
        parquet = [path for path in files if path.suffix.lower() == ".parquet"]
        named = {mapping.image, mapping.group}
        tables = [path for path in files if named <= set(_columns_of(path))]
        if parquet and not tables:
            mirror = Mirror(root, self._unpacked(root), [mapping.image, *columns_named(mapping)])
            items = [item for path in parquet for item in mirror.rows(path)]
            files += mirror.files
        else:
            items = [item for path in tables for item in _placed(path, root, mapping)]
        if not items:
            raise _no_rows(root, mapping, files)
        listed = [item for item in items if isinstance(item, Row)]
        mapped = Mapped(self.name, mapping, _ids(listed, mapping))
        known = TableKind("the table", mapping.image, facts=tuple(mapping.facts.values()), unread=".*")
        images = read_images(
            items, _ByPath(root, files, listed, mapping.image), mapped.form(known, frozenset(MISSING_WORDS))
        )
        yield from hashed(images, root) if mapping.names == "hashed" else images

    def _unpacked(self, root: Path) -> Path:
        """Where the images of the Parquet files of a folder lie."""
        return (self.work or _scratch()) / "unpacked" / sha256(str(root.resolve()).encode()).hexdigest()[:16]


class _ByPath(ImageFolder):
    """Finds a file by its path as the row has it, else by its name: an imagefolder has one name in several folders."""

    def __init__(self, root: Path, files: Sequence[Path], rows: Sequence[Row], column: str) -> None:
        super().__init__(root, files)
        here = {path.resolve() for path in files}
        self._places: dict[str, Path] = {}
        for row in rows:
            beside = (root / row.table).parent / row.cells[column]
            if found := next((path for path in (beside, root / row.cells[column]) if path.resolve() in here), None):
                self._places[row.location] = found

    def attach(self, image: ClinicalImage) -> ClinicalImage | Problem:
        """See `ImageFolder.attach`."""
        self.claim(image.file_name)
        place = self._places.get(image.row_location)
        return replace(image, path=place, file_name=place.name) if place else super().attach(image)


def _no_rows(root: Path, mapping: FolderOptions, files: Sequence[Path]) -> NoReleaseError:
    arrow = next((path for path in files if path.suffix == ".arrow"), None)
    more = f" {arrow.name} is of `save_to_disk`: write it by `to_parquet` first." if arrow else ""
    return NoReleaseError(
        f"{root} holds no table that has rows and the columns {mapping.image} and {mapping.group}, which the recipe's "
        f"[folder] names as image and group; docs/own_images.md shows how.{more}"
    )


@cache
def _scratch() -> Path:
    folder = Path(tempfile.mkdtemp(prefix="dermasynth-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


def _require_told(mapping: FolderOptions) -> None:
    """Raises SourceError where nobody says what nobody else can know."""
    lacking = [name for name in _NEEDED if not getattr(mapping, name)]
    if lacking:
        raise SourceError(
            f"the recipe's [folder] does not say {', '.join(lacking)}. Own images need a licence, somebody to name and "
            "the column of what must not be parted (the patient, else the lesion; where every image is of another "
            "person, the column of the image itself); docs/own_images.md shows how."
        )
    if not mapping.modality.startswith(COLUMN) and mapping.modality not in ("clinical", "dermoscopic"):
        raise SourceError(
            f"the recipe's folder.modality: {mapping.modality!r} is not clinical, dermoscopic or column:NAME"
        )


def _mapping_beside(root: Path) -> FolderOptions:
    """The mapping of the recipe that lies with the images, if there is one."""
    from dermasynth_builder.core.recipe import read_recipe

    path = root / RECIPE
    return read_recipe(path).folder if path.is_file() else NO_FOLDER


def _columns_of(path: Path) -> list[str]:
    """The columns of a CSV table, or the keys of the first line of an imagefolder's `metadata.jsonl`."""
    if path.suffix.lower() == ".jsonl":
        return json_columns(path)
    return columns_of(path) if path.suffix.lower() in (".csv", ".tsv") else []


def _placed(path: Path, root: Path, mapping: FolderOptions) -> Iterator[Row | Problem]:
    read = read_json_lines if path.suffix.lower() == ".jsonl" else read_table
    yield from read(path, root, columns_named(mapping))


def _ids(rows: Sequence[Row], mapping: FolderOptions) -> dict[str, str]:
    """Ids made of the whole path, for the names that stand in several folders."""
    if mapping.id:
        return {}
    cells = {row.cells[mapping.image] for row in rows}
    counts = Counter(Path(cell).stem for cell in cells)
    return {cell: Path(cell).with_suffix("").as_posix() for cell in cells if counts[Path(cell).stem] > 1}
