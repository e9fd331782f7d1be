"""The sheet as tasks of Label Studio, and what it exports of them as verdicts."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from xml.sax.saxutils import quoteattr

from dermasynth_builder.core.records import AXES
from dermasynth_builder.release.reviews import FORM
from dermasynth_builder.report.page import Collected

_TEXTS = ("corrected_answer", "comment")


def tasks(collected: Collected, sheet: str) -> list[dict[str, Any]]:
    """A task a pair, its image in it; Label Studio imports the list as JSON."""
    return [{"data": _shown(row, collected.images[row["image"]], sheet)} for row in collected.rows]


def _shown(row: Mapping[str, Any], image: str | None, sheet: str) -> dict[str, str]:
    facts = "\n".join(f"{label}: {'; '.join(lines)}" for label, lines in row["sections"]["facts"])
    return {
        "image": f"data:image/jpeg;base64,{image}" if image else "",
        "question": row["question"],
        "answer": "\n\n".join([row["answer"], *(text for _, text in row["turns"])]),
        "facts": facts,
        "flags": "; ".join(row["flags"]),
        "pair_id": row["name"],
        "text": row["text"],
        "sheet": sheet,
    }


def labelling_config() -> str:
    """What Label Studio is to ask of a task, for the settings of its project."""
    axes = "".join(
        f'  <Header size="5" value={quoteattr(f"{axis}: {meaning}")}/>\n'
        f'  <Rating name="{axis}" toName="answer" maxRating="5"/>\n'
        for axis, meaning in AXES.items()
    )
    texts = "".join(
        f'  <TextArea name="{each}" toName="answer" maxSubmissions="1" placeholder="{each.replace("_", " ")}"/>\n'
        for each in _TEXTS
    )
    return (
        '<View>\n  <Image name="image" value="$image"/>\n  <Text name="facts" value="$facts"/>\n'
        '  <Text name="flags" value="$flags"/>\n  <Text name="question" value="$question"/>\n'
        f'  <Text name="answer" value="$answer"/>\n{axes}'
        '  <Choices name="verdict" toName="answer" choice="single" required="true">\n'
        f'    <Choice value="keep"/>\n    <Choice value="leave_out"/>\n  </Choices>\n{texts}</View>\n'
    )


def verdicts_in(exported: Sequence[Any]) -> Iterator[dict[str, Any]]:
    """What each person said, in the form of the file that a review page exports; skipped tasks are left out.

    Raises KeyError, TypeError or AttributeError for what is no export of our tasks.
    """
    files: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for task in exported:
        for annotation in task["annotations"]:
            if not annotation.get("was_cancelled"):
                key = (task["data"]["sheet"], _rater(annotation["completed_by"]))
                files.setdefault(key, []).append(_judged(task["data"], annotation["result"]))
    for (sheet, rater), verdicts in files.items():
        yield {"form": FORM, "sheet": sheet, "rater": rater, "verdicts": verdicts}


def _rater(person: Any) -> str:
    """A number, or the record of a person."""
    return str(person.get("email") or person["id"]) if isinstance(person, Mapping) else f"annotator {person}"


def _judged(task: Mapping[str, Any], results: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    said: dict[str, Any] = {"pair_id": task["pair_id"], "text": task["text"], "scores": {}}
    for each in results:
        name, value = each["from_name"], each["value"]
        if name == "verdict":
            said[name] = value["choices"][0]
        elif name in AXES and value["rating"] != 0:  # of stars that were taken back
            said["scores"][name] = value["rating"]
        elif name in _TEXTS:
            said[name] = "\n".join(value["text"])
    return said
