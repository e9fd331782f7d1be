"""What goes out by any door but the Hub's: engines, logins, tuned models. Keys go to the address that was named, and
nothing that nobody named goes with them.
"""

from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path

import pytest

from dermasynth_builder.core import registry
from dermasynth_builder.core.errors import DermaSynthError
from dermasynth_builder.core.options import BatchOptions, EngineOptions
from dermasynth_builder.core.protocols import EngineContext
from dermasynth_builder.generate.engines.batch import cancel_batches
from dermasynth_builder.generate.run import Run
from dermasynth_builder.train.evaluate.predict import Question, answerer
from dermasynth_builder.train.options import PredictOptions
from tests.support.fake_service import picture_requests
from tests.support.google_cloud import forget_google_cloud, write_service_account
from tests.support.listener import listening, tempt

KEY = "AIza-a-key-that-nobody-may-see"
PASSWORD = "a-password-of-netrc"  # noqa: S105 - invented
LOGIN = "a login at Google Cloud"
Door = Callable[[str, Path, pytest.MonkeyPatch], None]


def ask(engine: str, url: str, folder: Path, _: pytest.MonkeyPatch, *, is_vertex: bool = False) -> None:
    options = EngineOptions(model="m", base_url=url, timeout_s=5, is_vertex=is_vertex, batch=BatchOptions(poll_s=0.01))
    context = EngineContext(folder / "batches", wait=lambda _: None)
    list(registry.engine(engine, options, context).answer(picture_requests(folder, 1), Run()))


def log_in(url: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Has a token made at the address that the key file names."""
    forget_google_cloud(monkeypatch, folder)
    key_file = write_service_account(folder / "account.json", url)
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(key_file))
    with suppress(DermaSynthError):
        ask("gemini", "http://127.0.0.1:9", folder, monkeypatch, is_vertex=True)


def cancel(url: str, folder: Path, _: pytest.MonkeyPatch) -> None:
    cancel_batches(folder / "batches" / "gemini_batch-0.sqlite", EngineOptions(base_url=url, timeout_s=5))


def predict(url: str, folder: Path, _: pytest.MonkeyPatch) -> None:
    question: Question = ("What is it?", None)
    answerer("m", PredictOptions(items=folder, base_url=url))([question])


ENGINES = [name for name in registry.ENGINES if registry.engine(name, EngineOptions(model="m")).is_model]
DOORS: dict[str, Door] = {
    **{name: partial(ask, name) for name in ENGINES},
    LOGIN: log_in,
    "cancel": cancel,
    "evaluate predict": predict,
}
"""All that ask an address which a user names; those of the Hub are in `test_doors_of_the_hub`."""
OF_A_USER = [name for name in DOORS if name != LOGIN]  # whose address stands in Google's key file


@pytest.fixture(autouse=True)
def keys(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GOOGLE_API_KEY", raising=False)
    for name in ("GEMINI_API_KEY", "OPENAI_API_KEY"):
        monkeypatch.setenv(name, f"{KEY}\n")  # as a file of secrets is read by many


def knock(name: str, url: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Goes through a door behind which nobody answers well; gives what is said of it."""
    with pytest.raises(DermaSynthError) as told:
        DOORS[name](url, folder, monkeypatch)
    return str(told.value)


@pytest.mark.parametrize("name", [pytest.param(name, marks=[pytest.mark.slow] * (name == LOGIN)) for name in DOORS])
def test_nothing_is_sent_on_to_another_address(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with listening() as (elsewhere, came_elsewhere), listening(elsewhere) as (url, came):
        if name == LOGIN:
            DOORS[name](url, tmp_path, monkeypatch)
        else:
            assert KEY not in knock(name, url, tmp_path, monkeypatch)
    assert came
    assert came_elsewhere == []
    assert name == LOGIN or all(KEY.encode() in each for each in came)


@pytest.mark.parametrize("name", [pytest.param(name, marks=[pytest.mark.slow] * (name == LOGIN)) for name in DOORS])
def test_passwords_of_netrc_and_proxies_of_the_environment_see_nothing(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    netrc = f"machine 127.0.0.1 login me password {PASSWORD}\ndefault login me password {PASSWORD}\n"
    with listening() as (proxy, passed), listening() as (url, came):
        tempt(monkeypatch, tmp_path, proxy, netrc)
        if name == LOGIN:  # it holds no key, and goes as Google's library sends it
            DOORS[name](url, tmp_path, monkeypatch)
            came += passed
        else:
            knock(name, url, tmp_path, monkeypatch)
            assert passed == []
    assert came
    assert not [each for each in came if b"authorization: basic" in each.lower()]


@pytest.mark.parametrize("name", OF_A_USER)
@pytest.mark.parametrize(
    "address", ["http://me:PASSW0RD@{}", "http://192.0.2.1", "ftp://me:PASSW0RD@{}", "http://{}/?key=PASSW0RD"]
)
def test_what_is_no_safe_address_is_refused_before_anything_is_sent(
    name: str, address: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with listening() as (url, came), pytest.raises((DermaSynthError, ValueError)) as told:
        DOORS[name](address.format(url.removeprefix("http://")), tmp_path, monkeypatch)
    assert came == []
    assert "PASSW0RD" not in str(told.value)


@pytest.mark.parametrize("name", OF_A_USER)
def test_a_key_that_no_header_holds_ends_the_run_untold(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for variable in ("GEMINI_API_KEY", "OPENAI_API_KEY"):
        monkeypatch.setenv(variable, "first-part\r\nX-Second: part")
    with listening() as (url, came):
        told = knock(name, url, tmp_path, monkeypatch)
    assert came == []
    assert "first-part" not in told
