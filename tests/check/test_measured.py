"""The checks on answers that are labelled: precision and recall a check, on all sets; see `benchmarks/checks.py`."""

from collections import Counter

import pytest

from tests.support.labelled import JUDGED, LABELLED, LAST, OF_A_FAULT, Labelled, findings_on, labelled

SETS = tuple(path.stem for path in sorted(LABELLED.glob("*.jsonl")) if path.stem != LAST)
ITEMS = {name: labelled(LABELLED / f"{name}.jsonl") for name in SETS}
CHECKS = sorted({item.check for items in ITEMS.values() for item in items})
PRECISION = {"reject": 0.95, "flag": 0.85}
RECALL = 0.9


def severities(item: Labelled) -> dict[str, str]:
    """What each check says of an answer; a reject counts where there are both."""
    found = sorted(findings_on(item), key=lambda each: each.severity == "reject")
    return {each.check: each.severity for each in found}


@pytest.fixture(scope="module")
def said() -> dict[str, list[tuple[Labelled, dict[str, str]]]]:
    return {name: [(item, severities(item)) for item in items] for name, items in ITEMS.items()}


@pytest.mark.slow
@pytest.mark.parametrize("check", CHECKS)
@pytest.mark.parametrize("name", SETS)
def test_each_check_finds_nine_faults_of_ten_and_seldom_a_sound_answer(
    said: dict[str, list[tuple[Labelled, dict[str, str]]]], name: str, check: str
) -> None:
    faults = [told for item, told in said[name] if item.is_fault and item.check == check]
    finders = OF_A_FAULT if name in JUDGED else {check}
    assert sum(not finders.isdisjoint(told) for told in faults) >= RECALL * len(faults)
    of_sets = [
        pair for each in (JUDGED if name in JUDGED else (name,)) for pair in said[each]
    ]  # judges' taken together
    is_own = {check} if name not in JUDGED else OF_A_FAULT
    right = Counter(told[check] for item, told in of_sets if item.is_fault and item.check in is_own and check in told)
    wrong = Counter(told[check] for item, told in of_sets if not item.is_fault and check in told)
    for severity, least in PRECISION.items():
        assert right[severity] >= least * (right[severity] + wrong[severity]), severity


@pytest.mark.parametrize("name", SETS)
def test_a_set_has_faults_and_sound_answers_of_every_family(name: str) -> None:
    families = {"form": ("form", "speech"), "facts": ("diagnosis", "person", "unseen", "advice")}
    if name in ("first", "second"):  # the others were written for the checks that had been mended
        families |= {"rows": ("repeats",), "columns": ("columns",)}
    for checks in families.values():
        of_family = Counter(item.is_fault for item in ITEMS[name] if item.check in checks)
        assert min(of_family[True], of_family[False]) >= 40
