"""The run card, run.json: all that a training was made from, and who was in it."""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from hashlib import sha256
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Annotated, Any

from annotated_types import MinLen

from dermasynth_builder import __version__
from dermasynth_builder.core.errors import TrainError
from dermasynth_builder.core.records import digest
from dermasynth_builder.generate.foreign import parsed
from dermasynth_builder.train.families import Family
from dermasynth_builder.train.options import Context, Method, TrainOptions
from dermasynth_builder.train.rows import OpenRelease, Row
from dermasynth_builder.train.turns import Example

RUN_CARD = "run.json"
PACKAGES = ("torch", "transformers", "trl", "peft", "accelerate", "datasets", "tokenizers", "huggingface_hub", "pillow")
FROM_FACTS = "nobody: closed questions, made from recorded facts"
NO_MODEL = "no model: rules and curated sentences"
_NOT_OF_THE_RUN = ("to", "save_every", "is_dry")


@dataclass(frozen=True, slots=True)
class RunCard:
    """What a training is; two runs with equal `identity` go on where the other one stopped."""

    about: dict[str, Any]

    @property
    def identity(self) -> str:
        """64 hex digits for all that decides its end."""
        return digest({name: self.about[name] for name in ("base", "release", "options", "versions", "examples")})

    def write(self, folder: Path, **more: Any) -> None:
        """Writes it into the folder, with what is known of the run by now."""
        write_json(folder / RUN_CARD, {**self.about, **more, "identity": self.identity})


def write_json(path: Path, value: Mapping[str, Any]) -> None:
    """Writes it in one piece: killed or on a full disk, what was there before stays."""
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_name(f".{path.name}")
    fresh.write_text(json.dumps(value, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    fresh.replace(path)


@dataclass(frozen=True, slots=True)
class Members:
    """Who was in a training: what whoever trains by other means writes, too, so that a test can be held against it."""

    examples: list[str]
    images: list[str]  # SHA-256 of their files
    groups: list[str]


@dataclass(frozen=True, slots=True)
class _Base:
    model: str
    revision: str | None


@dataclass(frozen=True, slots=True)
class _Options:
    method: Method
    context: Context
    seed: int


_Counted = Annotated[dict[str, int], MinLen(1)]


@dataclass(frozen=True, slots=True)
class Told(Members):
    """What a card of the model is made of, among all that a run.json holds."""

    identity: str
    base: _Base
    family: str
    release: dict[str, str]
    options: _Options
    licences: _Counted
    writers: _Counted
    sources: _Counted
    is_specimen: bool
    steps: int | None = None  # from here on of one that is finished
    finished_at: str | None = None


def read_run_card(path: Path, form: type[Members] = Members) -> dict[str, Any]:
    """What stands in a run.json, which has that form and may hold more. Raises TrainError."""
    from pydantic import TypeAdapter

    try:
        found = parsed(path.read_bytes())
        TypeAdapter(form).validate_python(found)
    except (OSError, ValueError) as error:
        raise TrainError(f"{path} is not the run.json of a training: {fault_of(error)}") from error
    return dict(found)


def fault_of(error: OSError | ValueError) -> str:
    """What is wrong with a file of JSON, in a line: pydantic's errors by the first place that lacks something."""
    from pydantic import ValidationError

    if not isinstance(error, ValidationError):
        return str(error)
    first = error.errors()[0]
    return f"{'.'.join(map(str, first['loc'])) or 'all of it'}: {first['msg'].lower()}"


def run_card(
    examples: Sequence[Example], opened: OpenRelease, *, base: dict[str, Any], family: Family, options: TrainOptions
) -> RunCard:
    """The card of a run that is about to begin."""
    told = {name: value for name, value in asdict(options).items() if name not in _NOT_OF_THE_RUN}
    rows = [example.row for example in examples]
    return RunCard(
        {
            "base": base,
            "family": family.model_type,
            "release": opened.content_digests,
            "options": json.loads(json.dumps(told, default=str)),
            "versions": versions(),
            "licences": dict(Counter(row.licence for row in rows)),
            "writers": dict(Counter(_writer(row, options.context) for row in rows)),
            "sources": dict(Counter(row.source for row in rows)),
            "is_specimen": any(row.is_specimen for row in rows),
            "examples": [example.name for example in examples],
            "groups": sorted({row.group_id for row in rows}),
            "images": sorted({row.image_sha256 for row in rows}),
            "text_sha256": _text_digest(examples),
        }
    )


def _writer(row: Row, context: Context) -> str:
    """Who wrote what is learned of a row; of closed questions no word of its answer is."""
    if context == "closed":
        return FROM_FACTS
    return row.model or NO_MODEL


def versions() -> dict[str, str]:
    """Of dermasynth and of what it trains with, as far as it is installed."""
    found = {"dermasynth": __version__}
    for name in PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def _text_digest(examples: Sequence[Example]) -> str:
    """64 hex digits for all that the examples say, in order."""
    state = sha256()
    for example in examples:
        turns = [[turn.role, turn.content] for turn in example.messages]
        state.update(json.dumps([example.name, example.row.image_sha256, turns], ensure_ascii=False).encode())
    return state.hexdigest()
