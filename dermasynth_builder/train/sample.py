"""Which examples a model is tuned on: equal shares of the diagnoses, the same on every run, in a hash's order."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from itertools import islice

from dermasynth_builder.core.errors import UsageError
from dermasynth_builder.core.records import Split, share_of
from dermasynth_builder.release.closed import ClosedQuestions, one_an_image
from dermasynth_builder.train.options import TrainOptions
from dermasynth_builder.train.rows import OpenRelease, Row, refuse_unfit
from dermasynth_builder.train.turns import Example, example_of, example_of_item


def examples_to_train_on(opened: OpenRelease, options: TrainOptions) -> list[Example]:
    """The examples of a training, in an order that is none of the release's.

    Raises ReleaseError where a row cannot be trained on, or no model wrote it and none such is allowed, and UsageError
    where the fold to leave out is none.
    """
    examples = list(_examples(opened, options))
    return drawn(examples, options.rows or len(examples), options.seed)


def drawn(examples: Iterable[Example], number: int, seed: int) -> list[Example]:
    """So many of the examples: of each source in turn, there of each diagnosis in turn, and of one by a hash."""
    strata: dict[str, dict[str, list[Example]]] = defaultdict(lambda: defaultdict(list))
    for example in examples:
        facts = example.row.facts
        name = facts.diagnosis or next(iter(facts.differential), "")
        strata[example.row.source][name].append(example)

    def order(example: Example) -> float:
        return share_of(seed, "rows", example.name)

    in_turn = [
        _in_turn(sorted(of_source[name], key=order) for name in sorted(of_source)) for of_source in strata.values()
    ]
    return list(islice(_in_turn(in_turn), number))


def _examples(opened: OpenRelease, options: TrainOptions) -> Iterator[Example]:
    rows = list(_rows(opened, options))
    if options.context == "closed":
        questions = ClosedQuestions.of(opened.rows(), options.tasks, options.forms, seed=options.seed)
        for row in one_an_image(rows):
            yield from (example_of_item(item, row) for item in questions.items(row))
        return
    refuse_unfit(rows, is_template_allowed=options.is_template_allowed)
    for row in rows:
        yield example_of(row, options.context)


def _rows(opened: OpenRelease, options: TrainOptions) -> Iterator[Row]:
    """Those of the training part; where a fold is left out, all others."""
    trained: tuple[Split, ...] = ("train",)
    if options.fold is None:
        return opened.rows(trained)
    rows = [row for row in opened.rows() if row.fold is not None]
    if options.fold not in (folds := sorted({row.fold for row in rows if row.fold is not None})):
        held = f"its folds are {folds[0]} to {folds[-1]}" if folds else "build it with --folds 5"
        raise UsageError(f"--fold {options.fold}: {opened.folder} has no such fold to leave out; {held}")
    return (row for row in rows if row.fold != options.fold)


def _in_turn(lists: Iterable[Iterable[Example]]) -> Iterator[Example]:
    """One of each, then the next of each, until all are at their ends."""
    waiting = [iter(each) for each in lists]
    while waiting:
        for each in list(waiting):
            try:
                yield next(each)
            except StopIteration:
                waiting.remove(each)
