"""The loopback Hub keeps the rules of the real one that no client shows by itself."""

import base64
import hashlib
import json
from collections.abc import Iterator, Mapping
from contextlib import closing
from http.client import HTTPConnection, RemoteDisconnected
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.loopback_hub.hub import HANG_UP, TOKEN, HubError, LoopbackHub, RecordedRequest

REPO = "tester/dermasynth"
API = f"/api/datasets/{REPO}"
AUTHORIZED = {"Authorization": f"Bearer {TOKEN}"}
SHARD = b"PAR1 and so on"
SHARD_OID = hashlib.sha256(SHARD).hexdigest()


def ask(
    hub: LoopbackHub, method: str, path: str, body: object = b"", *, headers: Mapping[str, str] = AUTHORIZED
) -> tuple[int, dict[str, str], bytes]:
    """Status, headers and body of one answer; a body that is no bytes is sent as JSON."""
    sent = body if isinstance(body, bytes) else json.dumps(body).encode()
    with closing(HTTPConnection(urlsplit(hub.url).netloc, timeout=10)) as connection:
        connection.request(method, path, sent, dict(headers))
        response = connection.getresponse()
        return response.status, dict(response.getheaders()), response.read()


def commit(hub: LoopbackHub, key: str, **value: str) -> tuple[int, dict[str, str], bytes]:
    """The answer to a commit of one edit."""
    lines = ({"key": "header", "value": {"summary": key}}, {"key": key, "value": value})
    return ask(hub, "POST", f"{API}/commit/main", b"\n".join(json.dumps(line).encode() for line in lines))


@pytest.fixture
def hub() -> Iterator[LoopbackHub]:
    """A Hub whose one repository holds hello.txt, in git, and train.parquet, in LFS."""
    with LoopbackHub() as hub:
        ask(hub, "POST", "/api/repos/create", {"type": "dataset", "name": "dermasynth"})
        commit(hub, "file", path="notes/hello.txt", content=base64.b64encode(b"hello\n").decode())
        announced = {"objects": [{"oid": SHARD_OID, "size": len(SHARD)}]}
        ask(hub, "POST", f"/datasets/{REPO}.git/info/lfs/objects/batch", announced)
        ask(hub, "PUT", f"/lfs-objects/{REPO}/{SHARD_OID}", SHARD)
        commit(hub, "lfsFile", path="train.parquet", oid=SHARD_OID)
        yield hub


def test_a_file_of_git_has_gits_oid_as_its_etag(hub: LoopbackHub) -> None:
    status, headers, content = ask(hub, "GET", f"/datasets/{REPO}/resolve/main/notes/hello.txt")
    assert (status, content) == (200, b"hello\n")
    assert headers["ETag"] == '"ce013625030ba8dba906f756967f9e9ca394464a"'  # git hash-object
    assert headers["X-Repo-Commit"] == hub.commits(REPO)[-1].oid
    assert "X-Linked-Etag" not in headers


def test_the_head_of_an_lfs_file_has_its_linked_headers_and_no_body(hub: LoopbackHub) -> None:
    status, headers, content = ask(hub, "HEAD", f"/datasets/{REPO}/resolve/main/train.parquet")
    assert (status, content) == (200, b"")
    assert headers["X-Linked-Etag"] == headers["ETag"] == f'"{SHARD_OID}"'
    assert headers["X-Linked-Size"] == headers["Content-Length"] == str(len(SHARD))


@pytest.mark.parametrize(
    ("asked", "status", "content", "answered"),
    [
        ("bytes=0-3", 206, b"PAR1", "bytes 0-3/14"),
        ("bytes=9-", 206, b"so on", "bytes 9-13/14"),
        ("bytes=-2", 206, b"on", "bytes 12-13/14"),
        ("bytes=12-99", 206, b"on", "bytes 12-13/14"),
        ("bytes=14-", 416, b"", "bytes */14"),
        ("bytes=0-1,3-4", 200, SHARD, None),
    ],
)
def test_a_range_is_answered_with_its_bytes(
    hub: LoopbackHub, asked: str, status: int, content: bytes, answered: str | None
) -> None:
    path = f"/datasets/{REPO}/resolve/main/train.parquet"
    found, headers, body = ask(hub, "GET", path, headers={"Range": asked})
    assert (found, body, headers.get("Content-Range")) == (status, content, answered)


