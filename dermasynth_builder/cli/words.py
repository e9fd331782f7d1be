"""What a word of the command line may be; argparse says what the error says."""

import argparse
from pathlib import Path


def percent(text: str) -> float:
    """A share, from a number from 0 to 100."""
    try:
        number = float(text)
    except ValueError:
        number = -1
    if not 0 <= number <= 100:
        raise argparse.ArgumentTypeError("write a number from 0 to 100")
    return number / 100


def positive(text: str) -> int:
    """A whole number above zero."""
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError("write a whole number above zero, as 1024")
    return int(text)


def png_path(text: str) -> Path:
    """The name of a PNG file."""
    if not text.lower().endswith(".png"):
        raise argparse.ArgumentTypeError("the figure is a PNG file; write a name that ends in .png")
    return Path(text)


def split_shares(text: str) -> tuple[float, float, float]:
    """Shares of train, validation and test that make 1 together, from three numbers: "90/5/5"."""
    try:
        train, validation, test = (float(part) for part in text.split("/"))
    except ValueError:
        raise argparse.ArgumentTypeError("write three numbers, as 90/5/5") from None
    total = train + validation + test
    if min(train, validation, test) < 0 or total <= 0:
        raise argparse.ArgumentTypeError("shares must not be negative, and not all zero")
    return train / total, validation / total, test / total
