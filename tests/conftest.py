"""What several test files need: drawn specimens, a release built from them, the real data where it is."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings

from dermasynth_builder import pipeline
from dermasynth_builder.core import registry
from dermasynth_builder.core.options import Settings
from dermasynth_builder.core.reporter import SilentReporter
from dermasynth_builder.invented.specimens.pad_ufes import write_pad_ufes
from tests.support.paths import ROOT
from tests.support.prose import hold_messages
from tests.support.recorder import Recorder
from tests.support.releases import Built

if TYPE_CHECKING:
    from tests.support.downloads import Drawn
    from tests.support.google_cloud import TokenEndpoint


# The same examples every time, so that a change is judged by what it changes; others with EXPLORE=1, to find more.
settings.register_profile("dermasynth", deadline=None, derandomize="EXPLORE" not in os.environ)
settings.load_profile("dermasynth")


@pytest.fixture
def recorder() -> Recorder:
    return Recorder()


@contextmanager
def unchanged(folder: Path) -> Iterator[None]:
    """Fails where a test has changed a folder that tests share, whoever runs them: root may write anywhere."""

    def stamps() -> dict[str, tuple[int, int]]:
        found = {path.relative_to(folder).as_posix(): path.stat() for path in folder.rglob("*") if path.is_file()}
        return {name: (stat.st_size, stat.st_mtime_ns) for name, stat in found.items()}

    before = stamps()
    yield
    assert stamps() == before, f"a test has changed {folder}, which tests share: it must work on a copy"


@pytest.fixture(scope="session")
def specimens(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A small drawn PAD-UFES-20 release of 24 images; tests must not change it."""
    raw = write_pad_ufes(tmp_path_factory.mktemp("raw"), images=24, side_px=64)
    with unchanged(raw):
        yield raw


@pytest.fixture(scope="session")
def build_release() -> Callable[..., Built]:
    """Builds `folder`/dermasynth from a raw release with the template engine."""

    def build(raw: Path, folder: Path, **changes: object) -> Built:
        settings = Settings(
            raw={"pad_ufes": raw},
            work=folder / "build",
            out=folder / "dermasynth",
            **changes,  # type: ignore[arg-type]  # a test's own settings
        )
        pipeline.build(settings, SilentReporter())
        return Built(folder, settings)

    return build


@pytest.fixture(scope="session")
def built(
    specimens: Path, build_release: Callable[..., Built], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Built]:
    """One release of the specimens with all three splits; tests must not change it."""
    done = build_release(specimens, tmp_path_factory.mktemp("built"), split_shares=(0.6, 0.2, 0.2))
    with unchanged(done.release):
        yield done


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder of real tables and images; skips where there is none."""
    folder = os.environ.get("DERMASYNTH_REAL_DATA")
    if not folder:
        pytest.skip("DERMASYNTH_REAL_DATA is not set")
    return Path(folder).resolve()


@pytest.fixture
def parrot(monkeypatch: pytest.MonkeyPatch) -> None:
    """Registers an engine `parrot` in which no model takes part."""
    monkeypatch.setitem(registry.ENGINES.shipped, "parrot", "tests.support.parrot:Parrot")


@pytest.fixture
def offered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> "Iterator[Callable[[str], Drawn]]":
    """Draws a source's release and offers it on a loopback server of its own."""
    from tests.support.downloads import offered_release
    from tests.support.loopback_archives import LoopbackArchives

    with LoopbackArchives() as archives:
        yield lambda source: offered_release(source, archives, tmp_path, monkeypatch)


@pytest.fixture
def google_cloud(
    tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> "Iterator[TokenEndpoint]":
    """Google Cloud's default credentials: a service account, whose tokens are made on loopback."""
    from tests.support.google_cloud import TokenEndpoint, forget_google_cloud, write_service_account

    folder = tmp_path_factory.mktemp("cloud")
    forget_google_cloud(monkeypatch, folder)
    with TokenEndpoint() as endpoint:
        key_file = write_service_account(folder / "key.json", endpoint.url)
        monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(key_file))
        yield endpoint


hold_messages()


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--write-golden", action="store_true", help="write tests/golden anew; then read the difference")


@pytest.fixture
def golden(request: pytest.FixtureRequest) -> Callable[[str, str], None]:
    """Compares a text with tests/golden/<name>."""

    def compare(name: str, text: str) -> None:
        path = ROOT / "tests" / "golden" / name
        if request.config.getoption("--write-golden"):
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        assert text == path.read_text(encoding="utf-8")

    return compare
