"""facts.json counts what the files hold, and no number of a card comes from elsewhere."""

import json
import re
from collections import Counter
from pathlib import Path
from typing import Any

import PIL
import pyarrow
import pytest

from dermasynth_builder.cli import main
from dermasynth_builder.core.files import jinja_environment
from dermasynth_builder.read.licences import known_licences
from dermasynth_builder.release.card import (
    Note,
    attribution_text,
    body_text,
    engine_terms,
    giver_of,
    licence_text,
    notes,
    with_repository,
)
from dermasynth_builder.release.columns import COLUMNS
from dermasynth_builder.release.facts import temperature_of
from dermasynth_builder.release.parquet import read_values
from tests.support.paths import ROOT
from tests.support.releases import Built

TEMPLATES = jinja_environment(ROOT / "card")
NUMBER = re.compile(r"\d[\d,.]*")


@pytest.fixture(scope="module")
def facts(built: Built) -> dict[str, Any]:
    return dict(json.loads((built.release / "facts.json").read_text(encoding="utf-8")))


@pytest.fixture(scope="module")
def rows(built: Built) -> list[dict[str, Any]]:
    return list(read_values(sorted(built.release.glob("data/*/*.parquet"))))


def test_the_counts_are_those_of_the_rows(facts: dict[str, Any], rows: list[dict[str, Any]]) -> None:
    images = {row["image_id"]: row for row in rows}
    [source] = facts["sources"]
    assert (facts["pairs"], facts["images"]) == (source["pairs"], source["images"]) == (len(rows), len(images))
    assert source["diagnoses"] == Counter(row["diagnosis"] for row in images.values())
    assert source["question_types"] == Counter(row["question_type"] for row in rows)
    assert source["modality"] == {"clinical": len(images)}
    assert sum(each["pairs"] for each in source["splits"].values()) == len(rows)
    assert facts["made"]["told_the_facts"] == sum(row["is_metadata_shown"] for row in rows)
    assert facts["made"]["prompts"] == len({row["prompt_sha256"] for row in rows})
    assert facts["quality"]["flagged"] == sum(row["is_flagged"] for row in rows)
    assert (facts["libraries"]["pyarrow"], facts["libraries"]["pillow"]) == (pyarrow.__version__, PIL.__version__)
    assert sum(each["answers"] for each in facts["quality"]["lengths"]) == len(rows)
    missing = sum(row["fitzpatrick"] is None for row in images.values())
    assert source["missing_percent"]["fitzpatrick"] == round(100 * missing / len(images), 1)


@pytest.mark.parametrize(
    ("table", "column"), [("phototype", "fitzpatrick"), ("sex", "sex"), ("confirmation", "confirmation"), ("age", None)]
)
def test_each_table_of_people_parts_all_images_by_class(
    facts: dict[str, Any], rows: list[dict[str, Any]], table: str, column: str | None
) -> None:
    images = {row["image_id"]: row for row in rows}.values()
    found = facts["people"][table]
    assert sum(row["images"] for row in found) == len(images)
    for row in found:
        assert sum(row["classes"].values()) == row["images"]
        if column:
            fits = [image for image in images if (image[column] or "not recorded") == row["value"]]
            classes = Counter(image["malignancy"] or "not recorded" for image in fits)
            assert {name: count for name, count in row["classes"].items() if count} == classes
    assert found[-1]["value"] == "not recorded" or all(row["value"] != "not recorded" for row in found)


def other_numbers(value: Any) -> Any:
    """The same facts with every number another, and all of them unlike any number of a text."""
    if isinstance(value, dict):
        return {key: other_numbers(each) for key, each in value.items()}
    if isinstance(value, list):
        return [other_numbers(each) for each in value]
    if isinstance(value, bool) or not isinstance(value, int | float):
        return value
    return type(value)(value + 987_654_321)


def texts_of_ours() -> str:
    """What a card tells beside its facts."""
    told = [str(each) for each in (*notes().values(), *engine_terms().values(), *known_licences(), *COLUMNS)]
    return " ".join([*told, (ROOT / "card" / "snippets.md.jinja").read_text(encoding="utf-8"), "sha256"])


def words_of(value: Any) -> str:
    """All texts of the facts, names included."""
    if isinstance(value, dict):
        return " ".join([*value, *map(words_of, value.values())])
    return " ".join(map(words_of, value)) if isinstance(value, list) else value if isinstance(value, str) else ""


