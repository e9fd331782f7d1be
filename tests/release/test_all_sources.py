"""A release of all five sources: every config and the one over all load, nothing is stored twice, all are named."""

import hashlib
import json
import re
import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml

from dermasynth_builder import pipeline
from dermasynth_builder.core import registry
from dermasynth_builder.core.errors import ReleaseError
from dermasynth_builder.core.options import Settings
from dermasynth_builder.core.reporter import SilentReporter
from dermasynth_builder.read.licences import by_strictness, known_licences, licence_of
from dermasynth_builder.release.folder import read_card, verify
from dermasynth_builder.release.parquet import read_values
from tests.support.processes import python_for, run_python
from tests.support.releases import Built

LOAD = """
import hashlib, json, os, sys
from datasets import Image, load_dataset, disable_progress_bars
disable_progress_bars()

def digests(loaded):
    rows = {}
    for split in loaded.values():
        for row in split.cast_column("image", Image(decode=False)):
            row["image"] = hashlib.sha256(row["image"]["bytes"]).hexdigest()
            rows[row["pair_id"]] = hashlib.sha256(json.dumps(row, sort_keys=True).encode()).hexdigest()
    return rows

found = {}
for name in sys.argv[1:]:
    loaded = load_dataset("dermasynth", name)
    found[name] = digests(loaded)
    assert digests(load_dataset("dermasynth", name, streaming=True)) == found[name], name
    first = next(iter(loaded.values()))[0]
    assert first["image"].size[0] > 0
print(json.dumps(found))
sys.stdout.flush()
os._exit(0)  # after streaming, threads of pyarrow may abort the interpreter while it ends
"""


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Built:
    """A release of specimens of all sources, under the licences of the real ones."""
    folder = tmp_path_factory.mktemp("all")
    raw = {name: registry.specimens(name)(folder / "raw" / name, images=8, side_px=48) for name in registry.SPECIMENS}
    settings = Settings(raw=raw, work=folder / "build", out=folder / "dermasynth")
    pipeline.build(settings, SilentReporter())
    return Built(folder, settings)


def rows_of(release: Path, name: str) -> list[dict[str, Any]]:
    return list(read_values(read_card(release)[name].paths))


@pytest.mark.slow
@pytest.mark.parametrize("version", ["5", "3"])
def test_every_config_and_the_one_over_all_load(version: str, built: Built, tmp_path: Path) -> None:
    names = [*registry.SOURCES, registry.ALL]
    out = run_python(python_for(version), "-c", LOAD, *names, cwd=built.folder, hf_home=tmp_path)
    found: dict[str, dict[str, str]] = json.loads(out)
    together = {pair_id: digest for name in registry.SOURCES for pair_id, digest in found[name].items()}
    assert all(found.values())
    assert found[registry.ALL] == together


def test_the_config_over_all_stores_nothing_twice(built: Built) -> None:
    configs = verify(built.release, SilentReporter())
    assert list(configs) == [registry.SAMPLE, *registry.SOURCES, registry.ALL]
    files = sorted((built.release / "data").rglob("*.parquet"))
    assert sorted(configs[registry.SAMPLE].paths) == sorted((built.release / "sample").iterdir())
    assert sorted(configs[registry.ALL].paths) == files
    assert sorted(path for name in registry.SOURCES for path in configs[name].paths) == files
    assert len({hashlib.sha256(path.read_bytes()).hexdigest() for path in files}) == len(files)


def test_a_release_of_one_source_lists_that_source_alone_and_all(built: Built, tmp_path: Path) -> None:
    settings = Settings(raw={"hiba": built.settings.raw["hiba"]}, work=tmp_path / "build", out=tmp_path / "dermasynth")
    pipeline.build(settings, SilentReporter())
    assert list(verify(settings.out, SilentReporter())) == ["sample", "hiba", "all"]
    assert {path.name for path in settings.out.iterdir()} == {
        "README.md",
        "ATTRIBUTION.md",
        "LICENSE",
        "croissant.json",
        "facts.json",
        "figures",
        "recipe.toml",
        "data",
        "sample",
    }
    assert {path.name for path in (settings.out / "data").iterdir()} == {"hiba"}
    assert "BCN20000" not in (settings.out / "ATTRIBUTION.md").read_text(encoding="utf-8")


