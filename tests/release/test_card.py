"""The card: what it says is what the files hold, and a release whose card and files disagree is told."""

import re
import shutil
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import datasets
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml
from datasets.utils.metadata import MetadataConfigs
from huggingface_hub import DatasetCard

from dermasynth_builder import __version__
from dermasynth_builder.core.errors import ReleaseError
from dermasynth_builder.release.card import Beside, Config, card_metadata
from dermasynth_builder.release.closed_config import closed_features
from dermasynth_builder.release.folder import read_card, verify
from dermasynth_builder.release.parquet import read_values
from tests.support.paths import ROOT
from tests.support.recorder import Recorder
from tests.support.releases import Built, config_of

SPLITS = ["train", "validation", "test"]
Build = Callable[..., Built]


@pytest.fixture(scope="module")
def metadata(built: Built) -> dict[str, Any]:
    """The card's metadata as the Hub's own library reads them."""
    return dict(DatasetCard.load(built.release / "README.md").data.to_dict())


@pytest.fixture(scope="module")
def text(built: Built) -> str:
    """The card without its metadata."""
    return (built.release / "README.md").read_text(encoding="utf-8").split("---\n", 2)[2]


@pytest.fixture(scope="module")
def rows(built: Built) -> list[dict[str, Any]]:
    return list(read_values(files_of(built.release)))


@pytest.fixture
def release(built: Built, tmp_path: Path) -> Path:
    """A copy to spoil."""
    return Path(shutil.copytree(built.release, tmp_path / "dermasynth"))


def files_of(release: Path, split: str = "*") -> list[Path]:
    return [
        path
        for name in SPLITS
        for path in sorted((release / "data" / "pad_ufes").glob(f"{name}-*"))
        if path.match(f"{split}-*")
    ]


# --- the metadata ---


def test_the_features_of_card_and_files_are_the_same(built: Built, metadata: dict[str, Any]) -> None:
    sample, info, closed, whole = metadata["dataset_info"]
    assert closed["features"] == closed_features()._to_yaml_list()
    assert sample["features"] == info["features"] == whole["features"]
    from_card = datasets.Features._from_yaml_list(info["features"])
    for path in [*built.release.glob("data/*/*.parquet"), *built.release.glob("sample/*.parquet")]:
        assert datasets.Features.from_arrow_schema(pq.read_schema(path)) == from_card
    assert isinstance(from_card["image"], datasets.Image)


def test_rows_and_sizes_of_the_card_are_those_of_the_files(built: Built, metadata: dict[str, Any]) -> None:
    [_, info, _, whole] = metadata["dataset_info"]
    assert whole | {"config_name": "pad_ufes"} == info
    files = {split: files_of(built.release, split) for split in SPLITS}
    footers = {split: sum(pq.read_metadata(path).num_rows for path in paths) for split, paths in files.items()}
    assert {split["name"]: split["num_examples"] for split in info["splits"]} == footers
    assert info["download_size"] == sum(path.stat().st_size for path in files_of(built.release))
    assert info["dataset_size"] == sum(split["num_bytes"] for split in info["splits"])
    for split in info["splits"]:
        in_memory = sum(pq.read_table(path).nbytes for path in files[split["name"]])
        assert split["num_bytes"] == pytest.approx(in_memory, rel=0.01)


def test_the_card_names_just_the_configs_splits_and_files_that_are_there(
    built: Built, metadata: dict[str, Any]
) -> None:
    sample, config, closed, whole = metadata["configs"]
    assert closed["data_files"] == [{"split": "test", "path": "closed/test-*.parquet"}]
    assert (sample["config_name"], sample["default"]) == ("sample", True)
    assert sample["data_files"] == [{"split": "train", "path": "sample/train-*.parquet"}]
    assert (config["config_name"], config["version"], config.get("default")) == ("pad_ufes", __version__, None)
    assert whole["data_files"] == [{**item, "path": [item["path"]]} for item in config["data_files"]]
    assert [item["split"] for item in config["data_files"]] == SPLITS
    for item in config["data_files"]:
        assert sorted(built.release.glob(item["path"])) == files_of(built.release, item["split"])
    assert MetadataConfigs.from_dataset_card_data(DatasetCard.load(built.release / "README.md").data)


