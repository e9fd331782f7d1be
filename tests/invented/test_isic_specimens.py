"""The invented releases of BCN20000 and HIBA: in the real columns, with ids of nobody, the same on every run."""

import re
from collections.abc import Callable, Mapping
from itertools import chain
from pathlib import Path
from typing import get_args

import pytest
from PIL import Image

from dermasynth_builder.core.errors import UsageError
from dermasynth_builder.invented.specimens.isic import (
    BCN_COLUMNS,
    FIGSHARE_COLUMNS,
    HIBA_COLUMNS,
    BcnLayout,
    Generation,
    write_bcn20000,
    write_hiba,
)
from dermasynth_builder.read import vocabulary
from tests.support.isic_exports import rows_of


def content(root: Path) -> dict[str, bytes]:
    return {path.relative_to(root).as_posix(): path.read_bytes() for path in root.rglob("*") if path.is_file()}


def test_equal_arguments_write_equal_releases_and_another_seed_another_one(tmp_path: Path) -> None:
    first = content(write_bcn20000(tmp_path / "1", images=3, side_px=32))
    assert content(write_bcn20000(tmp_path / "2", images=3, side_px=32)) == first
    other = content(write_bcn20000(tmp_path / "3", images=3, side_px=32, seed=1))
    assert other.keys() == first.keys()
    assert all(other[name] != first[name] for name in first)


def test_one_image_more_changes_no_other(tmp_path: Path) -> None:
    few = content(write_hiba(tmp_path / "few", images=4, side_px=32))
    many = content(write_hiba(tmp_path / "many", images=9, side_px=32))
    assert all(many[name].startswith(few.pop(name)) for name in ("metadata.csv", "drawn.jsonl"))
    assert few.items() <= many.items()


@pytest.mark.parametrize("generation", get_args(Generation))
def test_a_hiba_table_has_the_columns_of_its_month(generation: Generation, tmp_path: Path) -> None:
    rows = rows_of(write_hiba(tmp_path, generation=generation, side_px=16) / "metadata.csv")
    assert tuple(rows[0]) == HIBA_COLUMNS[generation]
    assert (tmp_path / "SupplementaryData.csv").exists() is (generation == "2023-08")
    assert not [column for column in rows[0] if column != "anatom_site_special" and not any(r[column] for r in rows)]


@pytest.mark.parametrize("layout", get_args(BcnLayout))
def test_a_bcn20000_table_has_the_columns_of_its_form(layout: BcnLayout, tmp_path: Path) -> None:
    tables = sorted(write_bcn20000(tmp_path, layout=layout, side_px=16).glob("*.csv"))
    columns = FIGSHARE_COLUMNS if layout == "figshare" else BCN_COLUMNS
    assert {tuple(rows_of(table)[0]) for table in tables} == {columns}
    assert len(list(chain.from_iterable(map(rows_of, tables)))) == 12


def test_ids_are_of_no_real_image_lesion_or_patient(tmp_path: Path) -> None:
    write_hiba(tmp_path / "hiba", side_px=16)
    write_bcn20000(tmp_path / "bcn", layout="figshare", side_px=16)
    cells = [cell for table in tmp_path.rglob("*.csv") for row in rows_of(table) for cell in row.values()]
    ids = [cell for cell in cells if re.match(r"(ISIC|IL|IP|BCN)_", cell)]
    assert ids
    assert all(re.fullmatch(r"[A-Z]+_(000)?99900\d\d(\.jpg)?", cell) for cell in ids)


def test_pictures_are_jpeg_and_say_that_they_are_drawn(tmp_path: Path) -> None:
    for path in write_hiba(tmp_path, images=2, side_px=128).glob("*.jpg"):
        with Image.open(path) as picture:
            assert (picture.format, picture.mode, picture.size) == ("JPEG", "RGB", (128, 128))
            assert b"drawn specimen" in picture.info["comment"]


@pytest.mark.parametrize("write", [write_bcn20000, write_hiba])
def test_a_release_of_nothing_is_refused(write: Callable[..., Path], tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="one or more"):
        write(tmp_path, images=0)
    with pytest.raises(UsageError, match="16 pixels"):
        write(tmp_path, side_px=15)


# --- the words that these sources need ---


@pytest.mark.parametrize("diagnoses", [vocabulary.diagnoses("bcn20000"), vocabulary.legacy_diagnoses()])
def test_every_mapped_diagnosis_is_a_node_of_the_taxonomy(diagnoses: Mapping[str, vocabulary.Diagnosis]) -> None:
    assert len(diagnoses) >= 8
    for diagnosis in diagnoses.values():
        assert diagnosis.isic in vocabulary.isic_nodes()
        assert diagnosis.malignancy


def test_every_node_has_a_name_and_a_class() -> None:
    for node in vocabulary.isic_nodes():
        name = vocabulary.node_name(node)
        assert name == name.strip()
        assert "NOS" not in name
        assert vocabulary.Diagnosis(name, node).malignancy in ("benign", "indeterminate", "malignant")
    assert all(vocabulary.site_name(site) for site in vocabulary.isic_sites())


@pytest.mark.parametrize(
    ("last", "name"),
    [
        ("Nevus, Spitz", "nevus, Spitz"),
        ("Kaposi sarcoma", "Kaposi sarcoma"),
        ("Plexiform Neurofibroma", "plexiform neurofibroma"),
        ("Nevus, BAP-1 deficient", "nevus, BAP-1 deficient"),
        ("Merkel cell carcinoma", "Merkel cell carcinoma"),
        ("Nevus of Ota", "nevus of Ota"),
    ],
)
def test_a_node_is_named_as_in_a_sentence(last: str, name: str) -> None:
    node = next(node for node in vocabulary.isic_nodes() if node.rpartition(":")[2] == last)
    assert vocabulary.node_name(node) == name
