"""The fake Gemini service as Google's own client meets it."""

import json
from pathlib import Path
from typing import Any

import pytest
from google import genai
from google.genai import errors, types

from dermasynth_builder.core.errors import UsageError
from dermasynth_builder.generate.engines.online.attempt import Status
from dermasynth_builder.generate.engines.online.refusals import outcome_of_error
from dermasynth_builder.invented.fake_gemini.faults import LASTING, PASSING, day_quota, minute_quota, shares_of
from dermasynth_builder.invented.fake_gemini.service import MODELS, FakeGemini

MODEL = MODELS[0]
ERRORS = {"rate", "retry-after", "spend", "server", "overload", "html"}
CONVERSATION = {
    "type": "object",
    "properties": {
        "turns": {"type": "array", "minItems": 2, "maxItems": 4, "items": {"$ref": "#/$defs/turn"}},
        "mood": {"enum": ["calm", "worried"]},
        "count": {"type": "integer", "minimum": 3, "maximum": 5},
    },
    "$defs": {"turn": {"type": "object", "properties": {"question": {"type": "string"}, "answer": {"type": "string"}}}},
}


def client_of(fake: FakeGemini, version: str = "v1") -> genai.Client:
    return genai.Client(api_key="any", http_options=types.HttpOptions(base_url=fake.url, api_version=version))


def ask(client: genai.Client, prompt: str, schema: dict[str, Any] | None = None) -> types.GenerateContentResponse:
    config = types.GenerateContentConfig(
        response_mime_type="application/json" if schema else None,
        response_json_schema=schema,
        automatic_function_calling=types.AutomaticFunctionCallingConfig(disable=True),
    )
    image = types.Part.from_bytes(data=b"\xff\xd8\xff\xfe picture", mime_type="image/jpeg")
    return client.models.generate_content(
        model=MODEL, contents=types.Content(role="user", parts=[image, types.Part(text=prompt)]), config=config
    )


@pytest.mark.parametrize("version", ["v1", "v1beta"])
def test_googles_client_gets_answers_valid_for_any_schema(version: str) -> None:
    with FakeGemini(seed=1) as fake:
        client = client_of(fake, version)
        reply = ask(client, "Describe the lesion on the arm.", CONVERSATION)
        assert reply.text == ask(client, "Describe the lesion on the arm.", CONVERSATION).text
        said = json.loads(reply.text or "")
        assert 2 <= len(said["turns"]) <= 4
        assert all(turn["question"] and turn["answer"] for turn in said["turns"])
        assert said["mood"] in ("calm", "worried")
        assert said["count"] in (3, 4, 5)
        assert reply.usage_metadata
        assert reply.usage_metadata.prompt_tokens_details
        assert {each.modality for each in reply.usage_metadata.prompt_tokens_details} == {"TEXT", "IMAGE"}
        assert list(fake.asked.values()) == [2]


def test_models_are_listed_and_tokens_counted() -> None:
    with FakeGemini() as fake:
        client = client_of(fake, "v1beta")
        assert [model.name for model in client.models.list()] == [f"models/{name}" for name in MODELS]
        assert client.models.get(model=MODEL).name == f"models/{MODEL}"
        assert client.models.count_tokens(model=MODEL, contents="eight letters").total_tokens == 3
        with pytest.raises(errors.ClientError, match="not found"):
            client.models.get(model="gemini-2.0-flash")


@pytest.mark.parametrize(
    "kind",
    [
        pytest.param(kind, marks=pytest.mark.slow if kind == "slow" else ())
        for kind in sorted({*PASSING, *LASTING} - {"drop"})
    ],
)
def test_every_fault_looks_to_googles_client_as_googles_own(kind: str) -> None:
    with FakeGemini(shares={kind: 1.0}) as fake:
        try:
            reply = ask(client_of(fake), "Describe it.")
        except errors.APIError as error:
            met: object = error.code
        else:
            met = reply.candidates[0].finish_reason if reply.candidates else reply.prompt_feedback
    assert met
    assert isinstance(met, int) == (kind.removeprefix("always-") in ERRORS)


def test_quotas_are_told_apart_by_their_ids() -> None:
    for answer, status, wait_s in ((minute_quota(53.5), Status.RATE_LIMITED, 53.5), (day_quota(), Status.DAY_QUOTA, 5)):
        outcome = outcome_of_error(429, {}, json.dumps(answer.content).encode())
        assert (outcome.status, outcome.wait_s) == (status, wait_s)
    spend = {"error": {"code": 429, "message": "exceeded its spend limit", "status": "RESOURCE_EXHAUSTED"}}
    assert outcome_of_error(429, {"Retry-After": "7"}, json.dumps(spend).encode()).status is Status.SPEND_LIMIT
    assert outcome_of_error(429, {"Retry-After": "7"}, b"slow down").wait_s == 7


def test_a_request_that_google_would_not_take_is_refused() -> None:
    with FakeGemini() as fake:
        for body in ({}, {"contents": [], "x": 1}, {"contents": [{"parts": []}], "temprature": 1}, None):
            assert fake.generate(MODEL, body).status == 400
        assert fake.generate("gpt-4o", {"contents": [{}]}).status == 404


def test_faults_are_named_on_the_command_line() -> None:
    assert shares_of(["safety=0.01", "server=0.5"]) == {"safety": 0.01, "server": 0.5}
    for wrong in ("safety", "safety=much", "sabotage=0.1"):
        with pytest.raises(UsageError, match="--fault"):
            shares_of([wrong])


def test_requests_of_the_fake_can_be_counted_from_outside(tmp_path: Path) -> None:
    from urllib.request import urlopen

    with FakeGemini() as fake:
        ask(client_of(fake), "Describe it.")
        with urlopen(f"{fake.url}/requests") as response:  # noqa: S310 - loopback
            told = json.load(response)
    assert list(told["asked"].values()) == [1]
    assert told["answered"] == {"200": 1}
