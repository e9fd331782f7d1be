"""Markup, links and formulas in an answer or a question are rejected by name, and plain text is not."""

import pytest

from dermasynth_builder.check.form import check_form
from tests.support.clinical_images import clinical_image, pair

WEB = [
    "A brown plaque.<script>alert(1)</script> It is round.",
    "A brown plaque <SCRIPT src=//evil.example> on the arm.",
    "A brown plaque <img src=x onerror=alert(1)> on the arm.",
    "A brown plaque <img src=x onerror=alert(1) on the arm.",
    "A brown plaque <svg/onload=alert(1)> on the arm.",
    "A <my-element>brown</my-element> plaque.",
    "A brown plaque.<!-- hidden --> It is round.",
    "A brown &#x3c;b&#62; plaque.",
    "A brown plaque; click javascript:alert(1) for more.",
    "See ![this](https://evil.example/p.png?leak=1) for a plaque.",
    "See [this](//evil.example) for a plaque.",
    "See [this][1] for a plaque.\n\n[1]: https://evil.example\n\nIt is round.",
]
FORMULAS = [
    '=HYPERLINK("https://evil.example","A brown plaque").',
    'A brown plaque, =HYPERLINK("https://evil.example","here").',
    "@SUM(1+1) is a brown plaque.",
    "A plaque +CMD(1) is seen.",
    "=cmd|' /C calc'!A0 is a brown plaque.",
    "A brown plaque.\n=1+1 is two.",
]
PLAIN = [
    "A plaque of <5 mm is seen; its border is sharp (p<0.05 does not apply).",
    "The lesion is < 6 mm across and > 2 mm high.",
    "Red & scaly, as in R&D; a so-called A&B pattern.",
    "The margin is sharp (see below) [left of the image].",
    "Ratio: 1:2. Colours: brown, tan = light brown.",
    "A diameter of 5 mm x 3 mm, i.e. length = 5 mm.",
    "An anti-TNF(alpha) drug is one treatment.",
    "The border is <five mm wide and >two mm high.",
    "Email me @ home is not what is shown!",
    "- A brown macule.\n- A sharp border.",
    "+ is the sign that is drawn on the ruler.",
]


def found(text: str, *, is_question: bool = False) -> list[tuple[str, str]]:
    question, answer = (text, "A brown plaque.") if is_question else ("What is it?", text)
    told = pair(question, answer, image=clinical_image())
    return [(finding.severity, finding.reason) for finding in check_form([told])]


@pytest.mark.parametrize("is_question", [False, True])
@pytest.mark.parametrize(
    ("texts", "name"), [(WEB, "markup of a web page"), (FORMULAS, "a formula of a spreadsheet")], ids=["web", "formula"]
)
def test_what_a_page_or_a_spreadsheet_would_act_on_is_rejected_by_name(
    texts: list[str], name: str, is_question: bool
) -> None:
    for text in texts:
        reasons = [reason for severity, reason in found(text, is_question=is_question) if severity == "reject"]
        assert any(name in reason for reason in reasons), text


@pytest.mark.parametrize("text", PLAIN)
def test_plain_text_with_the_same_signs_is_no_markup(text: str) -> None:
    assert not [reason for _, reason in found(text) if "markup of a web" in reason or "formula" in reason]
