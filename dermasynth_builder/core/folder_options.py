"""How the table of a folder of own images is to be read."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Literal

from dermasynth_builder.core.option import Option
from dermasynth_builder.core.wording import did_you_mean

FACTS_TO_MAP = (
    *("diagnosis", "malignancy", "confirmation", "body_site", "age_years", "age_band", "sex", "fitzpatrick"),
    *("monk_tone_india", "monk_tone_us", "diameter_1_mm", "diameter_2_mm", "itches", "hurts", "bleeds", "has_grown"),
    *("has_changed", "is_elevated", "duration", "is_melanocytic", "dermoscopic_type", "shot_type", "smokes"),
    *("has_melanoma_history", "has_family_melanoma_history"),
)
"""Of `Facts`, those that a column of own images may give; one that is not known becomes none."""


@dataclass(frozen=True, slots=True)
class FolderOptions:
    """What the table of a folder of own images says, for the source `folder`; see docs/own_images.md.

    Columns are named as the table has them. Raises ValueError for a fact that there is not.
    """

    image: Annotated[
        str, Option("own images: the column that names the file, or of Parquet holds the image", scope="release")
    ] = ""
    group: Annotated[
        str,
        Option("own images: the column of what must not be parted, the patient or else the lesion", scope="release"),
    ] = ""
    licence: Annotated[str, Option('own images: their licence, as "CC-BY-4.0", or column:NAME', scope="release")] = ""
    attribution: Annotated[str, Option("own images: whom to name, or column:NAME", scope="release")] = ""
    modality: Annotated[str, Option("own images: clinical, dermoscopic, or column:NAME", scope="release")] = "clinical"
    title: Annotated[str, Option("own images: what the set is called", scope="release")] = "own images"
    citation: Annotated[str, Option("own images: what to cite", scope="release")] = ""
    homepage: Annotated[str, Option("own images: where they are to be had", scope="release")] = ""
    id: Annotated[str, Option("own images: the column of their ids (default: the file's name)", scope="release")] = ""
    names: Annotated[
        Literal["kept", "hashed"],
        Option("own images: publish ids of images, groups and lesions as they are, or hashes of them", scope="release"),
    ] = "kept"
    lesion: Annotated[str, Option("own images: the column of the lesion", scope="release")] = ""
    split: Annotated[str, Option("own images: the column of their own train and test part", scope="release")] = ""
    missing: Annotated[tuple[str, ...], Option("own images: more words for a missing value", scope="release")] = ()
    facts: Annotated[Mapping[str, str], Option("own images: fact -> its column", scope="release")] = field(
        default_factory=dict
    )
    words: Annotated[Mapping[str, str], Option("own images: a cell -> what it means", scope="release")] = field(
        default_factory=dict
    )
    diagnoses: Annotated[
        Mapping[str, str], Option("own images: a diagnosis as written -> in words, or its ISIC node", scope="release")
    ] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.homepage and not re.fullmatch(r"https?://[^\s<>\"'()]+", self.homepage):
            raise ValueError(f"homepage {self.homepage!r}: write an address that begins with https://")
        for name in ("title", "citation", "licence", "attribution"):
            if set(getattr(self, name)) & set("<>\n"):
                raise ValueError(f"{name}: write it on one line and without < and >")
        for fact in self.facts:
            if fact not in FACTS_TO_MAP:
                raise ValueError(
                    f"facts.{fact} is not one of {', '.join(FACTS_TO_MAP)}{did_you_mean(fact, FACTS_TO_MAP)}"
                )


NO_FOLDER = FolderOptions()
