"""A server of chat completions answers the items; what is answered already is not asked for again."""

import json
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from dermasynth_builder.core.closed import Task
from dermasynth_builder.core.errors import ScoreError, StoppedError
from dermasynth_builder.core.reporter import SilentReporter
from dermasynth_builder.train.evaluate.items import ItemSet, write_items
from dermasynth_builder.train.evaluate.predict import predict, read_predictions
from dermasynth_builder.train.options import ItemsOptions, PredictOptions
from tests.support.fake_service import answer_json
from tests.support.loopback_server import serving
from tests.support.releases import Built

pytestmark = pytest.mark.slow


TASKS: tuple[Task, ...] = ("diagnosis", "malignancy")


class Chat(ThreadingHTTPServer):
    """Says nevus to everything, until it has said so often."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.bodies: list[dict[str, Any]] = []
        self.most = 10**6


class _Handler(BaseHTTPRequestHandler):
    server: Chat

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        if len(self.server.bodies) >= self.server.most:
            answer_json(self, 400, {"error": {"message": "enough"}})
            return
        self.server.bodies.append(body)
        answer_json(self, 200, {"choices": [{"message": {"content": " nevus "}, "finish_reason": "stop"}]})

    def log_message(self, *_: object) -> None:
        """Says nothing."""


@pytest.fixture
def chat() -> Iterator[tuple[Chat, str]]:
    server = Chat()
    with serving(server) as url:
        yield server, url


@pytest.fixture
def items(built: Built, tmp_path: Path) -> ItemSet:
    options = ItemsOptions(to=tmp_path / "evaluation", tasks=TASKS, split="train")
    return write_items(built.release, options, SilentReporter())


Ask = Callable[..., Path]


@pytest.fixture
def ask(items: ItemSet, chat: tuple[Chat, str]) -> Ask:
    def asked(**changes: Any) -> Path:
        options = PredictOptions(items=items.folder, base_url=f"{chat[1]}/v1", batch=2, **changes)
        return predict("m", options, SilentReporter())

    return asked


def test_each_item_is_asked_once_with_its_picture(
    ask: Ask, items: ItemSet, built: Built, chat: tuple[Chat, str]
) -> None:
    path = ask()
    found = read_predictions(path)
    assert set(found.answers) == set(items.items)
    assert set(found.answers.values()) == {"nevus"}
    contents = [body["messages"][0]["content"] for body in chat[0].bodies]
    assert {text["text"] for _, text in contents} == {item.question for item in items.items.values()}
    assert all(picture["image_url"]["url"].startswith("data:image/png;base64,") for picture, _ in contents)
    write_items(built.release, ItemsOptions(to=items.folder, tasks=TASKS, split="train"), SilentReporter())
    assert ask() == path
    assert len(chat[0].bodies) == len(items.items)  # all known


def test_blank_other_and_no_pictures_are_shown(ask: Ask, items: ItemSet, chat: tuple[Chat, str]) -> None:
    ask(image="blank", to=items.folder / "blank.jsonl")
    assert len({body["messages"][0]["content"][0]["image_url"]["url"] for body in chat[0].bodies}) <= len(items.items)
    chat[0].bodies.clear()
    ask(image="none", to=items.folder / "none.jsonl")
    assert {len(body["messages"][0]["content"]) for body in chat[0].bodies} == {1}
    assert set(read_predictions(ask(image="other", to=items.folder / "other.jsonl")).answers) == set(items.twins)


def test_a_run_that_stops_goes_on(ask: Ask, items: ItemSet, chat: tuple[Chat, str]) -> None:
    chat[0].most = 5
    with pytest.raises(StoppedError, match="continues where it stopped"):
        ask()
    chat[0].most = 10**6
    path = items.folder / "predictions" / "real.jsonl"
    before = path.read_bytes()
    path.write_bytes(before + b'{"item_id": "pad_')  # killed while it wrote
    ask()
    assert path.read_bytes().startswith(before)
    assert set(read_predictions(path).answers) == set(items.items)


def test_answers_of_another_kind_are_not_added_to(ask: Ask, items: ItemSet) -> None:
    path = ask()
    with pytest.raises(ScoreError, match="holds answers of another image"):
        ask(image="blank", to=path)
    with pytest.raises(ScoreError, match="holds answers of another max_new_tokens"):
        ask(max_new_tokens=7)
