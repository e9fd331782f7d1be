"""Sends a tuned model to a model repository of the Hub, with a card made of its run card and its scores."""

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import yaml
from annotated_types import MinLen

from dermasynth_builder.core.errors import PushError, TrainError
from dermasynth_builder.core.hub import hub_address
from dermasynth_builder.core.plain import markdown
from dermasynth_builder.core.records import is_fake_version
from dermasynth_builder.core.reporter import Reporter
from dermasynth_builder.core.wording import join_words
from dermasynth_builder.generate.foreign import masked, parsed
from dermasynth_builder.read.licences import by_strictness
from dermasynth_builder.train.evaluate.predict import weights_sha256
from dermasynth_builder.train.families import Family, family_of
from dermasynth_builder.train.options import PushModelOptions
from dermasynth_builder.train.run_card import RUN_CARD, Told, read_run_card

CARD = "README.md"
_SENT = ("*.safetensors", "*.json", "*.jinja", "*.model", CARD)
_HUB_NAME = re.compile(r"[A-Za-z0-9][\w.-]*/[\w.-]+")
_TEACHERS = {
    "gemini": "Rows written by Gemini fall under Google's API terms, which bar using them to build competing models.",
    "gpt": "Rows written by OpenAI's models fall under its terms, which bar using them to build competing models.",
    "claude": "Rows written by Claude fall under Anthropic's terms, which bar using them to build competing models.",
}


def push_model(repo: str, options: PushModelOptions, report: Reporter) -> str:
    """Sends the folder's model, or with `is_dry` shows its card; gives the card.

    Raises PushError where the model must not go, or the Hub refuses.
    """
    card = read_run_card(options.model / RUN_CARD, Told)
    _require_fit(repo, card, options)
    text = card_text(repo, card, _scores_of(options, card))
    if options.is_dry:
        report.say(text)
        return text
    (options.model / CARD).write_text(text, encoding="utf-8")
    _send(repo, card, options, report=report)
    return text


def _require_fit(repo: str, card: Mapping[str, Any], options: PushModelOptions) -> None:
    if repo.count("/") != 1:
        raise PushError(f"{repo!r} is not a repository name; write it as USER/NAME")
    if card.get("finished_at") is None or card.get("steps") is None:
        raise PushError(f"not pushed: the training in {options.model} is not finished; run `dermasynth train` again")
    begin = family_of(card["family"]).names_begin
    if begin and not repo.partition("/")[2].startswith(begin):
        raise PushError(f"not pushed: the licence of {card['base']['model']} asks for a name that begins with {begin}")
    if not _HUB_NAME.fullmatch(card["base"]["model"]) or Path(card["base"]["model"]).exists():
        raise PushError(
            f"not pushed: the model was tuned from the folder {Path(card['base']['model']).name}, which nobody else "
            "has; tune from a name on the Hub"
        )
    if any(is_fake_version(name) for name in card["writers"]):
        raise PushError("not pushed: `dermasynth fake-gemini` has invented rows that it was tuned on")
    is_invented = card["is_specimen"] or any(name.startswith("no model") for name in card["writers"])
    if is_invented and not options.is_template_allowed:
        raise PushError(
            "not pushed: the model was tuned on drawn specimens or on rows that no model wrote; say --allow-template "
            "if that is what you want to publish"
        )


@dataclass(frozen=True, slots=True)
class _System:
    n: int
    accuracy: float
    balanced_accuracy: float
    balanced_accuracy_95: tuple[float, float]
    macro_f1: float
    unanswered: float


@dataclass(frozen=True, slots=True)
class _Task:
    systems: Annotated[dict[str, _System], MinLen(1)]


@dataclass(frozen=True, slots=True)
class _Scores:
    """What a card of the model is made of, among all that a scores.json holds."""

    tasks: Annotated[dict[str, _Task], MinLen(1)]
    runs: list[str]
    about: Annotated[dict[str, dict[str, Any]], MinLen(1)]


def _scores_of(options: PushModelOptions, card: Mapping[str, Any]) -> dict[str, Any] | None:
    """The scores of this very model. Raises TrainError where they are none, and PushError where another's."""
    if options.scores is None:
        return None
    from pydantic import TypeAdapter, ValidationError

    try:
        found = parsed(options.scores.read_bytes())
        TypeAdapter(_Scores).validate_python(found)
    except (OSError, ValidationError, ValueError) as error:
        said = str(error).splitlines()[0]
        raise TrainError(f"{options.scores} is not the scores.json of `dermasynth evaluate score`: {said}") from error
    if card["identity"] not in found["runs"]:
        raise PushError(
            f"not pushed: {options.scores} was not held against this training, so that its test may be what was "
            f"trained on; score with --run {options.model / RUN_CARD}"
        )
    name, about = next(iter(found["about"].items()))
    if (weights := about.get("weights")) and weights_sha256(options.model) not in weights.values():
        raise PushError(f"not pushed: {name}, the first system of {options.scores}, is another model than this one")
    return dict(found)