def test_a_split_without_rows_is_not_named(specimens: Path, build_release: Build, tmp_path: Path) -> None:
    built = build_release(specimens, tmp_path, split_shares=(0.5, 0.0, 0.5))
    [_, config, _, _] = yaml.safe_load((built.release / "README.md").read_text().split("---\n")[1])["configs"]
    assert [item["split"] for item in config["data_files"]] == ["train", "test"]


def test_words_for_the_hub_are_words_that_the_hub_knows(metadata: dict[str, Any]) -> None:
    assert metadata["license"] == "cc-by-4.0"
    assert metadata["size_categories"] == ["n<1K"]
    assert metadata["task_categories"] == ["visual-question-answering", "image-text-to-text"]
    assert metadata["annotations_creators"] == ["machine-generated"]


def test_only_the_first_of_several_configs_is_the_default_and_all_licences_are_named() -> None:
    metadata = card_metadata([config_of("first"), config_of("second")], ["CC0-1.0", "CC-BY-4.0"])
    assert [config.get("default") for config in metadata["configs"]] == [True, None, None]
    assert [info["config_name"] for info in metadata["dataset_info"]] == ["first", "second", "all"]
    assert [metadata[key] for key in ("license", "license_name", "license_link")] == [
        "other", "mixed-see-license", "LICENSE"
    ]  # fmt: skip
    beside = Beside(sample=config_of("other").splits["train"])
    shown = card_metadata([config_of("first")], ["CC-BY-4.0"], beside)
    assert [(config["config_name"], config.get("default")) for config in shown["configs"]] == [
        ("sample", True), ("first", None), ("all", None)
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("rows", "category"), [(999, "n<1K"), (1000, "1K<n<10K"), (92_020, "10K<n<100K"), (10**6, "n>1M")]
)
def test_the_size_category_goes_by_the_rows(rows: int, category: str) -> None:
    config = config_of("first")
    files = replace(config.splits["train"], rows=rows)
    assert card_metadata([replace(config, splits={"train": files})], ["CC-BY-4.0"])["size_categories"] == [category]


def test_the_description_changes_with_the_content_and_with_nothing_else() -> None:
    def description(config: Config) -> str:
        return str(card_metadata([config], ["CC-BY-4.0"])["configs"][0]["description"])

    config = config_of("first")
    other_run = replace(config, rejected=7, is_specimen=True)
    moved = replace(config, splits={"train": replace(config.splits["train"], files=(Path("elsewhere"),), file_bytes=9)})
    assert re.fullmatch(r"sha256:[0-9a-f]{16}", description(config))
    assert description(config) == description(other_run) == description(moved)
    assert description(config) != description(config_of("first", content_digest="cd"))
    assert description(config) != description(replace(config, splits={"test": config.splits["train"]}))


def test_another_seed_gives_another_description(
    built: Built, specimens: Path, build_release: Build, tmp_path: Path
) -> None:
    other = build_release(specimens, tmp_path, seed=7)
    assert read_card(other.release)["pad_ufes"].content_digest != read_card(built.release)["pad_ufes"].content_digest


# --- the text ---


def counted(text: str, label: str) -> dict[str, int]:
    """The rows of the two-column tables under a heading cell: the one at sight and the one that is folded."""
    tables = re.findall(rf"\| {label} \| \w+ \|\n\|---\|---:\|\n((?:\|.*\n)+)", text)
    lines = [line.strip("| ").split(" | ") for table in tables for line in table.splitlines()]
    return {name: int(count) for name, count in lines}


