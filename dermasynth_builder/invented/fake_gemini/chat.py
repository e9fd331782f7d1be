"""The fake service as a server of OpenAI's chat completions: the same answers and faults, in that form."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from dermasynth_builder.invented.fake_gemini.answers import BadRequest
from dermasynth_builder.invented.fake_gemini.faults import FakeAnswer

_FINISHES = {"STOP": "stop", "MAX_TOKENS": "length"}


def gemini_form(body: Any) -> dict[str, Any]:
    """A chat completion's body as a GenerateContentRequest. Raises BadRequest."""
    try:
        contents = [message["content"] for message in body["messages"]]
        parts = [_part(part) for content in contents for part in _listed(content)]
        form = (body.get("response_format") or {}).get("json_schema")
        config = {"responseJsonSchema": form["schema"]} if form else {}
    except (TypeError, LookupError, ValueError, AttributeError) as error:
        raise BadRequest("messages: not those of a chat completion") from error
    return {"contents": [{"parts": parts}], "generationConfig": config}


def chat_form(answer: FakeAnswer) -> FakeAnswer:
    """An answer as a chat completion; errors stay as they are."""
    content = answer.content
    if not isinstance(content, Mapping) or "usageMetadata" not in content:
        return answer
    usage, candidates = content["usageMetadata"], content.get("candidates") or [{}]
    parts = candidates[0].get("content", {}).get("parts", ())
    message = {"role": "assistant", "content": "".join(part["text"] for part in parts)}
    finish = _FINISHES.get(candidates[0].get("finishReason", ""), "content_filter")
    completion = {
        "object": "chat.completion",
        "model": content["modelVersion"],
        "choices": [{"index": 0, "message": message, "finish_reason": finish}],
        "usage": {
            "prompt_tokens": usage["promptTokenCount"],
            "completion_tokens": usage["candidatesTokenCount"],
            "total_tokens": usage["totalTokenCount"],
        },
    }
    return replace(answer, content=completion)


def _listed(content: Any) -> list[Any]:
    return [{"type": "text", "text": content}] if isinstance(content, str) else list(content)


def _part(part: Mapping[str, Any]) -> dict[str, Any]:
    if part["type"] == "text":
        return {"text": part["text"]}
    head, data = part["image_url"]["url"].split(";base64,")
    return {"inlineData": {"mimeType": head.removeprefix("data:"), "data": data}}
