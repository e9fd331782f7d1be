"""The real tables of BCN20000 and HIBA give the counts that were published."""

import shutil
from collections import Counter
from pathlib import Path

import pytest

from dermasynth_builder.read.sources.bcn20000 import Bcn20000
from dermasynth_builder.read.sources.hiba import Hiba
from tests.support.isic_exports import read


@pytest.mark.slow
@pytest.mark.real
def test_the_real_bcn20000_gives_the_published_counts(real_data: Path) -> None:
    images, problems = read(Bcn20000(), real_data / "bcn20000")
    facts = [image.facts for image in images]
    assert problems == []
    assert len(images) == len({image.image_id for image in images}) == 18946
    assert sum(fact.diagnosis is not None for fact in facts) == 17790
    assert len({image.group_id for image in images}) == 5440
    assert Counter(fact.age_years for fact in facts)[0] == 13
    assert Counter(fact.age_years for fact in facts)[None] == 121
    assert Counter(fact.sex for fact in facts) == {"male": 9840, "female": 8989, None: 117}
    assert Counter(fact.body_site_published or "" for fact in facts) == {
        **{"anterior torso": 7369, "head/neck": 4961, "lower extremity": 3616, "upper extremity": 1934},
        **{"palms/soles": 670, "oral/genital": 99, "": 297},
    }
    assert Counter(fact.confirmation for fact in facts) == {
        "histopathology": 14196,
        "confocal microscopy": 1244,
        None: 3506,
    }
    assert Counter(fact.diagnosis or "" for fact in facts) == {
        **{"nevus": 5647, "melanoma": 4003, "basal cell carcinoma": 3676, "seborrheic keratosis": 1268},
        **{"actinic keratosis": 1088, "melanoma metastasis": 633, "squamous cell carcinoma": 559, "scar": 314},
        **{"solar lentigo": 283, "dermatofibroma": 168, "vascular lesion": 151, "": 1156},
    }
    assert {(image.licence, image.modality) for image in images} == {("CC-BY-NC-4.0", "dermoscopic")}


@pytest.mark.real
@pytest.mark.parametrize(
    ("table", "count", "phototypes", "clinical"),
    [
        ("hiba_rows_2023-08_from_official_notebooks.csv", 10, [2, 1, 2, 2, 2, 2, 2, 2, 3, 3], 3),
        ("hiba_rows_2025-01_from_dermasynth_notebook.csv", 5, [2, 2, 2, 2, 1], 1),
    ],
)
def test_the_real_rows_of_hiba_are_read_in_both_schemas_with_the_phototype_joined(
    table: str, count: int, phototypes: list[int], clinical: int, real_data: Path, tmp_path: Path
) -> None:
    shutil.copy(real_data / "hiba" / table, tmp_path / "metadata.csv")
    shutil.copy(real_data / "hiba" / "SupplementaryData.csv", tmp_path)
    images, problems = read(Hiba(), tmp_path)
    assert problems == []
    assert len(images) == count
    assert [image.facts.fitzpatrick for image in images] == phototypes
    assert sum(image.modality == "clinical" for image in images) == clinical
    assert all(image.facts.diagnosis and image.facts.malignancy for image in images)
    assert all(image.group_id.startswith("IP_") and image.lesion_id for image in images)
