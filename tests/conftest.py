"""What several test files need: drawn specimens, a release built from them, the real data where it is."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from dermasynth_builder import pipeline
from dermasynth_builder.progress import SilentReporter
from dermasynth_builder.settings import Settings
from dermasynth_builder.specimens import write_pad_ufes

if TYPE_CHECKING:
    from downloading import Drawn
    from google_cloud import TokenEndpoint

ROOT = Path(__file__).resolve().parent.parent


@dataclass
class Recorder(SilentReporter):
    """A reporter that keeps what it is told."""

    said: list[str] = field(default_factory=list)
    warned: list[str] = field(default_factory=list)

    def say(self, line: str) -> None:
        self.said.append(line)

    def warn(self, line: str) -> None:
        self.warned.append(line)


@pytest.fixture
def recorder() -> Recorder:
    return Recorder()


@pytest.fixture(scope="session")
def specimens(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small drawn PAD-UFES-20 release of 24 images; tests must not change it."""
    return write_pad_ufes(tmp_path_factory.mktemp("raw"), images=24, side_px=64)


@dataclass(frozen=True)
class Built:
    """A release built from specimens: call `load_dataset("dermasynth", "pad_ufes")` in `folder`."""

    folder: Path
    settings: Settings

    @property
    def release(self) -> Path:
        return self.folder / "dermasynth"


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
def built(specimens: Path, build_release: Callable[..., Built], tmp_path_factory: pytest.TempPathFactory) -> Built:
    """One release of the specimens with all three splits; tests must not change it."""
    return build_release(specimens, tmp_path_factory.mktemp("built"), split_shares=(0.6, 0.2, 0.2))


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder of real tables and images; skips where there is none."""
    folder = os.environ.get("DERMASYNTH_REAL_DATA")
    if not folder:
        pytest.skip("DERMASYNTH_REAL_DATA is not set")
    return Path(folder).resolve()


@pytest.fixture
def offered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> "Iterator[Callable[[str], Drawn]]":
    """Draws a source's release and offers it on a loopback server of its own."""
    from downloading import offered_release
    from loopback_archives import LoopbackArchives

    with LoopbackArchives() as archives:
        yield lambda source: offered_release(source, archives, tmp_path, monkeypatch)


@pytest.fixture
def google_cloud(
    tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> "Iterator[TokenEndpoint]":
    """Google Cloud's default credentials: a service account, whose tokens are made on loopback."""
    from google_cloud import TokenEndpoint, forget_google_cloud, write_service_account

    folder = tmp_path_factory.mktemp("cloud")
    forget_google_cloud(monkeypatch, folder)
    with TokenEndpoint() as endpoint:
        key_file = write_service_account(folder / "key.json", endpoint.url)
        monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(key_file))
        yield endpoint


def python_for(datasets_version: str) -> str:
    """The interpreter with that major version of `datasets`; skips where there is none."""
    if datasets_version == "5":
        return sys.executable
    interpreter = os.environ.get("DERMASYNTH_DATASETS3")
    if not interpreter:
        pytest.skip("DERMASYNTH_DATASETS3 names no Python with datasets 3.6; `make test` sets one up")
    return interpreter


def run_python(interpreter: str, *words: str, cwd: Path, hf_home: Path, **variables: str) -> str:
    """Output of a Python process of its own, offline, with its own cache; fails the test if it fails."""
    environment = os.environ | {"HF_HOME": str(hf_home), "HF_HUB_OFFLINE": "1"} | variables
    done = subprocess.run([interpreter, *words], cwd=cwd, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout


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
