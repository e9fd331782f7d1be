"""Reads images and makes them ready for sending: without metadata, not too large, in base64.

Each is made once for all requests about it, which a plan keeps close together. The published image stays untouched.
"""

import asyncio
from base64 import b64encode
from collections import OrderedDict
from concurrent.futures import Executor
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

from PIL import Image, ImageOps

from dermasynth_builder.core.images.strip import strip
from dermasynth_builder.core.options import EngineOptions
from dermasynth_builder.core.records import Request

_KEPT = 64  # images; about twenty megabytes of large ones
_TAKEN_AS_THEY_ARE = frozenset({"image/jpeg", "image/png", "image/webp"})  # what every service takes


class ImageFault(Exception):  # noqa: N818 - one image's fault, kept as the reason of a failed reply
    """An image that cannot be read; the message is a reason."""


@dataclass(frozen=True, slots=True)
class SentImage:
    """An image as it is sent."""

    mime_type: str
    base64: bytes  # standard alphabet


class SentImages:
    """The images of the requests at hand; for use in one event loop."""

    def __init__(self, options: EngineOptions, executor: Executor) -> None:
        self._options = options
        self._executor = executor
        self._made: OrderedDict[str, asyncio.Future[SentImage]] = OrderedDict()

    async def of(self, request: Request) -> SentImage | None:
        """The image of a request; None where it has none. Raises ImageFault."""
        path, key = request.image_path, request.image_sha256
        if path is None or key is None:
            return None
        made = self._made.get(key)
        if made is None:
            loop = asyncio.get_running_loop()
            made = loop.run_in_executor(self._executor, make_sent_image, path, self._options)
            self._made[key] = made
            if len(self._made) > _KEPT:
                self._made.popitem(last=False)
        else:
            self._made.move_to_end(key)
        return await asyncio.shield(made)


def make_sent_image(path: Path, options: EngineOptions) -> SentImage:
    """The image scaled down to `options.image_side_px` as JPEG; a smaller one as it is, less its metadata.

    Raises ImageFault where the file cannot be read.
    """
    try:
        content = path.read_bytes()
        with Image.open(BytesIO(content)) as image:
            mime_type = image.get_format_mimetype() or ""
            if max(image.size) <= options.image_side_px and mime_type in _TAKEN_AS_THEY_ARE:
                return SentImage(mime_type, b64encode(strip(content).content))
            return SentImage("image/jpeg", b64encode(_reduced(image, options)))
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise ImageFault(f"image: {path.name} cannot be read: {error}") from error


def _reduced(image: Image.Image, options: EngineOptions) -> bytes:
    """Upright, in sRGB's channels, transparent parts on white. JPEGs are decoded at no more than twice the size."""
    side = options.image_side_px
    image.draft("RGB", (2 * side, 2 * side))
    upright = ImageOps.exif_transpose(image)
    if upright.has_transparency_data:
        upright = upright.convert("RGBA")
        white = Image.new("RGBA", upright.size, "white")
        upright = Image.alpha_composite(white, upright)
    coloured = upright.convert("RGB")
    coloured.thumbnail((side, side), Image.Resampling.LANCZOS)
    made = BytesIO()
    coloured.save(made, "JPEG", quality=options.image_quality, icc_profile=None)
    return made.getvalue()
