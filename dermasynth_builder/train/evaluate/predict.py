"""Has a model answer the items: one that is loaded here, or one behind an OpenAI-compatible server."""

import base64
import io
import json
from collections.abc import Callable, Container, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from hashlib import sha256
from importlib.util import find_spec
from itertools import islice
from pathlib import Path
from typing import Any, Protocol, TextIO, TypeVar

from dermasynth_builder.core.closed import Item
from dermasynth_builder.core.errors import ScoreError, StoppedError, TrainError, UsageError
from dermasynth_builder.core.files import lock_beside
from dermasynth_builder.core.hub import hub_address
from dermasynth_builder.core.outbound import base_fault, is_proxied, key_in
from dermasynth_builder.core.reporter import Reporter
from dermasynth_builder.generate.foreign import mapping, parsed, shown
from dermasynth_builder.train.evaluate.items import CLOSED, SWAPPED, ItemSet, read_items
from dermasynth_builder.train.families import presets
from dermasynth_builder.train.options import PredictOptions
from dermasynth_builder.train.pictures import PictureOptions, blank, handed_on, open_picture
from dermasynth_builder.train.run_card import RUN_CARD, read_run_card

Question = tuple[str, bytes | None]  # with the picture that is shown
Answer = Callable[[Sequence[Question]], list[str]]
Of = TypeVar("Of")
_TRIES = 3
_PIECES, _PIECE_BYTES = 256, 1 << 16  # what is read of a file of weights


@dataclass(frozen=True, slots=True)
class Predictions:
    """The answers in a file."""

    path: Path
    about: dict[str, Any]  # empty for a file that somebody else made
    answers: dict[str, str]  # by item id


def predict(model: str, options: PredictOptions, report: Reporter) -> Path:
    """Writes the model's answers to the items, a line each, and gives the file; those in it are not asked for again.

    Raises ScoreError where the file holds other answers or an item was trained on, TrainError where the model cannot be
    loaded, and StoppedError where a server fails: the same command then goes on.
    """
    items = read_items(options.items)
    for card in run_cards(model, options.adapter):
        require_not_trained_on(items.items, card)
    path = options.to or options.items / "predictions" / f"{options.image}.jsonl"
    _warn_without_twins(items, options, report)
    path.parent.mkdir(parents=True, exist_ok=True)
    taken = ScoreError(f"another process writes {path}; wait for it or stop it, or choose another --to")
    lock = lock_beside(path.with_name(f".{path.name}"), taken)
    try:
        done = _begun(path, _about_answers(model, items, options))
        asked = items.twins if options.image == "other" else items.items
        if waiting := asked.keys() - done.keys():
            answer = answerer(presets().get(model, model), options)
            with report.bar("answering", len(waiting)) as advance, path.open("a", encoding="utf-8") as file:
                for batch in batches(_questions(items, options, waiting), options.batch):
                    _write(file, batch, answer)
                    advance(len(batch))
                    waiting -= {item.item_id for item, _ in batch}
            if waiting:
                raise ScoreError(f"{items.folder} has no image for {min(waiting)}; write the items anew")
    finally:
        lock.release()
    report.say(f"{len(asked)} answers in {path}")
    return path


def _about_answers(model: str, items: ItemSet, options: PredictOptions) -> dict[str, Any]:
    """What the first line of a file says of the answers in it."""
    return {
        "model": presets().get(model, model),
        "adapter": str(options.adapter) if options.adapter else None,
        "weights": weights(model, options.adapter),
        "revision": options.revision,
        "image": options.image,
        "max_side_px": options.max_side_px,
        "max_new_tokens": options.max_new_tokens,
        "items": items.sha256,
    }


def _warn_without_twins(items: ItemSet, options: PredictOptions, report: Reporter) -> None:
    if options.image == "other" and not items.twins:
        report.warn(
            f"no item of {items.folder} can be shown another patient's image with another answer: none is asked"
        )


def _write(file: TextIO, batch: Sequence[tuple[Item, bytes | None]], answer: Answer) -> None:
    """Adds the answers to these items to the file."""
    texts = answer([(item.question, picture) for item, picture in batch])
    for (item, _), text in zip(batch, texts, strict=True):
        file.write(json.dumps({"item_id": item.item_id, "answer": text}, ensure_ascii=False) + "\n")
    file.flush()


def run_cards(model: str, adapter: Path | None) -> list[Path]:
    """The cards of the trainings that the model and its adapter come from, as far as they lie beside the weights."""
    cards = [folder / RUN_CARD for folder in (Path(model), *([adapter] if adapter else []))]
    return [card for card in cards if card.is_file()]


def weights(model: str, adapter: Path | None) -> dict[str, str]:
    """Folder -> a digest of its weights, for the model and its adapter as far as they lie here."""
    folders = [model, *([str(adapter)] if adapter else [])]
    return {name: weights_sha256(Path(name)) for name in folders if Path(name).is_dir()}


