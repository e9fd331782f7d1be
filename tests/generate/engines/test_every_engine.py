"""One contract for every engine: each request gets one reply whatever it holds, and the identity says why it is so."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from dermasynth_builder.core import registry
from dermasynth_builder.core.options import PlanOptions
from dermasynth_builder.core.protocols import Engine
from dermasynth_builder.core.records import ImageFile, Reply, Request, canonical_json, digest
from dermasynth_builder.generate.ledger import Ledger, ledger_path
from dermasynth_builder.generate.run import Run
from dermasynth_builder.plan.planner import Planner
from dermasynth_builder.plan.questions import load_prompt_book
from tests.support.clinical_images import EMPTY, FULL, SPARSE, clinical_image
from tests.support.fake_service import draw_picture
from tests.support.services import NOBODY, serving

ENGINES = tuple(registry.ENGINES)
BOOK = load_prompt_book()
PLANS = (
    PlanOptions(self_instruct_share=0.25),
    PlanOptions(self_instruct_share=0.0, conversation_share=1.0),
    PlanOptions(self_instruct_share=0.0, is_together=True),
)
HOSTILE = (
    *("", " ", "\n", "\x00\x1b[31m", "ß\u202egnp.\u202c 𝔘𝔫𝔦𝔠𝔬𝔡𝔢 皮膚 جلد 🩺"),
    *('"}], "role": "system', "{{ image }} {% raw %} {site} %s %(x)s", "<|im_end|>", "word " * 20_000),
)


@pytest.fixture(params=ENGINES)
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def engine(name: str, tmp_path: Path) -> Iterator[Engine]:
    """The engine, with a service that answers it where there is one."""
    with serving(name, tmp_path) as given:
        yield registry.engine(name, *given)


def ask(engine: Engine, requests: Iterable[Request]) -> dict[str, Reply]:
    """The reply to each request; fails where one has none, two, or one that nobody asked for."""
    asked = list(requests)
    replies = list(engine.answer(iter(asked), Run()))
    assert sorted(reply.key for reply in replies) == sorted(request.key for request in asked)
    for reply in replies:
        assert reply.text is None or (reply.model is not None) == engine.is_model
        assert (reply.text is None) != (reply.failure is None)
        assert reply.failure is None or re.fullmatch(r"[a-z][a-z ]*: \S.*", reply.failure, re.DOTALL), reply.failure
        canonical_json(dict(reply.usage) | dict(reply.parameters))
    return {reply.key: reply for reply in replies}


def planned(folder: Path, options: PlanOptions, count: int = 6) -> list[Request]:
    """Requests about small pictures, of which much, little or nothing is known."""
    images = []
    for number in range(count):
        path = draw_picture(folder / f"{number}.png")
        file = ImageFile(digest(number), "PNG", "RGB", 32, 32, path.stat().st_size, 0)
        image = clinical_image(f"image_{number}", (FULL, SPARSE, EMPTY)[number % 3])
        images.append(replace(image, path=path, file=file))
    return list(Planner(BOOK, 1, options).requests(images))


def identity_of(name: str, **options: object) -> dict[str, object]:
    return dict(registry.engine(name, replace(NOBODY, **options)).identity)  # type: ignore[arg-type]  # a test's own


def test_its_identity_has_plain_values_its_name_and_a_file_name(name: str, tmp_path: Path) -> None:
    made = registry.engine(name, NOBODY)
    assert (made.name, made.identity["engine"]) == (name, name)
    assert {type(value) for value in made.identity.values()} <= {str, int, float, type(None)}
    assert re.fullmatch(r"[a-z][a-z0-9_]*-[0-9a-f]{12}\.jsonl", ledger_path(tmp_path, made).name)


def test_its_identity_changes_with_the_model_that_it_names_and_with_nothing_that_changes_no_answer(name: str) -> None:
    before = identity_of(name)
    if "model" in before:
        assert identity_of(name, model="another-model") != before
    how = {"base_url": "http://127.0.0.1:1", "concurrency": 3, "timeout_s": 7.0, "requests_per_minute": 9.0}
    assert identity_of(name, **how) == identity_of(name) == before


def test_what_decides_about_answers_is_in_the_identity_of_every_model(name: str) -> None:
    before = identity_of(name)
    if "model" not in before:
        pytest.skip("no model takes part")
    for option in ({"png_as": "jpeg"}, {"image_side_px": 99}, {"image_quality": 50}, {"body": '{"seed": 1}'}):
        assert identity_of(name, **option) != before
    assert not {"png_as", "body"} & before.keys()  # the ledgers of those who do not set what came later stay theirs


def test_it_is_made_without_a_key(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in ("GEMINI_API_KEY", "GOOGLE_API_KEY", "OPENAI_API_KEY"):
        monkeypatch.delenv(variable, raising=False)
    assert registry.engine(name, NOBODY).identity


@pytest.mark.parametrize("options", PLANS, ids=("asked and self-instruct", "conversations", "together"))
def test_each_request_of_every_style_gets_one_reply(options: PlanOptions, engine: Engine, tmp_path: Path) -> None:
    ask(engine, planned(tmp_path, options))


def test_no_request_gets_no_reply(engine: Engine) -> None:
    assert ask(engine, []) == {}


def test_a_hostile_request_gets_a_reply_and_harms_no_other(engine: Engine, tmp_path: Path) -> None:
    plain = planned(tmp_path, PLANS[0])
    good = next(request for request in plain if request.style == "asked")
    broken = tmp_path / "broken.png"
    broken.write_bytes(b"\x89PNG, and then nothing")
    hostile = [
        *(replace(good, prompt=text, question=text) for text in HOSTILE),
        replace(good, question_type="a type that nobody wrote", variant=1),
        replace(good, image_path=tmp_path / "gone.png", image_sha256="0" * 64),
        replace(good, image_path=broken, image_sha256="1" * 64),
        replace(good, image_path=None, image_sha256=None),
    ]
    answers = ask(engine, [*plain, *hostile])
    alone = ask(engine, plain)
    assert {key: answers[key].failure for key in alone} == {key: reply.failure for key, reply in alone.items()}


def test_what_names_no_model_is_a_pure_function_of_the_request(name: str, engine: Engine, tmp_path: Path) -> None:
    requests = planned(tmp_path, PLANS[0])
    answered = {key: reply for key, reply in ask(engine, requests).items() if reply.text is not None}
    pure = {key: reply for key, reply in answered.items() if reply.model is None}
    again = [request for request in reversed(requests) if request.key in pure]
    assert ask(registry.engine(name, NOBODY), again) == (pure and ask(engine, again)) == pure
    assert all(reply.answered_at is None and not reply.usage for reply in pure.values())


def test_its_replies_can_be_kept_and_read_back(engine: Engine, tmp_path: Path) -> None:
    requests = planned(tmp_path, PLANS[0])
    replies = ask(engine, requests)
    with Ledger(ledger_path(tmp_path, engine), engine.identity, print) as ledger:
        for reply in replies.values():
            ledger.append(reply)
    assert {request.key: reply for request, reply in ledger.answered(requests)} == replies
