"""Puts hashes in the place of names that could tell of a person: of files, patients and lesions."""

import hmac
import secrets
from collections.abc import Iterable, Iterator
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

from dermasynth_builder.core.errors import SourceError
from dermasynth_builder.core.files import private
from dermasynth_builder.core.records import ClinicalImage, Problem

KEY = ".dermasynth-names"
"""File beside the images whose secret makes the hashes: without it nobody can try names, and with it they stay."""
_KEY_BYTES = 32
_DIGITS = 16


def hashed(items: Iterable[ClinicalImage | Problem], root: Path) -> Iterator[ClinicalImage | Problem]:
    """The items, images under other names; problems, which stay on this machine, name what they are about.

    Raises SourceError where the secret can be neither read nor made.
    """
    key = _key_of(root)
    for item in items:
        yield _hidden(item, key) if isinstance(item, ClinicalImage) else item


def _hidden(image: ClinicalImage, key: bytes) -> ClinicalImage:
    image_id = _hash(key, "image", image.image_id)
    return replace(
        image,
        image_id=image_id,
        file_name=f"{image_id}{Path(image.file_name).suffix.lower()}",
        group_id=_hash(key, "group", image.group_id),
        lesion_id=image.lesion_id and _hash(key, "lesion", image.lesion_id),
    )


def _hash(key: bytes, kind: str, name: str) -> str:
    return hmac.new(key, f"{kind} {name}".encode(errors="surrogatepass"), sha256).hexdigest()[:_DIGITS]


def _key_of(root: Path) -> bytes:
    path = root / KEY
    try:
        if not path.is_file():
            private(path).write_text(secrets.token_hex(_KEY_BYTES) + "\n", encoding="ascii")
        key = bytes.fromhex(path.read_text(encoding="ascii"))
    except (OSError, ValueError) as error:
        raise SourceError(f"{path}: the secret that hides names cannot be kept there: {error}") from error
    if len(key) != _KEY_BYTES:
        raise SourceError(f"{path} does not hold the secret that hid the names; restore it, or delete it for new ids")
    return key
