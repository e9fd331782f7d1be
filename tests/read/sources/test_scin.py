"""SCIN's two tables become one image a file, with what people and dermatologists said and nothing that they did not."""

from collections import Counter
from dataclasses import asdict
from pathlib import Path
from typing import get_args

import pytest

from dermasynth_builder.check.assemble import ReleaseTerms, split_of
from dermasynth_builder.core.errors import SourceError, UsageError
from dermasynth_builder.core.records import ClinicalImage, Facts, Problem, ProblemKind
from dermasynth_builder.invented.specimens.scin import CASE_COLUMNS, Layout, write_scin
from dermasynth_builder.read import vocabulary
from dermasynth_builder.read.sources.scin import BODY_PARTS, CONDITIONS, RETIRED, Scin
from tests.support.tables import Cells, edit_table, rows_of

LAYOUTS = get_args(Layout)


def read(root: Path) -> tuple[list[ClinicalImage], list[Problem]]:
    items = list(Scin().read(root))
    images = [item for item in items if isinstance(item, ClinicalImage)]
    return images, [item for item in items if isinstance(item, Problem)]


def set_case(root: Path, **cells: str) -> Facts:
    """Changes cells of the first case, empties its other answers, and gives the facts of its first image."""
    kept = ("case_id", "image_1_path", "image_1_shot_type")
    empty = {column: "" for column in CASE_COLUMNS if column not in kept}
    edit_table(root / "scin_cases.csv", lambda rows: rows[0].update(empty | cells))
    return read(root)[0][0].facts


def set_labels(root: Path, **cells: str) -> Facts:
    """Changes cells of the first case's labels and gives the facts of its first image."""
    edit_table(root / "scin_labels.csv", lambda rows: rows[0].update(cells))
    return read(root)[0][0].facts


@pytest.fixture
def flat(tmp_path: Path) -> Path:
    """Four cases whose files are all there."""
    return write_scin(tmp_path / "raw", cases=4, layout="flat", side_px=16)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_every_layout_gives_each_file_once(layout: Layout, tmp_path: Path) -> None:
    images, problems = read(write_scin(tmp_path, layout=layout, side_px=16))
    assert [problem.kind for problem in problems] == [ProblemKind.DOUBLED_ID]
    assert len(images) == len({image.image_id for image in images}) == 14
    assert any(image.image_id.startswith("scin_-") for image in images)
    assert sum(image.path is None for image in images) == 1
    for image in images:
        assert image.path is None or f"scin_{image.path.name}" == f"scin_{image.file_name}" == f"{image.image_id}.png"
        assert (image.source, image.modality, image.licence) == ("scin", "clinical", "SCIN Data Use License")
        assert image.attribution == Scin.attribution
    assert read(tmp_path) == (images, problems)


def test_layouts_differ_in_nothing_but_places(tmp_path: Path) -> None:
    told = [
        [
            (image.image_id, image.group_id, image.facts)
            for image in read(write_scin(tmp_path / layout, layout=layout, side_px=16))[0]
        ]
        for layout in LAYOUTS
    ]
    assert told[0] == told[1]


def test_facts_are_typed_and_never_empty_texts(tmp_path: Path) -> None:
    for image in read(write_scin(tmp_path, cases=21, side_px=16))[0]:
        assert len(image.facts.differential) == len(image.facts.differential_weights)
        for value in asdict(image.facts).values():
            for part in value if isinstance(value, tuple) else (value,):
                assert part not in ("", "nan", "None")
                assert not isinstance(part, str) or part == part.strip()
        assert image.facts.diagnosis_isic in {None, *vocabulary.isic_nodes()}