def test_a_body_in_chunks_is_read_to_its_end(hub: LoopbackHub) -> None:
    with closing(HTTPConnection(urlsplit(hub.url).netloc, timeout=10)) as connection:
        card = json.dumps({"content": "# no metadata"}).encode()
        for _ in range(2):  # the second one shows that nothing of the first was left on the connection
            connection.request("POST", "/api/validate-yaml", iter([card[:5], card[5:]]), encode_chunked=True)
            warnings = json.loads(connection.getresponse().read())["warnings"]
            assert [one["message"] for one in warnings] == ["empty or missing yaml metadata in repo card"]
    assert [one.body_bytes for one in hub.requests[-2:]] == [len(card)] * 2


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/api/whoami-v2"),
        ("POST", "/api/repos/create"),
        ("POST", f"{API}/preupload/main"),
        ("POST", f"{API}/commit/main"),
        ("POST", f"{API}/tag/main"),
        ("POST", f"{API}/branch/draft"),
        ("POST", f"/datasets/{REPO}.git/info/lfs/objects/batch"),
    ],
)
def test_without_the_token_nothing_is_written(hub: LoopbackHub, method: str, path: str) -> None:
    for headers in ({}, {"Authorization": "Bearer hf_other"}):
        assert ask(hub, method, path, b"{}", headers=headers)[0] == 401
    assert len(hub.commits(REPO)) == 3


@pytest.mark.parametrize(
    ("path", "code"),
    [
        ("/api/datasets/tester/none", "RepoNotFound"),
        ("/datasets/tester/none/resolve/main/hello.txt", "RepoNotFound"),
        (f"{API}/revision/v9", "RevisionNotFound"),
        (f"{API}/tree/refs%2Fconvert%2Fparquet", "RevisionNotFound"),
        (f"{API}/tree/main/none", "EntryNotFound"),
        (f"/datasets/{REPO}/resolve/main/hello.txt", "EntryNotFound"),
    ],
)
def test_a_404_says_what_was_not_found(hub: LoopbackHub, path: str, code: str) -> None:
    status, headers, _ = ask(hub, "GET", path)
    assert (status, headers["X-Error-Code"]) == (404, code)


def test_a_wrong_token_does_not_even_read(hub: LoopbackHub) -> None:
    status, headers, _ = ask(hub, "GET", API, headers={"Authorization": "Bearer hf_other"})
    assert (status, headers["X-Error-Message"]) == (401, "Invalid credentials in Authorization header")
    assert ask(hub, "GET", API, headers={})[0] == 200


def test_what_is_of_another_user_can_be_read_and_not_written(hub: LoopbackHub) -> None:
    hub.add_repository("other/dermasynth")
    assert ask(hub, "GET", "/api/datasets/other/dermasynth")[0] == 200
    assert ask(hub, "POST", "/api/datasets/other/dermasynth/commit/main", b"{}")[0] == 403
    assert ask(hub, "POST", "/api/datasets/other/none/commit/main", b"{}")[0] == 404
    new = {"type": "dataset", "name": "new", "organization": "other"}
    assert ask(hub, "POST", "/api/repos/create", new)[0] == 403


def test_a_repository_is_private_if_it_was_made_so(hub: LoopbackHub) -> None:
    for visibility in ("private", "public"):
        wanted = {"type": "dataset", "name": visibility, "visibility": visibility}
        assert ask(hub, "POST", "/api/repos/create", wanted)[0] == 200
        described = json.loads(ask(hub, "GET", f"/api/datasets/tester/{visibility}")[2])
        assert described["private"] == hub.is_private(f"tester/{visibility}") == (visibility == "private")


def test_a_card_with_a_licence_that_the_hub_does_not_know_is_refused(hub: LoopbackHub) -> None:
    for licence, status in (("cc-by-4.0", 200), ("my-own", 400)):
        card = {"content": f"---\nlicense: {licence}\n---\n# Card", "repoType": "dataset"}
        assert ask(hub, "POST", "/api/validate-yaml", card)[0] == status
    _, headers, body = ask(hub, "POST", "/api/validate-yaml", card, headers={"Accept": "text/plain"})
    assert headers["Content-Type"] == "text/plain"
    assert body.startswith(b'"license" must be one of')


