"""Images made from a source's files: as a row holds them, as they are sent to a model, as pages show them.

All go without metadata and may be smaller than the source's file, which stays untouched. An image that is sent is made
once for all requests about it, which a plan keeps close together.
"""

import asyncio
from base64 import b64encode
from collections import OrderedDict
from concurrent.futures import Executor
from dataclasses import dataclass
from hashlib import sha256
from io import BytesIO
from pathlib import Path
from typing import Any

from PIL import Image, ImageOps, UnidentifiedImageError

from dermasynth_builder.core.errors import ReleaseError
from dermasynth_builder.core.images.index import is_unchanged
from dermasynth_builder.core.images.strip import strip
from dermasynth_builder.core.options import EngineOptions
from dermasynth_builder.core.records import ClinicalImage, Request

JPEG_QUALITY = 90  # of images that are made smaller
_SCALED_MODES = frozenset({"1", "L", "LA", "P", "PA", "RGB", "RGBA", "CMYK", "YCbCr"})  # others are left large


@dataclass(frozen=True, slots=True)
class PublishedImage:
    """The image as a row holds it."""

    content: bytes
    sha256: str  # of `content`
    change: str | None  # what was done to the source's file, for readers; None: nothing, byte for byte the same
    width_px: int
    height_px: int

    @property
    def cell(self) -> dict[str, bytes | None]:
        """As `datasets` stores it. No path: it would look for a file of that name and take that instead."""
        return {"bytes": self.content, "path": None}


def publish_image(image: ClinicalImage, max_side_px: int | None = None) -> PublishedImage:
    """The image without metadata, its longer side at most `max_side_px` long.

    Raises ReleaseError where the file is not there or is not what was measured.
    """
    path, file = image.path, image.file
    if path is None or file is None:
        raise ReleaseError(f"{image.source}/{image.image_id}: the image file is not there; a release needs it")
    content = path.read_bytes()
    if not is_unchanged(path, file):
        raise ReleaseError(f"{path} has changed since it was measured; run the build again")
    try:
        stripped = strip(content)
        removed = f"metadata removed ({', '.join(stripped.removed)})" if stripped.removed else None
        if max_side_px and max(file.width_px, file.height_px) > max_side_px and file.mode in _SCALED_MODES:
            content, how, size = _smaller(content, max_side_px)
            change = "; ".join(filter(None, (removed, how)))
            return PublishedImage(content, sha256(content).hexdigest(), change, *size)
    except (OSError, SyntaxError, ValueError) as error:
        told = f"{path} cannot be decoded: {_told(error)}; `dermasynth audit --verify` finds all such"
        raise ReleaseError(told) from error
    digest = sha256(stripped.content).hexdigest() if removed else file.sha256
    return PublishedImage(stripped.content, digest, removed, file.width_px, file.height_px)


def _smaller(content: bytes, max_side_px: int) -> tuple[bytes, str, tuple[int, int]]:
    """The image scaled down and turned upright, how, and its size: JPEG, or PNG where parts of it are transparent."""
    with Image.open(BytesIO(content)) as image:
        profile = image.info.get("icc_profile") if image.mode != "CMYK" else None  # it fits no other colours
        upright = ImageOps.exif_transpose(image)
    coloured = upright.convert("RGBA" if upright.has_transparency_data else "L" if upright.mode == "L" else "RGB")
    if coloured.mode == "RGBA" and coloured.getchannel("A").getextrema() == (255, 255):
        coloured = coloured.convert("RGB")
    coloured.thumbnail((max_side_px, max_side_px), Image.Resampling.LANCZOS)
    how = f"scaled to at most {max_side_px} px a side, Lanczos"
    if coloured.mode == "RGBA":
        return _encoded(coloured, "PNG", icc_profile=profile), f"{how}, PNG", coloured.size
    made = _encoded(coloured, "JPEG", icc_profile=profile, quality=JPEG_QUALITY, subsampling=0)
    return made, f"{how}, JPEG of quality {JPEG_QUALITY}", coloured.size


