"""Makes the image of a row from the source's file: without metadata, and smaller where that is asked for."""

from dataclasses import dataclass
from hashlib import sha256
from io import BytesIO

from PIL import Image, ImageOps

from dermasynth_builder.core.errors import ReleaseError
from dermasynth_builder.core.images.index import is_unchanged
from dermasynth_builder.core.images.strip import strip
from dermasynth_builder.core.records import ClinicalImage

JPEG_QUALITY = 90  # of images that are made smaller
_SCALED_MODES = frozenset({"1", "L", "LA", "P", "PA", "RGB", "RGBA", "CMYK", "YCbCr"})  # others are left large


@dataclass(frozen=True, slots=True)
class PublishedImage:
    """The image as a row holds it."""

    content: bytes
    sha256: str  # of `content`
    change: str | None  # what was done to the source's file, for readers; None: nothing, byte for byte the same

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
    stripped = strip(content)
    removed = f"metadata removed ({', '.join(stripped.removed)})" if stripped.removed else None
    if max_side_px and max(file.width_px, file.height_px) > max_side_px and file.mode in _SCALED_MODES:
        try:
            content, how = _smaller(content, max_side_px)
        except (OSError, ValueError) as error:
            raise ReleaseError(
                f"{path} cannot be decoded: {error}; `dermasynth audit --verify` finds all such"
            ) from error
        return PublishedImage(content, sha256(content).hexdigest(), "; ".join(filter(None, (removed, how))))
    digest = sha256(stripped.content).hexdigest() if removed else file.sha256
    return PublishedImage(stripped.content, digest, removed)


def _smaller(content: bytes, max_side_px: int) -> tuple[bytes, str]:
    """The image scaled down and turned upright, and how: as JPEG, or as PNG where parts of it are transparent."""
    with Image.open(BytesIO(content)) as image:
        profile = image.info.get("icc_profile") if image.mode != "CMYK" else None  # it fits no other colours
        upright = ImageOps.exif_transpose(image)
    coloured = upright.convert("RGBA" if upright.has_transparency_data else "L" if upright.mode == "L" else "RGB")
    if coloured.mode == "RGBA" and coloured.getchannel("A").getextrema() == (255, 255):
        coloured = coloured.convert("RGB")
    coloured.thumbnail((max_side_px, max_side_px), Image.Resampling.LANCZOS)
    made = BytesIO()
    how = f"scaled to at most {max_side_px} px a side, Lanczos"
    if coloured.mode == "RGBA":
        coloured.save(made, "PNG", icc_profile=profile)
        return made.getvalue(), f"{how}, PNG"
    coloured.save(made, "JPEG", icc_profile=profile, quality=JPEG_QUALITY, subsampling=0)
    return made.getvalue(), f"{how}, JPEG of quality {JPEG_QUALITY}"
