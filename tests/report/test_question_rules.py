"""The shipped banks keep every rule, and every rule can be broken."""

from dataclasses import replace

import pytest

from dermasynth_builder.plan.questions import PromptBook, load_prompt_book
from dermasynth_builder.report.question_rules import lint, nearest_pair

BOOK = load_prompt_book()


def book_with(wording: str, bank: str = "hiba", name: str = "context") -> PromptBook:
    """One shipped bank with one more wording, and a second bank beside it."""
    needs = ("diagnosis",) if "{a_diagnosis}" in wording else ()
    kinds = tuple(
        replace(kind, wordings=(*kind.wordings, wording), needs=tuple({*kind.needs, *needs}))
        if kind.name == name
        else kind
        for kind in BOOK.banks[bank]
    )
    return PromptBook(BOOK.folder, {"derm12345": BOOK.banks["derm12345"], bank: kinds})


def test_the_shipped_banks_keep_every_rule() -> None:
    assert lint(BOOK) == []


@pytest.mark.parametrize(
    ("wording", "said"),
    [
        ("What now?", "2 words"),
        (" ".join(["What about", *["this"] * 40, "one?"]), "43 words"),
        ("The setting of this case matters a lot.", "neither ends in a question mark"),
        ("Tell what you make of this case", "neither ends in a question mark"),
        ("tell what you make of this case.", "no capital at the start"),
        ("Why is the {site} of so much interest to you?", "a verb has to agree"),
        ("The {site} was affected, you hear. What else happened before?", "a verb has to agree"),
        ("What  could this odd business be about?", "a doubled space"),
        ("What could this odd business be about ?", "a space before a mark"),
        ("What could this odd business () be about?", "doubled or empty marks"),
        ("What could this odd business be about??", "doubled or empty marks"),
        ("Is there a odd business to be told about?", "a wrong article"),
        ("Is there an strange business to be told about?", "a wrong article"),
        ("Which remarkable thing happened to an {site} of this sort?", "a wrong article"),
        ("Could an {age_years}-year-old person ever get such an affliction?", "a wrong article"),
        ("Could this perhaps be a BCC after all?", "a code"),
        ("Which body_site belongs to this odd business?", "a code"),
        ("Is nan the answer to this odd business?", "a code"),
        ("Would you believe that this is {a_diagnosis}?", "a slot for which there is no sample"),
        ("Which strange lesion/disease came up in this one?", "joined by a slash"),
        ("What does this odd photograph want to tell everybody?", "speaks of a photograph"),
        ("What does this odd dermoscopy want to tell everybody?", "speaks of dermoscopy"),
        (BOOK.banks["hiba"][0].wordings[0], "ROUGE-L 1.00 with hiba, identify"),
        ("Which colours make up this odd lesion, and how are they distributed?", "with derm12345, visual_features"),
    ],
)
def test_a_wording_that_breaks_a_rule_is_named_with_its_reason(wording: str, said: str) -> None:
    faults = [fault for fault in lint(book_with(wording)) if said in fault.reason]
    assert faults
    assert wording in {fault.wording for fault in faults} | {BOOK.banks["hiba"][0].wordings[0]}


@pytest.mark.parametrize(
    ("wording", "said"),
    [
        ("Tick whatever odd business fits this one.", 'asks for a "Tick"'),
        ("Which odd business belongs on a list for the archive?", 'asks for a "list"'),
        ("List the odd businesses of this case in one paragraph.", "a list and for"),
        ("Say in four odd words what this business is.", 'says "four odd words"'),
        ("Which dose of which odd remedy would help here?", "invites a dose"),
        ("Would it be wise to leave alone an odd business like this?", "nobody need look at it"),
        ("Tell the odd business of this lesion in Portuguese.", "another language"),
        ("What is the odd naïve business of this lesion?", "another language"),
        ("Is this odd business on my skin anything to talk about?", "a lay person asks"),
        ("Tell a young student what odd business this may be.", "is about a learner"),
        ("Does this odd business have a pigment network or not?", "speaks of dermoscopy"),
        ("What odd business was noted when the form was filled in?", "what only a record tells"),
    ],
)
def test_a_wording_agrees_with_the_rules_of_the_prompts(wording: str, said: str) -> None:
    book = book_with(wording, "hiba", "identify")
    faults = [fault for fault in lint(book) if said in fault.reason]
    assert [fault.wording for fault in faults] == [wording]
    assert not [fault for fault in lint(BOOK) if said in fault.reason]


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"good_answer": "the report and what it says of the lesion"}, 'speaks of a "report"'),
        ({"good_answer": "globules one by one"}, "fits clinical photographs too"),
        ({"good_answer": "what a photograph shows"}, "fits dermoscopic images too"),
        ({"good_answer": "the phototype of the person"}, "neither needs nor uses `fitzpatrick`"),
        ({"good_answer": "how it was confirmed", "uses": ()}, "neither needs nor uses `confirmation`"),
        ({"needs": (), "record_wordings": ("What odd business do the files tell of?",)}, "the type needs no fact"),
    ],
)
def test_a_type_agrees_with_the_rules_of_the_prompts(changes: dict[str, object], said: str) -> None:
    kinds = tuple(
        replace(kind, **changes) if kind.name == "identify" else kind  # type: ignore[arg-type]  # a test's own
        for kind in BOOK.banks["hiba"]
    )
    assert [fault for fault in lint(PromptBook(BOOK.folder, {"hiba": kinds})) if said in fault.reason]


@pytest.mark.parametrize("wording", ["How dangerous might this odd growth become?", "Does that strange rash go away?"])
def test_banks_for_any_kind_of_skin_presume_no_lesion(wording: str) -> None:
    for bank, name in (("general", "overview"), ("scin", "visual_features")):
        (fault,) = lint(book_with(wording, bank, name))
        assert fault.reason.startswith("presumes")
    assert lint(book_with(wording)) == []


def test_the_nearest_pair_is_the_one_with_most_in_common() -> None:
    pair = nearest_pair(["Name the lesion.", "Describe the edge.", "Name the lesion again."])
    assert pair
    assert pair.wordings == ("Name the lesion.", "Name the lesion again.")
    assert nearest_pair(["Name the lesion."]) is None