def test_what_a_person_said_becomes_facts(flat: Path) -> None:
    set_labels(flat, **{CONDITIONS: "{}", "monk_skin_tone_label_india": "", "monk_skin_tone_label_us": "10"})
    facts = set_case(
        flat,
        age_group="AGE_18_TO_29",
        sex_at_birth="FEMALE",
        fitzpatrick_skin_type="FST4",
        race_ethnicity_white="YES",
        textures_raised_or_bumpy="YES",
        textures_rough_or_flaky="YES",
        body_parts_arm="YES",
        body_parts_foot_sole="YES",
        body_parts_other="YES",
        condition_symptoms_itching="YES",
        condition_symptoms_pain="YES",
        condition_symptoms_increasing_size="YES",
        condition_symptoms_burning="YES",
        other_symptoms_fever="YES",
        condition_duration="ONE_TO_FOUR_WEEKS",
        image_1_shot_type="AT_AN_ANGLE",
    )
    assert facts == Facts(
        body_site="arm and sole of the foot",
        body_sites=("arm", "sole of the foot"),
        body_site_published="arm, foot_sole, other",
        age_band="18 to 29",
        sex="female",
        fitzpatrick=4,
        fitzpatrick_rater="patient",
        monk_tone_us=10,
        itches=True,
        hurts=True,
        has_grown=True,
        symptoms=("burning", "fever"),
        textures=("raised or bumpy", "rough or flaky"),
        duration="one to four weeks",
        shot_type="at an angle",
    )


def test_bleeding_is_its_own_sign(flat: Path) -> None:
    facts = set_case(flat, condition_symptoms_bleeding="YES")
    assert (facts.bleeds, facts.hurts, facts.itches, facts.has_grown) == (True, None, None, None)


@pytest.mark.parametrize(("cell", "tone"), [("1", 1), ("10", 10), ("0", None), ("11", None)])
@pytest.mark.parametrize("place", ["india", "us"])
def test_each_monk_tone_has_ten_steps(place: str, cell: str, tone: int | None, flat: Path) -> None:
    both = {f"monk_skin_tone_label_{each}": "" for each in ("india", "us")}
    facts = set_labels(flat, **(both | {f"monk_skin_tone_label_{place}": cell}))
    expected = {"india": None, "us": None} | {place: tone}
    assert {"india": facts.monk_tone_india, "us": facts.monk_tone_us} == expected
    assert [problem.kind for problem in read(flat)[1]] == [ProblemKind.UNKNOWN_VALUE] * (tone is None)


def test_what_says_that_nothing_is_known_is_absent(flat: Path) -> None:
    set_labels(flat, **{column: "" for column in rows_of(flat / "scin_labels.csv")[0] if column != "case_id"})
    facts = set_case(
        flat,
        age_group="AGE_UNKNOWN",
        sex_at_birth="OTHER_OR_UNSPECIFIED",
        fitzpatrick_skin_type="NONE_IDENTIFIED",
        condition_duration="UNKNOWN",
        body_parts_other="YES",
        condition_symptoms_no_relevant_experience="YES",
        other_symptoms_no_relevant_symptoms="YES",
        image_1_shot_type="",
    )
    assert facts == Facts(body_site_published="other")


def test_every_body_part_fits_behind_an_article() -> None:
    assert {part for part in BODY_PARTS.values() if part and part.startswith(("the ", "a "))} == set()
    assert {f"body_parts_{part}" for part in BODY_PARTS} == {c for c in CASE_COLUMNS if c.startswith("body_parts_")}


def test_a_dermatologist_rates_the_phototype_where_the_patient_does_not(flat: Path) -> None:
    set_case(flat, fitzpatrick_skin_type="NONE_IDENTIFIED")
    column = "dermatologist_fitzpatrick_skin_type_label_{}".format
    facts = set_labels(flat, **{column(1): "", column(2): "FST5", column(3): "FST2"})
    assert (facts.fitzpatrick, facts.fitzpatrick_rater) == (5, "dermatologist")
    assert set_labels(flat, **{column(1): "FST1"}).fitzpatrick == 1
    assert set_labels(flat, **{column(1): "", column(2): ""}).fitzpatrick == 2


