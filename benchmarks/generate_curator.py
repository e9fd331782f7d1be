"""One client of `generate.py`: bespokelabs-curator, in a Python that has it (its pins are not ours).

    {"backend": "openai", "url": ..., "in_flight": 128, "schema": {...}, "rows": [{"image": PATH, "prompt": TEXT}]}

in, the figures out. Both backends that can be told of a server are there: `openai` asks chat completions with curator's
own aiohttp, `litellm` asks as Gemini is asked. No telemetry, no viewer, no limit but that on requests in flight; its
files go to HOME. The schema goes along as a parameter, as with a `response_format` it would check each answer too.
"""

import json
import os
import sys
from importlib import import_module
from typing import Any

os.environ |= {
    "CURATOR_VIEWER": "0",
    "HF_HUB_OFFLINE": "1",
    "LITELLM_LOCAL_MODEL_COST_MAP": "True",  # else its import fetches one
    "TELEMETRY_ENABLED": "false",
}

from bespokelabs import curator
from meter import Meter

import_module("litellm.litellm_core_utils.default_encoding")  # else `openai` fetches tiktoken's table
MODELS = {"openai": "gpt-4.1-mini", "litellm": "gemini/gemini-2.5-flash-lite"}  # that its price table knows
NO_LIMIT = {"max_requests_per_minute": 10**9, "max_tokens_per_minute": 10**12}


class Asker(curator.LLM):  # type: ignore[misc, unused-ignore]  # as its documentation has it
    """A picture and a prompt a row."""

    def prompt(self, row: dict[str, str]) -> tuple[str, Any]:
        """What is sent."""
        return row["prompt"], curator.types.Image(url=row["image"])

    def parse(self, row: dict[str, str], response: str) -> dict[str, str]:
        """What is kept."""
        return {"prompt": row["prompt"], "answer": response}


def main() -> None:
    """Imports and the making of the client do not count."""
    order = json.load(sys.stdin)
    schema = {"type": "json_schema", "json_schema": {"name": "reply", "schema": order["schema"]}}
    asker = Asker(
        model_name=MODELS[order["backend"]],
        backend=order["backend"],
        generation_params={"response_format": schema, "max_tokens": 4096},
        backend_params={**NO_LIMIT, "base_url": order["url"], "max_concurrent_requests": order["in_flight"]},
    )
    meter = Meter()
    answers = asker(order["rows"]).dataset
    figures = meter.figures(len(order["rows"]))
    assert sum(bool(json.loads(row["answer"])["answer"]) for row in answers) == len(order["rows"])
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