def test_no_number_of_a_card_stays_when_the_facts_have_others(facts: dict[str, Any]) -> None:
    one, other = (
        {number.rstrip(".,") for line in body_text(told, TEMPLATES).splitlines() for number in NUMBER.findall(line)}
        for told in (facts, other_numbers(facts))
    )
    known = {number.rstrip(".,") for number in NUMBER.findall(f"{texts_of_ours()} {words_of(facts)}")}
    titles = {number.rstrip(".,") for number in NUMBER.findall("PAD-UFES-20 zr7vgbcyr2/1 32:106221. 2020 10.1016 03")}
    assert one & other <= known | titles
    assert len(one - other) > 20


def test_a_temperature_is_found_wherever_a_body_has_it() -> None:
    assert temperature_of(None) is None
    assert temperature_of('{"temperature": 0.2}') == 0.2
    assert temperature_of('{"generationConfig": {"temperature": 1, "topP": 0.9}}') == 1


# --- what licences and makers of texts ask of whoever passes the material on ---

NOTICES = {
    "CC0-1.0": ("warrant",),
    "CC-BY-4.0": ("Copyright", "warrant", "what was changed"),
    "CC-BY-NC-SA-3.0": ("Copyright", "warrant", "what was changed", "no commercial use", "under the same terms"),
    "CC-BY-NC-4.0": ("Copyright", "warrant", "what was changed", "no commercial use"),
    "SCIN Data Use License": (
        *("Copyright 2024 Google LLC", "warrant", "disclaimer of warranties", "what was changed"),
        *("No added terms", "No re-identification", "loses all rights"),
    ),
}


@pytest.mark.parametrize("licence", [each.name for each in known_licences()])
def test_the_pages_tell_what_a_licence_asks_of_whoever_passes_images_on(licence: str, facts: dict[str, Any]) -> None:
    [source] = facts["sources"]
    told = facts | {"licences": [licence], "sources": [source | {"licences": {licence: source["images"]}}]}
    [known] = [each for each in known_licences() if each.name == licence]
    for page in (attribution_text, licence_text):
        text = page(told, TEMPLATES)
        assert known.url
        assert known.url in text
        assert all(notice in text for notice in known.notices)
        assert all(word in text for word in NOTICES[licence])
    attribution = attribution_text(told, TEMPLATES)
    assert all(
        name in attribution for name in ("PAD-UFES-20", "Pacheco", "What was changed", source["attributions"][0])
    )
    assert "No added terms" not in attribution or "no terms are added" in licence_text(told, TEMPLATES)


@pytest.mark.parametrize("engine", ["template", "gemini", "gemini_batch", "openai"])
def test_the_card_tells_what_the_maker_of_its_texts_asks(engine: str, facts: dict[str, Any]) -> None:
    told = facts | {"made": facts["made"] | {"engines": {engine: facts["pairs"]}}}
    assert engine_terms()[engine].terms in body_text(told, TEMPLATES)
    if engine.startswith("gemini"):
        assert all(word in engine_terms()[engine].terms for word in ("compete", "clinical practice", "unpaid"))


def test_each_source_that_ships_says_where_it_comes_from_and_what_its_people_agreed_to() -> None:
    from dermasynth_builder.core.registry import SOURCES

    for name in set(SOURCES.shipped) - {"folder"}:  # of own images, the recipe says all that is known
        note = notes()[name]
        assert Note().country not in (note.country, note.consent, note.pictures)
        assert note.bibtex.strip().startswith("@")


def test_texts_are_marked_as_synthetic_for_machines(built: Built) -> None:
    import pyarrow.parquet as pq

    for path in built.release.rglob("*.parquet"):
        mark = json.loads(pq.read_schema(path).metadata[b"synthetic"])
        assert mark["is_synthetic"]
        is_closed = path.parent.name == "closed"
        assert set(mark["columns"]) == ({"question"} if is_closed else {"question", "answer", "messages"})


def test_pictures_of_a_card_are_named_shown_and_small(built: Built) -> None:
    card = (built.release / "README.md").read_text(encoding="utf-8")
    pictures = list((built.release / "figures").iterdir())
    assert {f"figures/{path.name}" for path in pictures} == set(re.findall(r"!\[[^]]+\]\(([^)]+)\)", card))
    assert all(path.stat().st_size < 500_000 for path in pictures)
    assert with_repository(card, "a/b").count("](figures/") == len(pictures)