def test_conditions_are_ordered_by_weight_and_ties_keep_their_order(flat: Path) -> None:
    facts = set_labels(flat, **{CONDITIONS: "{'Tinea': 0.18, 'SCC/SCCIS': 0.23, 'Urticaria': 0.41, 'Acne': 0.18}"})
    assert facts.differential == ("urticaria", "squamous cell carcinoma (invasive or in situ)", "tinea", "acne")
    assert facts.differential_weights == (0.41, 0.23, 0.18, 0.18)
    assert (facts.diagnosis, facts.diagnosis_published, facts.diagnosis_isic) == ("urticaria", "Urticaria", None)


def test_a_tie_at_the_top_is_no_diagnosis(flat: Path) -> None:
    facts = set_labels(flat, **{CONDITIONS: "{'Melanoma': 0.5, 'Cyst': 0.5}"})
    assert facts.differential == ("melanoma", "cyst")
    assert (facts.diagnosis, facts.diagnosis_published, facts.malignancy) == (None, None, None)


def test_the_malignancy_is_that_of_the_node(flat: Path) -> None:
    facts = set_labels(flat, **{CONDITIONS: '{"Kaposi\'s sarcoma of skin": 1}'})
    assert facts.diagnosis_isic == "Malignant:Malignant soft tissue proliferations - Vascular:Kaposi sarcoma"
    assert (facts.diagnosis, facts.malignancy) == ("Kaposi's sarcoma of skin", "malignant")


@pytest.mark.parametrize(
    "text",
    [
        *("{'Acne': ", "['Acne']", "{'Acne': 'much'}", "{'Acne': True}", "{'Acne': 0}", "{'Acne': 1e999}"),
        *("{1: 1.0}", "{'': 1.0}", "__import__('os').getcwd()", "{" * 5000),
    ],
)
def test_a_mangled_dict_is_reported_and_costs_the_differential_alone(text: str, flat: Path) -> None:
    facts = set_labels(flat, **{CONDITIONS: text})
    assert (facts.differential, facts.diagnosis) == ((), None)
    assert facts.monk_tone_us
    (problem,) = read(flat)[1]
    assert (problem.kind, problem.location) == (ProblemKind.UNKNOWN_VALUE, "scin_labels.csv, line 2")
    assert problem.detail.startswith(f"{CONDITIONS} is {text.strip()!r}; expected a dict of conditions and weights: ")
    assert not problem.detail.endswith(("None; taken as not known", ": ; taken as not known"))


def test_a_condition_that_is_not_listed_is_kept_as_published_and_reported(flat: Path) -> None:
    facts = set_labels(flat, **{CONDITIONS: "{'Glitter pox': 1.0}"})
    assert (facts.differential, facts.diagnosis, facts.malignancy) == (("Glitter pox",), "Glitter pox", None)
    assert read(flat)[1][0].detail == (
        f"{CONDITIONS} is 'Glitter pox'; a name that scin.toml does not list; kept as published"
    )


def test_a_note_of_the_labelling_tool_is_no_condition(flat: Path) -> None:
    facts = set_labels(flat, **{CONDITIONS: f"{{'{RETIRED}': 0.67, 'Eczema': 0.33}}"})
    assert (facts.differential, facts.differential_weights, facts.diagnosis) == (("eczema",), (0.33,), None)
    (problem,) = read(flat)[1]
    assert (problem.kind, problem.location) == (ProblemKind.UNKNOWN_VALUE, "scin_labels.csv, line 2")
    assert problem.detail == f"{CONDITIONS} is {RETIRED!r}; a note about a tool and no condition; left out"


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("age_group", "AGE_OLD"),
        ("body_parts_arm", "LEFT"),
        ("image_1_shot_type", "FAR"),
        ("condition_duration", "LONG"),
    ],
)
def test_an_unknown_value_is_reported_once_and_costs_its_fact_alone(column: str, value: str, flat: Path) -> None:
    set_case(flat, **{column: value})
    images, problems = read(flat)
    assert len(images) == 7
    assert [(problem.kind, problem.location) for problem in problems] == [
        (ProblemKind.UNKNOWN_VALUE, "scin_cases.csv, line 2")
    ]
    assert f"{column} is {value!r}" in problems[0].detail


