"""Curated knowledge: every sentence has a reference that resolves, and none contradicts a case that it is told of."""

import re
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from dermasynth_builder.core.errors import PromptError
from dermasynth_builder.core.files import resource_dir
from dermasynth_builder.core.records import Facts
from dermasynth_builder.generate.answers.case import case_of
from dermasynth_builder.generate.answers.knowledge import KINDS, TOPICS, load_knowledge

FOLDER = resource_dir("prompts") / "answers" / "knowledge"
KNOWLEDGE = load_knowledge(FOLDER)
FINDINGS = {f"{topic}.{entry.name}": entry for topic, of in KNOWLEDGE.findings.items() for entry in of.values()}
SENTENCES = [
    (entry.name, kind, curated)
    for entry in (*KNOWLEDGE.entries.values(), *FINDINGS.values())
    for kind in KINDS
    for curated in entry.kinds[kind]
]
# A DOI, a PMID, or a page of a public body.
IDENTIFIER = re.compile(
    r"doi:10\.\d{4,9}/\S+|pmid:\d{5,8}|https://(?:[\w-]+\.)*(?:cancer\.gov|medlineplus\.gov|cdc\.gov|nih\.gov|nice\.org\.uk|who\.int)/\S*"
)
RAISED = re.compile(r"dome-shaped|\bbumps?\b|\bbumpy\b|papules?|nodules?|\blumps?\b|\bknob\b|stuck onto|stand out")
THROUGH_A_LENS = re.compile(
    r"\bnetwork|globules|streaks(?! of small blisters)|leaf-like|milia-like|blue-white|lagoons|pseudopods|spoke-wheel|"
    r"ovoid nests|structureless|parallel (?:furrow|ridge)|(?:comma|glomerular|hairpin|dotted|arborising) vessels"
)
FLAT = re.compile(r"\bflat\b(?!-topped| or raised| and raised| patch or)|\bmacules?\b")
YOUNG, OLD = (
    re.compile(r"\bchildren have\b|teenagers"),
    re.compile(r"older (?:people|men|fair)|past (?:fifty|sixty|middle)"),
)


@pytest.mark.parametrize("name", sorted(KNOWLEDGE.references))
def test_a_reference_has_an_identifier_that_resolves_and_is_used(name: str) -> None:
    reference = KNOWLEDGE.references[name]
    assert IDENTIFIER.fullmatch(reference.id), reference.id
    assert reference.text
    blocks = "".join(path.read_text("utf-8") for path in (FOLDER.parent / "blocks").glob("*.toml"))
    assert name in {curated.cite for _, _, curated in SENTENCES} or f'cite = "{name}"' in blocks


def test_no_two_references_have_one_identifier() -> None:
    ids = [reference.id for reference in KNOWLEDGE.references.values()]
    assert len(set(ids)) == len(ids)


def test_a_curated_sentence_is_one_sentence_and_stands_once() -> None:
    said = [curated.say for _, _, curated in SENTENCES if curated.say]
    assert len(set(said)) == len(said)
    for sentence in said:
        assert sentence.endswith(".")
        assert sentence[0].isupper()
        assert not re.search(r"[a-z)]\. [A-Z]", sentence), sentence


@pytest.mark.parametrize("kind", ["look", "course", "who", "signs"])
def test_what_a_fact_of_the_case_would_contradict_has_a_condition(kind: str) -> None:
    """A flat lesion is not followed by a dome-shaped bump, nor a raised one by a flat spot."""
    for name, of_kind, curated in SENTENCES:
        if of_kind != kind or name not in KNOWLEDGE.entries:
            continue
        is_raised, is_flat = bool(RAISED.search(curated.say)), bool(FLAT.search(curated.say))
        if is_raised and not is_flat and kind == "look":
            assert "not_raised" in curated.unless, (name, curated.say)
        if is_flat and not is_raised and kind == "look" and "mostly flat" not in curated.say:
            assert {"raised"} & {*curated.unless} or "not_raised" in curated.when, (name, curated.say)


def test_what_only_a_dermoscope_shows_is_a_clue_for_dermoscopic_images_alone() -> None:
    rivals = [each for entry in KNOWLEDGE.entries.values() for each in entry.kinds["tells_apart"]]
    clues = [each for each in rivals if THROUGH_A_LENS.search(each.by)]
    assert len(clues) > 20
    for clue in clues:
        assert "dermoscopic" in clue.when or "dermoscop" in clue.by, clue.by


