"""Scores answers to the items, whoever gave them, beside the controls; pure but for the files it reads and writes."""

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from dermasynth_builder import __version__
from dermasynth_builder.core.closed import Item
from dermasynth_builder.core.errors import ScoreError, UsageError
from dermasynth_builder.core.reporter import Reporter
from dermasynth_builder.train.evaluate import controls, metrics
from dermasynth_builder.train.evaluate.answers import option_named
from dermasynth_builder.train.evaluate.invented import read_rates
from dermasynth_builder.train.evaluate.items import ItemSet, read_items
from dermasynth_builder.train.evaluate.metrics import Answered, Resamples
from dermasynth_builder.train.evaluate.predict import Predictions, read_predictions, require_not_trained_on
from dermasynth_builder.train.options import ScoreOptions
from dermasynth_builder.train.run_card import write_json

SCORES = "scores.json"
_SEED = re.compile(r"(.+)@(\w+)")  # "tuned@2": one of several seeds of "tuned"
TWIN = "other"  # a system of this name, or that ends so, was shown other patients' images
_OTHER = re.compile(rf"(?:(.+)-)?{TWIN}")


def score(named_files: Sequence[str], options: ScoreOptions, report: Reporter) -> dict[str, Any]:
    """Scores systems, "NAME=FILE" each, the first against all others, and writes scores.json; gives what is in it.

    Raises UsageError, and ScoreError where an item is missing, answered twice, foreign, or was trained on.
    """
    _require_extras()
    items = read_items(options.items)
    runs = [require_not_trained_on(items.items, card) for card in options.run]
    files = _files(named_files)
    if not files:
        raise UsageError("no answers are named; write at least one, as tuned=predictions/real.jsonl")
    known = {name: options.items / "controls" / f"{name}.jsonl" for name in controls.NAMES}
    systems = files | {name: path for name, path in known.items() if path.is_file()}
    answers = {name: _of_all_items(read_predictions(path), items, name) for name, path in systems.items()}
    open_answers = {name: read_rates(path) for name, path in _files(options.open_answers).items()}
    scores = {
        "dermasynth": __version__,
        "items": {"sha256": items.sha256, "n": len(items.items)},
        "runs": [run for run in runs if run],
        "about": {name: read_predictions(path).about for name, path in files.items()},
        "resamples": options.resamples,
        "seed": options.seed,
        "open": open_answers,
        "tasks": {
            kind: _task(of_kind, answers, asked=list(files), options=options)
            for kind, of_kind in _kinds(items.items.values())
        },
    }
    folder = options.to or options.items / "scores"
    write_json(folder / SCORES, scores)
    report.say(f"scores written to {folder / SCORES}")
    return scores


def _require_extras() -> None:
    from importlib.util import find_spec

    for module, name in (("sklearn", "scikit-learn"), ("statsmodels", "statsmodels")):
        if find_spec(module) is None:
            raise UsageError(f"scoring needs {name}: pip install 'dermasynth[evaluate]'")


def _files(words: Iterable[str]) -> dict[str, Path]:
    found: dict[str, Path] = {}
    for word in words:
        name, mark, path = word.partition("=")
        if not mark or not name.isprintable() or not name or name in found or name in controls.NAMES:
            raise UsageError(f"{word!r}: name each file of answers once, as tuned=predictions/real.jsonl")
        found[name] = Path(path)
    return found


