"""Raw releases and replies full of hostile values become a release that does nothing to whoever meets it.

It is loaded, rendered, looked at in a browser, printed on a terminal and opened as tables.
"""

import csv
import json
import os
import pty
import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml
from markdown_it import MarkdownIt

from dermasynth_builder.core import registry
from dermasynth_builder.core.plain import INVISIBLE, hostile_in
from dermasynth_builder.release.folder import read_card
from dermasynth_builder.release.parquet import read_values
from tests.support.browser import CHROMIUM, Browser, browser
from tests.support.fake_service import KEY, command, environment
from tests.support.hostile import HostileGemini, spoil

pytestmark = pytest.mark.slow
IMAGES = 14
PAGES = ("README.md", "ATTRIBUTION.md", "LICENSE")


@dataclass(frozen=True)
class Hostile:
    """What came of it all."""

    raw: Path
    work: Path
    out: Path
    told: str  # on the terminal, by all commands


def run(*words: str | Path) -> str:
    """Runs a command that may find fault with the values, but not fall over; gives what it says."""
    variables = environment(PYTHONUTF8="1", GEMINI_API_KEY=KEY)
    done = subprocess.run(command(*words), env=variables, capture_output=True, check=False)
    told = (done.stdout + done.stderr).decode()  # strict
    assert "Traceback" not in told, told[-3000:]
    assert done.returncode in (0, 1, 3), told[-3000:]
    return told


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Hostile:
    folder = tmp_path_factory.mktemp("hostile")
    raw, work, out = folder / "raw", folder / "work", folder / "release"
    for name in registry.SPECIMENS:
        spoil(registry.specimens(name)(raw / name, images=IMAGES, side_px=16), name)
        (raw / name / ".dermasynth-specimens").unlink(missing_ok=True)
    sources = [word for name in registry.SPECIMENS for word in ("--raw", f"{name}={raw / name}")]
    where = ("--work", work, "--out", out)
    told = [run("audit", *registry.SPECIMENS, *sources, "--work", work)]
    told.append(run("plan", *registry.SPECIMENS, *sources, "--work", work, "--show", "20"))
    with HostileGemini() as fake:
        asked = ("--engine", "gemini", "--base-url", fake.url)
        for _ in range(2):  # what failed is asked again
            told.append(run("generate", *registry.SPECIMENS, *sources, *where, *asked, "--retry-rejected"))
        told.append(run("release", *registry.SPECIMENS, *sources, *where, *asked[:2], "--partial"))
    assert (out / "README.md").is_file(), told[-1][-3000:]
    told += [run("show", "all", "--out", out, "-n", "500"), run("failures", "--work", work, "-n", "1000")]
    told += [run("status", *where), run("report", *where), run("view", *where), run("review", "export", *where)]
    return Hostile(raw, work, out, "\n".join(told))


def test_the_terminal_is_told_in_characters_that_it_does_not_act_on(hostile: Hostile) -> None:
    assert "evil" in hostile.told
    found = [(line[:200], fault) for line in hostile.told.splitlines() if (fault := hostile_in(line, allowed="\t"))]
    assert found == []


@pytest.mark.parametrize("words", [("show", "all", "-n", "200", "--out", "OUT"), ("failures", "-n", "300")])
def test_a_real_terminal_meets_no_sequence_but_ours(words: tuple[str, ...], hostile: Hostile) -> None:
    master, slave = pty.openpty()
    shown = [str(hostile.out) if word == "OUT" else word for word in words]
    run_by = subprocess.Popen(
        command(*shown, "--work", hostile.work) if words[0] == "failures" else command(*shown),
        stdout=slave,
        stderr=slave,
        env=environment(TERM="xterm-256color", PYTHONUTF8="1"),
    )
    os.close(slave)
    content = b"".join(iter(lambda: _read(master), b""))
    assert run_by.wait() == 0
    told = re.sub(r"\x1b\[[\d;]*m", "", content.decode()).replace("\r\n", "\n")
    assert "evil" in told
    assert [line[:200] for line in told.splitlines() if hostile_in(line, allowed="\t")] == []


def _read(master: int) -> bytes:
    try:
        return os.read(master, 1 << 16)
    except OSError:  # the other end is closed
        return b""


