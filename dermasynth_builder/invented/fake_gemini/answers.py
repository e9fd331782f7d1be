"""Invented answers in the form of Gemini's `generateContent`, valid for any reply schema.

The same request gets the same answer.
"""

import base64
import binascii
import json
import re
from collections.abc import Mapping
from hashlib import sha256
from random import Random
from typing import Any

_IMAGE_TOKENS = {"MEDIA_RESOLUTION_LOW": 280, "MEDIA_RESOLUTION_MEDIUM": 560}
_MOST_IMAGE_TOKENS = 1120
_THOUGHTS = {"LOW": 120, "MEDIUM": 400, "HIGH": 1200}  # mean tokens
_LETTERS_A_TOKEN = 4
_FEW_CHOICES, _USUAL = 4, 0.9  # among few, the one that is named first is taken mostly
_MOST_VALUES = 10_000  # in one answer
_MEMBERS = frozenset(
    {*("contents", "systemInstruction", "generationConfig", "safetySettings", "tools", "toolConfig", "labels")}
    | {"cachedContent", "model", "serviceTier"}
)


class BadRequest(ValueError):  # noqa: N818 - what the service answers with 400
    """A request that the service would not take; the message says why."""


class FakeRequest:
    """A GenerateContentRequest, taken apart. Keys in camel or snake case and both base64 alphabets are understood."""

    def __init__(self, body: Any) -> None:
        """Raises BadRequest where the service would refuse the body."""
        if not isinstance(body, dict) or not body.get("contents"):
            raise BadRequest("GenerateContentRequest.contents: contents is not specified")
        if unknown := {_camel(name) for name in body} - _MEMBERS:
            raise BadRequest(f'Invalid JSON payload received. Unknown name "{min(unknown)}": Cannot find field.')
        self.body: Mapping[str, Any] = camel_keys(body)
        parts = [part for content in self.body["contents"] for part in content.get("parts", ())]
        self.prompt = "\n".join(part["text"] for part in parts if "text" in part)
        self.images = [_image(part["inlineData"]) for part in parts if "inlineData" in part]
        self.config: Mapping[str, Any] = self.body.get("generationConfig", {})
        thinking = self.config.get("thinkingConfig", {})
        if {"thinkingLevel", "thinkingBudget"} <= thinking.keys():
            raise BadRequest("You can only set only one of thinking budget and thinking level.")
        self.thinking_level = str(thinking.get("thinkingLevel", "MINIMAL"))
        self.digest = sha256(b"\0".join([self.prompt.encode(), *self.images])).hexdigest()

    @property
    def prompt_tokens(self) -> dict[str, int]:
        """By modality."""
        each = _IMAGE_TOKENS.get(self.config.get("mediaResolution", ""), _MOST_IMAGE_TOKENS)
        text = len(self.prompt) // _LETTERS_A_TOKEN
        return {"TEXT": text} | ({"IMAGE": each * len(self.images)} if self.images else {})


def answer_text(request: FakeRequest, seed: int) -> str:
    """JSON valid for the request's reply schema, or a few plain sentences where it has none."""
    draw = Random(f"{seed}/{request.digest}")  # noqa: S311 - an invented answer, no secret
    words = re.findall(r"[A-Za-z]{3,}", request.prompt) or ["nothing", "was", "asked"]
    schema = request.config.get("responseJsonSchema") or request.config.get("responseSchema")
    if schema is None:
        return _sentences(words, draw)
    made = _Filling(schema, draw, words).value(schema)
    return json.dumps(made, ensure_ascii=False)


def response_of(request: FakeRequest, text: str, *, model_version: str, finish_reason: str = "STOP") -> dict[str, Any]:
    """A GenerateContentResponse with usage."""
    content = {"content": {"role": "model", "parts": [{"text": text}] if text else []}}
    return {
        "candidates": [{**content, "finishReason": finish_reason, "index": 0}],
        "usageMetadata": usage_of(request, text),
        "modelVersion": model_version,
        "responseId": request.digest[:20],
    }


