"""What a closed question is: one right answer among options, made from recorded facts."""

from dataclasses import dataclass
from string import ascii_uppercase
from typing import Literal

from dermasynth_builder.core.records import Split

Task = Literal["diagnosis", "malignancy", "body_site", "modality"]
Form = Literal["named", "lettered", "true_false"]
TASKS: tuple[Task, ...] = ("diagnosis", "malignancy", "body_site", "modality")
FORMS: tuple[Form, ...] = ("named", "lettered", "true_false")


@dataclass(frozen=True, slots=True)
class Item:
    """One closed question about one image."""

    item_id: str  # "pad_ufes/<image id>/diagnosis/named"
    task: Task
    form: Form
    question: str  # with its options
    options: tuple[str, ...]  # what an answer may be, in the order in which they are shown
    gold: str  # the right one of them
    source: str
    image_id: str
    image_sha256: str
    group_id: str  # the patient, with the source before it, as two sources may number theirs alike: "hiba/17"
    split: Split
    modality: str
    fitzpatrick: int | None
    diagnosis: str | None
    diagnosis_isic: str | None  # levels joined by colons
    malignancy: str | None

    @property
    def answer(self) -> str:
        """What a right answer says: the option, or its letter."""
        return ascii_uppercase[self.options.index(self.gold)] if self.form == "lettered" else self.gold
