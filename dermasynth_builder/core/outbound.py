"""Where something may be sent, through which proxy, and the keys that go with it: one rule for every door.

Engines, batches, `evaluate predict`, downloads and pushes go by it before the first byte leaves.
"""

import os
import re
from ipaddress import ip_address
from urllib.parse import urlsplit

from dermasynth_builder.core.errors import EngineError

_HOST = re.compile(r"([\w.-]+|\[[\da-f:.]+\])(:\d{1,5})?", re.ASCII | re.IGNORECASE)
_ON_THIS_MACHINE = "plain http goes to this machine alone: write https, or reach the server through a tunnel"


def address_fault(address: str) -> str | None:
    """Why nothing may be sent to that address; None where it may. What is said holds no password of it.

    Allowed are https, and http to this machine, without a user, and with a host and port that every client reads alike.
    """
    try:
        parts = urlsplit(address)
        port = parts.port
    except ValueError:
        return "it is no address of a server: write https://HOST or https://HOST:PORT"
    if "@" in parts.netloc:
        return "it holds a user or a password, which ends up in logs: leave out what stands before the @"
    is_plain = address.isprintable() and not set(address) & set(" \\")
    if parts.scheme not in ("http", "https") or port == 0 or not is_plain or not _HOST.fullmatch(parts.netloc):
        return "it is no address of a server: write https://HOST or https://HOST:PORT"
    if parts.scheme == "http" and not is_this_machine(parts.hostname or ""):
        return f"http://{parts.hostname}: {_ON_THIS_MACHINE}"
    return None


def base_fault(address: str) -> str | None:
    """As `address_fault`, for an address behind which paths are put."""
    if set(address) & set("?#"):
        return "leave out what comes after ? or #; keys belong into the environment"
    return address_fault(address)


def is_this_machine(host: str) -> bool:
    """Whether what is sent to that host stays here."""
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


def is_proxied(address: str) -> bool:
    """Whether the environment's proxies are for that address: https alone, which they pass on unread."""
    return urlsplit(address).scheme == "https"


def proxy_of(address: str) -> str | None:
    """The proxy that HTTPS_PROXY names for that address, unless NO_PROXY excepts it."""
    from urllib.request import getproxies, proxy_bypass  # it loads all of http, and most commands send nothing

    if not is_proxied(address) or proxy_bypass(urlsplit(address).netloc):
        return None
    return getproxies().get("https")


def key_in(*names: str) -> str:
    """The key in the first of these variables that holds one, without line breaks around it; empty where none does.

    Raises EngineError for what no header can hold.
    """
    for name in names:
        if key := os.environ.get(name, "").strip():
            if not (key.isascii() and key.isprintable()) or " " in key:
                raise EngineError(f"{name} holds a character that no key has, such as a space; set it anew")
            return key
    return ""
