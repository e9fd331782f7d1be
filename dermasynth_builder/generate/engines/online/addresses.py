"""The servers that `--base-url` names."""

from dermasynth_builder.core.errors import UsageError


def addresses_of(base_url: str) -> list[str]:
    """Several servers of `URL,URL`, in the order given. Raises UsageError where one stands there twice."""
    addresses = [address.strip().rstrip("/").removesuffix("/v1") for address in base_url.split(",")]
    if twice := [address for address in addresses if addresses.count(address) > 1]:
        raise UsageError(f"--base-url names {twice[0]} twice; a server gets more requests by --concurrency")
    return addresses


def require_one_address(base_url: str | None) -> None:
    """Raises UsageError where `--base-url` names several servers: this service is one."""
    if base_url and "," in base_url:
        raise UsageError("--base-url takes several addresses with --engine openai alone: name one")
