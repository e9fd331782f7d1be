"""What the fake Gemini refuses: web pages, endless wishes, bodies without sense; and what it leaves behind: nothing."""

import http.client
import json
import signal
import subprocess
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dermasynth_builder.invented.fake_gemini.service import MODELS, FakeGemini
from tests.support.fake_service import command, environment

GENERATE = f"/v1/models/{MODELS[0]}:generateContent"
PATHS = [
    *(GENERATE, f"/v1/models/{MODELS[0]}:countTokens", f"/v1/models/{MODELS[0]}:batchGenerateContent"),
    *("/upload/v1/files", "/upload/v1/files/fake1"),
]
ASKED = json.dumps({"contents": [{"parts": [{"text": "What is seen?"}]}]})


def post(url: str, path: str, body: str | bytes = ASKED, headers: Mapping[str, str] | None = None) -> tuple[int, bytes]:
    connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=20)
    connection.request("POST", path, body, {"x-goog-api-key": "any", **(headers or {})})
    answered = connection.getresponse()
    status, content = answered.status, answered.read()
    connection.close()
    return status, content


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 200),
        ({"Host": "localhost:1"}, 200),
        ({"Origin": "http://127.0.0.1:5"}, 200),
        ({"Host": "evil.example"}, 403),
        ({"Host": "127.0.0.1.evil.example"}, 403),
        ({"Origin": "https://evil.example"}, 403),
        ({"Origin": "null"}, 403),
    ],
)
def test_it_answers_programs_of_this_machine_and_no_web_page(headers: dict[str, str], status: int) -> None:
    with FakeGemini() as fake:
        assert post(fake.url, GENERATE, headers=headers)[0] == status


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "array", "minItems": 3_000_000, "maxItems": 3_000_000, "items": {"type": "string"}},
        {"$ref": "#/$defs/x", "$defs": {"x": {"$ref": "#/$defs/x"}}},
        {
            "type": "object",
            "properties": {"a": {"$ref": "#/$defs/x"}},
            "$defs": {"x": {"type": "array", "minItems": 99}},
        },
    ],
)
def test_a_schema_that_asks_for_more_than_a_model_writes_is_refused_at_once(schema: dict[str, object]) -> None:
    body = {"contents": [{"parts": [{"text": "x"}]}], "generationConfig": {"responseJsonSchema": schema}}
    with FakeGemini() as fake:
        assert post(fake.url, GENERATE, json.dumps(body))[0] == (200 if "properties" in schema else 400)


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                [
                    "contents",
                    "parts",
                    "text",
                    "inlineData",
                    "generationConfig",
                    "responseJsonSchema",
                    "type",
                    "items",
                    "enum",
                    "thinkingConfig",
                    "batch",
                    "inputConfig",
                    "requests",
                    "fileName",
                    "generateContentRequest",
                ]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


def test_whatever_is_sent_is_answered_and_never_with_a_fault_of_its_own() -> None:
    with FakeGemini() as fake:

        @settings(max_examples=300, deadline=None)
        @given(st.sampled_from(PATHS), anything.map(json.dumps) | st.binary(max_size=20))
        def send(path: str, body: str | bytes) -> None:
            assert post(fake.url, path, body)[0] in {200, 400, 404, 413, 429}

        send()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_its_files_are_gone_when_it_is_stopped(number: signal.Signals, tmp_path: Path) -> None:
    given = environment(PYTHONUNBUFFERED="1", TMPDIR=str(tmp_path))
    with subprocess.Popen(
        command("fake-gemini", "--port", "0"), env=given, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout
        url = next(word for word in process.stdout.readline().split() if word.startswith("http")).rstrip(";")
        assert post(url, "/upload/v1/files")[0] == 200
        assert any(tmp_path.iterdir())
        process.send_signal(number)
        assert process.wait(timeout=20) == 0
    assert list(tmp_path.iterdir()) == []
