"""What was measured on an image, in words for a prompt."""

from collections.abc import Mapping, Sequence

from dermasynth_builder.core.records import Measured

LINES: Mapping[str, str] = {
    "border": "around the picture: {}",
    "place": "the one area that stands out lies: {}",
    "share": "its share of the picture: about {} %",
    "shape": "its shape: {}",
    "elongation": "its length to its width: about {} to 1",
    "outline": "its outline: {}",
    "compared": "compared with the skin around it: {}",
    "colour": "its main colour: {}",
    "second_colour": "a second colour in it: {}",
    "ink": "on the skin: {}",
}
"""Name of the measurement -> its line; one that is not here is not told."""


def measured_lines(measured: Sequence[Measured]) -> list[str]:
    """One line of words for each measurement, in a reader's order."""
    of_name = {each.name: each.value for each in measured}
    values = {name: f"{value:g}" if isinstance(value, float) else value for name, value in of_name.items()}
    return [line.format(values[name]) for name, line in LINES.items() if name in values]
