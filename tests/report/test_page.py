"""The page of pairs: what stands in it, and that no text of a row is ever more than text."""

import json
import re
import shutil
from html.parser import HTMLParser
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from dermasynth_builder.cli import main
from dermasynth_builder.core.errors import UsageError
from dermasynth_builder.core.images.renditions import ImageFault, make_thumbnail
from dermasynth_builder.core.records import AXES
from dermasynth_builder.release.columns import NAMES
from dermasynth_builder.report.chosen import Candidate, choose
from dermasynth_builder.report.page import Shown, collect, json_in_script, write_page
from dermasynth_builder.report.view import pairs_to_show
from tests.support.releases import Built

HOSTILE = (
    "</script><script>window.hacked = 1</script>",
    "<!--<script>",
    "]]><img src=x onerror='window.hacked = 1'>",
    "\u202egnp.exe \u2066 \x1b[31m \u2028 \u0000",
    "{{ 7 * 7 }} {% include 'x' %} <b>bold</b> & &lt; javascript:alert(1)",
    "a" * 100_000,
    "\ud800 half a character",
)


def image_bytes(side_px: int = 8) -> bytes:
    made = BytesIO()
    Image.new("RGB", (side_px, side_px), "brown").save(made, "PNG")
    return made.getvalue()


def shown(text: str, image: bytes | None = None) -> Shown:
    """A pair all of whose texts are that text."""
    lists = ("references", "doubts", "body_sites", "differential", "symptoms", "textures", "also_in")
    row: dict[str, Any] = dict.fromkeys(NAMES, text) | {name: [text] for name in lists}
    review = dict.fromkeys(("rater", "verdict", "corrected_answer", "comment"), text) | {"scores": [5] * len(AXES)}
    row |= {"grounds": [{"sentence": text, "kind": text, "key": text}], "reviews": [review]}
    claim = {"claim": text, "verdict": text, "reason": text}
    row |= {"judgements": [{"verifier": text, "verdict": text, "scores": [1] * len(AXES), "claims": [claim]}]}
    row |= {"differential_weights": [1.0]}
    messages = [{"role": "user", "content": text}, {"role": "assistant", "content": text}] * 2
    return Shown(row | {"messages": messages}, image_bytes() if image is None else image)


