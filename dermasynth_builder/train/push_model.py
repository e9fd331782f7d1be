"""Sends a tuned model to a model repository of the Hub, with a card made of its run card and its scores."""

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from dermasynth_builder.core.errors import PushError, TrainError
from dermasynth_builder.core.hub import hub_address
from dermasynth_builder.core.records import is_fake_version
from dermasynth_builder.core.reporter import Reporter
from dermasynth_builder.generate.foreign import masked, parsed
from dermasynth_builder.train.evaluate.predict import weights_sha256
from dermasynth_builder.train.families import family_of
from dermasynth_builder.train.model_card import Scores, card_text
from dermasynth_builder.train.options import PushModelOptions
from dermasynth_builder.train.run_card import NO_MODEL, RUN_CARD, Told, fault_of, read_run_card

CARD = "README.md"
_SENT = ("*.safetensors", "*.json", "*.jinja", "*.model", CARD)
_HUB_NAME = re.compile(r"[A-Za-z0-9][\w.-]*/[\w.-]+")


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
    is_invented = card["is_specimen"] or NO_MODEL in card["writers"]
    if is_invented and not options.is_template_allowed:
        raise PushError(
            "not pushed: the model was tuned on drawn specimens or on rows that no model wrote; say --allow-template "
            "if that is what you want to publish"
        )


def _scores_of(options: PushModelOptions, card: Mapping[str, Any]) -> Scores | None:
    """The scores of this very model. Raises TrainError where they are none, and PushError where another's."""
    if options.scores is None:
        return None
    from pydantic import TypeAdapter

    try:
        found = TypeAdapter(Scores).validate_python(parsed(options.scores.read_bytes()))
    except (OSError, ValueError) as error:
        raise TrainError(
            f"{options.scores} is not the scores.json of `dermasynth evaluate score`: {fault_of(error)}"
        ) from error
    if card["identity"] not in found.runs:
        raise PushError(
            f"not pushed: {options.scores} was not held against this training, so that its test may be what was "
            f"trained on; score with --run {options.model / RUN_CARD}"
        )
    name, about = next(iter(found.about.items()))
    if (weights := about.get("weights")) and weights_sha256(options.model) not in weights.values():
        raise PushError(f"not pushed: {name}, the first system of {options.scores}, is another model than this one")
    return found


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