def test_columns_that_are_missing_are_absent_facts(flat: Path) -> None:
    def keep(rows: list[Cells]) -> None:
        rows[:] = [{name: row[name] for name in ("case_id", "image_1_path")} for row in rows]

    edit_table(flat / "scin_cases.csv", keep)
    edit_table(
        flat / "scin_labels.csv",
        lambda rows: rows.__setitem__(slice(None), [{"case_id": r["case_id"], CONDITIONS: "{}"} for r in rows]),
    )
    images, problems = read(flat)
    assert {image.facts for image in images} == {Facts()}
    assert {problem.kind for problem in problems} == {ProblemKind.COLUMN, ProblemKind.IMAGE_WITHOUT_ROW}
    assert "has no column age_group" in [problem.detail for problem in problems]


def test_cases_that_share_files_are_one_group_and_the_file_is_kept_once(tmp_path: Path) -> None:
    root = write_scin(tmp_path, cases=6, layout="flat", side_px=16)
    ids = [row["case_id"] for row in rows_of(root / "scin_cases.csv")]
    groups = {image.row_location: image.group_id for image in read(root)[0]}
    shared = min(ids[2], ids[5])
    assert [groups[f"scin_cases.csv, line {line}"] for line in range(2, 8)] == [
        f"case_{case}" for case in (*ids[:2], shared, *ids[3:5], shared)
    ]
    together = [image for image in read(root)[0] if image.group_id == f"case_{shared}"]
    assert len({split_of(image, ReleaseTerms("template", 0)) for image in together}) == 1
    (problem,) = read(root)[1]
    assert (problem.kind, problem.location) == (ProblemKind.DOUBLED_ID, "scin_cases.csv, line 7")
    assert f"an image of the cases {ids[2]}, {ids[5]}; kept once, as scin_cases.csv, line 4 has it" in problem.detail


def test_groups_reach_through_a_chain_of_shared_files(flat: Path) -> None:
    def chain(rows: list[Cells]) -> None:
        rows[0]["image_2_path"] = rows[2]["image_1_path"]
        rows[1]["image_3_path"] = rows[2]["image_2_path"]

    edit_table(flat / "scin_cases.csv", chain)
    ids = [row["case_id"] for row in rows_of(flat / "scin_cases.csv")]
    images, problems = read(flat)
    assert {image.group_id for image in images} == {f"case_{min(ids[:3])}", f"case_{ids[3]}"}
    assert [problem.kind for problem in problems] == [ProblemKind.DOUBLED_ID] * 2


def test_tables_that_do_not_join_are_reported(flat: Path) -> None:
    edit_table(flat / "scin_labels.csv", lambda rows: rows[0].update(case_id="7"))
    images, problems = read(flat)
    assert len(images) == 7
    assert images[0].facts.differential == ()
    assert [(problem.kind, problem.location) for problem in problems] == [
        (ProblemKind.UNKNOWN_VALUE, "scin_cases.csv, line 2"),
        (ProblemKind.BROKEN_ROW, "scin_labels.csv, line 2"),
    ]
    first = rows_of(flat / "scin_cases.csv")[0]["case_id"]
    assert [problem.detail for problem in problems] == [
        f"scin_labels.csv has no row for case {first}",
        "scin_cases.csv has no row for case 7",
    ]


