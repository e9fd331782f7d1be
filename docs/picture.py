"""Draws the picture of the README, and puts the question and answer of its first image beside it: `make picture`.

All is invented: specimens that `dermasynth demo` draws too, and what the engine `template` says of the first of them.
"""

import re
import tempfile
from pathlib import Path

from PIL import Image

from dermasynth_builder import pipeline
from dermasynth_builder.core import registry
from dermasynth_builder.core.options import PlanOptions, Settings
from dermasynth_builder.core.records import Pair
from dermasynth_builder.core.reporter import SilentReporter

PAGE = Path(__file__).resolve().parent.parent / "README.md"
PICTURE = Path(__file__).resolve().with_name("specimens.jpg")
IMAGES = 18  # as many as the demo draws
SOURCES = {"pad_ufes": 0, "scin": 3, "hiba": 1, "derm12345": 4}  # source -> which of its images is shown
SIDE_PX = 240
PAIR = re.compile(r"(?<=<!-- the pair -->\n)> .*?(?=\n<!-- end -->)", re.DOTALL)


def picture(folder: Path) -> Image.Image:
    """The images side by side, drawn into the folder."""
    strip = Image.new("RGB", (SIDE_PX * len(SOURCES), SIDE_PX), "white")
    for place, (source, number) in enumerate(SOURCES.items()):
        registry.specimens(source)(folder / source, images=IMAGES)
        found = (path for path in (folder / source).rglob("*") if path.suffix in (".png", ".jpg"))
        with Image.open(sorted(found)[number]) as image:
            square = min(image.size)
            left, top = (image.width - square) // 2, (image.height - square) // 2
            part = image.convert("RGB").crop((left, top, left + square, top + square))
        strip.paste(part.resize((SIDE_PX, SIDE_PX), Image.Resampling.LANCZOS), (place * SIDE_PX, 0))
    return strip


def first_pair(folder: Path) -> Pair:
    """What the demo says of the look of the image on the left."""
    settings = Settings(
        raw={"pad_ufes": folder / "pad_ufes"},
        work=folder / "build",
        is_specimen=True,
        plan_options=PlanOptions(self_instruct_share=1 / 12),
    )
    pipeline.ask(pipeline.plan(settings, SilentReporter()), settings, SilentReporter())
    return next(pair for pair in pipeline.pairs(settings, SilentReporter()) if pair.question_type == "visual_features")


def quoted(pair: Pair) -> str:
    """Question and answer, as the README shows them."""
    return f"> **{pair.question}**\n>\n> {pair.answer}"


def main() -> None:
    """Writes both."""
    with tempfile.TemporaryDirectory() as name:
        picture(Path(name)).save(PICTURE, quality=88, optimize=True)
        text = quoted(first_pair(Path(name)))
    PAGE.write_text(PAIR.sub(lambda _: text, PAGE.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    main()
