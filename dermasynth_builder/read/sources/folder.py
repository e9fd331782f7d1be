"""Reads own images by a mapping in the recipe: files and a CSV table, an imagefolder, or Parquet with an image column.

The mapping is the recipe's table `[folder]`; without one, that of a `recipe.toml` beside the images. It has to say the
licence and what must not be parted, for nobody else can.
"""

import atexit
import json
import re
import shutil
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any

from dermasynth_builder.core.errors import NoReleaseError, SourceError
from dermasynth_builder.core.files import private, private_folder
from dermasynth_builder.core.folder_options import NO_FOLDER, FolderOptions
from dermasynth_builder.core.options import RECIPE, Settings
from dermasynth_builder.core.records import ClinicalImage, Problem
from dermasynth_builder.read.hidden_names import hashed
from dermasynth_builder.read.mapped import COLUMN, Mapped, columns_named
from dermasynth_builder.read.origin import TableKind
from dermasynth_builder.read.tables import (
    IMAGE_SUFFIXES,
    MISSING_WORDS,
    ImageFolder,
    Row,
    columns_of,
    read_images,
    read_table,
    walk_files,
)

_NEEDED = ("image", "group", "licence", "attribution")
_SUFFIXES = {
    b"\x89PNG": ".png",
    b"\xff\xd8\xff": ".jpg",
    b"RIFF": ".webp",
    b"BM": ".bmp",
    b"II*": ".tif",
    b"MM\0": ".tif",
}


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
            files, rows = _unpacked(parquet, root, mapping, into=(self.work or _scratch()) / "unpacked")
            items: list[Row | Problem] = [*rows]
        else:
            items = [item for path in tables for item in _placed(path, root, mapping)]
        if not items:
            raise NoReleaseError(
                f"{root} holds no table with the columns {mapping.image} and {mapping.group}, which the recipe's "
                "[folder] names as image and group; docs/own_images.md shows how."
            )
        listed = [item for item in items if isinstance(item, Row)]
        mapped = Mapped(self.name, mapping, _ids(listed, mapping))
        known = TableKind("the table", mapping.image, facts=tuple(mapping.facts.values()), unread=".*")
        images = read_images(
            items, _ByPath(root, files, listed, mapping.image), mapped.form(known, frozenset(MISSING_WORDS))
        )
        yield from hashed(images, root) if mapping.names == "hashed" else images


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
    if path.suffix.lower() != ".jsonl":
        return columns_of(path) if path.suffix.lower() in (".csv", ".tsv") else []
    lines = _json_lines(path)
    return list(lines[0]) if lines else []


def _json_lines(path: Path) -> list[dict[str, Any]]:
    """The lines of a file of JSON objects. Raises SourceError."""
    try:
        lines = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]
    except ValueError as error:
        raise SourceError(f"{path} cannot be read as lines of JSON: {error}") from error
    return [line for line in lines if isinstance(line, dict)]


def _placed(path: Path, root: Path, mapping: FolderOptions) -> Iterator[Row | Problem]:
    needed = columns_named(mapping)
    if path.suffix.lower() != ".jsonl":
        yield from read_table(path, root, needed)
        return
    lines = _json_lines(path)
    _require_columns(path, mapping, list(dict.fromkeys(name for line in lines for name in line)))
    for number, values in enumerate(lines, start=1):
        cells = dict.fromkeys(needed, "") | {key: _text(value) for key, value in values.items()}
        yield Row(path.relative_to(root).as_posix(), number, cells)


def _require_columns(path: Path, mapping: FolderOptions, there: Sequence[str]) -> None:
    if lacking := set(columns_named(mapping)) - set(there):
        raise SourceError(f"{path} lacks the columns {', '.join(sorted(lacking))}; it has: {', '.join(there)}")


def _ids(rows: Sequence[Row], mapping: FolderOptions) -> dict[str, str]:
    """Ids made of the whole path, for the names that stand in several folders."""
    if mapping.id:
        return {}
    cells = {row.cells[mapping.image] for row in rows}
    counts = Counter(Path(cell).stem for cell in cells)
    return {cell: Path(cell).with_suffix("").as_posix() for cell in cells if counts[Path(cell).stem] > 1}


def _unpacked(paths: Sequence[Path], root: Path, mapping: FolderOptions, *, into: Path) -> tuple[list[Path], list[Row]]:
    """The images of Parquet files as files, which are written once, and their rows."""
    import pyarrow.parquet as pq

    files: list[Path] = []
    rows: list[Row] = []
    folder = into / sha256(str(root.resolve()).encode()).hexdigest()[:16]
    private_folder(folder)
    for path in paths:
        table = pq.ParquetFile(path)
        _require_columns(path, mapping, table.schema_arrow.names)
        line = 0
        for batch in table.iter_batches(batch_size=64):
            for values in batch.to_pylist():
                line += 1
                otherwise = f"{path.stem}-{line:06}"
                name, content = _image_in(values[mapping.image], otherwise)
                if folder / name in files:  # another row's image has that name
                    name = otherwise + Path(name).suffix
                target = folder / name
                if not target.is_file() or target.stat().st_size != len(content):
                    private(target).write_bytes(content)
                files.append(target)
                cells = {key: _text(value) for key, value in values.items() if key != mapping.image}
                rows.append(Row(path.relative_to(root).as_posix(), line, cells | {mapping.image: name}))
    return files, rows


def _image_in(value: Any, otherwise: str) -> tuple[str, bytes]:
    """The name and the bytes of a cell: `datasets` keeps both, others the bytes alone."""
    content = value.get("bytes") if isinstance(value, dict) else value
    if not isinstance(content, bytes):
        raise SourceError(f"{otherwise}: the image column holds no bytes of an image")
    suffix = next((suffix for mark, suffix in _SUFFIXES.items() if content.startswith(mark)), ".png")
    named = Path(str(value.get("path") or "")) if isinstance(value, dict) else Path()
    stem = named.stem if named.suffix.lower() in IMAGE_SUFFIXES else otherwise
    return re.sub(r"[^-\w.]+", "_", stem) + suffix, content


def _text(value: Any) -> str:
    text = "" if value is None else str(value).strip()
    return "" if text.upper() in MISSING_WORDS else text
