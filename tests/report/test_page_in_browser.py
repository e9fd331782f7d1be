"""The page of pairs and the review sheet in a real browser, from a file: seen, filtered, judged, exported, imported."""

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from dermasynth_builder import pipeline
from dermasynth_builder.core.reporter import SilentReporter
from dermasynth_builder.release.folder import read_card
from dermasynth_builder.release.parquet import read_values
from dermasynth_builder.report.page import collect, write_page
from dermasynth_builder.report.review import import_verdicts, write_sheet
from dermasynth_builder.report.view import pairs_to_show
from tests.report.test_page import HOSTILE, shown
from tests.support.browser import CHROMIUM, Browser, browser
from tests.support.releases import Built

pytestmark = [pytest.mark.slow, pytest.mark.skipif(not CHROMIUM, reason="no Chromium is installed")]


@pytest.fixture(scope="module")
def chromium(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    with browser(tmp_path_factory.mktemp("browser")) as made:
        yield made


def test_a_page_is_searched_filtered_and_read_by_keyboard(chromium: Browser, built: Built, tmp_path: Path) -> None:
    page = tmp_path / "view.html"
    write_page(collect(pairs_to_show(built.release, 20)), page, "Pairs")
    chromium.open(page)
    assert chromium.texts("#count") == ["20 of 20 pairs"]
    first = chromium.texts("#pair h2")
    chromium.press("j")
    assert chromium.texts("#pair h2") == chromium.texts("#list li:nth-child(2) .asked") != first
    chromium.press("ArrowLeft")
    assert chromium.texts("#pair h2") == first
    assert chromium.value("document.querySelector('#pair > img').naturalWidth") > 0
    diagnosis = chromium.value("rows[3].filters.diagnosis")
    chromium.choose("#filter-diagnosis", f"={diagnosis}")
    assert set(chromium.texts("#list .faint")) == {diagnosis}
    chromium.choose("#filter-diagnosis", "")
    chromium.press("/")
    chromium.type("no such word at all")
    assert chromium.texts("#count") == ["0 of 20 pairs"]
    assert chromium.texts("#pair") == ["no pair fits"]
    chromium.click("#all")
    assert chromium.texts("#count") == ["20 of 20 pairs"]
    assert chromium.texts("#all") == []
    assert chromium.complaints() == []


def test_on_a_narrow_screen_a_pair_takes_the_page_and_gives_it_back(
    chromium: Browser, built: Built, tmp_path: Path
) -> None:
    page = tmp_path / "view.html"
    write_page(collect(pairs_to_show(built.release, 5)), page, "Pairs")
    chromium.open(page, 400, 800)
    assert chromium.texts("#pair") == []
    chromium.click("#list li:nth-child(2) button")
    assert chromium.texts("#pair h2") == [chromium.value("rows[1].question")]
    assert chromium.value("document.activeElement.id") == "pair"  # the list is hidden: a key or a reader goes on here
    assert chromium.value("document.documentElement.scrollWidth") <= 400
    chromium.click(".back")
    assert chromium.texts("#pair") == []


def test_no_text_becomes_markup_or_asks_for_anything(chromium: Browser, tmp_path: Path) -> None:
    page = tmp_path / "view.html"
    write_page(collect(shown(text) for text in HOSTILE), page, HOSTILE[0], sheet="0123456789abcdef")
    chromium.open(page)
    assert chromium.value("window.hacked === undefined && document.title.length > 0")
    assert chromium.value("document.scripts.length") == 2
    assert (
        chromium.value("document.querySelectorAll('img:not([src^=\"data:image/jpeg;base64,\"]), iframe, a, b').length")
        == 0
    )
    assert chromium.texts("#count") == [f"{len(HOSTILE)} of {len(HOSTILE)} pairs"]
    assert "\u202e" not in chromium.value("document.body.innerText")
    assert chromium.complaints() == []


def judged(chromium: Browser, page: Path, rater: str) -> Path:
    """What a person exports who would leave out the first pair, and keeps the second with a better answer."""
    chromium.click("#rater")
    chromium.value("document.getElementById('rater').select()")
    chromium.type(rater)
    chromium.press("Escape")  # leaves the field
    chromium.click("#list li:first-child button")
    for key in "543215xj":
        chromium.press(key)
    chromium.click("#verdict input[value=keep]")
    chromium.click("#corrected_answer")
    chromium.type(f"{rater} knows better.")
    chromium.press("Escape")
    assert chromium.texts("#progress") == ["2 of 6 judged"]
    chromium.open(page)  # again: what was said is kept
    assert chromium.value("document.getElementById('rater').value") == rater
    assert chromium.texts("#progress") == ["2 of 6 judged"]
    chromium.click("#export")
    return chromium.downloaded()


def test_two_persons_judge_a_sheet_and_the_next_release_carries_their_verdicts(
    chromium: Browser, built: Built, tmp_path: Path
) -> None:
    settings = replace(built.settings, work=tmp_path / "build", out=tmp_path / "dermasynth")
    pipeline.build(settings, SilentReporter())
    sheet = write_sheet(pairs_to_show(settings.out, 6), tmp_path, "Review", work=settings.work)
    chromium.open(sheet.page)
    asked = chromium.value("rows.map((row) => row.name)")
    files = [judged(chromium, sheet.page, rater) for rater in ("Ann", "Bo <b>")]
    told = json.loads(files[0].read_text())
    assert [each["verdict"] for each in told["verdicts"]] == ["leave_out", "keep"]
    assert list(told["verdicts"][0]["scores"].values()) == [5, 4, 3, 2, 1, 5]
    assert chromium.complaints() == []

    assert import_verdicts(files, settings.work) == {"new": 4, "changed": 0, "known": 0}
    pipeline.release(pipeline.plan(settings, SilentReporter()), settings, SilentReporter())
    rows = {row["pair_id"]: row for row in read_values(read_card(settings.out)["all"].paths)}
    assert asked[0] not in rows
    reviewed = rows[asked[1]]
    assert [each["corrected_answer"] for each in reviewed["reviews"]] == ["Ann knows better.", "Bo <b> knows better."]
    assert "review: a reader has corrected the answer" in reviewed["doubts"]
