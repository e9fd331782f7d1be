"""Reads families.toml, what is known of the families of models that can be tuned."""

from dataclasses import dataclass
from functools import cache
from pathlib import Path

from dermasynth_builder.core.errors import TrainError
from dermasynth_builder.core.files import read_toml

_MARKED, _END_MARKED = "{%- generation %}", "{%- endgeneration %}"

MLLAMA_TRAINING_TEMPLATE = (
    "{{- bos_token }}"
    "{%- set given = messages[0]['content'] if messages[0]['role'] == 'system' else '' %}"
    "{%- set said = given if given is string else given | map(attribute='text') | join %}"
    "{%- set turns = messages[1:] if messages[0]['role'] == 'system' else messages %}"
    "{%- for turn in turns %}"
    "{{- '<|start_header_id|>' + turn['role'] + '<|end_header_id|>\n\n' }}"
    "{%- if turn['role'] == 'assistant' %}"
    f"{_MARKED}"
    "{%- if turn['content'] is string %}{{- turn['content'] | trim }}"
    "{%- else %}{%- for part in turn['content'] %}{{- part['text'] | trim }}{%- endfor %}{%- endif %}"
    "{{- '<|eot_id|>' }}"
    f"{_END_MARKED}"
    "{%- else %}"
    "{%- if turn['content'] is string %}{{- (said + '\n\n' if said and loop.first else '') + turn['content'] | trim }}"
    "{%- else %}{%- for part in turn['content'] %}"
    "{%- if part['type'] == 'image' %}{{- '<|image|>' }}"
    "{%- else %}{{- (said + '\n\n' if said and loop.index0 <= 1 and turn == turns[0] else '') + part['text'] | trim }}"
    "{%- endif %}{%- endfor %}{%- endif %}"
    "{{- '<|eot_id|>' }}"
    "{%- endif %}"
    "{%- endfor %}"
    "{%- if add_generation_prompt %}{{- '<|start_header_id|>assistant<|end_header_id|>\n\n' }}{%- endif %}"
)
"""Llama 3.2 Vision's turns with the answers marked. What a system turn says goes into the first user turn, as the
model's own template refuses one beside a picture."""

MLLAMA_TEMPLATE = MLLAMA_TRAINING_TEMPLATE.replace(_MARKED, "").replace(_END_MARKED, "")
"""The same without the marks: equal in every letter once rendered."""

TEMPLATES = {"mllama": MLLAMA_TRAINING_TEMPLATE}


@dataclass(frozen=True, slots=True)
class Family:
    """One family; the head of families.toml says what each field means."""

    model_type: str
    language: str
    vision_adapters: str
    vision: str
    template: str
    needs_torchvision: bool
    names_begin: str
    terms: str
    duties: str


@dataclass(frozen=True, slots=True)
class Preset:
    """A short name for a model."""

    name: str
    model: str


@dataclass(frozen=True, slots=True)
class _Families:
    """The file."""

    family: tuple[Family, ...]
    preset: tuple[Preset, ...]


@cache
def _known() -> _Families:
    return read_toml(Path(__file__).with_suffix(".toml"), _Families, TrainError)


def families() -> tuple[Family, ...]:
    """All families."""
    return _known().family


def presets() -> dict[str, str]:
    """Short name -> the model's name on the Hub."""
    return {preset.name: preset.model for preset in _known().preset}


def family_of(model_type: str) -> Family:
    """The family that a model's config names. Raises TrainError where it is none of them."""
    for family in families():
        if family.model_type == model_type:
            return family
    raise TrainError(
        f"a model of the family {model_type!r} cannot be tuned by this command; it knows "
        f"{', '.join(family.model_type for family in families())}. `dermasynth export` writes rows for other trainers"
    )
