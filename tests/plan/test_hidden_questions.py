"""Where the metadata are hidden, every question can be answered by who sees the image and nothing else.

Held in two ways that know nothing of each other: by what the banks call a record wording, and by a wide net of words
that speak of records, time, touch, people and proof, whose every catch was read. A wording counts as answerable where
the image allows an answer that is not empty, be it the reader's own judgement.
"""

import re
from dataclasses import replace
from pathlib import Path

import pytest

from dermasynth_builder.core.options import PlanOptions
from dermasynth_builder.core.records import Request
from dermasynth_builder.plan.planner import Planner
from dermasynth_builder.plan.questions import PromptBook, fill, load_prompt_book
from tests.support.clinical_images import EMPTY, EXPORTED, FULL, REPORTED, clinical_image

BOOK = load_prompt_book()
SOURCES = sorted(set(BOOK.banks) - {"general"})
NET = re.compile(
    r"(?i)record|report|\bfiles?\b|document|\bnote|chart|archiv|entry|label|confirm|prov[ei]|biops|tissue|histolog"
    r"|known?\b|histor|turn(?:s|ed) out|\bend\b|final|assign|regist|counted|\bsaid\b|\bsays?\b|told|answered|asked"
    r"|grow[ns]?\b|chang|\bitch|\bhurt|\bpain|\bbleed|\bfeel|\bfelt|touch|finger|long\b|\bage\b|\bold\b|years|\bsex\b"
    r"|habit|smok|famil|since|ago\b|yesterday|before\b|earlier|clinic\b|patient's|mother|father|person|wrote|result"
    r"|\bwas\b|were\b|has been|had\b|diagnos|\bterms?\b|conclusion|certain|branch|relief|taxonomy"
)
READ = Path(__file__).with_name("answerable_wordings.txt")  # "bank type | wording", each read and found answerable


def caught(book: PromptBook) -> set[str]:
    """What is asked where metadata are hidden and has one of the words of the net in it."""
    return {
        f"{bank} {kind.name} | {wording}"
        for bank, kinds in book.banks.items()
        for kind in kinds
        for wording in kind.wordings
        if NET.search(wording)
    }


def test_whatever_the_net_catches_was_read_and_found_answerable() -> None:
    assert caught(BOOK) == set(READ.read_text("utf-8").splitlines())


def test_the_net_catches_what_only_a_record_tells() -> None:
    mixed = [kind for kinds in BOOK.banks.values() for kind in kinds if kind.wordings]
    of_record = [wording for kind in mixed for wording in kind.record_wordings]
    assert len(of_record) >= 45
    missed = [wording for wording in of_record if not NET.search(wording)]
    assert len(missed) <= 0.1 * len(of_record), missed
    moved = [replace(kind, wordings=kind.every_wording, record_wordings=()) for kind in BOOK.banks["pad_ufes"]]
    assert caught(PromptBook(BOOK.folder, {"pad_ufes": tuple(moved)})) - caught(BOOK)


def requests_of(source: str, options: PlanOptions) -> list[Request]:
    images = [
        clinical_image(f"image_{n}", facts, source=source)
        for facts in (FULL, EXPORTED, REPORTED, EMPTY)
        for n in range(150)
    ]
    return list(Planner(BOOK, 3, options).requests(images))


def of_record(source: str) -> set[str]:
    """Every question that only a record answers, in the words in which it may be asked."""
    kinds = (kind for bank in ("general", source) for kind in BOOK.banks[bank])
    wordings = [wording for kind in kinds for wording in kind.record_wordings]
    made = set()
    for facts in (FULL, EXPORTED, REPORTED):
        for wording in wordings:
            try:
                made.add(fill(wording, facts))
            except KeyError:  # it rests on a fact that is not known
                continue
    return made


@pytest.mark.parametrize("source", SOURCES)
@pytest.mark.parametrize("style", [{}, {"is_together": True}, {"conversation_share": 0.8}])
def test_no_question_is_empty_without_the_record(source: str, style: dict[str, float]) -> None:
    empty = of_record(source)
    hidden = requests_of(source, PlanOptions(is_metadata_shown=False, **style))  # type: ignore[arg-type]  # a test's own
    asked = [step.question for request in hidden for step in request.steps] + [request.question for request in hidden]
    assert not set(asked) & empty
    assert len(hidden) >= 600
    shown = requests_of(source, PlanOptions(**style))  # type: ignore[arg-type]  # a test's own
    told = {step.question for request in shown for step in request.steps} | {request.question for request in shown}
    assert told & empty


def test_nothing_recorded_is_as_good_as_hidden() -> None:
    asked = {
        request.question
        for source in SOURCES
        for request in Planner(BOOK, 3, PlanOptions(self_instruct_share=0.5)).requests(
            clinical_image(f"image_{n}", EMPTY, source=source) for n in range(200)
        )
    }
    assert not asked & {wording for kind in BOOK.banks["general"] for wording in kind.record_wordings}
