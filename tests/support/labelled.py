"""Reads the labelled answers of `tests/check/labelled`, by which the checks are measured.

A line is a list: check, "F" (fault) or "S" (sound), kind of fault, facts by name, question, answer, and what else there
is: "facts" over the named ones, "turns" of a conversation, "split", and the pairs that came "earlier", of the same
image or of so many other "images".
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from dermasynth_builder.core import registry
from dermasynth_builder.core.records import ClinicalImage, Facts, Finding, Pair, Turn
from tests.support.clinical_images import EXPORTED, FULL, REPORTED, SPARSE, clinical_image, pair
from tests.support.paths import ROOT

LABELLED = ROOT / "tests" / "check" / "labelled"
JUDGED = ("fourth", "fifth", "sixth", "seventh", "eighth")
"""Sets by judges who had not seen the checks: the family of a fault is their word, and any check may find it."""
LAST = "ninth"
"""The set of the last judge, after which the rules were left nearly as they are: what it said at first is what the
checks say of texts that nobody has seen."""
OF_A_FAULT = frozenset({"advice", "diagnosis", "form", "modality", "person", "repeats", "speech", "unseen"})
"""The checks that find faults of these sets."""
_MELANOMA = "Malignant:Malignant melanocytic proliferations (Melanoma):Melanoma, NOS"
_BCC = "Malignant:Malignant adnexal epithelial proliferations - Follicular:Basal cell carcinoma"
_NEVUS = Facts(
    diagnosis="nevus",
    diagnosis_isic="Benign:Benign melanocytic proliferations:Nevus",
    malignancy="benign",
    body_site="back",
    age_years=35,
    sex="female",
)
_KERATOSIS = Facts(
    diagnosis="seborrheic keratosis",
    diagnosis_isic="Benign:Benign epidermal proliferations:Seborrheic keratosis",
    malignancy="benign",
    body_site="front of the trunk",
    age_years=65,
    is_age_rounded=True,
    sex="male",
)
_IMAGES = {
    "pad": (replace(FULL, diagnosis_isic=_BCC), "pad_ufes"),
    "nob": (replace(FULL, diagnosis_isic=_BCC, bleeds=False), "pad_ufes"),
    "ak": (SPARSE, "pad_ufes"),
    "mel": (replace(EXPORTED, diagnosis_isic=_MELANOMA), "hiba"),
    "nev": (_NEVUS, "pad_ufes"),
    "sek": (_KERATOSIS, "bcn20000"),
    "scin": (
        replace(REPORTED, diagnosis="eczema", differential=("eczema", "tinea", "irritant contact dermatitis")),
        "scin",
    ),
    "empty": (Facts(), "scin"),
}


@dataclass(frozen=True, slots=True)
class Labelled:
    """One answer, what it is labelled as, and what came before it."""

    number: int  # line of the file
    check: str
    is_fault: bool
    kind: str
    pair: Pair
    earlier: tuple[tuple[Pair, ...], ...]  # image by image


def labelled(path: Path) -> list[Labelled]:
    """All answers of a file."""
    lines = path.read_text(encoding="utf-8").splitlines()
    return [_read(number, *json.loads(line)) for number, line in enumerate(lines, 1)]


def findings_on(item: Labelled) -> list[Finding]:
    """What all checks find on a labelled answer."""
    of_image = [each for images in item.earlier for each in images if each.image == item.pair.image]
    others = [images for images in item.earlier if images and images[0].image != item.pair.image]
    found: list[Finding] = []
    for name in registry.CHECKS:
        check = registry.check(name)
        for images in others:
            list(check(images))
        found += [each for each in check([*of_image, item.pair]) if each.pair_id == item.pair.pair_id]
    return [replace(each, check=_family(each.check, item.check)) for each in found]


def _family(found_by: str, labelled_as: str) -> str:
    """The family that a finding counts for: the modality is labelled with the diagnosis or with what is unseen."""
    if found_by != "modality":
        return found_by
    return labelled_as if labelled_as in ("diagnosis", "unseen") else "unseen"


def _read(
    number: int, check: str, label: str, kind: str, base: str, question: str, answer: str, more: Any = None
) -> Labelled:
    more = more or {}
    facts, source = _IMAGES[base]
    told: dict[str, Any] = {
        name: tuple(value) if isinstance(value, list) else value for name, value in more.get("facts", {}).items()
    }
    image = clinical_image(f"labelled_{number}", replace(facts, **told), group=f"labelled_{number}", source=source)
    made = replace(_pair(question, answer, image, slot="judged"), split=more.get("split", "train"))
    turns = tuple(Turn("assistant" if place % 2 else "user", text) for place, text in enumerate(more.get("turns", ())))
    if turns:
        made = replace(made, messages=made.messages + turns, style="conversation")
    earlier = tuple(_earlier(more.get("earlier", ()), image))
    return Labelled(number, check, label == "F", kind, made, earlier)


def _earlier(told: Any, image: ClinicalImage) -> Iterator[tuple[Pair, ...]]:
    for place, each in enumerate(told):
        for count in range(each.get("images", 0)) or (None,):
            other = image if count is None else replace(image, image_id=f"{image.image_id}_{place}_{count}")
            one = _pair(each["q"], each["a"], other, slot=f"earlier{place}")
            yield (replace(one, split=each.get("split", "train"), question_type=each.get("type", "overview")),)


def _pair(question: str, answer: str, image: ClinicalImage, *, slot: str) -> Pair:
    return pair(question, answer, image=image, slot=slot)
