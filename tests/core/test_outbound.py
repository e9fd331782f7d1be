"""To which addresses something is sent, through which proxy, with which key."""

from ipaddress import ip_address
from urllib.parse import urlsplit

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from yarl import URL

from dermasynth_builder.core.errors import EngineError
from dermasynth_builder.core.options import EngineOptions
from dermasynth_builder.core.outbound import address_fault, base_fault, key_in, proxy_of

GOOD = (
    "https://api.example.org",
    "https://api.example.org:8443/v1/",
    "https://[2001:db8::1]:443/v1",
    "http://localhost:8000/v1",
    "http://127.0.0.1:1",
    "http://127.8.9.10",
    "http://[::1]:8000",
)
BAD = (
    "",
    "api.example.org",
    "ftp://api.example.org",
    "file:/etc/passwd",
    "https://",
    "https:///v1",
    "https://a b",
    "https://a\n",
    "https://a\u202eb",
    "https://x:0",
    "https://x:65536",
    "https://x:port",
    "https://[::1",
    "http://api.example.org",
    "http://192.168.1.5:8000",
    "http://127.0.0.1.example.org",
    "http://127.1",  # every client reads it its own way
    "http://127.0.0.1\\@example.org",
    "http://localhost@example.org",
    "https://example.org\\.localhost",
)


@pytest.mark.parametrize("address", GOOD)
def test_https_and_this_machine_are_asked(address: str) -> None:
    assert address_fault(address) is None
    assert EngineOptions(base_url=address).base_url == address


@pytest.mark.parametrize("address", BAD)
def test_no_other_address_is_asked(address: str) -> None:
    assert address_fault(address)
    with pytest.raises(ValueError, match="base_url: "):
        EngineOptions(base_url=address)


@pytest.mark.parametrize(
    "address", ["https://me:PASSW0RD@host", "https://PASSW0RD@host:99999/v1", "ftp://u:PASSW0RD@h"]
)
def test_a_password_in_an_address_is_refused_and_not_told(address: str) -> None:
    fault = address_fault(address)
    assert fault
    assert "PASSW0RD" not in fault


@pytest.mark.parametrize("address", ["https://host/v1?key=word", "https://host/v1#word"])
def test_paths_are_put_behind_addresses_without_a_query_alone(address: str) -> None:
    assert "word" not in (base_fault(address) or "word")
    assert address_fault(address) is None  # a signed address of a file


_PART = st.one_of(
    st.sampled_from(["http", "https", "://", "//", "@", ":", "localhost", "127.0.0.1", "example.org"]),
    st.text(max_size=6),
)


@given(st.lists(_PART, max_size=8).map("".join))
def test_an_address_that_passes_leads_every_client_to_the_same_place(address: str) -> None:
    if address_fault(address):
        return
    ours, theirs, others = urlsplit(address), httpx.URL(address), URL(address)
    assert ours.hostname
    assert ours.hostname.strip("[]") == theirs.host.strip("[]").lower() == (others.host or "").lower()
    assert not any((theirs.userinfo, others.user, others.password))
    assert theirs.scheme == others.scheme == ours.scheme
    if theirs.scheme == "http":
        assert theirs.host == "localhost" or ip_address(theirs.host).is_loopback
    else:
        assert theirs.scheme == "https"


@pytest.mark.parametrize("written", ["a-key\n", "\r\na-key", " a-key\r"])
def test_line_breaks_around_a_key_are_cleaned(monkeypatch: pytest.MonkeyPatch, written: str) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", written)
    assert key_in("OPENAI_API_KEY") == "a-key"


@pytest.mark.parametrize("written", ["a-\nkey", "a\r\nX-Other: 1", "a-k\u00e9y", "a key"])
def test_a_key_that_no_header_holds_is_refused_and_not_told(monkeypatch: pytest.MonkeyPatch, written: str) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", written)
    with pytest.raises(EngineError) as told:
        key_in("OPENAI_API_KEY")
    assert "OPENAI_API_KEY" in str(told.value)
    assert written not in str(told.value)


def test_the_first_variable_that_holds_a_key_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GOOGLE_API_KEY", "\n")
    monkeypatch.setenv("GEMINI_API_KEY", "second")
    assert key_in("GOOGLE_API_KEY", "GEMINI_API_KEY") == "second"
    assert key_in("NO_SUCH_KEY") == ""


def test_a_proxy_is_for_what_it_cannot_read(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"):
        monkeypatch.setenv(name, "http://proxy.example.org:3128")
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.setenv(name, "inside.example.org")
    assert proxy_of("https://api.example.org/v1") == "http://proxy.example.org:3128"
    assert proxy_of("https://inside.example.org/v1") is None
    assert proxy_of("http://127.0.0.1:8000/v1") is None
