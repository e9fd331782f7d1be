"""Figures of answers: what scikit-learn and statsmodels count, with the patients as what is drawn for intervals."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from dermasynth_builder.core.closed import Item

NONE = "(no answer)"  # of an answer that names no option, or several
MALIGNANT = "malignant"


@dataclass(frozen=True, slots=True)
class Answered:
    """Items of one task and form with what a system answered; `named[i]` is None where it named no option."""

    items: Sequence[Item]
    named: Sequence[str | None]

    @property
    def golds(self) -> list[str]:
        """The right answers."""
        return [item.gold for item in self.items]

    @property
    def labels(self) -> list[str]:
        """All right answers that there are, sorted."""
        return sorted(set(self.golds))

    @property
    def patients(self) -> list[str]:
        """Whose image each item is about."""
        return [item.group_id for item in self.items]


@dataclass(frozen=True, slots=True)
class Resamples:
    """Draws of the patients with replacement, the same for every system that is compared."""

    weights: Any  # resamples x patients, how often each was drawn
    patients: Mapping[str, int]

    @classmethod
    def of(cls, answered: Answered, number: int, seed: int) -> "Resamples":
        """So many draws of all patients of the items."""
        import numpy as np

        names = sorted(set(answered.patients))
        weights = np.random.default_rng(seed).multinomial(len(names), [1 / len(names)] * len(names), size=number)
        return cls(weights, {name: place for place, name in enumerate(names)})

    def balanced_accuracies(self, answered: Answered) -> Any:
        """Of each draw: the mean recall of the classes that are in it."""
        import numpy as np

        places = {label: place for place, label in enumerate(answered.labels)}
        shape = (len(self.patients), len(places))
        seen, right = np.zeros(shape), np.zeros(shape)
        for item, named in zip(answered.items, answered.named, strict=True):
            at = self.patients[item.group_id], places[item.gold]
            seen[at] += 1
            right[at] += named == item.gold
        of_class = self.weights @ seen
        with np.errstate(invalid="ignore"):
            recalls = np.where(of_class > 0, (self.weights @ right) / of_class, np.nan)
        return np.nanmean(recalls, axis=1)


def interval(values: Any, resamples: Resamples, whole: tuple[float, float]) -> list[float]:
    """The middle 95 % of values; all that may be where they are of one patient, who alone tells nothing of others."""
    import numpy as np

    if len(resamples.patients) < 2:
        return list(whole)
    return [round(float(each), 4) for each in np.quantile(values, [0.025, 0.975])]


def figures(answered: Answered, resamples: Resamples) -> dict[str, Any]:
    """All figures of one system on one task and form; no answer counts as wrong everywhere."""
    from sklearn.metrics import f1_score, recall_score

    golds, said = answered.golds, [named or NONE for named in answered.named]
    labels = answered.labels
    more = {"labels": labels, "average": "macro", "zero_division": 0.0}
    return {
        "n": len(golds),
        "patients": len(set(answered.patients)),
        "classes": len(labels),
        "accuracy": _share(sum(g == s for g, s in zip(golds, said, strict=True)), len(golds)),
        "balanced_accuracy": round(float(recall_score(golds, said, **more)), 4),
        "balanced_accuracy_95": interval(resamples.balanced_accuracies(answered), resamples, (0.0, 1.0)),
        "macro_f1": round(float(f1_score(golds, said, **more)), 4),
        "unanswered": _share(said.count(NONE), len(said)),
        "per_class": _per_class(golds, said),
        "malignancy": _malignancy(answered),
        "hierarchical_credit": _hierarchical(answered),
        "by": {name: _by(answered, name) for name in ("source", "modality", "fitzpatrick")},
    }


def difference(first: Answered, second: Answered, resamples: Resamples) -> dict[str, Any]:
    """The first system less the second on the same items: a bootstrap by patient, and McNemar's exact test by item."""
    from statsmodels.stats.contingency_tables import mcnemar

    apart = resamples.balanced_accuracies(first) - resamples.balanced_accuracies(second)
    pairs = Counter(
        (a == item.gold, b == item.gold) for item, a, b in zip(first.items, first.named, second.named, strict=True)
    )
    table = [[pairs[True, True], pairs[True, False]], [pairs[False, True], pairs[False, False]]]
    return {
        "balanced_accuracy": round(balanced_accuracy(first) - balanced_accuracy(second), 4),
        "balanced_accuracy_95": interval(apart, resamples, (-1.0, 1.0)),
        "only_first_right": pairs[True, False],
        "only_second_right": pairs[False, True],
        "mcnemar_p": float(mcnemar(table, exact=True).pvalue),
    }