def test_an_lfs_object_is_taken_only_if_announced_and_whole(hub: LoopbackHub) -> None:
    other = hashlib.sha256(b"other").hexdigest()
    assert ask(hub, "PUT", f"/lfs-objects/{REPO}/{other}", b"other")[0] == 403
    batch = {"objects": [{"oid": oid, "size": 5} for oid in (SHARD_OID, other)]}
    _, _, answered = ask(hub, "POST", f"/datasets/{REPO}.git/info/lfs/objects/batch", batch)
    known, new = json.loads(answered)["objects"]
    assert "actions" not in known
    path = urlsplit(new["actions"]["upload"]["href"]).path
    assert ask(hub, "PUT", path, b"othe")[0] == 400
    assert commit(hub, "lfsFile", path="other.parquet", oid=other)[0] == 400
    assert ask(hub, "PUT", path, b"other")[0] == 200
    assert commit(hub, "lfsFile", path="other.parquet", oid=other)[0] == 200


def test_a_deletion_names_what_is_there(hub: LoopbackHub) -> None:
    assert commit(hub, "deletedFile", path="notes")[0] == 404
    assert commit(hub, "deletedFolder", path="notes/")[0] == 200
    assert hub.commits(REPO)[-1].deleted == ("notes/hello.txt",)
    assert "notes/hello.txt" in hub.files(REPO, hub.commits(REPO)[-2].oid)


def test_a_fault_is_answered_as_often_as_asked_and_changes_nothing(hub: LoopbackHub) -> None:
    hub.fail("POST", "/commit/", status=502, times=2)
    path = "notes/hello.txt"
    assert ask(hub, "GET", API)[0] == 200
    assert [commit(hub, "deletedFile", path=path)[0] for _ in range(3)] == [502, 502, 200]
    assert len(hub.commits(REPO)) == 4


def test_a_fault_can_let_some_pass_first_and_can_be_a_closed_connection(hub: LoopbackHub) -> None:
    hub.fail("GET", API, after=1, status=HANG_UP)
    assert ask(hub, "GET", API)[0] == 200
    with pytest.raises(RemoteDisconnected):
        ask(hub, "GET", API)
    assert ask(hub, "GET", API)[0] == 200
    assert [one.status for one in hub.requests[-3:]] == [200, HANG_UP, 200]


def test_every_request_is_recorded_with_its_body_and_status(hub: LoopbackHub) -> None:
    asked_before = len(hub.requests)
    ask(hub, "POST", f"{API}/tag/main?a=b", {"tag": "v1"})
    ask(hub, "GET", "/api/models")
    assert hub.requests[asked_before:] == [
        RecordedRequest("POST", f"{API}/tag/main?a=b", body_bytes=13, status=201),
        RecordedRequest("GET", "/api/models", body_bytes=0, status=501),
    ]


def test_a_request_that_makes_no_sense_is_a_400(hub: LoopbackHub) -> None:
    for body in (b"{", b"{}", b"[1]"):
        assert ask(hub, "POST", f"{API}/preupload/main", body)[0] == 400
    assert ask(hub, "POST", "/api/repos/create", {"type": "space", "name": "dermasynth"})[0] == 400


def test_what_is_not_there_is_named_to_the_test_as_well(hub: LoopbackHub) -> None:
    with pytest.raises(HubError, match="tester/none"):
        hub.files("tester/none")


def test_the_environment_leads_clients_here_and_nowhere_else(
    hub: LoopbackHub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    dropped = ("HF_HUB_OFFLINE", "HF_DATASETS_OFFLINE", "TRANSFORMERS_OFFLINE", "HF_HUB_CACHE", "all_proxy")
    for name in (*dropped, "HF_ENDPOINT", "KEPT"):
        monkeypatch.setenv(name, "1")
    environment = hub.environment(tmp_path)
    assert not set(dropped) & set(environment)
    assert (environment["HF_ENDPOINT"], environment["HF_HOME"]) == (hub.url, str(tmp_path))
    assert (environment["HF_TOKEN"], environment["KEPT"]) == (TOKEN, "1")


def test_a_hub_that_is_not_entered_has_no_environment(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match="with LoopbackHub"):
        LoopbackHub().environment(tmp_path)
