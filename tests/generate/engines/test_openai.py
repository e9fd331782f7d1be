"""The engine `openai`: what it sends, and how it reads what comes."""

import asyncio
import json
from dataclasses import replace
from pathlib import Path

import pytest

from dermasynth_builder.core import registry
from dermasynth_builder.core.errors import UsageError
from dermasynth_builder.core.images.renditions import make_sent_image
from dermasynth_builder.core.options import EngineOptions, PlanOptions, Settings
from dermasynth_builder.core.records import Turn
from dermasynth_builder.generate.engines.online.attempt import Status
from dermasynth_builder.generate.engines.openai import OpenAIService, PlainService, read_chat
from dermasynth_builder.train.turns import example_of
from tests.support.clinical_images import FULL
from tests.support.fake_service import draw_picture, question_about
from tests.support.training import row

OPTIONS = EngineOptions(model="medgemma", base_url="http://127.0.0.1:1/v1", thinking="low")


def completion(content: str | None, finish: str = "stop", **message: str) -> bytes:
    choice = {"message": {"role": "assistant", "content": content, **message}, "finish_reason": finish}
    usage = {"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15, "prompt_tokens_details": None}
    return json.dumps({"model": "medgemma-4b", "choices": [choice], "usage": usage}).encode()


def test_a_request_holds_image_prompt_and_schema(tmp_path: Path) -> None:
    asked = question_about(draw_picture(tmp_path / "a.jpg"))
    assert asked.image_path
    image = make_sent_image(asked.image_path, OPTIONS)
    body = json.loads(OpenAIService(OPTIONS).body(asked, image, 100))
    picture, text = body["messages"][0]["content"]
    assert picture["image_url"]["url"] == f"data:image/jpeg;base64,{image.base64.decode()}"
    assert text == {"type": "text", "text": asked.prompt}
    assert json.dumps(body["response_format"]["json_schema"]["schema"], separators=(",", ":")) == asked.reply_schema
    assert (body["model"], body["max_tokens"], body["reasoning_effort"]) == ("medgemma", 100, "low")


def test_the_server_and_its_key_are_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    access = OpenAIService(OPTIONS).access()
    assert access.url == "http://127.0.0.1:1/v1/chat/completions"
    assert asyncio.run(access.headers()) == {"Content-Type": "application/json"}
    monkeypatch.setenv("OPENAI_API_KEY", "k")
    permitted = asyncio.run(OpenAIService(OPTIONS).access().headers())
    assert permitted == {"Content-Type": "application/json", "Authorization": "Bearer k"}


def test_a_tuned_model_is_asked_as_in_its_training_and_answers_in_words(tmp_path: Path) -> None:
    plain = PlainService(replace(OPTIONS, prompt="plain"))
    asked = replace(question_about(draw_picture(tmp_path / "a.jpg")), facts=FULL, question_type="identify")
    [text] = json.loads(plain.body(asked, None, 100))["messages"][0]["content"]
    shown = example_of(row(messages=(Turn("user", asked.question), Turn("assistant", "A mole.")), facts=FULL), "record")
    assert text == {"type": "text", "text": shown.messages[0].content}
    assert "Diagnosis on record" not in text["text"]
    assert asked.prompt not in text["text"]
    assert plain.read(completion("A brown patch.")).text == '{"answer": "A brown patch."}'
    assert plain.read(completion("")).text == ""
    assert plain.identity != OpenAIService(OPTIONS).identity


@pytest.mark.parametrize(
    "changes",
    [
        {"engine": "gemini"},
        {"plan_options": PlanOptions()},
        {"plan_options": PlanOptions(self_instruct_share=0.0, look="first")},
    ],
)
def test_a_plain_prompt_is_for_single_questions_of_this_engine(changes: dict[str, object]) -> None:
    settings = Settings(
        raw={},
        engine="openai",
        engine_options=replace(OPTIONS, prompt="plain"),
        plan_options=PlanOptions(self_instruct_share=0.0),
    )
    with pytest.raises(ValueError, match="one question at a time"):
        replace(settings, **changes)  # type: ignore[arg-type]  # a test's own


@pytest.mark.parametrize(
    ("content", "status", "text"),
    [
        (completion('{"answer": "x"}'), Status.ANSWERED, '{"answer": "x"}'),
        (completion('{"ans', "length"), Status.TRUNCATED, '{"ans'),
        (completion(None, "content_filter"), Status.BLOCKED, ""),
        (completion(None, refusal="no"), Status.BLOCKED, "no"),
        (b"<html>", Status.SERVER_ERROR, None),
        (b"{}", Status.SERVER_ERROR, None),
    ],
)
def test_completions_are_read(content: bytes, status: Status, text: str | None) -> None:
    outcome = read_chat(content)
    assert (outcome.status, outcome.text) == (status, text)
    if status is not Status.SERVER_ERROR:
        assert outcome.usage == {"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15}
        assert outcome.model_version == "medgemma-4b"


def test_options_that_do_not_fit_are_refused() -> None:
    with pytest.raises(UsageError, match="--model"):
        registry.engine("openai")
    with pytest.raises(UsageError, match="--media-resolution"):
        registry.engine("openai", EngineOptions(model="m", media_resolution="low"))
