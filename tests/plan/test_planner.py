"""The planner's rules, on small banks of a test's own."""

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import pytest

from dermasynth_builder.core.files import resource_dir
from dermasynth_builder.core.options import PlanOptions
from dermasynth_builder.core.records import Asked, ClinicalImage, Facts, Request
from dermasynth_builder.plan.facts_in_words import facts_for_question
from dermasynth_builder.plan.planner import Planner
from dermasynth_builder.plan.questions import BankStyle, PromptBook, QuestionType
from dermasynth_builder.plan.reply_form import schema
from tests.support.clinical_images import EMPTY, FULL, clinical_image

CONVERSATIONS = PlanOptions(self_instruct_share=0.0, conversation_share=1.0)
SELF_INSTRUCT = PlanOptions(self_instruct_share=0.5)


def kind(name: str, *, topic: str = "", style: BankStyle = "asked", needs: tuple[str, ...] = ()) -> QuestionType:
    return QuestionType(name, topic or name, "a clinician", "what is seen", needs, (f"What of {name}?",), style)


BRIEF = kind("brief", topic="free", style="self_instruct")


def book(general: Iterable[QuestionType], source: Iterable[QuestionType] = ()) -> PromptBook:
    """The templates that ship, with these banks."""
    return PromptBook(resource_dir("prompts"), {"general": tuple(general), "pad_ufes": tuple(source)})


def images(count: int) -> list[ClinicalImage]:
    return [clinical_image(f"image_{number}") for number in range(count)]


def planned(banks: PromptBook, options: PlanOptions, count: int = 40) -> list[Request]:
    return list(Planner(banks, 5, options).requests(images(count)))


# --- conversations ---


def test_a_conversation_has_two_to_five_turns_however_many_types_there_are() -> None:
    requests = planned(book(kind(f"type_{n}") for n in range(9)), CONVERSATIONS, 80)
    assert {request.style for request in requests} == {"conversation"}
    assert {len(request.steps) for request in requests} == {2, 3, 4, 5}
    for request in requests:
        names = [step.question_type for step in request.steps]
        assert (names[0], names[-1], names) == ("type_0", "type_8", sorted(set(names)))
        assert {step.slot for step in request.steps} == {"general"}
        assert (request.slot, request.question_type) == ("general", "conversation")


def test_where_too_few_types_fit_for_a_conversation_one_question_is_asked_in_its_place() -> None:
    general = [kind("overview"), kind("diagnosis", needs=("diagnosis",)), BRIEF]
    (whole,) = Planner(book(general), 5, CONVERSATIONS).requests([clinical_image(facts=FULL)])
    (short,) = Planner(book(general), 5, CONVERSATIONS).requests([clinical_image(facts=EMPTY)])
    assert (whole.style, len(whole.steps)) == ("conversation", 2)
    assert (short.style, short.question_type, short.steps) == ("asked", "overview", ())


def test_the_question_of_the_source_shares_no_topic_with_a_turn_of_the_conversation() -> None:
    general = [kind("overview", topic="look"), kind("diagnosis")]
    taken = [kind("features", topic="look"), kind("reasoning", topic="diagnosis")]
    requests = planned(book(general, [*taken, kind("size")]), CONVERSATIONS)
    assert {request.question_type for request in requests if request.slot == "source"} == {"size"}
    assert {request.style for request in planned(book(general, taken), CONVERSATIONS)} == {"conversation"}


def test_only_topics_of_turns_are_kept_from_the_question_of_the_source() -> None:
    general = [kind("overview"), kind("middle"), kind("diagnosis"), BRIEF]
    requests = planned(book(general, [kind("features", topic="middle")]), CONVERSATIONS)
    turns = {each.image_id: {step.question_type for step in each.steps} for each in requests if each.steps}
    asked = {each.image_id for each in requests if each.slot == "source"}
    assert asked == {image_id for image_id, types in turns.items() if "middle" not in types}
    assert 0 < len(asked) < len(turns)


def test_a_source_without_a_bank_is_asked_the_general_questions_alone() -> None:
    planner = Planner(book([kind("overview"), BRIEF]), 5, PlanOptions(self_instruct_share=0.0))
    (asked,) = planner.requests([clinical_image(source="hiba")])
    assert (asked.slot, asked.question_type) == ("general", "overview")


def test_the_question_of_the_source_shares_no_topic_with_the_general_one() -> None:
    banks = book([kind("overview", topic="look"), BRIEF], [kind("features", topic="look"), kind("size")])
    requests = planned(banks, PlanOptions(self_instruct_share=0.0))
    assert {request.question_type for request in requests if request.slot == "source"} == {"size"}


