"""The Hugging Face Hub, for all that send to it or fetch from it: where it is, and how huggingface_hub may ask it."""

from collections.abc import Callable
from functools import partial
from typing import Any

from dermasynth_builder.core.errors import DermaSynthError
from dermasynth_builder.core.outbound import address_fault, is_proxied

_CONNECT_S = 10.0  # huggingface_hub itself waits for ever
Refusal = Callable[[str], DermaSynthError]
"""Makes an error of why nothing may be sent."""


def hub_address(refusal: Refusal) -> str:
    """The Hub's address, HF_ENDPOINT where that is set; from then on huggingface_hub keeps to our rule of addresses.

    It may be led on to another address, as for downloads; its token stays behind, and what is no safe address is not
    asked. Raises what `refusal` makes.
    """
    from huggingface_hub import constants, set_client_factory

    if fault := address_fault(constants.ENDPOINT):
        raise refusal(f"HF_ENDPOINT: {fault}")
    set_client_factory(partial(_client, refusal))
    return constants.ENDPOINT


def _client(refusal: Refusal) -> Any:
    """A client as huggingface_hub makes it, of httpx or of httpx2 by its version; a proxy sees no token unencrypted."""
    from huggingface_hub import constants
    from huggingface_hub.utils._http import default_client_factory

    def require_safe(request: Any) -> None:
        if fault := address_fault(str(request.url)):
            raise refusal(f"the Hub leads to an address that is not asked: {fault}")

    with default_client_factory() as made:
        timeout, hooks = made.timeout, made.event_hooks
    timeout.connect = _CONNECT_S
    return type(made)(
        event_hooks={**hooks, "request": [*hooks["request"], require_safe]},
        follow_redirects=True,
        timeout=timeout,
        trust_env=is_proxied(constants.ENDPOINT),
    )