def test_counts_in_the_text_are_those_of_the_rows(text: str, rows: list[dict[str, Any]]) -> None:
    images = {row["image_id"]: row for row in rows}
    groups, lesions = ({row[name] for row in rows} for name in ("group_id", "lesion_id"))
    line, terms = [line for line in text.splitlines() if line.startswith("| `pad_ufes` |")][:2]
    assert f"| {len(rows)} | {len(images)} | {len(groups)} | {len(lesions)} |" in line
    assert terms.endswith("| CC-BY-4.0 | template |")
    assert f"{len(rows)} pairs over {len(images)} images" in text
    assert counted(text, "diagnosis on record") == Counter(row["diagnosis"] for row in images.values())
    assert counted(text, "question type") == Counter(row["question_type"] for row in rows)


def test_splits_in_the_text_are_those_of_the_files(built: Built, text: str) -> None:
    for split in SPLITS:
        count = sum(pq.read_metadata(path).num_rows for path in files_of(built.release, split))
        assert f"- {split}: {count} pairs of " in text


def test_examples_in_the_text_are_rows(text: str, rows: list[dict[str, Any]]) -> None:
    examples = re.findall(r"> \*\*(.+)\*\*\n>\s*\n?> ?(.+)\n", text)
    assert 3 <= len(examples) <= 6
    assert set(examples) <= {(row["question"], row["answer"]) for row in rows}


def test_the_text_describes_every_column_once(text: str, rows: list[dict[str, Any]]) -> None:
    described = re.findall(r"^\| `([\w.]+)` \| \w+ \| .+ \|$", text.partition("\n## Columns")[2], re.MULTILINE)
    names = [path.rpartition(".")[2] for path in described]
    assert len(names) == len(set(names))
    assert set(names) == {"image", *rows[0]}


def test_no_number_of_the_card_is_typed_by_hand() -> None:
    template = (ROOT / "card" / "README.md.jinja").read_text(encoding="utf-8")
    assert not re.search(r"\d", re.sub(r"\{\{.*?\}\}|\{%.*?%\}", "", template.replace("sha256", "")))


def test_drawn_specimens_and_their_flags_are_told(specimens: Path, build_release: Build, tmp_path: Path) -> None:
    built = build_release(specimens, tmp_path, is_specimen=True)
    card = DatasetCard.load(built.release / "README.md")
    assert card.data.to_dict()["license"] == "cc0-1.0"
    assert "> **Drawn specimens.**" in card.text
    assert "Of what was found in this release" not in card.text or "- specimen" not in card.text
    assert "Pacheco" not in card.text


def test_only_real_images_name_their_authors_and_no_specimens_or_models(text: str) -> None:
    assert "please cite: Pacheco" in text
    assert "@article{pacheco" in text
    assert not re.search("pecimen|Invented answers|Models, as the service", text)


# --- card and files ---


def edit(release: Path, old: str, new: str) -> None:
    card = release / "README.md"
    text = card.read_text(encoding="utf-8")
    assert old in text
    card.write_text(text.replace(old, new, 1), encoding="utf-8")


def rewrite(release: Path, change: Callable[[pa.Table], pa.Table]) -> None:
    """Changes the train split, and lets the card say the new size."""
    [path] = files_of(release, "train")
    size = read_card(release)["pad_ufes"].download_size
    before = path.stat().st_size
    pq.write_table(change(pq.read_table(path)), path)
    edit(release, f"download_size: {size}", f"download_size: {size - before + path.stat().st_size}")


def change_an_answer(table: pa.Table) -> pa.Table:
    answers = [
        f"{answer} Or not." if number == 5 else answer for number, answer in enumerate(table["answer"].to_pylist())
    ]
    return table.set_column(table.schema.get_field_index("answer"), table.schema.field("answer"), pa.array(answers))


def narrow_the_age(table: pa.Table) -> pa.Table:
    return table.set_column(table.schema.get_field_index("age_years"), "age_years", table["age_years"].cast(pa.int64()))


