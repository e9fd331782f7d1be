"""What gives the label away by how the data came about: facts, and gaps in them, that go with malignancy.

Measured as Cramér's V, corrected for bias (Bergsma 2013, doi:10.1016/j.jkss.2012.10.002): 0 where they have nothing to
do with each other, 1 where one decides the other. Only images whose malignancy is recorded count; it is taken as
malignant or not. The diagnosis itself, and what restates it, is left out.
"""

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, fields
from itertools import pairwise
from math import sqrt
from typing import TYPE_CHECKING, Any, Literal

from dermasynth_builder.core.records import ClinicalImage, Facts

if TYPE_CHECKING:
    from pandas import Series

THRESHOLD = 0.5
"""From here on a fact is said to give the label away; see `facts_in_words.GIVEAWAYS`."""
_THE_LABEL = frozenset(
    {
        *("diagnosis", "diagnosis_published", "diagnosis_isic", "malignancy", "malignancy_published"),
        *("differential", "differential_weights", "is_melanocytic", "body_site_published"),
    }
)
_BANDS = 5  # of a number, each of about as many images
_FEW = 20  # images on either side below which nothing is measured


@dataclass(frozen=True, slots=True)
class Giveaway:
    """How much one fact, or whether it is recorded, goes with malignancy."""

    fact: str
    by: Literal["value", "missing"]
    cramers_v: float  # 0 to 1
    images: int  # that count
    least_percent: float  # malignant images, where the value (or the gap) has the fewest of them
    least: str  # that value, "recorded" or "not recorded"
    most_percent: float
    most: str


def giveaways(images: Iterable[ClinicalImage]) -> list[Giveaway]:
    """Every fact that can be measured, twice where it has gaps; what goes with malignancy most comes first."""
    from pandas import Series  # takes half a second

    known = [image.facts for image in images if image.facts.malignancy]
    label = Series([facts.malignancy == "malignant" for facts in known], dtype=bool)
    if label.sum() < _FEW or (~label).sum() < _FEW:
        return []
    found: list[Giveaway] = []
    for name in (field.name for field in fields(Facts) if field.name not in _THE_LABEL):
        values = Series([_plain(getattr(facts, name)) for facts in known], dtype=object)
        is_missing = values.isna()
        if _FEW <= is_missing.sum() <= len(values) - _FEW:
            gaps = is_missing.map({True: "not recorded", False: "recorded"})
            found.append(_measured(name, "missing", values=gaps, label=label))
        recorded = values[~is_missing]
        if recorded.nunique() > 1:
            told = _with_rare_together(_banded(recorded))
            if (told.value_counts() >= _FEW).sum() < 2:
                continue
            found.append(_measured(name, "value", values=told, label=label[~is_missing]))
    return sorted((each for each in found if each.images >= 2 * _FEW), key=lambda each: (-each.cramers_v, each.fact))


def giveaway_table(images: Iterable[ClinicalImage], least: float = THRESHOLD) -> list[dict[str, Any]]:
    """What gives the label away, as plain values for a card; empty where nothing does."""
    return [asdict(each) for each in giveaways(images) if each.cramers_v >= least]


def giveaway_facts(measured: Iterable[Giveaway]) -> set[str]:
    """The facts that give the label away by their value or by being recorded at all."""
    return {each.fact for each in measured if each.cramers_v >= THRESHOLD}


def cramers_v(counts: Sequence[Sequence[int]]) -> float:
    """Cramér's V of a table of counts, corrected for bias."""
    rows, columns = [sum(row) for row in counts], [sum(column) for column in zip(*counts, strict=True)]
    total = sum(rows)
    rows_there, columns_there = sum(map(bool, rows)), sum(map(bool, columns))
    if total < 2 or min(rows_there, columns_there) < 2:
        return 0.0
    squares = sum(
        count * count / (rows[i] * columns[j]) for i, row in enumerate(counts) for j, count in enumerate(row) if count
    )
    phi = max(0.0, squares - 1 - (rows_there - 1) * (columns_there - 1) / (total - 1))
    widths = [each - (each - 1) ** 2 / (total - 1) for each in (rows_there, columns_there)]
    return sqrt(min(1.0, phi / (min(widths) - 1))) if min(widths) > 1 else 0.0


def _measured(name: str, by: Literal["value", "missing"], *, values: "Series[Any]", label: "Series[Any]") -> Giveaway:
    tables = [(str(value), int(label[same].sum()), len(same)) for value, same in values.groupby(values).groups.items()]
    v = cramers_v([(malignant, images - malignant) for _, malignant, images in tables])
    shares = sorted((100 * malignant / images, value) for value, malignant, images in tables if images >= _FEW)
    least, most = (shares[0], shares[-1]) if shares else ((0.0, ""), (0.0, ""))
    return Giveaway(name, by, round(v, 3), len(values), round(least[0], 1), least[1], round(most[0], 1), most[1])


def _banded(values: "Series[Any]") -> "Series[Any]":
    """Numbers of many values in bands; words as they are."""
    from pandas import cut, to_numeric

    if values.nunique() <= 2 * _BANDS or not values.map(lambda value: isinstance(value, int | float)).all():
        return values.map(str)
    numbers = to_numeric(values)
    edges = sorted(set(numbers.quantile([share / _BANDS for share in range(_BANDS + 1)])))
    if len(edges) < 3:
        return values.map(str)
    names = [f"{low:g} to {high:g}" for low, high in pairwise(edges)]
    return cut(numbers, edges, include_lowest=True, labels=names).astype(str)


def _with_rare_together(values: "Series[Any]") -> "Series[Any]":
    """Values of few images as one: alone they would go with anything."""
    counts = values.map(values.value_counts())
    return values.where(counts >= _FEW, "others")


def _plain(value: Any) -> Any:
    """A list as one text; nothing where it is empty."""
    return (", ".join(value) or None) if isinstance(value, tuple) else value
