"""What a training notes of itself in run.json, invented."""

from typing import Any

CARD: dict[str, Any] = {
    "identity": "1" * 64,
    "base": {"model": "meta-llama/Llama-3.2-11B-Vision-Instruct", "revision": "abc", "config_sha256": "0" * 64},
    "family": "mllama",
    "release": {"pad_ufes": "sha256:0123456789abcdef"},
    "options": {"method": "lora", "seed": 2025, "context": "record"},
    "licences": {"CC-BY-4.0": 4000, "CC-BY-NC-4.0": 1000},
    "writers": {"gemini-3.8-flash": 5000},
    "sources": {"pad_ufes": 4000, "bcn20000": 1000},
    "is_specimen": False,
    "examples": [],
    "images": [],
    "groups": [],
    "steps": 313,
    "finished_at": "2026-11-25T00:00:00+00:00",
}
