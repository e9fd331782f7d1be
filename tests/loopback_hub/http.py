"""Requests, answers and routes of the loopback Hub, as values: no socket is opened here."""

import json
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from urllib.parse import parse_qs, unquote, urlsplit

from tests.loopback_hub.store import HubError, HubStore

USER = "tester"
TOKEN = f"hf_test_{USER}"  # opens nothing but this server
HANG_UP = 0  # an answer of this status is none: the connection is closed
KINDS = {"repo": "[^/]+/[^/]+", "path": ".+"}  # what a route's placeholder matches, where not just one part


@dataclass(frozen=True, slots=True)
class Call:
    """One request."""

    method: str
    target: str  # path and query as sent, percent-encoded
    headers: Mapping[str, str]  # names in lower case
    body: bytes
    base_url: str  # of this server, without a trailing slash
    parts: Mapping[str, str] = field(default_factory=dict)  # what the route's placeholders match, decoded

    @property
    def path(self) -> str:
        """The target without its query."""
        return self.target.split("?")[0]

    @property
    def repo_id(self) -> str:
        """The repository in the path, `owner/name`."""
        return self.parts["repo"]

    @property
    def revision(self) -> str:
        """The revision in the path; the default branch where it names none."""
        return self.parts.get("revision", "main")

    def has_switch(self, name: str) -> bool:
        """Whether a switch of the query is on."""
        return parse_qs(urlsplit(self.target).query).get(name, [""])[0].lower() in ("true", "1")


@dataclass(frozen=True, slots=True)
class Answer:
    """One response; the server adds its length."""

    status: int = 200
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Route:
    """One endpoint."""

    method: str  # GET answers HEAD as well
    pattern: str  # {repo} matches owner/name, {path} any path, another placeholder one part
    reply: Callable[[HubStore, Call], Answer]
    needs_token: bool = False

    def match(self, call: Call) -> dict[str, str] | None:
        """What the placeholders stand for in the request's path; None where it is for another route."""
        expression = re.sub(
            r"\\{(\w+)\\}", lambda m: f"(?P<{m[1]}>{KINDS.get(m[1], '[^/]+')})", re.escape(self.pattern)
        )
        found = re.fullmatch(expression, call.path)
        if found is None or self.method != {"HEAD": "GET"}.get(call.method, call.method):
            return None
        return {name: unquote(part) for name, part in found.groupdict().items()}


def json_answer(value: object, *, status: int = 200) -> Answer:
    """A JSON response."""
    return Answer(status, json.dumps(value).encode(), {"Content-Type": "application/json"})


def refusal(error: HubError) -> Answer:
    """The response to a request that is refused: its message in body and header, as the Hub has them."""
    message = str(error).encode("ascii", "backslashreplace").decode()
    headers = {"Content-Type": "application/json", "X-Error-Message": message}
    if error.code:
        headers["X-Error-Code"] = error.code
    return Answer(error.status, json.dumps({"error": str(error)}).encode(), {**headers, **error.headers})


def answer(routes: Iterable[Route], store: HubStore, call: Call) -> Answer:
    """The response to one request; a refusal is a response, too."""
    try:
        return reply(routes, store, call)
    except HubError as error:
        return refusal(error)
    except (KeyError, TypeError, ValueError) as error:
        return refusal(HubError(400, f"{call.method} {call.path}: malformed request: {error!r}"))


def reply(routes: Iterable[Route], store: HubStore, call: Call) -> Answer:
    """What the first route that matches says, if this user may ask it."""
    for route in routes:
        if (parts := route.match(call)) is not None:
            matched = replace(call, parts=parts)
            require_access(route, store, matched)
            return route.reply(store, matched)
    raise HubError(501, f"The loopback Hub has no route for {call.method} {call.path}")


def require_access(route: Route, store: HubStore, call: Call) -> None:
    """Refuses a token that is none; reading is free, the rest asks for the token and for one's own repository."""
    if call.headers.get("authorization", f"Bearer {TOKEN}") != f"Bearer {TOKEN}":
        raise HubError(401, "Invalid credentials in Authorization header")
    if not route.needs_token:
        return
    if "authorization" not in call.headers:
        raise HubError(401, "Invalid username or password.")
    if "repo" in call.parts and not store.find(call.repo_id).repo_id.startswith(f"{USER}/"):
        raise HubError(403, "Forbidden: pass `create_pr=1` as a query parameter to create a Pull Request")
