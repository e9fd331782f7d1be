"""README and docs/ say what is so: every command and every Python block in them runs, page by page, in order."""

import glob
import re
import shlex
import shutil
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import datasets
import pytest

from dermasynth_builder.cli import COMMANDS, main
from dermasynth_builder.core import registry
from dermasynth_builder.generate.prices import load_prices
from dermasynth_builder.invented.fake_gemini.service import FakeGemini
from tests.loopback_hub.client import run_process
from tests.loopback_hub.hub import LoopbackHub
from tests.loopback_hub.push import REPO
from tests.support.downloads import Drawn
from tests.support.google_cloud import TokenEndpoint
from tests.support.paths import ROOT

README, DOCS = ROOT / "README.md", sorted((ROOT / "docs").glob("*.md"))
PAGES = [README, *DOCS]
FENCED = re.compile(r"^```(sh|python)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
OTHERS = ("make ", "gcloud ", "pytest ", "pip ", "hf ")  # programs that a page names, and that do not run here
FAKE_URL = "http://127.0.0.1:8099"  # of `dermasynth fake-gemini`
OWN_URL = "http://127.0.0.1:8000"  # of a server that the reader has
FROM_NOTHING = {"README.md", "build.md", "source.md"}
"""Pages whose reader has not built a release yet."""
USER = REPO.partition("/")[0]
RUN = "from dermasynth_builder.cli import main; raise SystemExit(main())"


def blocks_of(page: Path) -> list[tuple[str, str]]:
    return FENCED.findall(page.read_text(encoding="utf-8"))


def lines_of(block: str) -> list[str]:
    return [line for line in block.replace("\\\n", " ").splitlines() if line.strip()]


@dataclass
class Reader:
    """Somebody who does what a page says, in the current folder."""

    monkeypatch: pytest.MonkeyPatch
    url: str  # of a service that invents its answers
    hub: LoopbackHub
    names: dict[str, Any] = field(default_factory=dict)  # of the Python blocks

    def does(self, language: str, block: str) -> None:
        if language == "python":
            exec(compile(block, "a block of the page", "exec"), self.names)  # noqa: S102 - our own pages
            return
        for line in lines_of(block):
            self.enters(line)

    def enters(self, line: str) -> None:
        words = shlex.split(line, comments=True)
        if words[0] == "export":
            for name, _, value in (word.partition("=") for word in words[1:]):
                self.monkeypatch.setenv(name, value)
        elif not line.startswith(OTHERS):
            assert words[0] == "dermasynth", line
            assert self.runs(words[1:]) == 0, line

    def runs(self, words: list[str]) -> int:
        if words[0] == "fake-gemini":  # it runs already, and would not end
            return 0
        words = [self.url if word in (FAKE_URL, OWN_URL) else word for word in words]
        if "push" in words:
            words = [word.replace("USER/", f"{USER}/") for word in words]
            ended = run_process(self.hub, Path("home").resolve(), sys.executable, "-c", RUN, *words)
            assert ended.code == 0, ended.err
            return ended.code
        if (words[0] == "cancel" or {"gemini", "gemini_batch"} & {*words}) and words[0] != "release":
            words = words if "--base-url" in words else [*words, "--base-url", self.url]  # in place of Google
        words += ["--poll", "0.05"] if "gemini_batch" in words else []
        return main([path for word in words for path in (sorted(glob.glob(word)) or [word])])


@pytest.fixture(scope="module")
def hub() -> Iterator[LoopbackHub]:
    with LoopbackHub() as hub:
        yield hub


@pytest.fixture
def reader(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    google_cloud: TokenEndpoint,
    offered: Callable[[str], Drawn],
    hub: LoopbackHub,
) -> Iterator[Reader]:
    """In a folder with two raw releases and a price table, before a loopback host of downloads."""
    offered("hiba")
    here = tmp_path / "here"
    for source, images in {"pad_ufes": 18, "hiba": 6}.items():
        registry.specimens(source)(here / "data" / source, images=images)
    shutil.copy(ROOT / "dermasynth_builder" / "generate" / "prices.toml", here)
    monkeypatch.chdir(here)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "cache")
    monkeypatch.setenv("GOOGLE_CLOUD_PROJECT", "x")
    for name in ("GEMINI_API_KEY", "GOOGLE_API_KEY", "GOOGLE_CLOUD_LOCATION"):
        monkeypatch.delenv(name, raising=False)
    with FakeGemini() as fake:
        yield Reader(monkeypatch, fake.url, hub)