# --- what a request holds ---


def test_a_reply_is_asked_for_in_the_form_of_its_style_and_turns() -> None:
    general = [kind(f"type_{n}") for n in range(5)]
    requests = planned(book(general, [kind("size")]), PlanOptions(self_instruct_share=0.0, conversation_share=0.5))
    requests += planned(book(general, [kind("size")]), PlanOptions(self_instruct_share=0.0, is_together=True))
    requests += planned(book([*general, BRIEF]), SELF_INSTRUCT)
    assert {(request.style, len(request.steps)) for request in requests} >= {
        ("asked", 0),
        ("asked", 2),
        ("conversation", 3),
        ("self_instruct", 0),
    }
    assert all(request.reply_schema == schema(request.style, len(request.steps)) for request in requests)


@pytest.mark.parametrize("is_shown", [True, False])
def test_a_request_names_its_image_and_all_that_it_asks_and_tells(*, is_shown: bool) -> None:
    options = PlanOptions(self_instruct_share=0.0, is_together=True, is_metadata_shown=is_shown)
    banks = book([kind("overview"), BRIEF], [kind("size")])
    (asked,) = Planner(banks, 5, options).requests([clinical_image("image_1", FULL)])
    assert (asked.source, asked.image_id, asked.modality) == ("pad_ufes", "image_1", "clinical")
    assert (asked.slot, asked.question_type) == ("general+source", "overview+size")
    assert (asked.style, asked.prompt_id) == ("asked", "asked_together")
    assert asked.question == "What of overview? What of size?"
    assert asked.is_metadata_shown is is_shown
    assert asked.facts == (facts_for_question("pad_ufes", FULL, ()) if is_shown else Facts())


def test_a_request_tells_which_file_it_is_about() -> None:
    image = replace(clinical_image(), path=Path("a.png"))
    (asked,) = Planner(book([kind("overview"), BRIEF]), 5, PlanOptions(self_instruct_share=0.0)).requests([image])
    assert image.file
    assert (asked.image_path, asked.image_sha256) == (Path("a.png"), image.file.sha256)
    planner = Planner(book([kind("overview"), BRIEF]), 5, PlanOptions(self_instruct_share=0.0))
    (unmeasured,) = planner.requests([replace(image, path=None, file=None)])
    assert (unmeasured.image_path, unmeasured.image_sha256) == (None, None)


# --- self-instruct ---


def test_a_brief_shows_four_questions_of_the_banks_and_two_drawn_from_those_accepted() -> None:
    banks = book([*(kind(f"type_{n}") for n in range(9)), BRIEF])
    accepted = [f"Is part {number} darker?" for number in range(8)]
    requests = list(Planner(banks, 5, SELF_INSTRUCT).requests(images(40), lambda _: accepted))
    shown = [[text for text in accepted if f'- "{text}"\n' in request.prompt] for request in requests]
    assert {len(texts) for texts in shown} == {2}
    assert {text for texts in shown for text in texts} == set(accepted)
    assert {request.prompt.count('- "What of type_') for request in requests} == {4}


@pytest.mark.parametrize(("is_shown", "shown"), [(True, set("abcdef")), (False, set("ef"))])
def test_a_brief_without_metadata_shows_no_question_that_rests_on_a_fact(*, is_shown: bool, shown: set[str]) -> None:
    banks = book([*(kind(name, needs=("diagnosis",) if name in "abcd" else ()) for name in "abcdef"), BRIEF])
    requests = planned(banks, PlanOptions(self_instruct_share=0.5, is_metadata_shown=is_shown))
    assert {name for name in "abcdef" for each in requests if f'- "What of {name}?"' in each.prompt} == shown


def test_rounds_part_the_self_instruct_requests_of_some_images_and_ask_no_other_twice() -> None:
    banks = book([kind("overview"), BRIEF], [kind("size")])
    planner = Planner(banks, 5, PlanOptions(self_instruct_share=0.25, rounds=3))
    by_round = [list(planner.requests_of_round(images(60), number, lambda _: ())) for number in range(3)]
    assert {request.style for request in by_round[0]} == {"asked", "self_instruct"}
    assert {request.style for later in by_round[1:] for request in later} == {"self_instruct"}
    ids = sorted(request.pair_id for requests in by_round for request in requests)
    assert ids == sorted(request.pair_id for request in planner.requests(images(60)))