def test_a_case_without_an_image_or_an_id_is_a_broken_row(flat: Path) -> None:
    def spoil(rows: list[Cells]) -> None:
        rows[0]["image_1_path"] = ""
        rows[3]["case_id"] = ""

    edit_table(flat / "scin_cases.csv", spoil)
    kinds = Counter(problem.kind for problem in read(flat)[1])
    assert kinds[ProblemKind.BROKEN_ROW] == 3  # the labels of the case without an id have lost it
    assert kinds[ProblemKind.IMAGE_WITHOUT_ROW] == 2
    told = {(problem.location, problem.detail) for problem in read(flat)[1]}
    assert told >= {("scin_cases.csv, line 2", "names no image"), ("scin_cases.csv, line 5", "has no case_id")}


def test_a_path_of_no_image_is_reported_and_the_cases_other_images_are_kept(flat: Path) -> None:
    expected = read(flat)[0]
    edit_table(flat / "scin_cases.csv", lambda rows: rows[0].update(image_3_path="dataset/images/notes.txt"))
    images, (problem,) = read(flat)
    assert images == expected
    assert (problem.kind, problem.location) == (ProblemKind.UNKNOWN_VALUE, "scin_cases.csv, line 2")
    assert problem.detail == "image_3_path is 'dataset/images/notes.txt', which is not an image file; skipped"


def test_the_tables_may_lie_apart_and_under_any_name(tmp_path: Path) -> None:
    root = write_scin(tmp_path, cases=4, layout="dataset", side_px=16)
    expected = read(root)
    (root / "dataset" / "scin_labels.csv").rename(root / "l.csv")
    (root / "dataset" / "scin_cases.csv").rename(root / "dataset" / "c.csv")
    assert [image.facts for image in read(root)[0]] == [image.facts for image in expected[0]]


def test_the_tables_are_counted_as_they_are_published(tmp_path: Path) -> None:
    root = write_scin(tmp_path, cases=6, layout="flat", side_px=16)
    named = ["{'Acne': 1.0, 'Cyst': 0.5}", "{'Acne': 0.5}", "{}", "", "mangled", f"{{'{RETIRED}': 1.0}}"]
    edit_table(
        root / "scin_labels.csv",
        lambda rows: [row.update({CONDITIONS: text}) for row, text in zip(rows, named, strict=True)],
    )
    paths = [row[f"image_{shot}_path"] for row in rows_of(root / "scin_cases.csv") for shot in (1, 2, 3)]
    assert Scin().tallies(root) == {
        "cases": 6,
        "image references": len([path for path in paths if path]),
        "image files": len({path for path in paths if path}),
        "files shared by several cases": 1,
        "labelled cases": 3,
        "condition names": 3,
    }


@pytest.mark.parametrize("lost", ["scin_cases.csv", "scin_labels.csv"])
def test_a_folder_without_both_tables_is_refused(lost: str, flat: Path) -> None:
    (flat / lost).unlink()
    with pytest.raises(
        SourceError, match=rf"raw holds no raw release of SCIN: found no table.*Looked for {lost} .*dx-scin-public-data"
    ):
        read(flat)


def test_the_vocabulary_lists_how_many_conditions_have_a_place_in_the_taxonomy() -> None:
    known = vocabulary.diagnoses("scin")
    placed = {name: diagnosis.isic for name, diagnosis in known.items() if diagnosis.isic}
    assert (len(known), len(placed)) == (369, 46)
    assert set(placed.values()) <= vocabulary.isic_nodes()
    assert {name[:3] for name in (diagnosis.name for diagnosis in known.values())} & {"O/E", "CD ", "HK "} == set()


def test_specimens_are_the_same_every_time_and_need_a_case_and_some_pixels(tmp_path: Path) -> None:
    roots = [write_scin(tmp_path / name, cases=3, side_px=16) for name in "ab"]
    first, second = ({path.relative_to(root): path.read_bytes() for path in root.rglob("*.*")} for root in roots)
    assert first == second
    with pytest.raises(UsageError, match="cases is 0"):
        write_scin(tmp_path, cases=0)
    with pytest.raises(UsageError, match="side_px is 15"):
        write_scin(tmp_path, side_px=15)