def test_datasets_loads_all_of_it_and_no_text_holds_what_cannot_be_seen(
    hostile: Hostile, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import datasets

    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    configs = datasets.get_dataset_config_names(str(hostile.out))
    assert set(configs) >= {*registry.SPECIMENS, "all"}
    loaded = datasets.load_dataset(str(hostile.out), "all", cache_dir=str(tmp_path))
    rows = [row for split in loaded.values() for row in split.remove_columns("image")]
    assert len(rows) > 100
    texts = [text for row in rows for text in _texts(row)]
    assert [text[:100] for text in texts if hostile_in(text, allowed="\n")] == []
    assert [text[:100] for text in texts if INVISIBLE.search(text)] == []
    said = [turn["content"] for row in rows for turn in row["messages"]]
    assert [text for text in said if re.search(r"<\w|\]\(|=HYPERLINK|^[=@]", text)] == []
    assert max(map(len, texts)) < 30_000


def _texts(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for each in value.values():
            yield from _texts(each)
    elif isinstance(value, list):
        for each in value:
            yield from _texts(each)


def test_what_was_rejected_for_a_hostile_text_says_so_and_is_kept_as_it_came(hostile: Hostile) -> None:
    kept = "".join(path.read_text() for path in (hostile.work / "rejects").rglob("*") if path.is_file())
    for name in ("markup of a web page", "a formula of a spreadsheet"):
        assert name in kept
    ledger = "".join(path.read_text() for path in hostile.work.rglob("ledgers/*.jsonl"))
    for name in ("RIGHT-TO-LEFT OVERRIDE", "U+001B", "U+D800"):
        assert f"holds {name}" in ledger
    assert "window.evil=1" in ledger


def test_every_table_opens_and_no_cell_is_a_formula(hostile: Hostile) -> None:
    tables = [path for folder in (hostile.work, hostile.out) for path in folder.rglob("*.csv")]
    assert len(tables) > len(registry.SPECIMENS)
    for path in tables:
        with path.open(encoding="utf-8", newline="") as file:
            for row in csv.reader(file):
                assert [cell for cell in row if cell[:1] in set("=+-@\t\r") and not _is_number(cell)] == [], path
                assert [cell for cell in row if hostile_in(cell)] == [], path


def _is_number(cell: str) -> bool:
    try:
        return float(cell) == float(cell)
    except ValueError:
        return False


def test_the_metadata_of_the_card_are_ours(hostile: Hostile) -> None:
    _, block, _ = (hostile.out / "README.md").read_text().split("---\n", 2)
    told = yaml.safe_load(block)
    assert told["license"] == "other"
    assert "evil" not in json.dumps({name: each for name, each in told.items() if name != "license_name"})
    assert set(read_card(hostile.out)) >= set(registry.SPECIMENS)
    json.loads((hostile.out / "facts.json").read_text())
    assert {path.suffix for path in hostile.out.rglob("*") if path.is_file()} <= {
        *(".md", ".json", ".parquet", ".toml", ".csv", ".png", ".jpg", ".svg", ""),
    }


@pytest.fixture(scope="module")
def chromium(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    if not CHROMIUM:
        pytest.skip("no Chromium is installed")
    with browser(tmp_path_factory.mktemp("browser")) as made:
        yield made


@pytest.mark.parametrize("name", PAGES)
def test_the_pages_of_the_release_hold_no_element_of_a_stranger(
    name: str, hostile: Hostile, chromium: Browser, tmp_path: Path
) -> None:
    page = re.sub(r"\A---\n.*?\n---\n", "", (hostile.out / name).read_text(), flags=re.DOTALL)
    html = MarkdownIt("gfm-like", {"html": True}).render(page)
    shown = hostile.out.parent / f"{name}.html"
    shown.write_text(f"<!doctype html><meta charset=utf-8>{html}", encoding="utf-8")
    chromium.open(shown)
    assert name != "README.md" or "evil" in chromium.value("document.body.innerText")
    assert chromium.value("window.evil") is None
    assert chromium.value("document.scripts.length") == 0
    attributes = chromium.value(
        "[...document.querySelectorAll('*')].flatMap((each) => [...each.attributes].map((a) => a.name + '=' + a.value))"
    )
    assert [each for each in attributes if "evil" in each or each.startswith("on") or "javascript:" in each] == []
    headings = chromium.texts("h1, h2, h3, h4, h5, h6")
    assert [each for each in headings if "evil" in each] == []
    elements = chromium.value("[...new Set([...document.body.querySelectorAll('*')].map((each) => each.localName))]")
    assert not set(elements) & {"script", "iframe", "svg", "object", "embed", "form", "input", "style", "link", "base"}


def test_the_pages_for_persons_do_nothing_of_what_stands_in_them(hostile: Hostile, chromium: Browser) -> None:
    pages = sorted(hostile.work.rglob("*.html"))
    assert {path.name for path in pages} >= {"view.html", "report.html"}
    assert len(pages) >= 3
    for path in pages:
        chromium.open(path)
        assert chromium.value("window.evil") is None, path
        scripts = chromium.value("[...document.scripts].map((each) => each.src + each.type)")
        assert len(scripts) <= 2, path
        assert not any("http" in each for each in scripts)
        assert chromium.value("document.querySelectorAll('iframe, object, embed, base, svg[onload]').length") == 0
        assert chromium.value("[...document.querySelectorAll('*')].filter((e) => [...e.attributes].some((a) => "
                              "a.name.startsWith('on') || a.value.includes('javascript:'))).length") == 0  # fmt: skip
        assert chromium.complaints() == [], path


def test_the_values_of_the_rows_are_those_of_the_vocabularies(hostile: Hostile) -> None:
    for row in read_values(read_card(hostile.out)["all"].paths, ["pair_id", "image_id", "group_id", "diagnosis"]):
        assert all("\n" not in (each or "") and len(each or "") <= 600 for each in row.values())