class Tags(HTMLParser):
    """Counts what a browser would take for markup."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[str] = []
        self.content = ""
        self._is_content = False
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append(tag)
        self._is_content = ("id", "content") in attrs

    def handle_endtag(self, tag: str) -> None:
        self._is_content = False

    def handle_data(self, data: str) -> None:
        if self._is_content:
            self.content += data


@given(st.text())
def test_json_in_a_script_is_the_same_value_and_holds_no_markup(text: str) -> None:
    written = json_in_script({text: [text]})
    assert json.loads(written) == {text: [text]}
    assert not set("<>&") & set(written)
    assert written.isascii()


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_a_text_adds_no_tag_and_is_shown_without_what_turns_the_reading_order(text: str, tmp_path: Path) -> None:
    plain, hostile = tmp_path / "plain.html", tmp_path / "hostile.html"
    write_page(collect([shown("plain")]), plain, "plain", sheet="0" * 16)
    write_page(collect([shown(text)]), hostile, text, sheet="0" * 16)
    page = hostile.read_text(encoding="utf-8")
    assert Tags(page).found == Tags(plain.read_text(encoding="utf-8")).found
    row = json.loads(Tags(page).content)["rows"][0]
    for told in (row["id"], row["question"], row["answer"], str(row["sections"])):
        assert not re.search("[\u202e\u2066\x1b\x00]", told)
    assert len(row["answer"]) < 21_000


def test_the_script_may_run_by_its_hash_alone_and_nothing_is_loaded(tmp_path: Path) -> None:
    write_page(collect([shown("plain")]), tmp_path / "page.html", "plain")
    page = (tmp_path / "page.html").read_text(encoding="utf-8")
    assert "default-src 'none'" in page
    assert "unsafe-inline'; script-src 'sha256-" in page
    assert not re.search(r"https?://|src=|url\(|@import", page)


def test_an_image_that_cannot_be_read_is_told_and_one_that_stands_twice_is_kept_once() -> None:
    collected = collect([shown("a"), shown("b"), shown("c", b"no image"), shown("d", b"")])
    assert sorted(bool(image) for image in collected.images.values()) == [False, False, True]


def test_a_thumbnail_is_as_large_as_its_bytes_allow(tmp_path: Path) -> None:
    noise = BytesIO()
    Image.effect_noise((900, 900), 120).convert("RGB").save(noise, "PNG")
    small, large = make_thumbnail(noise.getvalue(), 20_000), make_thumbnail(noise.getvalue(), 1_000_000)
    assert len(small) <= 20_000
    assert Image.open(BytesIO(large)).size == (512, 512)
    with pytest.raises(ImageFault):
        make_thumbnail(b"no image", 20_000)


def test_each_source_type_and_flag_is_chosen_before_any_is_chosen_twice() -> None:
    strata = [(source, kind, flag) for source in "ab" for kind in "xyz" for flag in (None, "form")]
    pairs = [
        Candidate(f"{source}/{kind}/{flag}/{number}", source, kind, flag, "nevus" if number else "melanoma")
        for source, kind, flag in strata
        for number in range(1 if flag else 50)
    ]
    chosen = {pair.pair_id: pair for pair in pairs if pair.pair_id in choose(pairs, 12)}
    assert {pair[1:4] for pair in chosen.values()} == set(strata)
    assert choose(pairs[::-1], 12) == choose(pairs, 12)
    diagnoses = [pair.diagnosis for pair in pairs if pair.pair_id in choose(pairs, 18)]
    assert diagnoses.count("melanoma") == 12  # one of a stratum is of the rare diagnosis, as far as it has two


def test_a_page_of_a_release_holds_what_the_rows_say(built: Built, tmp_path: Path) -> None:
    found = list(pairs_to_show(built.release, 1000, where=["question_type=diagnosis,differential"]))
    assert {each.row["question_type"] for each in found} <= {"diagnosis", "differential"}
    write_page(collect(found), tmp_path / "page.html", "Pairs")
    content = json.loads(Tags((tmp_path / "page.html").read_text(encoding="utf-8")).content)
    first, row = content["rows"][0], found[0].row
    facts = dict(map(tuple, first["sections"]["facts"]))
    assert first["question"] == row["question"]
    assert facts["diagnosis"] == [row["diagnosis"]]
    assert dict(map(tuple, first["sections"]["evidence"])).get("doubts", []) == row["doubts"]
    assert dict(map(tuple, first["sections"]["provenance"]))["prompt sha256"] == [row["prompt_sha256"]]
    lines = [
        line for each in content["rows"] for told in each["sections"].values() for _, all_ in told for line in all_
    ]
    assert not [line for line in lines if "{" in line]  # no value of Python
    measured = dict(map(tuple, first["sections"]["evidence"])).get("measured", [])
    assert [line.split("; ")[0] for line in measured] == [f"name {each['name']}" for each in row["measured"] or ()]
    assert content["images"][first["image"]]
    assert content["axes"] == {}


@pytest.mark.parametrize(
    ("wanted", "where", "number", "told"),
    [
        ("hibba", [], 5, "no config 'hibba'"),
        (None, ["diagnosis=nevuss"], 5, "nevus"),
        (None, [], 0, "holds 1 to 1,000"),
        (None, [], 1001, "holds 1 to 1,000"),
    ],
)
def test_what_cannot_be_shown_is_told(built: Built, wanted: str, where: list[str], number: int, told: str) -> None:
    with pytest.raises(UsageError, match=told):
        list(pairs_to_show(built.release, number, wanted, where=where))


def test_the_command_writes_the_page(built: Built, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    page = tmp_path / "page.html"
    assert main(["view", "-n", "4", "--out", str(built.release), "--work", str(tmp_path), "--to", str(page)]) == 0
    assert f"4 pairs on {page}" in capsys.readouterr().out
    assert main(["view", "--out", str(tmp_path), "--work", str(tmp_path)]) == 1


@pytest.mark.parametrize("words", [["view"], ["review", "export"], ["show", "pad_ufes"], ["report"]], ids=" ".join)
@pytest.mark.parametrize("kept_bytes", [0, 5000], ids=["empty", "cut off"])
def test_a_damaged_file_of_a_release_is_told_in_a_sentence(
    built: Built, tmp_path: Path, capsys: pytest.CaptureFixture[str], words: list[str], kept_bytes: int
) -> None:
    out = tmp_path / "dermasynth"
    shutil.copytree(built.release, out)
    [damaged] = (out / "data" / "pad_ufes").glob("train-*")
    damaged.write_bytes(damaged.read_bytes()[:kept_bytes])
    assert main([*words, "--out", str(out), *([] if words[0] == "show" else ["--work", str(tmp_path)])]) == 1
    assert f"{damaged} cannot be read" in capsys.readouterr().err
