"""What the question banks come to: counts, diversity, near-duplicates, root verbs and their objects."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from rich.console import Group, RenderableType

from dermasynth_builder.plan import similarity
from dermasynth_builder.plan.question_verbs import TOP_VERBS, most_frequent, root, wheel
from dermasynth_builder.plan.questions import PromptBook
from dermasynth_builder.report.question_rules import NearPair, all_wordings, nearest_pair
from dermasynth_builder.report.tables import hanging, heading, name, table_of_numbers


def bank_report(book: PromptBook) -> dict[str, Any]:
    """The report as plain values; verbs and pairs are sorted by count, then by name."""
    wordings = all_wordings(book)
    split = [similarity.tokens(wording) for wording in wordings]
    roots = [found for wording in wordings if (found := root(wording))]
    pairs = Counter((each.verb, each.object) for each in roots if each.object)
    near = sum(1 for at, words in enumerate(split) for _ in similarity.near_duplicates(words, split[:at]))
    return {
        "wordings": len(wordings),
        "distinct_wordings": len({wording.lower() for wording in wordings}),
        "types": sum(len(kinds) for kinds in book.banks.values()),
        "banks": {
            bank: {kind.name: len(kind.every_wording) for kind in kinds} for bank, kinds in sorted(book.banks.items())
        },
        "mean_words": round(sum(map(len, split)) / max(len(split), 1), 2),
        "shortest_words": min(map(len, split), default=0),
        "longest_words": max(map(len, split), default=0),
        "distinct_1": distinct(split, 1),
        "distinct_2": distinct(split, 2),
        "near_duplicates": near,
        "nearest_pair": _told(nearest_pair(wordings)),
        "root_verbs": len({each.verb for each in roots}),
        "verb_object_pairs": len(pairs),
        "wordings_without_root": len(wordings) - len(roots),
        "top_root_verbs": most_frequent(Counter(each.verb for each in roots), TOP_VERBS),
        "top_verb_object_pairs": most_frequent(
            Counter(f"{verb} {thing}" for verb, thing in pairs.elements()), TOP_VERBS
        ),
        "wheel": wheel(pairs),
    }


def distinct(split: Iterable[similarity.Tokens], length: int) -> float:
    """Distinct-n (Li et al. 2016): the share of all sequences of so many words that are different ones."""
    sequences = [
        tuple(words[at : at + length]) for words in split for at in range(len(words) - length + 1)
    ]  # of one wording each
    return round(len(set(sequences)) / max(len(sequences), 1), 4)


def report_text(report: Mapping[str, Any]) -> Group:
    """The report for people."""
    table = table_of_numbers("", "")
    singles = {key.replace("_", " "): value for key, value in report.items() if isinstance(value, int | float)}
    tops = {key.replace("_", " "): report[key] for key in ("top_root_verbs", "top_verb_object_pairs")}
    for title, counts in {**report["banks"], "all banks": singles, **tops}.items():
        table.add_row(heading(title), f"{sum(counts.values()):,}" if title in report["banks"] else "")
        for each, count in counts.items():
            table.add_row(name(each, indent=2), f"{count:,}")
    return Group(table, *_near_lines(report["nearest_pair"]))


def _near_lines(pair: Mapping[str, Any] | None) -> Sequence[RenderableType]:
    if pair is None:
        return []
    return [
        heading(f"nearest pair, ROUGE-L {pair['rouge_l']:.2f}"),
        *(hanging(" ", wording) for wording in pair["wordings"]),
    ]


def _told(pair: NearPair | None) -> dict[str, Any] | None:
    return {"rouge_l": round(pair.score, 4), "wordings": list(pair.wordings)} if pair else None
