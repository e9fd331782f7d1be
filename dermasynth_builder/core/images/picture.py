"""What a picture shows, whatever file it is in: a hash of its decoded pixels, and a small grey copy to find others by.

The hash is sha256 over a line that names colours and size ("RGB 1024x768") and the pixels row by row, the image being
turned upright as its EXIF says and brought to the plainest colours that lose nothing: a picture that is opaque is the
same with and without an alpha channel, and one in a palette the same as in its colours.
"""

from hashlib import sha256
from typing import NamedTuple

from PIL import Image, ImageOps

THUMB_PX = 32
"""Side of the grey copy; it is squashed to a square, so that one that was scaled to another shape is found too."""
_PALETTES = {"1": "L", "P": "RGB", "PA": "RGBA"}


class Picture(NamedTuple):
    """What is kept of the pixels of one image."""

    pixel_sha256: str
    thumb: bytes  # grey levels, `THUMB_PX` rows of `THUMB_PX`


def picture_of(image: Image.Image) -> Picture:
    """Decodes the image, and turns it upright in place. Raises as Pillow does where it cannot be decoded."""
    image.load()
    ImageOps.exif_transpose(image, in_place=True)  # else it makes a copy, upright or not
    plain = _plain(image)
    state = sha256(f"{plain.mode} {plain.width}x{plain.height}\n".encode())
    state.update(plain.tobytes())
    return Picture(state.hexdigest(), _thumb(plain))


def _plain(image: Image.Image) -> Image.Image:
    """Opaque pictures without alpha, palettes as colours, grey in colours as grey; rarer modes stay."""
    if image.mode == "P" and "transparency" in image.info:
        image = image.convert("RGBA")
    if image.mode in _PALETTES:
        image = image.convert(_PALETTES[image.mode])
    if image.mode in ("RGBA", "LA") and image.getchannel("A").getextrema() == (255, 255):
        image = image.convert(image.mode[:-1])
    return image.convert("RGB") if image.mode == "L" else image


def _thumb(image: Image.Image) -> bytes:
    """The grey copy; what is transparent lies on white."""
    if image.mode in ("RGBA", "LA"):
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image.convert("RGBA"))
    grey = image.convert("L")
    is_small = min(grey.size) < THUMB_PX
    how = Image.Resampling.BILINEAR if is_small else Image.Resampling.BOX
    return grey.resize((THUMB_PX, THUMB_PX), how).tobytes()
