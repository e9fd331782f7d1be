"""Copies of pictures, planted beside their originals in the ways in which people make them."""

from collections.abc import Callable
from io import BytesIO

from PIL import Image

Picture = Image.Image


def encoded(picture: Picture, quality: int = 75) -> Picture:
    """Through a JPEG and back."""
    made = BytesIO()
    picture.convert("RGB").save(made, "JPEG", quality=quality)
    with Image.open(made) as again:
        return again.convert("RGB")


def cropped(picture: Picture, *, left: float = 0, top: float = 0, right: float = 0, bottom: float = 0) -> Picture:
    """Without so much of each side, in shares of it; encoded anew."""
    width, height = picture.size
    box = (round(left * width), round(top * height), round((1 - right) * width), round((1 - bottom) * height))
    return encoded(picture.crop(box), 90)


def _scaled(picture: Picture, share: float) -> Picture:
    return encoded(picture.resize((round(picture.width * share), round(picture.height * share))), 90)


WAYS: dict[str, Callable[[Picture], Picture]] = {
    "encoded anew": encoded,
    "encoded badly": lambda picture: encoded(picture, 30),
    "half the size": lambda picture: _scaled(picture, 0.5),
    "another shape": lambda picture: encoded(picture.resize((224, 224)), 90),
    "turned": lambda picture: encoded(picture.transpose(Image.Transpose.ROTATE_90), 90),
    "upside down": lambda picture: encoded(picture.transpose(Image.Transpose.ROTATE_180), 90),
    "in a mirror": lambda picture: encoded(picture.transpose(Image.Transpose.FLIP_LEFT_RIGHT), 90),
    "transposed": lambda picture: encoded(picture.transpose(Image.Transpose.TRANSVERSE), 90),
    "cropped by 5 %": lambda picture: cropped(picture, left=0.025, top=0.025, right=0.025, bottom=0.025),
    "cropped by 5 % at one side": lambda picture: cropped(picture, left=0.05),
    "cropped by 5 % at a corner": lambda picture: cropped(picture, left=0.05, top=0.05),
    "cropped by 5 % at every side": lambda picture: cropped(picture, left=0.05, top=0.05, right=0.05, bottom=0.05),
}