def damage_a_name(release: Path) -> None:
    [path] = files_of(release, "train")
    path.write_bytes(path.read_bytes().replace(b"diagnosis_published", b"diagnosis_\xffublished", 1))


def cut_off(release: Path) -> None:
    [path] = files_of(release, "train")
    path.write_bytes(path.read_bytes()[:-100])


def add_a_shard(release: Path) -> None:
    [path] = files_of(release, "test")
    shutil.copy(path, path.with_name("test-00001-of-00002.parquet"))


def forget_a_split(release: Path) -> None:
    files_of(release, "test")[0].unlink()
    edit(release, "  - split: test\n    path: data/pad_ufes/test-*.parquet\n", "")


DISAGREEMENTS: dict[str, tuple[Callable[[Path], object], str]] = {
    "another count of rows": (lambda r: edit(r, "num_examples: ", "num_examples: 1"), r"says 1\d+ rows of train, its"),
    "a changed answer": (lambda r: rewrite(r, change_an_answer), "says sha256:.*its files hold sha256:"),
    "rows in another order": (lambda r: rewrite(r, lambda t: t.sort_by("answer")), "its files hold sha256:"),
    "a row less": (lambda r: rewrite(r, lambda t: t.slice(1)), "rows of train, its files hold"),
    "a column less": (lambda r: rewrite(r, lambda t: t.drop_columns("flags")), "another schema"),
    "a column of another type": (lambda r: rewrite(r, narrow_the_age), "another schema"),
    "other features": (lambda r: edit(r, "dtype: int32", "dtype: int64"), "its features are not those of this version"),
    "another mark": (lambda r: edit(r, "description: sha256:", "description: sha256:0"), "says sha256:0"),
    "another size": (lambda r: edit(r, "download_size: ", "download_size: 1"), "another size than the card says"),
    "no file of a split": (lambda r: files_of(r, "test")[0].unlink(), "no file for split test"),
    "a split that is only counted": (forget_a_split, "counts rows of .*test.* and names files of"),
    "a shard too many": (add_a_shard, "rows of test, its files hold"),
    "a file of somebody": (lambda r: (r / "notes.txt").write_text("mine"), "notes.txt is not named by the card"),
    "a Parquet file of somebody": (lambda r: (r / "mine.parquet").write_text("mine"), "is not named by the card"),
    "a script": (lambda r: (r / "data" / "pad_ufes" / "dermasynth.py").write_text(""), "a release holds no code"),
    "a file that was cut off": (cut_off, "cannot be read as Parquet.*build the release anew"),
    "a file that is none": (lambda r: files_of(r, "train")[0].write_text("mine"), "cannot be read as Parquet"),
    "a footer of odd bytes": (damage_a_name, "cannot be read as Parquet"),
    "broken YAML": (lambda r: edit(r, "configs:", "configs: ]"), "has no metadata block of a release"),
    "an absolute path": (
        lambda r: edit(r, "path: data/pad_ufes", "path: /data/pad_ufes"),
        "has no metadata block of a release",
    ),
    "no config": (
        lambda r: (r / "README.md").write_text("---\nconfigs: []\ndataset_info: []\n---\n"),
        "it lists no config",
    ),
    "no metadata": (lambda r: (r / "README.md").write_text("# Notes\n"), "has no metadata block"),
    "no card": (lambda r: (r / "README.md").unlink(), "it has no README.md; `dermasynth build` writes one"),
}


def test_a_release_as_built_holds_together_wherever_it_lies(built: Built, release: Path, recorder: Recorder) -> None:
    assert verify(release, recorder)["pad_ufes"].rows == verify(built.release, recorder)["pad_ufes"].rows


@pytest.mark.parametrize("disagreement", DISAGREEMENTS)
def test_a_disagreement_of_card_and_files_is_told(release: Path, recorder: Recorder, disagreement: str) -> None:
    spoil, message = DISAGREEMENTS[disagreement]
    spoil(release)
    with pytest.raises(ReleaseError, match=message):
        verify(release, recorder)
