"""What goes to the Hub, by each command that asks it: its token goes to HF_ENDPOINT alone, nothing else goes along."""

import json
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

import huggingface_hub.constants
import pytest

from dermasynth_builder.core.errors import DermaSynthError
from dermasynth_builder.core.hub_options import PushOptions
from dermasynth_builder.core.reporter import SilentReporter
from dermasynth_builder.release.push import push
from dermasynth_builder.report.proof import fetched
from dermasynth_builder.train.evaluate.predict import answerer
from dermasynth_builder.train.options import PredictOptions, PushModelOptions, TrainOptions
from dermasynth_builder.train.push_model import push_model
from dermasynth_builder.train.sft import train
from tests.support.listener import listening, tempt
from tests.support.releases import Built
from tests.support.run_cards import CARD

TOKEN = "hf_a-token-that-nobody-may-see"  # noqa: S105 - invented
PASSWORD = "a-password-of-netrc"  # noqa: S105 - invented
Door = Callable[[Built, Path], object]


def push_release(built: Built, _: Path) -> None:
    options = PushOptions(built.release, "me/derma", is_template_allowed=True, is_without_statistics=True)
    push(options, SilentReporter())


def push_tuned(_: Built, folder: Path) -> None:
    (folder / "run.json").write_text(json.dumps(CARD))
    push_model("me/Llama-derma", PushModelOptions(model=folder), SilentReporter())


def verify(_: Built, folder: Path) -> None:
    fetched("me/derma@v1", folder)


def tune(built: Built, folder: Path) -> None:
    train("me/model", built.release, TrainOptions(to=folder / "model", context="closed"), report=SilentReporter())


def answer(_: Built, __: Path) -> None:
    answerer("me/model", PredictOptions())


MODELS: dict[str, Door] = {"train": tune, "evaluate predict, invented and compare": answer}
"""What loads a model. Of its files transformers asks the head first, and follows that to no other address at all."""
DOORS: dict[str, Door] = {"push": push_release, "push-model": push_tuned, "verify": verify}
if find_spec("torch"):  # make test-train has it
    DOORS |= MODELS


def knock(name: str, built: Built, folder: Path) -> str:
    """Goes to a Hub where nothing is; gives what is said of it."""
    with pytest.raises(DermaSynthError) as told:
        DOORS[name](built, folder)
    return str(told.value)


@pytest.fixture(autouse=True)
def token(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_TOKEN", TOKEN)


def ask_at(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """As HF_ENDPOINT does, which is read when huggingface_hub is imported."""
    monkeypatch.setattr(huggingface_hub.constants, "ENDPOINT", address)
    monkeypatch.setattr(
        huggingface_hub.constants,
        "HUGGINGFACE_CO_URL_TEMPLATE",
        f"{address}/{{repo_id}}/resolve/{{revision}}/{{filename}}",
    )


@pytest.mark.parametrize("name", DOORS)
@pytest.mark.parametrize(
    "address", ["http://hub.example.org", "https://me:PASSW0RD@hub.example.org", "ftp://127.0.0.1", "http://127.1"]
)
def test_nothing_goes_to_a_hub_at_no_safe_address(
    name: str, address: str, built: Built, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ask_at(address, monkeypatch)
    told = knock(name, built, tmp_path)
    assert "HF_ENDPOINT: " in told
    assert "PASSW0RD" not in told


@pytest.mark.parametrize("name", DOORS)
def test_a_hub_that_leads_elsewhere_keeps_the_token(
    name: str, built: Built, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with listening() as (elsewhere, came_elsewhere), listening(elsewhere) as (url, came):
        ask_at(url, monkeypatch)
        told = knock(name, built, tmp_path)
    assert TOKEN.encode() in b"".join(came)
    assert TOKEN.encode() not in b"".join(came_elsewhere)
    assert TOKEN not in told


@pytest.mark.parametrize("name", DOORS)
@pytest.mark.parametrize("elsewhere", ["http://192.0.2.1", "http://me:PASSW0RD@127.0.0.1:9"])
def test_a_hub_that_leads_to_no_safe_address_is_not_followed(
    name: str, elsewhere: str, built: Built, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with listening(elsewhere) as (url, came):
        ask_at(url, monkeypatch)
        told = knock(name, built, tmp_path)
    assert came
    assert name in MODELS or "the Hub leads to an address that is not asked: " in told
    assert "PASSW0RD" not in told


@pytest.mark.parametrize("name", DOORS)
def test_passwords_of_netrc_and_proxies_of_the_environment_see_nothing_of_it(
    name: str, built: Built, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    netrc = f"default login me password {PASSWORD}\n"
    with listening() as (proxy, passed), listening() as (url, came):
        tempt(monkeypatch, tmp_path, proxy, netrc)
        ask_at(url, monkeypatch)
        knock(name, built, tmp_path)
    assert came
    assert passed == []
    assert not [each for each in came if b"authorization: basic" in each.lower()]