def _encoded(image: Image.Image, name: str, **options: Any) -> bytes:
    """The file without metadata: Pillow's versions differ in what of `image.info` they write."""
    image.info.clear()
    made = BytesIO()
    image.save(made, name, **options)
    return strip(made.getvalue()).content


_KEPT = 64  # images; about twenty megabytes of large ones
_THUMBNAIL_SIDES_PX = (512, 384, 256, 128, 64)
_THUMBNAIL_QUALITY = 80
_TAKEN_AS_THEY_ARE = frozenset({"image/jpeg", "image/png"})  # what every service takes


class ImageFault(Exception):  # noqa: N818 - one image's fault, kept as the reason of a failed reply
    """An image that cannot be read; the message is a reason."""


@dataclass(frozen=True, slots=True)
class SentImage:
    """An image as it is sent."""

    mime_type: str
    base64: bytes  # standard alphabet
    sha256: str  # of the bytes that it stands for

    @classmethod
    def of(cls, mime_type: str, content: bytes) -> "SentImage":
        """The image whose file holds `content`."""
        return cls(mime_type, b64encode(content), sha256(content).hexdigest())


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

    A smaller PNG goes as JPEG where the options allow it and that has fewer bytes.

    Raises ImageFault where the file cannot be read.
    """
    try:
        content = path.read_bytes()
    except OSError as error:  # a disk that is away is no fault of the image
        raise ImageFault(f"file: {path.name} cannot be read: {error.strerror}") from error
    try:
        with Image.open(BytesIO(content)) as image:
            mime_type = image.get_format_mimetype() or ""
            if max(image.size) <= options.image_side_px and mime_type in _TAKEN_AS_THEY_ARE:
                return _whole(image, mime_type, strip(content).content, options=options)
            return SentImage.of("image/jpeg", _reduced(image, options.image_side_px, options.image_quality))
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise ImageFault(f"image: {path.name} cannot be read: {_told(error)}") from error


def _whole(image: Image.Image, mime_type: str, content: bytes, *, options: EngineOptions) -> SentImage:
    """An image that need not be made smaller, in whichever form the options allow and has fewer bytes."""
    if mime_type == "image/png" and options.png_as == "jpeg":
        made = _reduced(image, options.image_side_px, options.image_quality)
        if len(made) < len(content):
            return SentImage.of("image/jpeg", made)
    return SentImage.of(mime_type, content)


def make_thumbnail(content: bytes, most_bytes: int) -> bytes:
    """The image small enough for a page, as a JPEG without metadata: as large as so many bytes allow, up to 512 px.

    The smallest is 64 px, however many bytes it has. Raises ImageFault where the bytes are no image.
    """
    made = b""
    try:
        for side in _THUMBNAIL_SIDES_PX:
            with Image.open(BytesIO(content)) as image:
                made = _reduced(image, side, _THUMBNAIL_QUALITY)
            if len(made) <= most_bytes:
                break
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise ImageFault(f"image: {_told(error)}") from error
    return made


def _reduced(image: Image.Image, side: int, quality: int) -> bytes:
    """Upright, in sRGB's channels, transparent parts on white. JPEGs are decoded at no more than twice the size."""
    image.draft("RGB", (2 * side, 2 * side))
    upright = ImageOps.exif_transpose(image)
    if upright.has_transparency_data:
        upright = upright.convert("RGBA")
        white = Image.new("RGBA", upright.size, "white")
        upright = Image.alpha_composite(white, upright)
    coloured = upright.convert("RGB")
    coloured.thumbnail((side, side), Image.Resampling.LANCZOS)
    return _encoded(coloured, "JPEG", quality=quality, icc_profile=None)


def _told(error: Exception) -> str:
    """What is wrong with an image's file; Pillow shows an object of Python where it knows no image."""
    return "it is no image that is known" if isinstance(error, UnidentifiedImageError) else str(error)
