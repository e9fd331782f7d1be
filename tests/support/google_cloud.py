"""Google Cloud's side of a login on loopback: a service account's key file, and the endpoint that makes its tokens."""

import json
from dataclasses import dataclass, field
from functools import cache, partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Event, Thread
from typing import Any, Self
from urllib.parse import parse_qs

import pytest
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from tests.support.fake_service import answer_json

PROJECT, PAYER, LOCATION = "an-invented-project", "an-invented-payer", "europe-west4"
TOKEN = "ya29.a-token-that-nobody-may-see"  # noqa: S105 - invented; a number follows
REFRESH_TOKEN = "1//a-refresh-token-that-nobody-may-see"  # noqa: S105 - invented
_POLL_S = 0.01  # how soon it sees that it is to end
REFUSED = 400, {"error": "invalid_grant", "error_description": "Invalid JWT Signature."}


@dataclass
class TokenEndpoint:
    """Makes tokens, and keeps what it was asked for them. It runs in a `with` block."""

    lives_s: list[int] = field(default_factory=list)  # of the first tokens; all others live an hour
    refusal: tuple[int, Any] | None = None  # status and content, in place of a token
    released: Event = field(default_factory=Event)  # answers wait for it
    was_released: bool = True  # whether it came while they waited
    asked: list[dict[str, list[str]]] = field(default_factory=list)
    url: str = ""

    def answer(self, asked: dict[str, list[str]]) -> tuple[int, Any]:
        """Status and content."""
        self.asked.append(asked)
        number = len(self.asked)
        self.was_released &= self.released.wait(10)
        lives_s = self.lives_s[number - 1] if number <= len(self.lives_s) else 3600
        token = {"access_token": f"{TOKEN}-{number}", "expires_in": lives_s, "token_type": "Bearer"}
        return self.refusal or (200, token)

    def __enter__(self) -> Self:
        self.released.set()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Handler, self))
        self._thread = Thread(target=self._server.serve_forever, args=(_POLL_S,))
        self._thread.start()
        self.url = f"http://127.0.0.1:{self._server.server_port}/token"
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


class _Handler(BaseHTTPRequestHandler):
    def __init__(self, endpoint: TokenEndpoint, *given: Any) -> None:
        self._endpoint = endpoint
        super().__init__(*given)

    def do_POST(self) -> None:
        asked = self.rfile.read(int(self.headers["content-length"])).decode()
        status, content = self._endpoint.answer(parse_qs(asked))
        answer_json(self, status, content)

    def log_message(self, format: str, *args: Any) -> None:
        pass


@cache
def private_key() -> str:
    """A new RSA key in PEM, the same as long as the tests run."""
    key = generate_private_key(public_exponent=65537, key_size=2048)
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


def write_service_account(path: Path, token_url: str, **changes: str | None) -> Path:
    """A key file as Google Cloud hands it out; a change to None leaves the member out."""
    members = {
        "type": "service_account",
        "project_id": PROJECT,
        "private_key_id": "0123456789abcdef",
        "private_key": private_key(),
        "client_email": f"tester@{PROJECT}.iam.gserviceaccount.com",
        "client_id": "123456789",
        "token_uri": token_url,
    } | changes
    path.write_text(json.dumps({name: value for name, value in members.items() if value is not None}))
    return path


def write_user(path: Path) -> Path:
    """What `gcloud auth application-default login` leaves behind; Google's own endpoint is fixed for it."""
    members = {
        "type": "authorized_user",
        "client_id": "an-invented-client",
        "client_secret": "an-invented-secret",
        "refresh_token": REFRESH_TOKEN,
        "quota_project_id": PAYER,
    }
    path.write_text(json.dumps(members))
    return path


def forget_google_cloud(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    """Nothing of the machine's own: no keys, no login, no metadata server."""
    names = ("APPLICATION_CREDENTIALS", "CLOUD_PROJECT", "CLOUD_LOCATION", "CLOUD_QUOTA_PROJECT", "API_KEY")
    for name in names:
        monkeypatch.delenv(f"GOOGLE_{name}", raising=False)
    monkeypatch.delenv("GEMINI_API_KEY", raising=False)
    monkeypatch.setenv("CLOUDSDK_CONFIG", str(folder / "gcloud"))
    monkeypatch.setenv("NO_GCE_CHECK", "true")


def secrets() -> tuple[str, ...]:
    """What may be seen nowhere."""
    return (TOKEN, REFRESH_TOKEN, "an-invented-secret", *private_key().splitlines()[1:-1])
