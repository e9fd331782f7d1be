"""Writes a small invented training set of the ISIC 2019 challenge, for tests of BCN20000.

As in the real one, the two tables mix images of BCN20000 with those of other sets, of which some have no lesion and
some a suffix behind their name. Nothing in it is taken from anybody; see `specimens_isic`.
"""

from pathlib import Path

from dermasynth_builder.invented.specimens.isic import write_pictures, write_table
from dermasynth_builder.invented.specimens.isic_rows import BCN, FIRST_ID, Cell, Shot, figshare_row, shots_of

METADATA_COLUMNS = ("image", "age_approx", "anatom_site_general", "lesion_id", "sex")
GROUND_TRUTH_COLUMNS = ("image", "MEL", "NV", "BCC", "AK", "BKL", "DF", "VASC", "SCC", "UNK")
# Images of other sets: what stands behind the name, and the lesion.
STRANGERS = (("", f"HAM_{FIRST_ID}"), ("", f"MSK4_{FIRST_ID}"), ("_downsampled", ""))


def write_isic2019(root: Path, *, images: int = 12, side_px: int = 320, seed: int = 0) -> Path:
    """Draws `images` training images of BCN20000 and those of `STRANGERS` under `root`, and gives `root` back.

    Raises UsageError for fewer images than one or a side under 16 pixels.
    """
    shots = [shot for shot in shots_of(BCN, 4 * images, seed) if shot.split == "train"][:images]
    named = {shot.isic_id: (shot, figshare_row(shot)) for shot in shots}
    for number, (suffix, lesion_id) in enumerate(STRANGERS):
        shot = Shot(BCN, 4 * images + number, seed)
        named[shot.isic_id + suffix] = (shot, figshare_row(shot) | {"lesion_id": lesion_id, "diagnosis": "NV"})
    rows = [row | {"image": name} | _marks(row) for name, (_, row) in named.items()]
    write_table(root / "ISIC_2019_Training_Metadata.csv", METADATA_COLUMNS, rows)
    write_table(root / "ISIC_2019_Training_GroundTruth.csv", GROUND_TRUTH_COLUMNS, rows)
    folder = root / "ISIC_2019_Training_Input"
    write_pictures({folder / f"{name}.jpg": shot for name, (shot, _) in named.items()}, side_px)
    return root


def _marks(row: dict[str, Cell]) -> dict[str, Cell]:
    return {code: float(code == row["diagnosis"]) for code in GROUND_TRUTH_COLUMNS[1:]}