def test_a_round_shows_what_was_accepted_before_it() -> None:
    planner = Planner(book([kind("overview"), BRIEF]), 5, PlanOptions(self_instruct_share=0.5, rounds=3))
    accepted = {number: [f"Is part {number} darker?"] for number in range(3)}
    for number in range(3):
        requests = list(planner.requests_of_round(images(30), number, accepted.__getitem__))
        assert requests
        assert all(f'- "Is part {number} darker?"\n' in request.prompt for request in requests)


def test_another_seed_draws_other_rounds_styles_and_questions() -> None:
    banks = book([*(kind(f"type_{n}") for n in range(9)), BRIEF])
    one, other = (Planner(banks, seed, PlanOptions(self_instruct_share=0.25, rounds=4)) for seed in (1, 2))
    assert [one.round_of(image) for image in images(40)] != [other.round_of(image) for image in images(40)]
    drawn = [
        [(request.style, request.question_type) for request in planner.requests(images(40))] for planner in (one, other)
    ]
    assert drawn[0] != drawn[1]


def test_the_draws_of_a_seed_stay() -> None:
    """Other draws would ask, and pay for, most questions of a published plan anew."""
    banks = book([*(kind(f"type_{n}") for n in range(9)), BRIEF], [kind(f"part_{n}") for n in range(3)])
    planner = Planner(banks, 5, PlanOptions(self_instruct_share=0.2, conversation_share=0.3, rounds=3))
    assert [planner.round_of(image) for image in images(8)] == [0, 2, 1, 1, 2, 0, 0, 2]
    asked = list(planner.requests(images(6), lambda _: [f"Is {n} darker?" for n in range(9)]))
    drawn = [" ".join(step.question_type for step in each.steps) or each.question_type for each in asked]
    assert drawn == [
        "brief",
        "part_0",
        "type_7",
        "part_0",
        "type_6",
        "part_2",
        "brief",
        "part_0",
        "type_0 type_2 type_7 type_8",
        "part_1",
        "type_0 type_1 type_2 type_4 type_8",
        "part_0",
    ]
    (brief, *_) = [request.prompt for request in asked if request.style == "self_instruct"]
    assert [line[2:].strip('"') for line in brief.splitlines() if line.startswith(('- "What of', '- "Is '))] == [
        "What of part_2?",
        "What of type_6?",
        "What of type_4?",
        "What of type_8?",
        "Is 0 darker?",
        "Is 4 darker?",
    ]


class Chooser:
    """An engine that answers only wordings with a certain word in them."""

    name = "chooser"

    def __init__(self, word: str) -> None:
        self.identity = {"engine": self.name}
        self._word = word

    def answers(self, asked: Asked) -> bool:
        return self._word in asked.wording


SEVERAL = QuestionType("several", "several", "anyone", "much", (), ("Why red?", "Why blue?", "Why so?"))
ONLY_EYES = QuestionType("eyes", "eyes", "anyone", "much", (), ("What colour?",))


def test_an_engine_is_asked_only_what_it_can_answer_and_the_draw_is_among_the_rest() -> None:
    banks = book(
        [SEVERAL, ONLY_EYES, replace(SEVERAL, name="other", topic="other", wordings=("Why?", "Why blue now?"))]
    )
    options = PlanOptions(self_instruct_share=0.0)
    asked = list(Planner(banks, 5, options, Chooser("blue")).requests(images(60)))
    assert {request.question for request in asked} == {"Why blue?", "Why blue now?"}
    assert {r.question_type for r in Planner(banks, 5, options).requests(images(60))} == {"several", "eyes", "other"}


def test_what_an_engine_cannot_answer_is_told_with_its_bank() -> None:
    banks = book([SEVERAL, ONLY_EYES], [ONLY_EYES])
    planner = Planner(banks, 5, PlanOptions(), Chooser("red"))
    assert sorted(planner.unanswerable(images(1)[0])) == ["general: eyes", "pad_ufes: eyes"]
    assert list(Planner(banks, 5, PlanOptions()).unanswerable(images(1)[0])) == []


def test_an_image_about_which_an_engine_can_answer_nothing_is_asked_nothing() -> None:
    assert list(Planner(book([ONLY_EYES]), 5, PlanOptions(), Chooser("red")).requests(images(3))) == []


def test_turns_of_a_conversation_are_wordings_that_the_engine_can_answer() -> None:
    kinds = [replace(SEVERAL, name=name, topic=name) for name in ("first", "second", "third")]
    for request in Planner(book(kinds), 5, CONVERSATIONS, Chooser("so")).requests(images(10)):
        assert {step.question for step in request.steps} == {"Why so?"}
