"""Describes a release in Croissant: croissant.json, for machines that look for data sets.

Croissant 1.1 (mlcommons.org/croissant/1.1) with the responsible-AI fields of RAI 1.0 and the provenance of PROV-O. The
numbers are those of facts.json; each Parquet file is named with its sha256, each source with its licences.
"""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from hashlib import file_digest
from pathlib import Path
from typing import Any

from dermasynth_builder.read.licences import by_strictness
from dermasynth_builder.release.card import NOTHING_BESIDE, Beside, Config, Note, notes
from dermasynth_builder.release.closed_config import closed_features
from dermasynth_builder.release.columns import COLUMNS
from dermasynth_builder.release.parquet import SplitFiles

CROISSANT = "croissant.json"
_CONFORMS = ["http://mlcommons.org/croissant/1.1", "http://mlcommons.org/croissant/RAI/1.0"]
_CONTEXT = {
    "@language": "en",
    "@vocab": "https://schema.org/",
    "cr": "http://mlcommons.org/croissant/",
    "rai": "http://mlcommons.org/croissant/RAI/",
    "prov": "http://www.w3.org/ns/prov#",
    "dct": "http://purl.org/dc/terms/",
    "sc": "https://schema.org/",
    "citeAs": "cr:citeAs",
    "column": "cr:column",
    "conformsTo": "dct:conformsTo",
    "containedIn": "cr:containedIn",
    "equivalentProperty": "cr:equivalentProperty",
    "samplingRate": "cr:samplingRate",
    "data": {"@id": "cr:data", "@type": "@json"},
    "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
    "examples": {"@id": "cr:examples", "@type": "@json"},
    "extract": "cr:extract",
    "field": "cr:field",
    "fileObject": "cr:fileObject",
    "fileProperty": "cr:fileProperty",
    "fileSet": "cr:fileSet",
    "format": "cr:format",
    "includes": "cr:includes",
    "isLiveDataset": "cr:isLiveDataset",
    "jsonPath": "cr:jsonPath",
    "key": "cr:key",
    "md5": "cr:md5",
    "parentField": "cr:parentField",
    "path": "cr:path",
    "recordSet": "cr:recordSet",
    "references": "cr:references",
    "regex": "cr:regex",
    "repeated": "cr:repeated",
    "replace": "cr:replace",
    "separator": "cr:separator",
    "source": "cr:source",
    "subField": "cr:subField",
    "transform": "cr:transform",
}
_TYPES = {
    "string": "sc:Text",
    "bool": "sc:Boolean",
    "float64": "sc:Float",
    "int32": "sc:Integer",
    "image": "sc:ImageObject",
}
_OF_SAMPLE = "the sample over all sources, from their train splits"
_OF_CLOSED = "lettered questions about images of the test splits"
_PERSONAL = ("Health", "Age", "Sex", "Skin tone")
_PARQUET = "application/x-parquet"


def croissant_text(
    facts: Mapping[str, Any], configs: Sequence[Config], folder: Path, *, beside: Beside = NOTHING_BESIDE
) -> str:
    """The whole croissant.json of a release whose Parquet files lie in `folder`: each of them is named."""
    described = {
        "@context": _CONTEXT,
        "@type": "sc:Dataset",
        "name": "dermasynth",
        "conformsTo": _CONFORMS,
        "description": _description(facts),
        "version": facts["version"],
        "url": notes()["paper"].url,
        "citeAs": notes()["paper"].bibtex.strip(),
        "license": _urls(facts["licences"]),
        "creator": {"@type": "sc:Organization", "name": "The dermasynth maintainers"},
        "keywords": ["medical", "dermatology", "synthetic", "image", "text"],
        "isLiveDataset": False,
        **_responsible(facts),
        **_provenance(facts),
        **_contents(facts, configs, folder, beside=beside),
    }
    return json.dumps(described, indent=1, ensure_ascii=False) + "\n"


def _contents(
    facts: Mapping[str, Any], configs: Sequence[Config], folder: Path, *, beside: Beside
) -> dict[str, list[dict[str, Any]]]:
    """The files and what is in their rows."""
    everything, licences = (
        _urls(facts["licences"]),
        {each["name"]: _urls(each["licences"]) for each in facts["sources"]},
    )
    of_pairs = [
        file
        for config in configs
        for split, files in config.splits.items()
        for file in _files(
            files, folder, rows=f"{config.source.title}, split {split}", licences=licences[config.source.name]
        )
    ]
    of_pairs += _files(beside.sample, folder, rows=_OF_SAMPLE, licences=everything)
    asked = list(_files(beside.closed, folder, rows=_OF_CLOSED, licences=everything))
    records = [_records(file["@id"], _PAIR_FIELDS) for file in of_pairs]
    records += [_records(file["@id"], _closed_fields()) for file in asked]
    return {"distribution": [*of_pairs, *asked], "recordSet": records}


def _urls(licences: Iterable[str]) -> list[str]:
    return [licence.url or licence.name for licence in by_strictness(licences)]


def _description(facts: Mapping[str, Any]) -> str:
    told = f"{facts['pairs']:,} synthetic question-answer pairs over {facts['images']:,} public images of the skin"
    return f"{told}. For research only, not for clinical use. {facts['part']}".strip()


