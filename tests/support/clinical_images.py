"""Invented clinical images, and pairs of them, for tests that need no files."""

from dataclasses import replace
from itertools import product

from dermasynth_builder.core.records import ClinicalImage, Facts, ImageFile, Pair, Turn

FULL = Facts(
    diagnosis="basal cell carcinoma",
    diagnosis_published="BCC",
    malignancy="malignant",
    confirmation="histopathology",
    body_site="forearm",
    age_years=81,
    sex="female",
    fitzpatrick=2,
    diameter_1_mm=12.5,
    diameter_2_mm=8.0,
    itches=True,
    has_grown=None,
    hurts=False,
    has_changed=False,
    bleeds=True,
    is_elevated=True,
    smokes=False,
    drinks_alcohol=True,
    uses_pesticide=None,
    has_skin_cancer_history=True,
    has_cancer_history=False,
    has_piped_water=True,
    has_sewage_system=False,
    background_father="Pomerania",
    background_mother="Brazil",
)
SPARSE = Facts(
    diagnosis="actinic keratosis",
    diagnosis_published="ACK",
    malignancy="indeterminate",
    confirmation="clinical assessment",
    body_site="face",
    age_years=77,
    itches=True,
    has_grown=False,
    hurts=False,
    has_changed=False,
    bleeds=False,
    is_elevated=False,
)
REPORTED = Facts(
    diagnosis="Eczema",
    diagnosis_published="Eczema",
    differential=("Eczema", "Tinea", "Irritant contact dermatitis"),
    differential_weights=(0.6, 0.22, 0.18),
    body_site="arm and leg",
    age_band="30 to 39",
    sex="female",
    fitzpatrick=4,
    fitzpatrick_rater="patient",
    monk_tone_us=5,
    itches=True,
    symptoms=("burning", "fever"),
    textures=("raised or bumpy", "rough or flaky"),
    duration="one to four weeks",
    shot_type="close-up",
)
EXPORTED = Facts(
    diagnosis="melanoma",
    malignancy="malignant",
    confirmation="histopathology",
    body_site="front of the trunk",
    age_years=55,
    is_age_rounded=True,
    sex="male",
    fitzpatrick=2,
    is_melanocytic=True,
    dermoscopic_type="contact polarized",
    has_melanoma_history=True,
    has_family_melanoma_history=False,
)
EMPTY = Facts()


DERMOSCOPIC = frozenset({"bcn20000", "derm12345", "hiba"})
"""Sources whose images are dermoscopic, all of them or most."""


def clinical_image(
    image_id: str = "PAT_9001_7001_1", facts: Facts = FULL, group: str = "PAT_9001", source: str = "pad_ufes"
) -> ClinicalImage:
    """An invented image without a file on disk, of the kind that its source mostly has."""
    return ClinicalImage(
        source=source,
        image_id=image_id,
        file_name=f"{image_id}.png",
        group_id=group,
        modality="dermoscopic" if source in DERMOSCOPIC else "clinical",
        facts=facts,
        licence="CC-BY-4.0",
        attribution="invented",
        row_location="metadata.csv, line 2",
        file=ImageFile("ab" * 32, "PNG", "RGB", 64, 64, 1000, 0),
    )


def pair(question: str, answer: str, *, image: ClinicalImage, slot: str = "general", model: str | None = "m") -> Pair:
    """A pair that a model made of an image: one question of the bank, one answer."""
    return Pair(
        pair_id=f"{image.source}/{image.image_id}/{slot}",
        image=image,
        split="train",
        question=question,
        answer=answer,
        messages=(Turn("user", question), Turn("assistant", answer)),
        style="asked",
        question_type="overview",
        references=(),
        engine="gemini" if model else "template",
        model=model,
        model_version=model,
        prompt_id="asked",
        prompt_sha256="00" * 32,
        is_metadata_shown=True,
        seed=0,
        generated_at=None,
        builder_version="0",
        request_key="00" * 32,
    )


def many_facts() -> list[Facts]:
    """Facts in every combination that changes which sentences apply."""
    diagnoses = ("actinic keratosis", "basal cell carcinoma", "melanoma", "nevus", "squamous cell carcinoma")
    made = [EMPTY, FULL, SPARSE, REPORTED, EXPORTED, Facts(differential=("Eczema",), differential_weights=(1.0,))]
    for diagnosis, biopsied, sign in product((*diagnoses, "seborrheic keratosis"), (True, False, None), (True, None)):
        made.append(
            Facts(
                diagnosis=diagnosis,
                malignancy="malignant" if "carcinoma" in diagnosis or diagnosis == "melanoma" else "benign",
                confirmation={True: "histopathology", False: "clinical assessment", None: None}[biopsied],
                body_site="nose" if sign else None,
                age_years=8 if biopsied else 40,
                sex="male" if sign else None,
                is_elevated=sign,
                bleeds=sign,
                has_grown=None if sign else False,
                diameter_1_mm=4.0 if sign else None,
                diameter_2_mm=3.5 if biopsied else None,
                smokes=sign,
            )
        )
    return [
        *made,
        Facts(diagnosis="a disease nobody curated", body_site="hand"),
        Facts(age_years=0),
        Facts(age_years=0, is_age_rounded=True, sex="female", body_site="back of the trunk"),
        Facts(age_band="30 to 39", body_site="head or neck", symptoms=("bothersome appearance",), textures=("flat",)),
        Facts(diagnosis="cutaneous horn", is_melanocytic=False),
        Facts(diagnosis="nevus", malignancy="benign", confirmation="confocal microscopy", diameter_1_mm=4.0),
        replace(
            REPORTED, diagnosis=None, differential_weights=(0.4, 0.4, 0.2), symptoms=(), duration="since childhood"
        ),
        replace(FULL, body_site=None, has_changed=True, has_grown=True, diameter_2_mm=12.5),
        Facts(confirmation="serial imaging"),
    ]