def card_text(repo: str, card: Mapping[str, Any], scores: Mapping[str, Any] | None) -> str:
    """The model card: what it was made from, its figures, its licences and duties. All numbers are computed."""
    family, name = family_of(card["family"]), repo.partition("/")[2]
    block = yaml.safe_dump(_metadata(name, card, scores), sort_keys=False, allow_unicode=True)
    parts = [
        f"---\n{block}---\n# {name}",
        *(["Built with Llama."] if family.names_begin == "Llama" else []),
        _made_of(card),
        "For research. It is no medical device, and must not be used to diagnose or to treat anybody.",
        *(_figures(scores) if scores else ["It was not measured: no scores were given when this card was made."]),
        _duties(card, family),
    ]
    return "\n\n".join(parts) + "\n"


def _metadata(name: str, card: Mapping[str, Any], scores: Mapping[str, Any] | None) -> dict[str, Any]:
    is_adapter = card["options"]["method"] != "full"
    found: dict[str, Any] = {
        "base_model": card["base"]["model"],
        "base_model_relation": "adapter" if is_adapter else "finetune",
        "library_name": "peft" if is_adapter else "transformers",
        "pipeline_tag": "image-text-to-text",
        "license": "other",
        "tags": ["dermatology", "dermasynth"],
    }
    results = [
        {
            "task": {"type": "image-text-to-text"},
            "dataset": {"name": f"DermaSynth closed questions, {kind}", "type": "dermasynth"},
            "metrics": [
                {"type": metric, "value": first[metric]} for metric in ("balanced_accuracy", "macro_f1", "accuracy")
            ],
        }
        for kind, task in (scores or {"tasks": {}})["tasks"].items()
        for first in [next(iter(task["systems"].values()))]
    ]
    return found | ({"model-index": [{"name": name, "results": results}]} if results else {})


def _made_of(card: Mapping[str, Any]) -> str:
    options = card["options"]
    rows = ", ".join(f"{count:,} of {source}" for source, count in card["sources"].items())
    digests = ", ".join(f"{source} {digest}" for source, digest in card["release"].items())
    shown = {
        "record": "The recorded facts that an answer uses stood before its question.",
        "question": "It was tuned on bare questions, and will invent ages, biopsies and complaints.",
        "closed": "It was tuned on closed questions with one answer each.",
    }[options["context"]]
    drawn = " The images are drawn specimens: it knows nothing of real skin." if card["is_specimen"] else ""
    return (
        f"Tuned from `{card['base']['model']}` ({options['method']}) on {rows} of a DermaSynth release ({digests}), "
        f"{card['steps']:,} updates, seed {options['seed']}. {shown}{drawn} `{RUN_CARD}` says all that it was made "
        "from, and who was in it."
    )


def _figures(scores: Mapping[str, Any]) -> list[str]:
    parts = ["## Figures\n\nOn held-out patients; intervals draw patients. No answer counts as wrong."]
    for kind, task in scores["tasks"].items():
        lines = [
            f"| {markdown(kind)} | n | balanced accuracy (95 %) | macro-F1 | no answer |",
            "|---|---|---|---|---|",
        ]
        for name, each in task["systems"].items():
            low, high = each["balanced_accuracy_95"]
            lines.append(
                f"| {markdown(name)} | {each['n']} | {each['balanced_accuracy']:.3f} ({low:.3f}-{high:.3f}) "
                f"| {each['macro_f1']:.3f} | {each['unanswered']:.3f} |"
            )
        parts.append("\n".join(lines))
    return parts


def _duties(card: Mapping[str, Any], family: Family) -> str:
    strictest = by_strictness(card["licences"])[-1]
    told = [told for word, told in _TEACHERS.items() if any(word in writer.lower() for writer in card["writers"])]
    lines = [
        f"- Of the base model: {family.terms}. {family.duties}",
        f"- Of the images, the strictest of {_named(card['licences'])}: {markdown(strictest.name)}. {strictest.asks}",
        f"- Who wrote the rows: {_named(card['writers'])}. {' '.join(told)}".rstrip(),
    ]
    return "\n".join(["## Licences and duties\n", *lines])


def _named(names: Iterable[str]) -> str:
    """Names that tables and services have given."""
    return join_words(sorted(map(markdown, names)))


def _send(repo: str, card: Mapping[str, Any], options: PushModelOptions, *, report: Reporter) -> None:
    from huggingface_hub import HfApi
    from huggingface_hub.errors import HFValidationError, HTTPError  # type: ignore[attr-defined]  # httpx's or httpx2's

    adapter = options.model / "adapter_config.json"
    if adapter.is_file():
        told = json.loads(adapter.read_text(encoding="utf-8"))
        told["base_model_name_or_path"] = card["base"]["model"]
        told["revision"] = card["base"]["revision"]
        adapter.write_text(json.dumps(told, indent=2) + "\n", encoding="utf-8")
    api = HfApi(hub_address(lambda why: PushError(f"not pushed: {why}")))
    try:
        api.create_repo(repo, repo_type="model", private=options.is_private, exist_ok=True)
        api.upload_folder(
            repo_id=repo,
            folder_path=options.model,
            allow_patterns=list(_SENT),
            ignore_patterns=["checkpoint-*", ".*"],
            commit_message="Tuned model",
        )
    except (HTTPError, HFValidationError, OSError) as error:
        raise PushError(
            f"the Hub did not take {options.model} as {repo}: {masked(str(error).splitlines()[0])}. Push again; if it "
            "is about access, check the name and log in with `hf auth login`"
        ) from error
    report.say(f"pushed to {api.endpoint}/{repo}")
