"""Values that would do harm where something acts on them, tables full of them, and a service that answers with them.

Each holds the word evil, so that a test finds where it went.
"""

import csv
import json
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

from PIL import Image

from dermasynth_builder.invented.fake_gemini.answers import FakeRequest, response_of
from dermasynth_builder.invented.fake_gemini.faults import FakeAnswer
from dermasynth_builder.invented.fake_gemini.service import FakeGemini

HTML = (
    "<script>window.evil=1</script>",
    '<img src="https://evil.example/p.png" onerror="window.evil=1">',
    "<svg/onload=window.evil=1>",
    "</textarea></title></style><iframe srcdoc='<script>parent.evil=1</script>'></iframe>",
    "&lt;script&gt;evil&lt;/script&gt;",
)
MARKDOWN = (
    "![evil](https://evil.example/p.png?leak=1)",
    "[evil](javascript:window.evil=1)",
    "evil\n\n# An evil heading\n\n---\nlicense: evil\n---\n",
    "evil | a | b |\n|---|---|",
    "`evil` *x* __y__ ~~z~~ $m$ [a]: https://evil.example",
    "https://evil.example www.evil.example evil@evil.example",
)
TEMPLATES = ("{{ 7 * 7 }} {% include 'evil' %} ${evil}", "evil: [&a *a] !!python/object:os.system {a: b} # - ? |")
FORMULAS = (
    '=HYPERLINK("https://evil.example","evil")',
    "@SUM(1+1)*cmd|' /C evil'!A0",
    "+evil()",
    "-evil()",
    "\tevil",
    "\revil",
)
UNSEEN = (
    "\x1b]0;evil\x07\x1b[31mevil\x1b[2J",
    "evil \u202elive\u202c \u2066x\u2069",
    "ev\u200bi\u200dl \ufeffevil",
    "evil\x00nul\x08\x7f\x9b31m",
    "evil\u2028line\u2029paragraph\x85next",
)
PATHS = ("../../evil", "/etc/evil", "..\\..\\evil", 'evil\\/:*?"<>|')
LONG = ("evil" * 20_000, "evil " * 5_000)
HOSTILE = (*HTML, *MARKDOWN, *TEMPLATES, *FORMULAS, *UNSEEN, *PATHS, *LONG)
VERSION = "evil-<script>window.evil=1</script> | =1+1 \x1b[31m \u202e-fake"
_NAMES = (
    *("=HYPERLINK(evil).png", "@SUM(evil).png", "<img src=x onerror=evil>.png"),
    *("\x1b[31mevil.jpg", "e\u202evil.png"),
)


def spoil(root: Path, seed: str, share: float = 0.4) -> Path:
    """Puts hostile values into cells of the tables of a raw release, one a row, and files of hostile names beside."""
    draw = Random(seed)  # noqa: S311 - no secret
    for path in sorted(root.rglob("*.csv")):
        with path.open(encoding="utf-8-sig", newline="") as file:
            head, *rows = csv.reader(file)
        for row in rows:
            if draw.random() < share:
                row[draw.randrange(len(row))] = draw.choice(HOSTILE)
            if "copyright_license" in head and draw.random() < share:  # an unknown one is kept as it is written
                row[head.index("copyright_license")] = draw.choice([*HTML, *MARKDOWN, *TEMPLATES, *FORMULAS])
        with path.open("w", encoding="utf-8", newline="") as file:
            csv.writer(file).writerows([head, *rows])
    for name in _NAMES:
        Image.new("RGB", (8, 8), "brown").save(root / name)
    return root


@dataclass
class HostileGemini(FakeGemini):
    """Every second answer holds a hostile value; the model's version is one too."""

    def answer(self, model: str, request: FakeRequest) -> FakeAnswer:
        """See `FakeGemini.answer`."""
        answer = super().answer(model, request)
        content: dict[str, Any] = answer.content  # type: ignore[assignment]
        text = content["candidates"][0]["content"]["parts"][0]["text"]
        draw = Random(f"{self.seed} {request.digest}")  # noqa: S311 - no secret
        if draw.random() < 0.5:
            text = json.dumps(_spoilt(json.loads(text), draw))
        return FakeAnswer(content=response_of(request, text, model_version=VERSION))


def _spoilt(value: Any, draw: Random) -> Any:
    """The same with a hostile value at the end, in the middle or in the place of some of its texts."""
    if isinstance(value, dict):
        return {name: _spoilt(each, draw) for name, each in value.items()}
    if isinstance(value, list):
        return [_spoilt(each, draw) for each in value]
    if not isinstance(value, str) or value.count(" ") < 4 or draw.random() < 0.3:  # of a few words are choices
        return value
    hostile = draw.choice([*HOSTILE, *HTML, *MARKDOWN, *FORMULAS, *FORMULAS, "evil \ud800 half a character"])
    return draw.choice([f"{value} {hostile}", f"{hostile} {value}", hostile, f"{value} The {hostile} is seen."])