def test_what_is_told_of_the_very_young_or_old_is_not_told_of_the_other() -> None:
    old, young = case_of(Facts(age_years=80), "clinical"), case_of(Facts(age_years=12), "clinical")
    for entry in ("actinic keratosis", "squamous cell carcinoma", "basal cell carcinoma", "seborrheic keratosis"):
        who = [each for sentences in KNOWLEDGE.of_diagnosis(entry, "who") for each in sentences]
        assert all(not OLD.search(each.say) for each in who if each.fits(young)), entry
        assert any(each.fits(old) for each in who)


def test_an_entry_says_what_it_does_not_say_itself_from_the_one_that_it_is() -> None:
    own = next(KNOWLEDGE.of_diagnosis("blue nevus", "dermoscopy"))
    assert "blue" in own[0].say
    chain = [kinds for kinds in KNOWLEDGE.of_diagnosis("acral dysplastic junctional nevus", "signs") if kinds]
    assert "mole" in chain[0][0].say


@pytest.mark.parametrize(
    ("diagnosis", "entry"),
    [
        ("melanoma", "melanoma"),
        ("invasive melanoma", "melanoma"),
        ("lentigo maligna", "lentigo maligna"),
        ("Bowen's disease", "Bowen's disease"),
        ("dysplastic junctional nevus", "dysplastic nevus"),
        ("acral compound nevus", "acral nevus"),
        ("acral dysplastic compound nevus", "acral dysplastic nevus"),
        ("congenital dysplastic compound nevus", "congenital nevus"),
        ("hemangioma", "hemangioma"),
        ("vascular lesion", "vascular lesion"),
        ("melanoma metastasis", "melanoma metastasis"),
        ("tinea", "tinea"),
        ("unspecified acute dermatitis", "dermatitis"),
    ],
)
def test_a_diagnosis_finds_its_entry_by_name_or_by_the_nearest_node(diagnosis: str, entry: str) -> None:
    found = KNOWLEDGE.entry(diagnosis)
    assert found is not None
    assert found.name == entry


@pytest.mark.parametrize("diagnosis", ["a disease nobody curated", "angiosarcoma cutaneous", "lipoma"])
def test_what_nobody_curated_borrows_nothing_from_its_neighbours(diagnosis: str) -> None:
    assert KNOWLEDGE.entry(diagnosis) is None


def test_a_sentence_fits_only_cases_with_its_marks() -> None:
    flat, raised = (case_of(Facts(is_elevated=is_up), "clinical") for is_up in (False, True))
    for look in next(KNOWLEDGE.of_diagnosis("basal cell carcinoma", "look")):
        assert look.fits(flat) or look.fits(raised)
        assert not (look.fits(flat) and "dome" in look.say)
        assert not (look.fits(raised) and "flat, superficial" in look.say)


def test_findings_have_known_topics_and_every_kind_is_known() -> None:
    assert set(KNOWLEDGE.findings) <= set(TOPICS)
    assert {kind for _, kind, _ in SENTENCES} <= set(KINDS)


@pytest.mark.parametrize(
    ("file", "old", "new", "said"),
    [
        ("melanocytic.toml", 'cite = "zalaudek2009"', 'cite = "nobody1900"', "nobody1900 is cited"),
        ("melanocytic.toml", 'is_a = "nevus"', 'is_a = "nevvus"', "no entry is called nevvus"),
        ("keratinocytic.toml", 'unless = ["not_raised"]', 'unless = ["not_raysed"]', "not_raysed is no mark"),
        ("findings.toml", "[course.acute]", "[curse.acute]", "curse is none of"),
        ("references.toml", ", seen = false", "", "seen is missing"),
    ],
)
def test_a_broken_file_is_named_with_what_is_wrong(file: str, old: str, new: str, said: str, tmp_path: Path) -> None:
    shutil.copytree(FOLDER, tmp_path / "knowledge")
    path = tmp_path / "knowledge" / file
    path.write_text(path.read_text("utf-8").replace(old, new, 1), encoding="utf-8")
    with pytest.raises(PromptError, match=said):
        load_knowledge(tmp_path / "knowledge")


def test_a_curated_rival_needs_what_would_point_to_it() -> None:
    rival = next(curated for _, kind, curated in SENTENCES if kind == "tells_apart")
    with pytest.raises(ValueError, match="has either"):
        replace(rival, by="")
