"""croissant.json is what its readers expect: its checker finds no fault, and rows are read by it."""

import hashlib
import json
from typing import Any

import mlcroissant
import pyarrow.parquet as pq
import pytest

from tests.support.releases import Built

# Asked of data sets by venues; the last two are of PROV-O.
ASKED = (
    *("rai:dataLimitations", "rai:dataBiases", "rai:personalSensitiveInformation", "rai:dataUseCases"),
    *("rai:dataSocialImpact", "rai:hasSyntheticData", "prov:wasDerivedFrom", "prov:wasGeneratedBy"),
)


@pytest.fixture(scope="module")
def described(built: Built) -> dict[str, Any]:
    return dict(json.loads((built.release / "croissant.json").read_text(encoding="utf-8")))


def test_every_parquet_file_is_named_with_its_hash_its_size_and_its_licences(
    built: Built, described: dict[str, Any]
) -> None:
    told = {each["contentUrl"]: each for each in described["distribution"]}
    there = {path.relative_to(built.release).as_posix(): path for path in built.release.rglob("*.parquet")}
    assert set(told) == set(there)
    assert {name.partition("/")[0] for name in there} == {"data", "sample", "closed"}
    for name, path in there.items():
        assert told[name]["sha256"] == hashlib.sha256(path.read_bytes()).hexdigest()
        assert told[name]["contentSize"] == f"{path.stat().st_size} B"
        assert told[name]["license"] == ["https://creativecommons.org/licenses/by/4.0/legalcode"]


def test_all_that_venues_ask_for_is_told(described: dict[str, Any]) -> None:
    assert all(described[name] for name in ASKED)
    assert "RAI/1.0" in " ".join(described["conformsTo"])


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")  # of libraries that mlcroissant reads with
def test_the_checker_finds_no_fault_and_rows_are_read(built: Built) -> None:
    dataset = mlcroissant.Dataset(jsonld=str(built.release / "croissant.json"))
    assert dataset.metadata.issues.errors == set()
    for path in sorted(built.release.rglob("*.parquet")):
        name = path.relative_to(built.release).with_suffix("").as_posix()
        first = next(iter(dataset.records(name)))
        row = pq.read_table(path, columns=["question", "pair_id"]).slice(0, 1).to_pylist()[0]
        assert first[f"{name}/question"].decode() == row["question"]
        assert first[f"{name}/pair_id"].decode() == row["pair_id"]