def _files(files: SplitFiles | None, folder: Path, *, rows: str, licences: list[str]) -> Iterator[dict[str, Any]]:
    for path in files.files if files else ():
        name = path.relative_to(folder).as_posix()
        with path.open("rb") as file:
            sha256 = file_digest(file, "sha256").hexdigest()
        yield {
            "@type": "cr:FileObject",
            "@id": name,
            "name": name,
            "description": f"Rows of {rows}.",
            "contentUrl": name,
            "contentSize": f"{path.stat().st_size} B",
            "encodingFormat": _PARQUET,
            "sha256": sha256,
            "license": licences,
        }


_MEANINGS = {column.path: column.meaning for column in COLUMNS}
_PAIR_FIELDS = {column.path: _TYPES[column.type] for column in COLUMNS if column.type in _TYPES}


def _closed_fields() -> dict[str, str]:
    """The columns of the config of lettered questions that hold one value."""
    features = {name: getattr(feature, "dtype", "") for name, feature in closed_features().items()}
    told = {name: "image" if name == "image" else dtype for name, dtype in features.items()}
    return {name: _TYPES[dtype] for name, dtype in told.items() if dtype in _TYPES}


def _records(file: str, columns: Mapping[str, str]) -> dict[str, Any]:
    """The rows of one file: the image, and the columns at the top that hold one value."""
    name = file.removesuffix(".parquet")
    fields = []
    for path, kind in columns.items():
        if "." in path:
            continue
        source: dict[str, Any] = {"fileObject": {"@id": file}, "extract": {"column": path}}
        if kind == _TYPES["image"]:
            source["transform"] = {"jsonPath": "bytes"}
        fields.append(
            {
                "@type": "cr:Field",
                "@id": f"{name}/{path}",
                "name": path,
                "description": _MEANINGS.get(path, f"the column {path}, as the card says"),
                "dataType": kind,
                "source": source,
            }
        )
    return {"@type": "cr:RecordSet", "@id": name, "name": name, "field": fields}


def _responsible(facts: Mapping[str, Any]) -> dict[str, Any]:
    """What a venue asks of a data set: the fields of RAI 1.0, and whether text in it is synthetic."""
    told, made, quality = facts["sources"], facts["made"], facts["quality"]
    engines = ", ".join([*made["engines"], *made["models"]])
    missing = "; ".join(
        f"{source['name']}: phototype missing in {source['missing_percent']['fitzpatrick']} % of the images, "
        f"{source['malignant_percent']} % of all its images malignant"
        for source in told
    )
    consent = "; ".join(f"{source['name']}: {notes().get(source['name'], Note()).consent}" for source in told)
    return {
        "rai:hasSyntheticData": True,
        "rai:dataCollection": f"Images and facts: {_images_from(facts)}. Texts: {engines}.",
        "rai:dataCollectionType": ["Secondary data analysis", "Synthetic data"],
        "rai:machineAnnotationTools": sorted({*made["engines"], *made["models"]}),
        "rai:annotationsPerItem": f"{facts['pairs']} pairs over {facts['images']} images; {_review(facts)}",
        "rai:dataLimitations": (
            f"{made['told_the_facts']} of {facts['pairs']} answers come from an engine that was told the recorded "
            f"facts, the diagnosis included; {quality['flagged']} pairs are doubted by a check; {_review(facts)}."
        ),
        "rai:dataBiases": f"Skin tones, ages and classes are unevenly represented. {missing}.",
        "rai:dataUseCases": "Research on vision-language models of dermatology and on synthetic text.",
        "rai:dataSocialImpact": (
            "May help research where texts are rare; taken for clinical knowledge it can harm, for answers may be "
            "wrong and are not evidence of what an image shows. Not a medical device, not for diagnosis."
        ),
        "rai:personalSensitiveInformation": ["None: images and facts are invented."]
        if facts["is_specimen"]
        else [*_PERSONAL, f"Metadata of image files is removed. Consent: {consent}."],
        "rai:dataReleaseMaintenancePlan": "Tagged versions; withdrawn.csv lists rows that were taken out, and why.",
    }


def _review(facts: Mapping[str, Any]) -> str:
    told = facts["opinions"]["persons"]
    return f"human review: {told['pairs']} pairs by {told['persons']} persons" if told else "human review: none"


def _images_from(facts: Mapping[str, Any]) -> str:
    if facts["is_specimen"]:
        return "drawn by a script, of nobody"
    return f"public sets ({', '.join(source['title'] for source in facts['sources'])})"


def _provenance(facts: Mapping[str, Any]) -> dict[str, Any]:
    """From which sets, and by what, in the terms of PROV-O."""
    made = facts["made"]
    software = {"@type": "prov:SoftwareAgent", "name": "dermasynth", "version": facts["version"]}
    models = [{"@type": "prov:SoftwareAgent", "name": name} for name in [*made["engines"], *made["models"]]]
    activity = {
        "@type": "prov:Activity",
        "name": "dermasynth build",
        "description": f"recipe.toml holds its settings; seed {facts['seed']}",
        "prov:wasAssociatedWith": [software, *models],
    }
    if made["first_day"]:
        activity |= {"prov:startedAtTime": made["first_day"], "prov:endedAtTime": made["last_day"]}
    derived = [
        {"@type": "prov:Entity", "name": source["title"]} | ({"url": source["homepage"]} if source["homepage"] else {})
        for source in facts["sources"]
    ]
    return {
        "prov:wasDerivedFrom": [] if facts["is_specimen"] else derived,
        "prov:wasGeneratedBy": [activity],
    }