@pytest.mark.slow
@pytest.mark.parametrize("page", [page for page in PAGES if blocks_of(page)], ids=lambda page: page.name)
def test_every_command_of_a_page_runs(page: Path, reader: Reader, capsys: pytest.CaptureFixture[str]) -> None:
    if page.name not in FROM_NOTHING:
        assert main(["init"]) == 0
        assert main(["build"]) == 0
    for language, block in blocks_of(page):
        reader.does(language, block)
    assert "Traceback" not in "".join(capsys.readouterr())


def test_the_pages_name_only_commands_and_targets_that_exist() -> None:
    makefile = (ROOT / "Makefile").read_text("utf-8")
    for page in PAGES:
        text = page.read_text("utf-8")
        named = re.findall(r"^ *dermasynth ([\w-]+)|`dermasynth ([a-z][\w-]*)", text, re.MULTILINE)
        assert {one or other for one, other in named} <= {name.partition(" ")[0] for name in COMMANDS}, page
        for target in set(re.findall(r"^make ([a-z-]+)|`make ([a-z-]+)", text, re.MULTILINE)):
            assert re.search(rf"^{''.join(target)}:", makefile, re.MULTILINE), target


def test_the_pages_links_lead_somewhere() -> None:
    for page in [*PAGES, ROOT / "CONTRIBUTING.md", ROOT / "SECURITY.md"]:
        for target in re.findall(r"\]\(([^)\s]+)\)", page.read_text("utf-8")):
            address, _, anchor = target.partition("#")
            if address.startswith("https://"):
                continue
            path = (page.parent / unquote(address)).resolve() if address else page
            assert path.exists(), f"{page.name}: {target}"
            assert not anchor or anchor in anchors_of(path), f"{page.name}: {target}"


def anchors_of(page: Path) -> set[str]:
    """What GitHub makes of the headings."""
    headings = re.findall(r"^#+ (.+)$", page.read_text("utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_the_readme_is_short_and_begins_with_two_commands() -> None:
    text = README.read_text("utf-8")
    assert len(text.split()) <= 900
    assert blocks_of(README)[0] == ("sh", "make demo\nmake test\n")


def test_the_questions_are_no_fewer_than_the_pages_claim() -> None:
    from dermasynth_builder.plan.questions import load_prompt_book
    from dermasynth_builder.report.questions import bank_report

    report = bank_report(load_prompt_book())
    [(wordings, types)] = re.findall(
        r"more than (\d+) wordings of (\d+) types", (ROOT / "docs" / "build.md").read_text("utf-8")
    )
    assert report["wordings"] > int(wordings)
    assert report["types"] >= int(types)


def test_the_models_that_the_pages_name_have_prices() -> None:
    named = {name for page in PAGES for name in re.findall(r"gemini-\d[\w.-]+\w", page.read_text("utf-8"))}
    assert named
    assert named <= load_prices().models.keys()


@pytest.mark.slow
def test_the_picture_and_its_pair_are_what_is_drawn_and_said(tmp_path: Path) -> None:
    from importlib.util import module_from_spec, spec_from_file_location

    from PIL import Image, ImageChops, ImageStat

    spec = spec_from_file_location("picture", ROOT / "docs" / "picture.py")
    assert spec
    assert spec.loader
    script = module_from_spec(spec)
    spec.loader.exec_module(script)
    with Image.open(script.PICTURE) as shown:
        apart = ImageChops.difference(shown, script.picture(tmp_path))
    assert max(ImageStat.Stat(apart).mean) < 5, "the specimens have changed: run `make picture`"
    pair = script.quoted(script.first_pair(tmp_path))
    assert pair in README.read_text("utf-8"), "the answer has changed: run `make picture`"
    assert script.PICTURE.stat().st_size < 300_000
