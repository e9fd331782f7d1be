"""What a card says of the judgement of persons and models; Krippendorff's alpha against published figures."""

import json
import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dermasynth_builder import pipeline
from dermasynth_builder.core.records import AXES, CheckedClaim, Judgement, Review, text_digest
from dermasynth_builder.core.reporter import SilentReporter
from dermasynth_builder.release.judgements import keep_judgements, table_of
from dermasynth_builder.release.opinions import agreement, of_models, of_persons, ordinal_alpha
from dermasynth_builder.release.parquet import read_values
from dermasynth_builder.release.reviews import Judged, Verdicts, keep_sheet, take_verdicts
from tests.support.releases import Built

# Krippendorff, Computing Krippendorff's Alpha-Reliability (2011): four observers, twelve units.
OBSERVERS = ("123321412...", "1233224125.3", ".3332342251.", "12332441251.")


def test_the_published_example_gives_the_published_figure() -> None:
    units = [[int(value) for value in unit if value != "."] for unit in zip(*OBSERVERS, strict=True)]
    assert ordinal_alpha(units) == pytest.approx(0.815, abs=0.0005)


@given(st.lists(st.lists(st.integers(1, 5), min_size=2, max_size=4), min_size=2, max_size=20))
def test_full_agreement_is_one_and_the_order_of_persons_changes_nothing(judged: list[list[int]]) -> None:
    same = [[unit[0]] * len(unit) for unit in judged]
    spread = len({unit[0] for unit in judged}) > 1
    assert ordinal_alpha(same) == (pytest.approx(1) if spread else None)
    found, turned = ordinal_alpha(judged), ordinal_alpha([unit[::-1] for unit in judged[::-1]])
    assert found == (None if turned is None else pytest.approx(turned))


@pytest.mark.parametrize("judged", [[], [[]], [[3], [4]], [[3, 3], [3, 3]]])
def test_what_says_nothing_of_agreement_gives_none(judged: list[list[int]]) -> None:
    assert ordinal_alpha(judged) is None


def test_axes_and_verdicts_are_counted_apart() -> None:
    reviews = {
        "a": [Review("Ann", "keep", accuracy=5), Review("Bo", "keep", accuracy=4)],
        "b": [Review("Ann", "leave_out", accuracy=1), Review("Bo", "leave_out")],
        "c": [Review("Ann", "keep")],
    }
    told = agreement(reviews)
    assert told["verdict"] == {"pairs": 3, "by_two": 2, "mean": 0.6, "alpha": 1.0}
    assert (told["accuracy"]["pairs"], told["accuracy"]["by_two"]) == (2, 1)
    assert told["safety"] == {"pairs": 0, "by_two": 0, "mean": None, "alpha": None}


# --- of the rows of a release ---


def one_opinion(text: str) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """`evidence.reviews` and `evidence.judgements` of a pair that a person and a model have looked at."""
    review = {"rater": text, "verdict": "keep", "scores": [4, None, None, 3, None, None]}
    claims = [{"claim": text, "verdict": verdict, "reason": text} for verdict in ("supported", "not to be told")]
    return [review], [{"verifier": text, "verdict": "not to be told", "scores": [5] * len(AXES), "claims": claims}]


def test_nothing_was_said_of_rows_of_which_nothing_was_said() -> None:
    assert of_persons([[], ()]) is None
    assert of_models([[], ()]) == []


def test_persons_are_counted_once_and_pairs_that_nobody_read_not_at_all() -> None:
    of_ann, _ = one_opinion("Ann")
    of_bo = [{"rater": "Bo", "verdict": "leave_out", "scores": []}]
    told = of_persons([of_ann, [], [*of_ann, *of_bo]])
    assert told
    assert (told["pairs"], told["persons"]) == (2, 2)
    assert told["agreement"]["accuracy"] == {"pairs": 2, "by_two": 0, "mean": 4, "alpha": None}
    assert told["agreement"]["verdict"]["mean"] == pytest.approx(2 / 3)


def test_models_are_told_apart_with_their_verdicts_claims_and_scores() -> None:
    _, one = one_opinion("one")
    other = [{"verifier": "other", "verdict": "contradicted", "scores": [], "claims": [{"verdict": "contradicted"}]}]
    first, second = of_models([one, [*one, *other]])
    assert (first["model"], first["pairs"], first["claims"], first["scored"]) == ("one", 2, 4, 2)
    assert first["of_claims"] == {"supported": 2, "contradicted": 0, "not to be told": 2}
    assert first["axes"] == dict.fromkeys(AXES, 5)
    assert (second["of_pairs"]["contradicted"], second["scored"], second["axes"]) == (1, 0, {})


def judged(built: Built, work: Path) -> Mapping[str, str]:
    """Has two persons and a model judge the first three pairs of a release; gives these by their texts."""
    rows = list(read_values(sorted((built.release / "data").rglob("*.parquet"))))[:3]
    texts = {
        row["pair_id"]: text_digest(row["pair_id"], ((turn["role"], turn["content"]) for turn in row["messages"]))
        for row in rows
    }
    sheet = keep_sheet(work, texts)
    for rater, accuracy in (("Ann", 4), ("Bo", 5)):
        verdicts = tuple(Judged(name, text, "keep", {"accuracy": accuracy}) for name, text in texts.items())
        take_verdicts([(work, Verdicts("dermasynth review 1", sheet, rater, verdicts))], work)
    claim = CheckedClaim("It is raised.", "contradicted", "it is flat")
    told = {text: Judgement("checker", (claim,), (2,) * len(AXES)) for text in texts.values()}
    keep_judgements(table_of(work, Path("checker.jsonl")), told)
    return texts


def test_the_card_tells_what_persons_and_models_said_and_that_nobody_has_where_nobody_has(
    built: Built, tmp_path: Path
) -> None:
    card = (built.release / "README.md").read_text(encoding="utf-8")
    assert "### Human review\n\n**None.**" in card
    assert "### Checked by other models\n\n**Not done.**" in card
    settings = replace(built.settings, work=tmp_path / "build", out=tmp_path / "dermasynth")
    judged(built, settings.work)
    pipeline.build(settings, SilentReporter())
    card = (settings.out / "README.md").read_text(encoding="utf-8")
    assert "2 persons judged 3 of the" in card
    assert re.search(r"^\| accuracy.* \| 3 \| 3 \| 4\.5 \| -0\.67 \|$", card, re.MULTILINE)  # each disagrees
    assert re.search(r"^\| checker \| pairs \| 3 \| 0 \| 3 \| 0 \| ?$", card, re.MULTILINE)
    assert "checker scored 3 pairs" in card
    assert not re.search(r"\*\*(?:None|Not done)\.\*\*", card)
    croissant = json.loads((settings.out / "croissant.json").read_text(encoding="utf-8"))
    assert "human review: 3 pairs by 2 persons" in croissant["rai:annotationsPerItem"]
