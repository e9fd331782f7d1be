"""What `dermasynth audit` tells of drawn releases, whole ones and broken ones."""

import json
import os
import re
import sys
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from dermasynth_builder.cli import main
from dermasynth_builder.core import registry
from dermasynth_builder.core.options import Settings
from dermasynth_builder.core.registry import SOURCES
from dermasynth_builder.core.reporter import SilentReporter
from dermasynth_builder.invented.specimens.isic import write_hiba
from dermasynth_builder.invented.specimens.pad_ufes import write_pad_ufes
from dermasynth_builder.invented.specimens.scin import write_scin
from dermasynth_builder.report.audit import Audit, audit, survey_source
from dermasynth_builder.report.audit_text import audit_text
from dermasynth_builder.report.figures import draw_audit
from dermasynth_builder.report.tables import plain_text
from tests.support.tables import edit_table

Output = pytest.CaptureFixture[str]


def audit_of(name: str, root: Path, work: Path, **changes: Any) -> Audit:
    settings = Settings(raw={name: root}, work=work, **({"rows": "with_image_or_all"} | changes))
    return audit(survey_source(name, settings, SilentReporter()))


def run(*words: str | Path) -> int:
    return main([str(word) for word in words])


@pytest.fixture(scope="module", params=sorted(SOURCES))
def drawn(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Path]:
    """A source and a small drawn release of it."""
    root = tmp_path_factory.mktemp("raw")
    registry.specimens(request.param)(root, images=12, side_px=48)
    return request.param, root


@pytest.fixture
def pad(tmp_path: Path) -> Path:
    return write_pad_ufes(tmp_path / "raw", images=8, side_px=48)


def remove(root: Path, suffix: str) -> None:
    for path in root.rglob(f"*{suffix}"):
        path.unlink()


def test_every_source_is_counted_in_full(drawn: tuple[str, Path], tmp_path: Path) -> None:
    name, root = drawn
    told = audit_of(name, root, tmp_path)
    total = told.files.counted
    assert total >= 8
    assert total == told.files.with_file == told.files.listed - told.files.without_file
    assert told.labels.labelled + told.labels.unlabelled == total
    assert sum(each.images for each in told.labels.diagnoses) <= told.labels.labelled
    assert told.labels.in_isic_taxonomy == sum(each.images for each in told.labels.diagnoses if each.isic)
    assert sum(told.files.formats.values()) == told.files.usable
    assert sum(told.licences.values()) == sum(told.attributions.values()) == total
    assert all(0 <= share <= 100 for share in told.missing_percent.values())
    assert sum(problem.count for problem in told.problems) >= told.files.without_file
    people = told.people
    aged = people.with_age_years + sum(people.age_bands.values())
    assert sum(sum(bands.values()) for bands in people.ages_by_sex.values()) == aged
    assert (told.missing_percent["differential"] == 100) == (not told.labels.differential)


def test_what_is_absent_is_not_counted_under_a_name(drawn: tuple[str, Path], tmp_path: Path) -> None:
    name, root = drawn
    told = asdict(audit_of(name, root, tmp_path))
    json.dumps(told, allow_nan=False)
    assert {type(name) for name in names_in(told)} == {str}
    assert not {"nan", "None", "<NA>"} & set(names_in(told))


def names_in(told: Any) -> Iterator[Any]:
    """The keys of mappings, and of mappings in them and in lists."""
    if isinstance(told, dict):
        yield from told
    for each in told.values() if isinstance(told, dict) else told if isinstance(told, list) else ():
        yield from names_in(each)


def test_the_table_says_a_count_of_every_kind(drawn: tuple[str, Path], tmp_path: Path) -> None:
    name, root = drawn
    printed = plain_text(audit_text(audit_of(name, root, tmp_path)))
    for told in ("listed in the tables", "labelled", "diagnosis", "sex", "body site", "phototype", "licence", "groups"):
        assert told in printed
    assert all(line == line.rstrip() for line in printed.splitlines())
    assert "None" not in printed