def _of_all_items(predictions: Predictions, items: ItemSet, name: str) -> dict[str, str]:
    """The answers, one for each item that was to be asked. Raises ScoreError."""
    foreign = [each for each in predictions.answers if each not in items.items]
    if foreign:
        raise ScoreError(f"{predictions.path} answers {foreign[0]}, which is no item of {items.folder}")
    if (made_for := predictions.about.get("items")) and made_for != items.sha256:
        raise ScoreError(f"{predictions.path} answers other items than those of {items.folder}")
    is_other = bool(_OTHER.fullmatch(name))
    if (shown := predictions.about.get("image")) and (shown == TWIN) != is_other:
        raise ScoreError(
            f"{predictions.path} was answered with --image {shown}; a system is named {TWIN} or NAME-{TWIN} where, and "
            f"only where, it was shown other patients' images, and this one is named {name}"
        )
    wanted = items.twins if is_other else items.items
    missing = [each for each in wanted if each not in predictions.answers]
    if missing:
        raise ScoreError(
            f"{predictions.path} leaves {len(missing)} of {len(wanted)} items without an answer, as {missing[0]}; "
            "run `dermasynth evaluate predict` again to continue"
        )
    return predictions.answers


def _kinds(items: Iterable[Item]) -> list[tuple[str, list[Item]]]:
    """ "diagnosis/named" and so on, each with its items."""
    found: dict[str, list[Item]] = defaultdict(list)
    for item in items:
        found[f"{item.task}/{item.form}"].append(item)
    return sorted(found.items())


def _task(
    items: Sequence[Item], answers: Mapping[str, Mapping[str, str]], *, asked: Sequence[str], options: ScoreOptions
) -> dict[str, Any]:
    """The figures of all systems on one task and form, the first of `asked` against all others, twins and seeds."""
    given = {
        name: {
            item.item_id: option_named(said[item.item_id], item.options, item.form)
            for item in items
            if item.item_id in said
        }
        for name, said in answers.items()
    }
    found = {name: Answered([i for i in items if i.item_id in named], []) for name, named in given.items()}
    systems = {
        name: Answered(each.items, [given[name][item.item_id] for item in each.items]) for name, each in found.items()
    }
    systems = {
        name: each
        for name, each in systems.items()
        if each.items and not (name in controls.NAMES and not any(each.named))  # no probe of statements
    }
    first = asked[0]
    drawn = {name: Resamples.of(each, options.resamples, options.seed) for name, each in systems.items()}
    return {
        "chance": metrics.chance(items),
        "systems": {name: metrics.figures(each, drawn[name]) for name, each in systems.items()},
        "first_against": {
            name: metrics.difference(*_shared(systems[first], each), _draws(systems[first], each, options))
            for name, each in systems.items()
            if name != first and first in systems
        },
        "persistence": {
            name: metrics.persistence(
                each.items, each.named, [given[_own(name, asked)][item.item_id] for item in each.items]
            )
            for name, each in systems.items()
            if _OTHER.fullmatch(name)
        },
        "seeds": _seeds(systems),
    }


def _own(name: str, asked: Sequence[str]) -> str:
    """The system whose answers on the items' own images those on other patients' images are held against."""
    found = _OTHER.fullmatch(name)
    return found[1] if found and found[1] in asked else asked[0]


def _shared(first: Answered, second: Answered) -> tuple[Answered, Answered]:
    """Both on the items that both have."""
    common = {item.item_id for item in first.items} & {item.item_id for item in second.items}

    def part(answered: Answered) -> Answered:
        kept = [at for at, item in enumerate(answered.items) if item.item_id in common]
        return Answered([answered.items[at] for at in kept], [answered.named[at] for at in kept])

    return part(first), part(second)


def _draws(first: Answered, second: Answered, options: ScoreOptions) -> Resamples:
    return Resamples.of(_shared(first, second)[0], options.resamples, options.seed)


def _seeds(systems: Mapping[str, Answered]) -> dict[str, dict[str, Any]]:
    """Of systems that were tuned with several seeds: mean, least and most balanced accuracy."""
    of_name: dict[str, list[float]] = defaultdict(list)
    for name, answered in systems.items():
        if found := _SEED.fullmatch(name):
            of_name[found[1]].append(metrics.balanced_accuracy(answered))
    return {
        name: {
            "seeds": len(found),
            "mean": round(sum(found) / len(found), 4),
            "least": round(min(found), 4),
            "most": round(max(found), 4),
        }
        for name, found in of_name.items()
        if len(found) > 1
    }