def test_a_card_whose_config_over_all_says_something_else_is_refused(built: Built, tmp_path: Path) -> None:
    release = Path(shutil.copytree(built.release, tmp_path / "dermasynth"))
    card = release / "README.md"
    head, block, body = card.read_text(encoding="utf-8").split("---\n", 2)
    metadata = yaml.safe_load(block)
    metadata["configs"][-1]["data_files"][0]["path"].pop()
    card.write_text(f"{head}---\n{yaml.safe_dump(metadata, sort_keys=False)}---\n{body}", encoding="utf-8")
    with pytest.raises(ReleaseError, match="config all: is not the other configs together"):
        verify(release, SilentReporter())


@pytest.mark.parametrize("name", ["ATTRIBUTION.md", "LICENSE"])
def test_a_release_without_attribution_or_notices_is_refused(name: str, built: Built, tmp_path: Path) -> None:
    release = Path(shutil.copytree(built.release, tmp_path / "dermasynth"))
    (release / name).unlink()
    with pytest.raises(ReleaseError, match=f"no {re.escape(name)}"):
        verify(release, SilentReporter())


@pytest.mark.parametrize("name", registry.SOURCES)
def test_the_attribution_names_every_licence_and_everybody_that_the_rows_name(name: str, built: Built) -> None:
    text = (built.release / "ATTRIBUTION.md").read_text(encoding="utf-8")
    [section] = [part for part in re.split(r"(?m)^## ", text) if f"(`{name}`)" in part.partition("\n")[0]]
    rows = rows_of(built.release, name)
    images = {row["image_id"]: row for row in rows}
    for licence in {row["licence"] for row in rows}:
        count = sum(row["licence"] == licence for row in images.values())
        assert f"- {count} images under [{licence}]({licence_of(licence).url})" in section
    for attribution in {row["attribution"] for row in rows}:
        assert f"- Name: {attribution}" in section
    assert registry.source(name, built.settings).citation in section
    changed = sum(row["image_change"] is not None for row in images.values())
    assert f"What was changed: {len(images) - changed} of {len(images)} image files are those of the source" in section


def test_the_card_says_the_strictest_licence_of_each_config_and_of_all(built: Built) -> None:
    text = (built.release / "README.md").read_text(encoding="utf-8")
    for name in registry.SOURCES:
        _, line = [line for line in text.splitlines() if line.startswith(f"| `{name}` |")]
        strictest = by_strictness({row["licence"] for row in rows_of(built.release, name)})[-1]
        assert f"| {strictest.name} |" in line
    assert "the whole: CC-BY-NC-SA-3.0." in text
    metadata = yaml.safe_load(text.split("---\n")[1])
    entry = {key: metadata[key] for key in ("license", "license_name", "license_link")}
    assert entry == {"license": "other", "license_name": "mixed-see-license", "license_link": "LICENSE"}


def test_every_source_is_under_a_licence_that_is_known() -> None:
    known = {licence.name for licence in known_licences()}
    assert {registry.source(name).licence for name in registry.SOURCES if name != "folder"} <= known


def test_a_licence_that_is_not_known_counts_as_strictest_and_permits_nothing() -> None:
    names = ["Terms of a Museum", "CC-BY-NC-4.0", "CC0-1.0"]
    assert [licence.name for licence in by_strictness(names)] == ["CC0-1.0", "CC-BY-NC-4.0", "Terms of a Museum"]
    assert not licence_of("Terms of a Museum").permits_commerce_with_attribution


def test_lesions_are_counted_where_a_source_tells_of_them_and_else_not_recorded(built: Built) -> None:
    facts = json.loads((built.release / "facts.json").read_text(encoding="utf-8"))
    for source in facts["sources"]:
        found = {row["lesion_id"] for row in rows_of(built.release, source["name"])} - {None}
        assert source["lesions"] == (len(found) or None)
    assert {bool(source["lesions"]) for source in facts["sources"]} == {True, False}
