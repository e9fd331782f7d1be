"""Twenty photographs that tell of a person in every corner of their files, and a table that does: nothing of it is
published, and nothing of it reaches a service.
"""

import base64
import json
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path

import pytest
from aiohttp import web
from PIL import Image

from dermasynth_builder.invented.fake_gemini.service import FakeGemini
from dermasynth_builder.release.folder import read_card
from dermasynth_builder.release.parquet import read_rows
from tests.support.fake_service import run_command
from tests.support.told_pictures import TOLD, told_in, write_told_pictures

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore:Image appears to be a malformed MPO file")]
_OF_THE_PICTURE = {
    *("jfif", "jfif_version", "jfif_unit", "jfif_density", "dpi", "progressive", "progression"),
    *("adobe", "adobe_transform", "icc_profile", "transparency", "exif"),
}
_LONG = re.compile(rb"[A-Za-z0-9+/]{200,}={0,2}")


@dataclass
class ListeningGemini(FakeGemini):
    """Keeps all that comes, heads and bodies."""

    came: list[bytes] = field(default_factory=list)

    def application(self) -> web.Application:
        """The routes, with somebody who listens."""
        made = super().application()

        @web.middleware
        async def listen(
            request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
        ) -> web.StreamResponse:
            self.came.append(f"{request.path_qs}\n{request.headers}\n".encode() + await request.read())
            return await handler(request)

        made.middlewares.insert(0, listen)
        return made


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_told_pictures(tmp_path_factory.mktemp("told") / "raw")


def test_the_photographs_do_tell(told: Path) -> None:
    paths = [path for path in told.iterdir() if path.suffix in (".jpg", ".png")]
    assert len(paths) == 20
    for path in paths:
        assert set(TOLD) <= set(told_in(path.read_bytes()))
        with Image.open(path) as image:
            image.load()


@pytest.mark.parametrize(
    ("engine", "more"),
    [
        ("gemini", ()),
        ("gemini", ("--max-side", "512")),
        ("gemini_batch", ("--max-side", "512", "--image-side", "256")),
        ("openai", ("--image-side", "256")),
    ],
)
def test_nothing_of_a_person_is_published_or_sent(
    engine: str, more: tuple[str, ...], told: Path, tmp_path: Path
) -> None:
    out = tmp_path / "release"
    with ListeningGemini() as fake:
        given = ("--recipe", told / "recipe.toml", "--raw", f"folder={told}", "--work", tmp_path / "work", "--out", out)
        asked = ("--engine", engine, "--model", "gemini-3.8-flash", "--base-url", fake.url, "--poll", "0.05")
        done = run_command("build", "folder", *given, *asked, *more)
    assert out.is_dir(), done.stdout + done.stderr
    sent = b"\n".join(fake.came)
    pictures = [base64.b64decode(each.group()) for each in _LONG.finditer(sent) if len(each.group()) % 4 == 0]
    pictures = [each for each in pictures if each.startswith((b"\xff\xd8", b"\x89PNG"))]
    assert len(pictures) >= 20
    assert [told_in(each) for each in (sent, *pictures) if told_in(each)] == []
    assert not re.search(rb"photo_\d\d\d|patient_\d{4}|" + re.escape(str(told).encode()), sent)
    require_nothing_told(out)


def require_nothing_told(release: Path) -> None:
    for path in release.rglob("*"):
        assert not path.is_file() or told_in(path.read_bytes()) == [], path
    shards = [path for files in read_card(release)["folder"].files.values() for path in files]
    images = {row["image"]["bytes"] for row in read_rows(shards)}
    assert 15 <= len(images) <= 20  # what the service has invented may be that an image is unfit
    for content in images:
        assert told_in(content) == []
        with Image.open(BytesIO(content)) as image:
            assert not image.info.keys() - _OF_THE_PICTURE
            assert set(image.getexif()) <= {0x0112}  # how it is turned
    assert not told_in(json.dumps([{**row, "image": None} for row in read_rows(shards)], default=str).encode())