def balanced_accuracy(answered: Answered) -> float:
    """The mean recall of the classes."""
    right, seen = Counter[str](), Counter(answered.golds)
    right.update(item.gold for item, named in zip(answered.items, answered.named, strict=True) if named == item.gold)
    return sum(right[label] / seen[label] for label in seen) / len(seen)


def chance(items: Sequence[Item]) -> float:
    """The balanced accuracy of whoever guesses among the options of each item."""
    of_class: dict[str, list[float]] = defaultdict(list)
    for item in items:
        of_class[item.gold].append(1 / len(item.options))
    return round(sum(sum(each) / len(each) for each in of_class.values()) / len(of_class), 4)


def persistence(items: Sequence[Item], on_twin: Sequence[str | None], on_own: Sequence[str | None]) -> dict[str, Any]:
    """How often an answer stays although another patient's image is shown; of the items answered on their own image."""
    kept = [after == before for after, before in zip(on_twin, on_own, strict=True) if before is not None]
    right = [a == b == item.gold for item, a, b in zip(items, on_twin, on_own, strict=True) if b == item.gold]
    return {
        "n": len(kept),
        "answer_stays": _share(sum(kept), len(kept)),
        "right_answer_stays": _share(sum(right), len(right)),
    }


def _share(part: int, whole: int) -> float | None:
    return round(part / whole, 4) if whole else None


def _per_class(golds: Sequence[str], said: Sequence[str]) -> dict[str, dict[str, Any]]:
    seen, right = Counter(golds), Counter(g for g, s in zip(golds, said, strict=True) if g == s)
    return {
        label: {"n": n, "recall": _share(right[label], n), "recall_95": _wilson(right[label], n)}
        for label, n in sorted(seen.items())
    }


def _wilson(part: int, whole: int) -> list[float]:
    from statsmodels.stats.proportion import proportion_confint

    return [round(float(each), 4) for each in proportion_confint(part, whole, method="wilson")]


def _malignancy(answered: Answered) -> dict[str, Any] | None:
    """Recall of malignant images and specificity on all others, from named diagnoses or classes."""
    if answered.items[0].task not in ("diagnosis", "malignancy") or answered.items[0].form == "true_false":
        return None
    classes = _classes(answered.items)
    found: dict[str, list[bool]] = {"recall": [], "specificity": []}
    for item, named in zip(answered.items, answered.named, strict=True):
        if item.malignancy:
            is_malignant = item.malignancy == MALIGNANT
            said = classes.get(named) if named else None
            is_right = said is not None and (said == MALIGNANT) == is_malignant
            found["recall" if is_malignant else "specificity"].append(is_right)
    return {
        name: {"n": len(each), "share": _share(sum(each), len(each)), "share_95": _wilson(sum(each), len(each))}
        for name, each in found.items()
        if each
    }


def _classes(items: Sequence[Item]) -> dict[str, str]:
    """Answer -> its class in the taxonomy, as the items record it."""
    if items[0].task == "malignancy":
        return {option: option for item in items for option in item.options}
    return {item.gold: item.malignancy for item in items if item.malignancy}


def _hierarchical(answered: Answered) -> float | None:
    """Of a diagnosis, the mean share of the levels of its ISIC node that the answer's node has in common."""
    if answered.items[0].task != "diagnosis" or answered.items[0].form == "true_false":
        return None
    nodes = {item.gold: item.diagnosis_isic.split(":") for item in answered.items if item.diagnosis_isic}
    credits: list[float] = []
    for item, named in zip(answered.items, answered.named, strict=True):
        if wanted := nodes.get(item.gold):
            given = nodes.get(named, []) if named else []
            common = next((n for n, (a, b) in enumerate(zip(wanted, given, strict=False)) if a != b), None)
            shared = min(len(wanted), len(given)) if common is None else common
            credits.append(1.0 if named == item.gold else shared / len(wanted))
    return round(sum(credits) / len(credits), 4) if credits else None


def _by(answered: Answered, name: str) -> dict[str, dict[str, Any]]:
    parts: dict[str, list[int]] = defaultdict(list)
    for place, item in enumerate(answered.items):
        value = getattr(item, name)
        parts["unknown" if value is None else str(value)].append(place)
    found: dict[str, dict[str, Any]] = {}
    for value, places in sorted(parts.items()):
        part = Answered([answered.items[at] for at in places], [answered.named[at] for at in places])
        found[value] = {
            "n": len(places),
            "patients": len(set(part.patients)),
            "balanced_accuracy": round(balanced_accuracy(part), 4),
            "malignancy": _malignancy(part),
        }
    return found
