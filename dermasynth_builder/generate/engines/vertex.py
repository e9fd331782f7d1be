"""Reads Google Cloud's credentials and has tokens made of them. The way to Gemini on Vertex.

As in google-genai: Google Cloud's default credentials, GOOGLE_CLOUD_PROJECT or the credentials' own project, and
GOOGLE_CLOUD_LOCATION or `global`; an API key does not count. Tested against what that SDK sends, never against Google
itself.
"""

import asyncio
import os
from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING

from dermasynth_builder.core.errors import EngineError
from dermasynth_builder.core.options import EngineOptions
from dermasynth_builder.generate.engines.online.attempt import Outcome, Status
from dermasynth_builder.generate.foreign import shown

if TYPE_CHECKING:
    from google.auth.credentials import Credentials

GLOBAL = "global"
_MULTI_REGIONS = frozenset({"eu", "us"})
_VERSION = "v1beta1"  # google-genai's default
_SCOPE = "https://www.googleapis.com/auth/cloud-platform"
_TOKEN_TIMEOUT_S = 30.0
_LOG_IN = "run `gcloud auth application-default login`, or name a key file in GOOGLE_APPLICATION_CREDENTIALS"


def vertex_location() -> str:
    """Where models are asked; prices are another elsewhere than at `global`."""
    return os.environ.get("GOOGLE_CLOUD_LOCATION") or GLOBAL


class VertexAccess:
    """See `service.Access`."""

    def __init__(self, options: EngineOptions) -> None:
        """Raises EngineError where there are no credentials or no project."""
        self._credentials, project = _default_credentials()
        if not project:
            raise EngineError("no project of Google Cloud: set GOOGLE_CLOUD_PROJECT to the one that pays")
        location = vertex_location()
        base = (options.base_url or f"https://{_host(location)}").rstrip("/")
        versioned = base if base.endswith(("/v1", "/v1beta1")) else f"{base}/{_VERSION}"
        place = f"projects/{project}/locations/{location}/publishers/google"
        self.url = f"{versioned}/{place}/models/{options.model}:generateContent"
        self._renewal: asyncio.Task[Outcome | None] | None = None

    async def headers(self) -> Mapping[str, str] | Outcome:
        """Has an old token renewed, about once an hour: in a thread, once for all who wait for it."""
        if not self._credentials.valid:
            if self._renewal is None or self._renewal.done():
                self._renewal = asyncio.create_task(asyncio.to_thread(_renew, self._credentials))
            if fault := await self._renewal:
                return fault
        headers = {"Authorization": f"Bearer {self._credentials.token}", "Content-Type": "application/json"}
        payer = self._credentials.quota_project_id
        return headers | ({"x-goog-user-project": payer} if payer else {})


def _host(location: str) -> str:
    if location == GLOBAL:
        return "aiplatform.googleapis.com"
    if location in _MULTI_REGIONS:
        return f"aiplatform.{location}.rep.googleapis.com"
    return f"{location}-aiplatform.googleapis.com"


def _default_credentials() -> "tuple[Credentials, str | None]":
    """The credentials and their project, GOOGLE_CLOUD_PROJECT first. Raises EngineError."""
    import google.auth
    from google.auth.exceptions import GoogleAuthError

    fault: Exception
    try:
        return google.auth.default(scopes=[_SCOPE])
    except GoogleAuthError as error:
        told, fault = _told(error), error
    except OSError as error:
        told, fault = f"{error.filename}: {error.strerror}", error
    except (AttributeError, TypeError) as error:  # what it raises for JSON of another form
        told, fault = "their file is not in the form of credentials", error
    raise EngineError(f"no credentials of Google Cloud: {told}; {_LOG_IN}") from fault


def _renew(credentials: "Credentials") -> Outcome | None:
    """Has a token made; gives why there is none."""
    from google.auth.exceptions import GoogleAuthError, TransportError
    from google.auth.transport.requests import Request as Transport

    transport = Transport()
    transport.session.auth = lambda request: request  # or requests sends what .netrc holds
    transport.session.max_redirects = 0  # what proves who we are goes to nobody else
    try:
        credentials.refresh(partial(transport, timeout=_TOKEN_TIMEOUT_S))  # type: ignore[no-untyped-call]  # google-auth's
    except GoogleAuthError as error:
        if isinstance(error, TransportError) or error.retryable:
            return Outcome(Status.SERVER_ERROR, reason=f"connection: no token of Google Cloud: {_told(error)}")
        return Outcome(Status.FATAL, reason=f"no token of Google Cloud: {_told(error)}; {_LOG_IN}")
    except (TypeError, ValueError):  # it raises them for an answer that is no JSON
        return Outcome(Status.SERVER_ERROR, reason="connection: no token of Google Cloud: the answer cannot be read")
    return None


def _told(error: Exception) -> str:
    """Its first argument; the others may hold what a file or a service said."""
    return shown(str(next(iter(error.args), type(error).__name__))).rstrip(". ")
