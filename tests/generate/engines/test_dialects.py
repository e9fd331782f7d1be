"""The engine `openai` at servers that refuse what others take, and the members that a user adds."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dermasynth_builder.cli import main
from dermasynth_builder.core import registry
from dermasynth_builder.core.errors import EngineError, UsageError
from dermasynth_builder.core.options import EngineOptions
from dermasynth_builder.core.protocols import EngineContext
from dermasynth_builder.core.records import Reply
from dermasynth_builder.generate.engines.online.remembered import Remembered
from dermasynth_builder.generate.engines.openai import Dialect
from dermasynth_builder.generate.foreign import MOST_BYTES
from dermasynth_builder.generate.run import Run
from tests.support.answers import TEXT, said
from tests.support.fake_service import KEY, answer_json, gemini, picture_requests
from tests.support.foreign_json import spoiled
from tests.support.loopback_server import serving

Say = Callable[[dict[str, Any]], tuple[int, Any]]  # body -> status and content


@contextmanager
def server(say: Say) -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """Its address, and the bodies that it was sent."""
    bodies: list[dict[str, Any]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["content-length"])))
            bodies.append(body)
            status, content = say(body)
            if status == 302:
                self.send_response(302)
                self.send_header("location", content)
                self.send_header("content-length", "0")
                self.end_headers()
            else:
                answer_json(self, status, content)

        def log_message(self, *_: object) -> None:
            """Says nothing."""

    with serving(ThreadingHTTPServer(("127.0.0.1", 0), Handler)) as url:
        yield url, bodies


def asked(url: str, folder: Path, count: int = 8, **options: Any) -> list[Reply]:
    engine = registry.engine("openai", EngineOptions(model="m", base_url=url, concurrency=4, **options))
    return list(engine.answer(picture_requests(folder, count), Run()))


def refusal(message: str, **more: str) -> tuple[int, Any]:
    return 400, {"error": {"message": message, "type": "invalid_request_error", **more}}


def wants_completion_tokens(body: dict[str, Any]) -> tuple[int, Any]:
    if "max_tokens" in body:
        told = (
            "Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead."
        )
        return refusal(told, param="max_tokens", code="unsupported_parameter")
    return 200, said(TEXT)


def takes_formats(*kinds: str) -> Say:
    def say(body: dict[str, Any]) -> tuple[int, Any]:
        kind = body.get("response_format", {}).get("type", "none")
        if kind not in kinds:
            return 400, {"detail": f"'response_format.type' must be one of {kinds}"}
        if kind != "json_schema" and '"answer"' not in body["messages"][0]["content"][-1]["text"]:
            return 200, said("I do not know in which form to answer.")
        return 200, said(TEXT)

    return say


def wants_all(body: dict[str, Any]) -> tuple[int, Any]:
    status, content = wants_completion_tokens(body)
    return takes_formats("none")(body) if status == 200 else (status, content)


@pytest.mark.parametrize(
    ("say", "refused", "form"),
    [
        (wants_completion_tokens, 1, None),
        (takes_formats("json_object", "text"), 1, "json_object"),
        (takes_formats("none"), 2, "none"),
        (wants_all, 3, "none"),
    ],
    ids=["max_completion_tokens", "json_object", "no format", "all of them"],
)
def test_what_a_server_refuses_is_found_out_once_and_said_otherwise(
    say: Say, refused: int, form: str | None, tmp_path: Path
) -> None:
    with server(say) as (url, bodies):
        replies = asked(url, tmp_path)
    assert {reply.failure for reply in replies} == {None}
    assert {reply.attempts for reply in replies} == {1}
    assert len(bodies) <= 8 + 4 * refused  # what was under way before it was found out
    assert {reply.parameters.get("response_format") for reply in replies} == {form}


def test_a_refusal_that_speaks_of_none_of_them_stays_one(tmp_path: Path) -> None:
    with (
        server(lambda _: refusal("unsupported image")) as (url, bodies),
        pytest.raises(EngineError, match="unsupported"),
    ):
        asked(url, tmp_path)
    assert 3 <= len(bodies) <= 6


def test_what_one_row_is_refused_for_later_changes_no_dialect(tmp_path: Path) -> None:
    count = iter(range(99))

    def say(_: dict[str, Any]) -> tuple[int, Any]:
        return refusal("grammar of json_schema broke") if next(count) == 7 else (200, said(TEXT))

    with server(say) as (url, bodies):
        replies = asked(url, tmp_path, 12)
    assert len([reply for reply in replies if reply.failure]) == 1
    assert all(body["response_format"]["type"] == "json_schema" for body in bodies)


@pytest.mark.parametrize(
    ("message", "thoughts"),
    [
        ({"content": f"<think>{{a}} ```b``` {{</think>\n{TEXT}"}, "<think>{a} ```b``` {</think>"),
        ({"content": f"I {{think}}</think>{TEXT}"}, "I {think}</think>"),
        ({"content": TEXT, "reasoning_content": "{hm"}, "{hm"),
        ({"content": TEXT, "reasoning": "{hm"}, "{hm"),
        ({"content": [{"type": "thinking", "thinking": "{hm"}, {"type": "text", "text": TEXT}]}, "{hm"),
        ({"content": '{"answer": "The tags </think> and {x} stand in it."}'}, None),
    ],
)
def test_what_is_thought_is_kept_apart_and_never_taken_for_the_answer(
    message: dict[str, Any], thoughts: str | None, tmp_path: Path
) -> None:
    usage = {"prompt_tokens": 9, "completion_tokens": 30, "completion_tokens_details": {"reasoning_tokens": 21}}
    content = {"choices": [{"message": message, "finish_reason": "stop"}], "usage": usage}
    with server(lambda _: (200, content)) as (url, _):
        (reply,) = asked(url, tmp_path, 1)
    assert reply.failure is None
    assert "</think>{" not in str(reply.text)
    assert reply.thoughts == thoughts
    assert reply.usage["completion_tokens_details.reasoning_tokens"] == 21


def test_members_of_the_user_go_into_every_request_and_into_the_identity(tmp_path: Path) -> None:
    body = '{"seed": 7, "chat_template_kwargs": {"enable_thinking": false}, "response_format": null}'
    with server(lambda _: (200, said(TEXT))) as (url, bodies):
        asked(url, tmp_path, 2, body=body)
    for each in bodies:
        assert (each["seed"], each["chat_template_kwargs"]) == (7, {"enable_thinking": False})
        assert "response_format" not in each
    plain = registry.engine("openai", EngineOptions(model="m")).identity
    first = registry.engine("openai", EngineOptions(model="m", body='{"a": 1, "seed": 7}')).identity
    same = registry.engine("openai", EngineOptions(model="m", body='{"seed":7,"a":1}')).identity
    assert first == same != plain
    assert "body" not in plain


@pytest.mark.parametrize("body", ['{"stream": true}', '{"n": 2}', '{"messages": []}', '{"model": "x"}'])
def test_members_that_make_the_request_or_its_answer_are_refused(body: str) -> None:
    with pytest.raises(UsageError, match="cannot be set by hand"):
        registry.engine("openai", EngineOptions(model="m", body=body))


def test_a_body_that_is_no_object_is_wrong_use(capsys: pytest.CaptureFixture[str]) -> None:
    for body in ("[1]", "{", "5"):
        assert main(["generate", "pad_ufes", "--raw", "x", "--engine", "openai", "--body", body]) == 2
        assert "write a JSON object" in " ".join(capsys.readouterr().err.split())


def test_an_answer_larger_than_any_is_not_read_to_its_end(tmp_path: Path) -> None:
    sent = iter(range(9))

    def say(_: dict[str, Any]) -> tuple[int, Any]:
        return 200, said("x" * (MOST_BYTES + 1) if next(sent) == 0 else TEXT)

    with server(say) as (url, bodies):
        (reply,) = asked(url, tmp_path, 1)
    assert (reply.failure, reply.attempts, len(bodies)) == (None, 2, 2)


def test_a_request_and_its_key_are_not_sent_on_to_another_address(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GEMINI_API_KEY", KEY)
    monkeypatch.delenv("GOOGLE_API_KEY", raising=False)
    with server(lambda _: (200, said(TEXT))) as (other, reached), server(lambda _: (302, f"{other}/v1")) as (url, _):
        with pytest.raises(EngineError, match="requests are not sent on to another address"):
            asked(url, tmp_path)
        with pytest.raises(EngineError, match="requests are not sent on to another address"):
            list(gemini(url).answer(picture_requests(tmp_path, 3), Run()))
    assert not reached


def test_a_key_that_the_service_echoes_is_nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    echo = {
        "choices": [{"message": {"content": json.dumps({"answer": f"I was sent {KEY}."})}, "finish_reason": KEY[:0]}]
    }
    with server(lambda _: (200, echo)) as (url, _):
        (reply,) = asked(url, tmp_path, 1)
    assert KEY not in repr(reply)
    with server(lambda _: (401, {"error": f"no such key: {KEY}"})) as (url, _), pytest.raises(EngineError) as raised:
        asked(url, tmp_path, 1)
    assert KEY not in str(raised.value)


def dumped(value: Any) -> bytes:
    return json.dumps(value).encode()


def asked_again(url: str, folder: Path, *, now: float = 0.0, model: str = "m") -> list[Reply]:
    """What another run gets, with the working folder of the one before."""
    context = EngineContext(servers=folder / "servers.json", now=lambda: now)
    engine = registry.engine("openai", EngineOptions(model=model, base_url=url, concurrency=1), context)
    return list(engine.answer(picture_requests(folder, 4), Run()))


DAY_S = 86_400.0


def test_what_a_server_takes_is_remembered_from_run_to_run(tmp_path: Path) -> None:
    with server(wants_all) as (url, bodies):
        counts = []
        for now, model in ((0.0, "m"), (DAY_S, "m"), (DAY_S, "other"), (10 * DAY_S, "m")):
            before = len(bodies)
            assert {reply.failure for reply in asked_again(url, tmp_path, now=now, model=model)} == {None}
            counts.append(len(bodies) - before)
    assert counts == [7, 4, 7, 7]  # three refusals, none; another model; and after a week all is found out anew


@pytest.mark.parametrize("first", [wants_all, takes_formats("none"), wants_completion_tokens])
@pytest.mark.parametrize("then", [takes_formats("json_schema"), wants_completion_tokens, wants_all])
def test_a_server_that_has_changed_finds_itself_out_again(first: Say, then: Say, tmp_path: Path) -> None:
    def takes_one_name(body: dict[str, Any]) -> tuple[int, Any]:
        if "max_completion_tokens" in body and then is not wants_completion_tokens and then is not wants_all:
            return refusal("Unrecognized request argument supplied: max_completion_tokens")
        return then(body)

    say = [first]
    with server(lambda body: say[0](body)) as (url, _):
        asked_again(url, tmp_path)
        say[0] = takes_one_name
        assert {reply.failure for reply in asked_again(url, tmp_path)} == {None}
        assert {reply.failure for reply in asked_again(url, tmp_path)} == {None}


@given(st.binary(max_size=60) | spoiled({"URL m": {"found_at": 0, "words": {"max_tokens": "max_tokens"}}}).map(dumped))
def test_any_file_of_what_was_found_out_is_read(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    path = tmp_path_factory.mktemp("servers") / "servers.json"
    path.write_bytes(content)
    remembered = Remembered(path, "URL m", lambda: 0.0)
    assert Dialect.of(remembered.words())
    remembered.keep({"max_tokens": "max_completion_tokens", "response_format": "none"})
    assert Dialect.of(remembered.words()) == Dialect("max_completion_tokens", "none")


def test_a_folder_that_cannot_be_written_is_no_matter(tmp_path: Path) -> None:
    (tmp_path / "a file").write_text("")
    context = EngineContext(servers=tmp_path / "a file" / "servers.json")
    with server(wants_all) as (url, _):
        engine = registry.engine("openai", EngineOptions(model="m", base_url=url), context)
        assert {reply.failure for reply in engine.answer(picture_requests(tmp_path, 2), Run())} == {None}