def test_the_figure_is_a_picture(drawn: tuple[str, Path], tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    name, root = drawn
    draw_audit(audit_of(name, root, tmp_path), tmp_path / "a.png")
    with Image.open(tmp_path / "a.png") as picture:
        picture.load()
        assert (picture.size, list(picture.info)) == ((2700, 960), ["dpi"])
        assert len(picture.convert("RGB").getcolors(1 << 20) or []) > 20


def test_a_figure_drawn_again_is_the_same_bytes(pad: Path, tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    told = audit_of("pad_ufes", pad, tmp_path)
    draw_audit(told, tmp_path / "a.png")
    draw_audit(told, tmp_path / "deeper" / "b.png")
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "deeper" / "b.png").read_bytes()


def test_scin_counts_cases_and_references_that_its_files_do_not_show(tmp_path: Path) -> None:
    root = write_scin(tmp_path / "raw", side_px=48)
    told = audit_of("scin", root, tmp_path)
    cases = (root / "dataset" / "scin_cases.csv").read_text("utf-8").splitlines()
    assert told.tallies["cases"] == len(cases) - 1
    assert told.tallies["image references"] == sum(line.count("dataset/images/") for line in cases)
    assert told.tallies["image files"] == told.files.listed < told.tallies["image references"]
    assert told.tallies["files shared by several cases"] >= 1
    assert told.tallies["condition names"] >= len(told.labels.differential)


def test_an_age_of_zero_is_an_age(pad: Path, tmp_path: Path) -> None:
    edit_table(pad / "metadata.csv", lambda rows: rows[0].update(age="0"))
    people = audit_of("pad_ufes", pad, tmp_path).people
    assert people.age_years
    assert (people.age_zero, people.age_years.least, people.with_age_years) == (1, 0, 8)
    assert sum(counts.get("0 to 9", 0) for counts in people.ages_by_sex.values()) >= 1


def test_a_code_that_is_not_known_is_listed_as_published(pad: Path, tmp_path: Path) -> None:
    edit_table(pad / "metadata.csv", lambda rows: rows[0].update(diagnostic="XYZ"))
    labels = audit_of("pad_ufes", pad, tmp_path).labels
    assert (labels.labelled, labels.with_one_diagnosis, labels.in_isic_taxonomy) == (8, 7, 7)
    assert labels.outside_isic_taxonomy == {"XYZ": 1}


def test_the_phototypes_of_a_second_table_are_counted(tmp_path: Path) -> None:
    root = write_hiba(tmp_path / "raw", generation="2023-08", side_px=48)
    told = audit_of("hiba", root, tmp_path)
    assert sum(told.people.fitzpatrick["not recorded"].values()) > 0
    assert set(told.files.modality) == {"clinical", "dermoscopic"}


def test_a_table_without_images_is_counted(pad: Path, tmp_path: Path, capsys: Output) -> None:
    remove(pad, ".png")
    assert run("audit", "pad_ufes", "--raw", pad, "--work", tmp_path) == 0
    printed = capsys.readouterr().out
    assert "no image on disk; counts are of the 8 images in the tables" in " ".join(printed.split())
    assert "no problems" in printed
    assert "no file was measured" in printed
    assert (tmp_path / "problems" / "pad_ufes.csv").read_text("utf-8").count("row without image") == 8


def test_a_part_of_the_images_is_counted_by_itself_and_the_others_are_no_problems(
    pad: Path, tmp_path: Path, capsys: Output
) -> None:
    for path in sorted(pad.rglob("*.png"))[3:]:
        path.unlink()
    words = ("audit", "pad_ufes", "--raw", pad, "--work", tmp_path)
    assert run(*words) == 0
    printed = capsys.readouterr().out
    assert re.search(r"listed in the tables +8\n +on disk +3 +37\.5 %\n +usable +3 .*\n +not on disk +5 ", printed)
    assert "counts are of the 3 on disk; --whole-table counts all" in " ".join(printed.split())
    assert "no problems" in printed
    assert (tmp_path / "problems" / "pad_ufes.csv").read_text("utf-8").count("row without image") == 5
    told = audit_of("pad_ufes", pad, tmp_path)
    assert told.files.counted == told.labels.labelled == sum(told.licences.values()) == 3
    assert run(*words, "--whole-table", "--json") == 0
    [whole] = json.loads(capsys.readouterr().out)
    assert (whole["files"]["counted"], whole["files"]["with_file"], whole["labels"]["labelled"]) == (8, 3, 8)


def test_a_few_rows_without_image_are_problems(pad: Path, tmp_path: Path) -> None:
    for path in sorted(pad.rglob("*.png"))[4:]:
        path.unlink()
    [problem] = audit_of("pad_ufes", pad, tmp_path).problems
    assert (problem.kind, problem.count) == ("row without image", 4)


def test_what_the_tables_list_is_counted_where_two_files_have_one_name(pad: Path, tmp_path: Path) -> None:
    for path in pad.rglob("*.png"):
        (pad / "small").mkdir(exist_ok=True)
        (pad / "small" / path.name).write_bytes(b"another file")
    told = audit_of("pad_ufes", pad, tmp_path)
    assert (told.files.listed, told.files.with_file, told.files.without_file) == (8, 0, 8)
    assert [(each.kind, each.count) for each in told.problems] == [("different files of one name", 8)]


def test_a_table_without_rows_is_counted_as_nothing(pad: Path, tmp_path: Path, capsys: Output) -> None:
    table = pad / "metadata.csv"
    table.write_text(table.read_text("utf-8").splitlines()[0] + "\n", encoding="utf-8")
    remove(pad, ".png")
    assert run("audit", "pad_ufes", "--raw", pad, "--work", tmp_path) == 0
    assert "no problems" in capsys.readouterr().out
    assert audit_of("pad_ufes", pad, tmp_path).missing_percent == {}


def test_an_empty_folder_is_no_release(tmp_path: Path, capsys: Output) -> None:
    for name in SOURCES:
        assert run("audit", name, "--raw", tmp_path, "--work", tmp_path / "work") == 1
        assert "holds no" in capsys.readouterr().err


def test_broken_files_and_broken_pixels_are_counted_and_verify_looks_at_the_pixels_again(
    pad: Path, tmp_path: Path
) -> None:
    first, second, third, *_ = sorted(pad.rglob("*.png"))
    first.write_bytes(first.read_bytes()[:-30])
    spoil_pixels(second)
    files = audit_of("pad_ufes", pad, tmp_path).files
    assert (files.with_file, files.usable, files.decoded) == (8, 6, None)
    stat, spoilt = third.stat(), third.read_bytes()
    third.write_bytes(spoilt[:60] + bytes(len(spoilt) - 60))
    os.utime(third, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    told = audit_of("pad_ufes", pad, tmp_path, is_verified=True)
    assert told.files.usable == 5
    assert told.files.decoded
    assert (told.files.decoded.files, told.files.decoded.failed) == (6, 1)
    assert {problem.kind: problem.count for problem in told.problems} == {"broken image": 3}
    assert second.name in (tmp_path / "problems" / "pad_ufes.csv").read_text("utf-8")


def spoil_pixels(path: Path) -> None:
    """Writes a PNG file whose checksums are right and whose compressed pixels are not."""
    from zlib import crc32

    def chunk(name: bytes, content: bytes) -> bytes:
        return len(content).to_bytes(4, "big") + name + content + crc32(name + content).to_bytes(4, "big")

    head = path.read_bytes()[:33]
    path.write_bytes(head + chunk(b"IDAT", b"no compressed pixels") + chunk(b"IEND", b""))


@pytest.mark.slow
def test_json_has_the_same_keys_for_every_source_and_nothing_beside_it(tmp_path: Path, capsys: Output) -> None:
    for name in SOURCES:
        registry.specimens(name)(tmp_path / "raw" / name, images=8, side_px=48)
    assert run("audit", *SOURCES, "--raw", tmp_path / "raw", "--work", tmp_path, "--json") == 0
    printed = capsys.readouterr()
    told = json.loads(printed.out)
    assert [each["source"] for each in told] == list(SOURCES)
    for each in told:
        assert list(each) == [
            *("source", "title", "tallies", "files", "labels", "people", "singled_out", "groups"),
            *("missing_percent", "giveaways", "pictures", "licences", "attributions", "problems"),
        ]
        assert keys(each, "files", "labels", "people", "groups") == keys(told[0], "files", "labels", "people", "groups")
    assert "figure drawn to" in printed.err


def keys(told: dict[str, Any], *parts: str) -> list[list[str]]:
    return [list(told[part]) for part in parts]


def test_one_figure_may_go_where_it_is_wanted(pad: Path, tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    words = ("audit", "pad_ufes", "--raw", pad, "--work", tmp_path / "work")
    assert run(*words, "--figure", tmp_path / "mine.png") == 0
    assert (tmp_path / "mine.png").exists()
    assert not (tmp_path / "work" / "figures").exists()


@pytest.mark.parametrize(("figure", "code"), [((), 0), (("--figure", "mine.png"), 1)])
def test_without_matplotlib_the_table_is_printed_and_a_sentence_says_what_to_install(
    pad: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Output, figure: tuple[str, ...], code: int
) -> None:
    monkeypatch.chdir(tmp_path)
    for module in ("matplotlib.figure", "matplotlib.backends.backend_agg"):
        monkeypatch.setitem(sys.modules, module, None)
    assert run("audit", "pad_ufes", "--raw", pad, *figure) == code
    printed = capsys.readouterr()
    assert "basal cell carcinoma" in printed.out
    assert "pip install 'dermasynth[figures]'" in printed.err
    assert not list(tmp_path.rglob("mine.png"))


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("audit", "pad_ufes", "hiba", "--raw", "x", "--figure", "a.png"), "cannot hold the figures of 2 sources"),
        (("audit", "pad_ufes", "--raw", "x", "--figure", "a.jpg"), "ends in .png"),
        (("audit", "isic2018", "--raw", "x"), 'Invalid value "isic2018" for SOURCES. Choose from: "pad_ufes"'),
    ],
)
def test_wrong_use_gets_a_sentence_and_code_two(words: tuple[str, ...], said: str, capsys: Output) -> None:
    try:
        code: object = run(*words)
    except SystemExit as stop:
        code = stop.code
    assert code == 2
    assert said in capsys.readouterr().err