def blocked_response(request: FakeRequest, *, model_version: str) -> dict[str, Any]:
    """What comes where the prompt itself is blocked."""
    return {
        "promptFeedback": {"blockReason": "PROHIBITED_CONTENT"},
        "usageMetadata": usage_of(request, ""),
        "modelVersion": model_version,
    }


def usage_of(request: FakeRequest, text: str) -> dict[str, Any]:
    """Token counts as the service reports them; thoughts are apart from the answer."""
    by_modality = request.prompt_tokens
    prompt, candidates = sum(by_modality.values()), len(text) // _LETTERS_A_TOKEN
    mean = _THOUGHTS.get(request.thinking_level, 0)
    thoughts = mean // 2 + int(request.digest[:8], 16) % mean if mean else 0
    usage = {
        "promptTokenCount": prompt,
        "candidatesTokenCount": candidates,
        "totalTokenCount": prompt + candidates + thoughts,
        "promptTokensDetails": [{"modality": name, "tokenCount": count} for name, count in by_modality.items()],
    }
    return usage | ({"thoughtsTokenCount": thoughts} if thoughts else {})


def _image(inline: Mapping[str, Any]) -> bytes:
    if not str(inline.get("mimeType", "")).startswith("image/"):
        raise BadRequest(f"Unsupported MIME type: {inline.get('mimeType')}")
    try:
        return base64.b64decode(str(inline["data"]).replace("-", "+").replace("_", "/"), validate=True)
    except (KeyError, binascii.Error) as error:
        raise BadRequest("Base64 decoding failed for inline_data.data") from error


def _camel(name: str) -> str:
    return re.sub(r"_([a-z])", lambda found: found[1].upper(), name)


def camel_keys(value: Any) -> Any:
    """Keys in camel case; a schema keeps its own."""
    if isinstance(value, list):
        return [camel_keys(each) for each in value]
    if not isinstance(value, dict):
        return value
    return {
        _camel(name): each if _camel(name) in ("responseJsonSchema", "responseSchema") else camel_keys(each)
        for name, each in value.items()
    }


class _Filling:
    """Makes values that a schema allows."""

    def __init__(self, schema: Mapping[str, Any], draw: Random, words: list[str]) -> None:
        self._root, self._draw, self._words = schema, draw, words
        self._made = 0

    def value(self, schema: Mapping[str, Any]) -> Any:
        """Raises BadRequest where the schema asks for more than a service would write."""
        self._made += 1
        if self._made > _MOST_VALUES:
            raise BadRequest("The specified schema produces a constraint that has too many states for serving.")
        if reference := schema.get("$ref"):
            return self.value(self._root["$defs"][reference.rpartition("/")[2]])
        if choices := schema.get("enum") or ([schema["const"]] if "const" in schema else None):
            is_usual = 1 < len(choices) <= _FEW_CHOICES and self._draw.random() < _USUAL
            return choices[0] if is_usual else self._draw.choice(choices)
        for several in ("anyOf", "oneOf"):
            if several in schema:
                return self.value(schema[several][0])
        kinds = schema.get("type", "object")
        kind = str(kinds if isinstance(kinds, str) else next(each for each in kinds if each != "null")).lower()
        if kind == "object":
            return {name: self.value(member) for name, member in schema.get("properties", {}).items()}
        if kind == "array":
            least = int(schema.get("minItems", 1))
            count = self._draw.randint(least, int(schema.get("maxItems", least + 2)))
            return [self.value(schema.get("items", {"type": "string"})) for _ in range(count)]
        if kind == "boolean":
            return self._draw.random() < 0.5
        if kind in ("integer", "number"):
            return self._draw.randint(int(schema.get("minimum", 0)), int(schema.get("maximum", 100)))
        return _sentences(self._words, self._draw)[: int(schema.get("maxLength", 100_000))]


def _sentences(words: list[str], draw: Random) -> str:
    """Two to five sentences of the prompt's own words."""
    drawn = (" ".join(draw.choices(words, k=draw.randint(8, 14))) for _ in range(draw.randint(2, 5)))
    return " ".join(f"{said[0].upper()}{said[1:].lower()}." for said in drawn)
