"""Pictures as models get them: unchanged, as RGB, scaled down, or blank."""

import io
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from dermasynth_builder.core.errors import ReleaseError

if TYPE_CHECKING:
    from PIL.Image import Image

_SUFFIXES = {"JPEG": "jpg", "PNG": "png", "WEBP": "webp"}
_QUALITY = 90
_GREY = (127, 127, 127)


@dataclass(frozen=True, slots=True)
class PictureOptions:
    """How pictures are handed on."""

    is_rgb: bool = False  # whether those of other modes become RGB
    max_side_px: int | None = None


@dataclass(frozen=True, slots=True)
class Picture:
    """The bytes of an image file and the suffix that goes with them."""

    content: bytes
    suffix: str


def open_picture(content: bytes, where: str) -> "Image":
    """The picture, decoded to its end. Raises ReleaseError, which names `where`."""
    from PIL import Image

    try:
        picture = Image.open(io.BytesIO(content))
        picture.load()
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise ReleaseError(f"{where}: the image cannot be decoded ({error}); build the release anew") from error
    return picture


def rgb(picture: "Image") -> "Image":
    """The picture in RGB, what is transparent on white."""
    from PIL import Image

    if picture.mode in ("RGBA", "LA", "PA") or "transparency" in picture.info:
        seen = picture.convert("RGBA")
        ground = Image.new("RGBA", seen.size, (255, 255, 255, 255))
        return Image.alpha_composite(ground, seen).convert("RGB")
    return picture.convert("RGB")


def handed_on(content: bytes, options: PictureOptions, where: str) -> Picture:
    """The file as it is where the options change nothing of it, else written anew. Raises ReleaseError."""
    picture = open_picture(content, where)
    suffix = _SUFFIXES.get(picture.format or "", "")
    is_large = options.max_side_px is not None and max(picture.size) > options.max_side_px
    is_other_mode = options.is_rgb and (picture.mode != "RGB" or "transparency" in picture.info)
    if suffix and not is_large and not is_other_mode:
        return Picture(content, suffix)
    changed = rgb(picture)
    if options.max_side_px:
        changed.thumbnail((options.max_side_px, options.max_side_px))
    return _written(changed, "JPEG" if suffix == "jpg" else "PNG")


@lru_cache(maxsize=64)
def blank(width_px: int, height_px: int) -> bytes:
    """A grey PNG of that size."""
    from PIL import Image

    return _written(Image.new("RGB", (width_px, height_px), _GREY), "PNG").content


def _written(picture: "Image", kind: str) -> Picture:
    sink = io.BytesIO()
    picture.save(sink, kind, **({"quality": _QUALITY} if kind == "JPEG" else {}))
    return Picture(sink.getvalue(), _SUFFIXES[kind])