def test_a_name_with_dollar_signs_is_no_formula(pad: Path, tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    edit_table(pad / "metadata.csv", lambda rows: rows[0].update(diagnostic=r"$\no_such{formula$"))
    draw_audit(audit_of("pad_ufes", pad, tmp_path), tmp_path / "figure.png")


def test_problems_with_long_places_take_a_few_lines(pad: Path, tmp_path: Path) -> None:
    edit_table(pad / "metadata.csv", lambda rows: rows[0].update(region="somewhere " * 20))
    printed = plain_text(audit_text(audit_of("pad_ufes", pad, tmp_path))).splitlines()
    assert sum("somewhere" in line for line in printed) == 2
    assert max(map(len, printed)) <= 100


@pytest.mark.parametrize("width", [80, 120])
def test_an_audit_fits_the_width_and_cuts_no_name(drawn: tuple[str, Path], tmp_path: Path, width: int) -> None:
    name, root = drawn
    told = audit_of(name, root, tmp_path)
    printed = plain_text(audit_text(told), width)
    assert max(map(len, printed.splitlines())) <= width
    assert "…" not in printed


def test_a_picture_of_nothing_says_so_in_words(pad: Path, tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")

    def empty(rows: list[dict[str, str]]) -> None:
        for row in rows:
            row.update(diagnostic="", age="", fitspatrick="", gender="")

    edit_table(pad / "metadata.csv", empty)
    told = audit_of("pad_ufes", pad, tmp_path)
    assert (told.people.ages_by_sex, told.people.fitzpatrick, told.labels.diagnoses) == ({}, {}, [])
    draw_audit(told, tmp_path / "empty.png")
    assert "no age in years is recorded" in plain_text(audit_text(told))
