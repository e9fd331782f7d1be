"""Forms of keys that detect-secrets does not know by itself: those that this program is given."""

import re

from detect_secrets.plugins.base import RegexBasedDetector


class KeyOfAService(RegexBasedDetector):
    """Google's API keys and tokens, and those of the Hugging Face Hub and of OpenAI's newer form."""

    secret_type = "Key of a service"  # noqa: S105 - what it is called; pragma: allowlist secret
    denylist = (
        re.compile(r"AIza[\w-]{35}"),
        re.compile(r"ya29\.[\w-]{30,}"),
        re.compile(r"hf_[A-Za-z0-9]{30,}"),
        re.compile(r"sk-[\w-]{32,}"),
    )
