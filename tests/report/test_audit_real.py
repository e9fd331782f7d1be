"""The audits of the real tables give the counts that were published, and those of our own reading."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from dermasynth_builder.core.options import Settings
from dermasynth_builder.core.reporter import SilentReporter
from dermasynth_builder.report.audit import Audit, Spread, audit, survey_source
from dermasynth_builder.report.audit_text import audit_text
from dermasynth_builder.report.tables import plain_text
from tests.support.paths import ROOT

pytestmark = pytest.mark.real

AuditOf = Callable[..., Audit]


@pytest.fixture(scope="module")
def audit_of(real_data: Path, tmp_path_factory: pytest.TempPathFactory) -> AuditOf:
    work = tmp_path_factory.mktemp("work")

    def count(name: str, root: Path | None = None) -> Audit:
        settings = Settings(raw={name: root or real_data / name}, work=work, rows="all")
        return audit(survey_source(name, settings, SilentReporter()))

    return count


def published(told: Audit) -> dict[str, int]:
    return {each.published: each.images for each in told.labels.diagnoses}


@pytest.mark.slow
def test_bcn20000(audit_of: AuditOf) -> None:
    told = audit_of("bcn20000")
    assert (told.files.listed, told.files.without_file, told.files.width_px) == (18946, 18946, None)
    assert (told.labels.labelled, told.labels.unlabelled, told.labels.in_isic_taxonomy) == (17790, 1156, 17790)
    assert (told.groups.groups, told.groups.lesions) == (5440, 5440)
    assert told.people.age_years == Spread(0, 60, 85)
    assert (told.people.age_zero, told.people.with_age_years) == (13, 18946 - 121)
    assert told.people.sex == {"male": 9840, "female": 8989}
    assert sum(told.people.body_site.values()) == 18946 - 297
    assert told.labels.confirmation == {"histopathology": 14196, "confocal microscopy": 1244}
    assert published(told) == {
        **{"Nevus": 5647, "Melanoma, NOS": 4003, "Basal cell carcinoma": 3676, "Seborrheic keratosis": 1268},
        **{"Solar or actinic keratosis": 1088, "Melanoma metastasis": 633, "Squamous cell carcinoma, NOS": 559},
        **{"Scar": 314, "Solar lentigo": 283, "Dermatofibroma": 168},
        "Benign soft tissue proliferations - Vascular": 151,
    }
    assert told.licences == {"CC-BY-NC-4.0": 18946}
    assert told.problems == []


@pytest.mark.slow
def test_scin(audit_of: AuditOf) -> None:
    told = audit_of("scin")
    assert told.tallies == {
        **{"cases": 5033, "image references": 10407, "image files": 10380, "files shared by several cases": 15},
        **{"labelled cases": 3061, "condition names": 370},
    }
    # Of the 6,506 files of labelled cases two belong first to a case without a label, whose facts they have.
    assert (told.files.listed, told.labels.labelled) == (10380, 6504)
    # 367 of the 370 names: one is a note about a tool, and two pairs of names mean the same.
    assert len(told.labels.differential) == 367
    assert set(told.people.fitzpatrick) == {"patient", "dermatologist"}
    assert told.people.age_years is None
    assert next(iter(told.people.age_bands)) == "18 to 29"
    assert {problem.kind: problem.count for problem in told.problems} == {**{"doubled id": 27, "unknown value": 12}}


def test_pad_ufes(audit_of: AuditOf) -> None:
    told = audit_of("pad_ufes")
    assert (told.files.listed, told.files.with_file, told.files.usable) == (2298, 12, 12)
    assert sum(told.files.formats.values()) == 12
    assert published(told) == {"BCC": 845, "ACK": 730, "NEV": 244, "SEK": 235, "SCC": 192, "MEL": 52}
    assert (told.groups.lesions, told.groups.groups) == (1891, 1373)
    assert told.people.age_years == Spread(6, 62, 94)
    assert told.people.fitzpatrick == {"not recorded": {"1": 153, "2": 876, "3": 392, "4": 62, "5": 10, "6": 1}}
    assert told.labels.confirmation == {"histopathology": 1342, "clinical assessment": 956}
    assert told.missing_percent["sex"] == told.missing_percent["fitzpatrick"] == round(100 * 804 / 2298, 2)


@pytest.mark.parametrize(
    ("table", "count", "phototypes", "clinical"),
    [
        ("hiba_rows_2023-08_from_official_notebooks.csv", 10, {"1": 1, "2": 7, "3": 2}, 3),
        ("hiba_rows_2025-01_from_dermasynth_notebook.csv", 5, {"1": 1, "2": 4}, 1),
    ],
)
def test_hiba_in_both_schemas(
    table: str, count: int, phototypes: dict[str, int], clinical: int, audit_of: AuditOf, real_data: Path,
    tmp_path: Path,
) -> None:  # fmt: skip
    shutil.copy(real_data / "hiba" / table, tmp_path / "metadata.csv")
    shutil.copy(real_data / "hiba" / "SupplementaryData.csv", tmp_path)
    told = audit_of("hiba", tmp_path)
    assert (told.files.listed, told.labels.labelled, told.labels.in_isic_taxonomy) == (count, count, count)
    assert told.people.fitzpatrick == {"not recorded": phototypes}
    assert told.files.modality == {"dermoscopic": count - clinical, "clinical": clinical}


def test_derm12345(audit_of: AuditOf) -> None:
    told = audit_of("derm12345")
    names = {each.published: each.name for each in told.labels.diagnoses}
    assert (told.files.listed, told.labels.labelled, len(names)) == (78, 78, 39)
    assert names["mcb"] == "Miescher nevus"
    assert all(name and name == name.strip() and name != code for code, name in names.items())
    assert told.labels.outside_isic_taxonomy == {"cutaneous horn": 3}
    assert set(told.groups.official_splits) == {"train", "test"}
    assert told.people.age_years is None


def test_the_guide_shows_a_part_of_what_is_printed(audit_of: AuditOf) -> None:
    excerpt = (
        (ROOT / "docs" / "build.md").read_text("utf-8").partition("```\npad_ufes: PAD-UFES-20\n")[2].partition("```")[0]
    )
    printed = plain_text(audit_text(audit_of("pad_ufes"))).splitlines()
    shown = [line for line in excerpt.splitlines() if line.strip() != "..."]
    assert len(shown) > 10
    assert [line for line in shown if line not in printed] == []
