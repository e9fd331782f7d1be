"""A server of chat completions answers the items; what is answered already is not asked for again."""

import json
import shutil
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from dermasynth_builder.core.closed import Task
from dermasynth_builder.core.errors import ScoreError, StoppedError, UsageError
from dermasynth_builder.core.files import lock_beside
from dermasynth_builder.core.reporter import SilentReporter
from dermasynth_builder.train.evaluate.invented import measure_invention
from dermasynth_builder.train.evaluate.items import ItemSet, write_items
from dermasynth_builder.train.evaluate.predict import predict, read_predictions, weights_sha256
from dermasynth_builder.train.options import InventedOptions, ItemsOptions, PredictOptions
from dermasynth_builder.train.rows import open_release
from tests.support.fake_service import answer_json
from tests.support.loopback_server import serving
from tests.support.recorder import Recorder
from tests.support.releases import Built

pytestmark = pytest.mark.slow


TASKS: tuple[Task, ...] = ("diagnosis", "malignancy")


class Chat(ThreadingHTTPServer):
    """Says nevus to everything, until it has said so often."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.bodies: list[dict[str, Any]] = []
        self.most = 10**6
        self.content: Any = " nevus "


class _Handler(BaseHTTPRequestHandler):
    server: Chat

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        if len(self.server.bodies) >= self.server.most:
            answer_json(self, 400, {"error": {"message": "enough"}})
            return
        self.server.bodies.append(body)
        answer_json(self, 200, {"choices": [{"message": {"content": self.server.content}, "finish_reason": "stop"}]})

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


@pytest.mark.parametrize(
    "content", [b"years of work", b"years\nof work", b'{"item_id": "a", "answer": "x"}\n', b"[]\n", b"\xff"]
)
def test_a_file_of_something_else_stays_as_it_is(content: bytes, ask: Ask, items: ItemSet) -> None:
    path = items.folder / "thesis.txt"
    path.write_bytes(content)
    with pytest.raises(ScoreError, match="holds something else than answers of this command"):
        ask(to=path)
    assert path.read_bytes() == content


def test_a_run_that_was_killed_at_its_first_line_begins_anew(ask: Ask, items: ItemSet) -> None:
    whole = ask().read_bytes()
    path = items.folder / "killed.jsonl"
    for cut in (0, 20, whole.index(b"\n")):
        path.write_bytes(whole[:cut])
        assert ask(to=path).read_bytes() == whole


def test_answers_of_other_weights_in_the_same_folder_are_not_taken_for_these(
    items: ItemSet, chat: tuple[Chat, str], tmp_path: Path
) -> None:
    """A model that was tuned again has its old name, and none of its old answers."""
    weights = tmp_path / "model" / "model.safetensors"
    weights.parent.mkdir()
    options = PredictOptions(items=items.folder, base_url=chat[1])
    for content in (b"a" * 10, b"a" * 9 + b"b", bytes(40 << 20), bytes((40 << 20) - 1) + b"b"):
        weights.write_bytes(content)
        if (items.folder / "predictions").exists():
            with pytest.raises(ScoreError, match="holds answers of another weights"):
                predict(str(weights.parent), options, SilentReporter())
            shutil.rmtree(items.folder / "predictions")
        predict(str(weights.parent), options, SilentReporter())


def test_a_server_is_asked_for_no_adapter_that_lies_here(ask: Ask, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="--adapter is for a model that is loaded here"):
        ask(adapter=tmp_path)


def test_two_runs_do_not_write_one_file(ask: Ask, items: ItemSet) -> None:
    lock = lock_beside(items.folder / "predictions" / ".real.jsonl", ScoreError("taken"))
    with pytest.raises(ScoreError, match="another process writes"):
        ask()
    lock.release()
    ask()


def test_that_no_other_patient_can_be_shown_is_told(built: Built, chat: tuple[Chat, str], tmp_path: Path) -> None:
    options = ItemsOptions(to=tmp_path / "alike", tasks=("modality",), split="train")  # clinical photographs, all
    told = Recorder()
    items = write_items(built.release, options, told)
    assert items.twins == {}
    assert "one answer is right everywhere" in told.warned[0]
    told.warned.clear()
    predict("m", PredictOptions(items=items.folder, base_url=chat[1], image="other"), told)
    assert "can be shown another patient's image with another answer" in told.warned[0]


def test_what_is_no_text_is_no_answer(ask: Ask, chat: tuple[Chat, str]) -> None:
    chat[0].content = [{"type": "text", "text": "nevus"}]
    with pytest.raises(StoppedError, match="the content of a message is no text"):
        ask()


def test_items_whose_images_are_gone_are_told(ask: Ask, items: ItemSet) -> None:
    path = items.folder / "closed" / "test.parquet"
    table = pq.read_table(path)
    pq.write_table(table.slice(1), path)
    with pytest.raises(ScoreError, match=f"has no image for {table['item_id'][0]}"):
        ask()
    path.write_bytes(b"PAR1")
    with pytest.raises(ScoreError, match="cannot be read"):
        ask(to=items.folder / "again.jsonl")


@pytest.fixture
def invent(built: Built, chat: tuple[Chat, str], tmp_path: Path) -> Callable[..., dict[str, Any]]:
    def measured(model: str = "m", **changes: Any) -> dict[str, Any]:
        told: dict[str, Any] = {"to": tmp_path / "invented.json", "base_url": chat[1], "split": "train", "rows": 3}
        return measure_invention(model, built.release, InventedOptions(**told | changes), report=SilentReporter())

    return measured


def test_open_answers_are_kept_with_what_they_were_asked_of(
    invent: Callable[..., dict[str, Any]], built: Built, tmp_path: Path
) -> None:
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "model.safetensors").write_bytes(b"weights")
    assert invent(str(tmp_path / "model"))["n"] == 3
    found = json.loads((tmp_path / "invented.json").read_text())
    assert [each["answer"] for each in found["answers"]] == ["nevus"] * 3
    assert (found["split"], found["context"], found["model"]) == ("train", "record", str(tmp_path / "model"))
    assert found["release"] == open_release(built.release).content_digests
    assert found["weights"] == {str(tmp_path / "model"): weights_sha256(tmp_path / "model")}
    assert invent()["n"] == 3  # its own file is written anew


def test_open_answers_are_asked_of_nobody_who_was_trained_on(
    invent: Callable[..., dict[str, Any]], built: Built, tmp_path: Path
) -> None:
    (tmp_path / "model").mkdir()
    groups = sorted({row.group_id for row in open_release(built.release).rows(["train"])})
    (tmp_path / "model" / "run.json").write_text(json.dumps({"examples": [], "images": [], "groups": groups}))
    with pytest.raises(ScoreError, match="was trained on"):
        invent(str(tmp_path / "model"))
    invent(str(tmp_path / "model"), split="test")


def test_open_answers_overwrite_nothing_else_and_are_never_none(
    invent: Callable[..., dict[str, Any]], tmp_path: Path, build_release: Callable[..., Built], built: Built
) -> None:
    (tmp_path / "thesis.json").write_text('{"years": 4}')
    with pytest.raises(ScoreError, match="holds no rates of open answers"):
        invent(to=tmp_path / "thesis.json")
    assert (tmp_path / "thesis.json").read_text() == '{"years": 4}'
    whole = build_release(built.settings.raw["pad_ufes"], tmp_path / "whole", split_shares=(1.0, 0.0, 0.0))
    options = InventedOptions(to=tmp_path / "none.json", base_url="http://127.0.0.1:9")
    with pytest.raises(ScoreError, match="has no rows in its split test"):
        measure_invention("m", whole.release, options, report=SilentReporter())
    assert not (tmp_path / "none.json").exists()