def test_figures_are_drawn_of_the_facts_alone(facts: dict[str, Any], built: Built, tmp_path: Path) -> None:
    from dermasynth_builder.release.figures import draw_figures

    shows = draw_figures(facts, tmp_path)
    assert set(shows) == {"pairs.png", "diagnoses.png", "people.png", "lengths.png", "wheel.png"}
    for name in shows:
        assert (tmp_path / name).read_bytes() == (built.release / "figures" / name).read_bytes()


def test_without_matplotlib_the_card_has_no_figures_and_a_sentence_says_what_to_install(
    specimens: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("dermasynth_builder.release.figures.find_spec", lambda _: None)
    words = ["build", "pad_ufes", "--raw", specimens, "--work", tmp_path / "build", "--out", tmp_path / "dermasynth"]
    assert main([str(word) for word in words]) == 0
    assert "pip install 'dermasynth[figures]'" in capsys.readouterr().err
    shown = {path.name for path in (tmp_path / "dermasynth" / "figures").iterdir()}
    assert shown
    assert not shown & {f"{name}.png" for name in ("pairs", "diagnoses", "people", "lengths", "flags", "wheel")}


# --- what a reader of the card has to know of the whole ---


def test_what_two_splits_share_is_counted(facts: dict[str, Any], rows: list[dict[str, Any]], built: Built) -> None:
    import pandas

    from dermasynth_builder.release.facts import between_splits

    [told] = facts["between_splits"]
    assert (told["groups_in_two"], told["pictures_in_two"]) == (0, 0)
    assert told["test_pairs"] == sum(
        row["pairs"] for name, row in facts["sources"][0]["splits"].items() if name == "test"
    )
    leaking = pandas.DataFrame(
        {
            "split": ["train", "train", "test", "test"],
            "group_id": ["a", "b", "b", "c"],
            "pixel_sha256": ["1", "2", "2", None],
            "question": ["why?", "why?", "how?", "why?"],
            "answer": ["so", "thus", "so", "thus"],
        }
    )
    assert between_splits("made", leaking) == {
        "source": "made",
        "groups_in_two": 1,
        "pictures_in_two": 1,
        "test_pairs": 2,
        "pairs_percent": 50.0,
        "answers_percent": 100.0,
    }


def test_groups_of_few_people_are_named_the_smallest_first(facts: dict[str, Any]) -> None:
    few = facts["few"]
    assert [each["images"] for each in few["groups"]] == sorted(each["images"] for each in few["groups"])
    assert {(each["by"], each["value"], each["images"]) for each in few["groups"]} == {
        (by, row["value"], row["images"])
        for by in ("phototype", "sex", "age")
        for row in facts["people"][by]
        if row["images"] < few["below"] and row["value"] != "not recorded"
    }


def test_the_card_says_of_each_column_who_gives_it() -> None:
    givers = {column.path: giver_of(column.path) for column in COLUMNS}
    assert givers["answer"] == givers["evidence.observed"] == givers["provenance.reply.cost_usd"] == "engine"
    assert givers["recorded.signs.itches"] == givers["origin.lesion_id"] == givers["diagnosis"] == "image set"
    assert givers["evidence.reviews"] == "persons"
    assert givers["origin.pixel_sha256"] == givers["provenance.seed"] == "builder"
    assert len(set(givers.values())) == 7


def test_of_nothing_there_is_no_share_and_the_card_leaves_its_cell_empty(facts: dict[str, Any]) -> None:
    import pandas

    from dermasynth_builder.release.facts import between_splits

    columns = ["split", "group_id", "pixel_sha256", "question", "answer"]
    told = between_splits("pad_ufes", pandas.DataFrame([["train", "a", "1", "why?", "so"]], columns=columns))
    assert (told["test_pairs"], told["pairs_percent"], told["answers_percent"]) == (0, None, None)
    assert "| pad_ufes | 0 | 0 | 0 |  |  |" in body_text(facts | {"between_splits": [told]}, TEMPLATES)


def test_lesions_that_no_source_tells_of_are_not_recorded_rather_than_none(facts: dict[str, Any]) -> None:
    [source] = facts["sources"]
    assert source["lesions"] > 0
    page = body_text(facts | {"sources": [source | {"lesions": None}]}, TEMPLATES)
    assert f"| {source['groups']} | not recorded |" in page


@pytest.mark.parametrize(
    ("years", "told"), [(9.0, "0 to 9"), (10.0, "10 to 17"), (17.0, "10 to 17"), (18.0, "18 to 19"), (20.0, "20 to 29")]
)
def test_a_decade_of_age_never_lies_across_a_band_of_minors(years: float, told: str) -> None:
    from dermasynth_builder.release.facts import age_group

    assert age_group(years, None) == told
    assert age_group(None, "12 to 17") == age_group(float("nan"), "12 to 17") == "12 to 17"


def test_what_is_flagged_is_doubted_or_marked(facts: dict[str, Any], rows: list[dict[str, Any]]) -> None:
    quality = facts["quality"]
    assert quality["flagged"] + quality["marked"] == sum(row["is_flagged"] for row in rows)
    marked = facts | {"quality": quality | {"marked": 77}}
    assert "`is_flagged` is true in 77 more" in body_text(marked, TEMPLATES)


def test_the_card_says_what_each_check_that_ships_looks_for(facts: dict[str, Any]) -> None:
    from dermasynth_builder.core.registry import CHECKS

    flags = [{"flag": name, "source": "pad_ufes", "pairs": 1} for name in CHECKS.shipped]
    page = body_text(facts | {"quality": facts["quality"] | {"flags": flags}}, TEMPLATES)
    assert all(f"- `{name}` looks for " in page for name in CHECKS.shipped)


def test_the_card_says_how_a_model_was_asked_and_what_was_left_to_the_service(facts: dict[str, Any]) -> None:
    made = facts["made"] | {"models": {"skin-1": 3}, "first_day": "2026-01-02", "last_day": "2026-01-02"}
    asked = {"asked_with": {"model": None, "thinking": None, "image_side_px": 1024, "temperature": 0.3}}
    page = body_text(facts | asked | {"made": made | {"cost_usd": 1.25}, "spent_usd": 3.5}, TEMPLATES)
    assert "They answered on 2026-01-02." in page
    assert "Asked with: image side px 1,024, temperature 0.3. Left to the service's own default: thinking." in page
    assert re.search("rows cost 1.25 US dollars; with all else that was asked, .* 3.5.\n\nQuestions come", page)


def test_no_two_of_many_sources_are_drawn_alike() -> None:
    from dermasynth_builder.release.figures import paints_of

    for count in (1, 8, 12, 32):
        assert len(set(paints_of([f"source {number}" for number in range(count)]).values())) == count


def test_one_is_told_of_as_one(facts: dict[str, Any]) -> None:
    page = body_text(facts | {"pairs": 1, "images": 1, "sample_pairs": 1}, TEMPLATES)
    assert "1 pair over 1 image of 1 public image set." in page
    assert "is 1 pair of the train splits" in page


@pytest.mark.parametrize("flagged", [0, 1])
def test_flags_have_a_figure_where_there_are_any(facts: dict[str, Any], tmp_path: Path, flagged: int) -> None:
    from dermasynth_builder.release.figures import draw_figures

    told = facts | {"quality": facts["quality"] | {"flagged": flagged}}
    assert ("flags.png" in draw_figures(told, tmp_path)) == (tmp_path / "flags.png").exists() == bool(flagged)


def test_a_reject_counts_once_a_kind_of_reason_under_the_name_that_the_report_gives_it(tmp_path: Path) -> None:
    from dermasynth_builder.read.sources.pad_ufes import PadUfes
    from dermasynth_builder.release.facts import Written, rejected

    path = tmp_path / "rejects.jsonl"
    reasons = [["unseen: one", "unseen: two", "form: cut off"], ["image unfit: no skin"]]
    rejects = [{"question_type": "overview", "reasons": each} for each in reasons]
    path.write_text("".join(f"{json.dumps(each)}\n" for each in rejects), encoding="utf-8")
    told = rejected(Written(PadUfes(), {}, path))
    assert [(row["reason"], row["replies"]) for row in told] == [("form", 1), ("image unfit", 1), ("unseen", 1)]


def test_few_are_as_many_on_the_card_as_where_they_are_counted(facts: dict[str, Any]) -> None:
    from dermasynth_builder.core.records import ClinicalImage, Facts
    from dermasynth_builder.read.privacy import people_of

    def share(people: int) -> float:
        images = [
            ClinicalImage("pad_ufes", str(n), "", str(n), "clinical", Facts(sex="female"), "CC0-1.0", "nobody", "")
            for n in range(people)
        ]
        return people_of(images).singled_out[0].few_percent

    assert (share(4), share(5)) == (100, 0)  # a person and three others; a person and four
    assert "% with three others at most" in body_text(facts, TEMPLATES)