def weights_sha256(folder: Path) -> str:
    """64 hex digits for the weights in a folder: names, sizes, and of a large file pieces from end to end."""
    state = sha256()
    for path in sorted(folder.glob("*.safetensors")):
        size = path.stat().st_size
        state.update(f"{path.name} {size}\n".encode())
        with path.open("rb") as file:
            for start in (*range(0, size, max(_PIECE_BYTES, size // _PIECES)), max(0, size - _PIECE_BYTES)):
                file.seek(start)
                state.update(file.read(_PIECE_BYTES))
    return state.hexdigest()


def read_predictions(path: Path) -> Predictions:
    """The answers of a file. Raises ScoreError where a line is none, or an item is answered twice."""
    about: dict[str, Any] = {}
    answers: dict[str, str] = {}
    try:
        lines = path.read_text(encoding="utf-8-sig").split("\n")  # an answer may hold what else ends a line
    except (OSError, ValueError) as error:
        raise ScoreError(f"{path} cannot be read: {error}") from error
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            value = parsed(line)
            if number == 1 and "about" in value:
                about = dict(value["about"])
                continue
            name, answer = str(value["item_id"]), value["answer"] if value["answer"] is not None else ""
            if not isinstance(answer, str):
                raise TypeError("an answer is a text, or null for none")
        except (ValueError, KeyError, TypeError) as error:
            raise ScoreError(
                f"{path}, line {number}: expected a JSON object with item_id and answer, a text, or null for none"
            ) from error
        if name in answers:
            raise ScoreError(f"{path}, line {number}: {name} is answered twice")
        answers[name] = answer
    return Predictions(path, about, answers)


class Asked(Protocol):
    """What a model is asked about."""

    @property
    def image_sha256(self) -> str: ...
    @property
    def group_id(self) -> str: ...


def require_not_trained_on(asked: Mapping[str, Asked], card: Path) -> str:
    """The identity of the training of that run.json; "" where it has none.

    Raises ScoreError where an image or a patient that is asked about was in it.
    """
    told = read_run_card(card)
    images, groups = set(told["images"]), set(told["groups"])
    seen = [name for name, each in asked.items() if each.image_sha256 in images or each.group_id in groups]
    if seen:
        raise ScoreError(
            f"{len(seen)} of {len(asked)} questions are about images or patients that {card} was trained on, as "
            f"{seen[0]}; ask about a split or fold that was left out"
        )
    identity = told.get("identity")
    return identity if isinstance(identity, str) else ""


def _begun(path: Path, about: dict[str, Any]) -> dict[str, str]:
    """What the file answers already; a line that a killed run left incomplete is cut off. Raises ScoreError.

    Nothing is changed in a file whose first line is not that of this very run.
    """
    first = json.dumps({"about": about}, ensure_ascii=False).encode() + b"\n"
    content = path.read_bytes() if path.exists() else b""
    if first.startswith(content) or (_about(content) and content.count(b"\n") <= 1):  # no answer is lost
        path.write_bytes(first)
        return {}
    if not content.startswith(first):
        found = _about(content)
        other = sorted(name for name in about if found.get(name) != about[name]) if found else []
        what = f"answers of another {', '.join(other)}" if other else "something else than answers of this command"
        raise ScoreError(f"{path} holds {what}; choose another --to, or delete it")
    if not content.endswith(b"\n"):
        path.write_bytes(content[: content.rfind(b"\n") + 1])
    return read_predictions(path).answers


def _about(content: bytes) -> Mapping[str, Any]:
    """What the first line of a file of answers tells of them; nothing where it is no such file."""
    try:
        return mapping(mapping(parsed(content.partition(b"\n")[0])).get("about"))
    except ValueError:
        return {}


def _questions(items: ItemSet, options: PredictOptions, wanted: Container[str]) -> Iterator[tuple[Item, bytes | None]]:
    pictures = PictureOptions(is_rgb=True, max_side_px=options.max_side_px)
    for item, content in items.images(SWAPPED if options.image == "other" else CLOSED):
        if item.item_id not in wanted:
            continue
        match options.image:
            case "none":
                yield item, None
            case "blank":
                yield item, blank(*open_picture(content, item.item_id).size)
            case _:
                yield item, handed_on(content, pictures, item.item_id).content


def batches(questions: Iterable[Of], size: int) -> Iterator[list[Of]]:
    """So many at a time, in order."""
    waiting = iter(questions)
    while batch := list(islice(waiting, size)):
        yield batch


def answerer(model: str, options: PredictOptions) -> Answer:
    """What answers questions about pictures: the server of the options, or else the model, loaded here.

    Raises UsageError where a server is asked for an adapter that lies here.
    """
    if options.base_url and options.adapter:
        raise UsageError("--adapter is for a model that is loaded here; a server has its own: name that as MODEL")
    return _server(model, options) if options.base_url else _local(model, options)


def _local(model: str, options: PredictOptions) -> Answer:
    """A model loaded by transformers, with its adapter; greedy."""
    for name in ("torch", "transformers", *(["peft"] if options.adapter else [])):
        if find_spec(name) is None:
            raise UsageError(f"answering with a local model needs {name}: pip install 'dermasynth[train]'")
    import torch

    processor, loaded = _loaded(model, options)

    def answer(batch: Sequence[Question]) -> list[str]:
        inputs = processor.apply_chat_template(
            [_turns(question, picture) for question, picture in batch],
            add_generation_prompt=True,
            tokenize=True,
            return_dict=True,
            return_tensors="pt",
            processor_kwargs={"padding": True},
        ).to(loaded.device, dtype=loaded.dtype)
        with torch.inference_mode():
            made = loaded.generate(**inputs, max_new_tokens=options.max_new_tokens, do_sample=False)
        fresh = made[:, inputs["input_ids"].shape[1] :]
        return [str(text).strip() for text in processor.batch_decode(fresh, skip_special_tokens=True)]

    return answer


def _loaded(model: str, options: PredictOptions) -> tuple[Any, Any]:
    """Processor and model, ready to answer. Raises TrainError."""
    import torch
    from safetensors import SafetensorError
    from transformers import AutoModelForImageTextToText, AutoProcessor
    from transformers.utils import logging

    logging.disable_progress_bar()
    hub_address(lambda why: TrainError(f"{model} was not fetched: {why}"))
    try:
        processor = AutoProcessor.from_pretrained(model, revision=options.revision)
        loaded = AutoModelForImageTextToText.from_pretrained(
            model, revision=options.revision, dtype=getattr(torch, options.dtype)
        )
        if options.adapter:
            from peft import PeftModel

            loaded = PeftModel.from_pretrained(loaded, str(options.adapter))
    except (OSError, ValueError, ImportError, AttributeError, SafetensorError) as error:
        raise TrainError(
            f"{model} cannot be loaded: {str(error).splitlines()[0].rstrip('.')}. Check the name"
        ) from error
    if not processor.chat_template:
        raise TrainError(f"{model} has no chat template; ask a model that was made to converse")
    processor.tokenizer.padding_side = "left"
    return processor, loaded.to("cuda" if torch.cuda.is_available() else "cpu").eval()


def _turns(question: str, picture: bytes | None) -> list[dict[str, Any]]:
    from PIL import Image

    shown = [{"type": "image", "image": Image.open(io.BytesIO(picture))}] if picture else []
    return [{"role": "user", "content": [*shown, {"type": "text", "text": question}]}]


def _server(model: str, options: PredictOptions) -> Answer:
    """A server of OpenAI's chat completions; the items of a batch are asked at the same time."""
    import httpx
    from tenacity import retry, retry_if_exception, stop_after_attempt, wait_exponential

    if fault := base_fault(options.base_url or ""):
        raise UsageError(f"--base-url: {fault}")
    url = f"{(options.base_url or '').rstrip('/').removesuffix('/v1')}/v1/chat/completions"
    key = key_in("OPENAI_API_KEY")
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    client = httpx.Client(timeout=600, headers=headers, trust_env=is_proxied(url))

    @retry(
        stop=stop_after_attempt(_TRIES),
        wait=wait_exponential(max=10),
        retry=retry_if_exception(_may_pass),
        reraise=True,
    )
    def ask(question: Question) -> str:
        found = parsed(client.post(url, json=_body(model, question, options)).raise_for_status().content)
        said = found["choices"][0]["message"]["content"]
        if not isinstance(said, str | None):
            raise TypeError("the content of a message is no text")
        return (said or "").strip()

    def answer(batch: Sequence[Question]) -> list[str]:
        try:
            with ThreadPoolExecutor(len(batch)) as at_once:
                return list(at_once.map(ask, batch))
        except (httpx.HTTPError, LookupError, ValueError, TypeError) as error:
            raise StoppedError(
                f"{url} gives no answer: {shown(str(error), (key,))}. Run the same command again; "
                "`evaluate predict` continues where it stopped"
            ) from error

    return answer


def _may_pass(error: BaseException) -> bool:
    """Whether another try may do better."""
    import httpx

    if isinstance(error, httpx.HTTPStatusError):
        return error.response.status_code >= 500 or error.response.status_code == 429
    return isinstance(error, httpx.TransportError)


def _body(model: str, question: Question, options: PredictOptions) -> dict[str, Any]:
    text, picture = question
    content: list[dict[str, Any]] = [{"type": "text", "text": text}]
    if picture:
        shown = f"data:image/png;base64,{base64.b64encode(picture).decode()}"
        content.insert(0, {"type": "image_url", "image_url": {"url": shown}})
    messages = [{"role": "user", "content": content}]
    return {"model": model, "messages": messages, "max_tokens": options.max_new_tokens, "temperature": 0}
