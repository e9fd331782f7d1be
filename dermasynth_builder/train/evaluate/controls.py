"""Answers that no model of language and pictures gave: what any such model has to be better than."""

import io
import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from random import Random
from typing import Any

from dermasynth_builder.core.closed import Item
from dermasynth_builder.core.reporter import Reporter
from dermasynth_builder.train.rows import OpenRelease

NAMES = ("majority", "shuffled", "probe")
_PROBE_SIDE_PX = 56


def write_controls(
    folder: Path, items: Sequence[Item], trained: Sequence[Item], *, opened: OpenRelease, report: Reporter
) -> None:
    """Writes the answers of each control: the commonest label of the training part, drawn labels, a linear probe.

    Without scikit-learn there is no probe, and without a training part only the shuffled labels.
    """
    folder.mkdir()
    _write(folder / "shuffled.jsonl", _shuffled(items))
    if not trained:
        return
    _write(folder / "majority.jsonl", _majority(items, trained))
    try:
        import sklearn  # noqa: F401 - asked for before images are read
    except ImportError:
        report.warn("no linear probe among the controls: it needs scikit-learn; pip install 'dermasynth[evaluate]'")
        return
    _write(folder / "probe.jsonl", _probe(items, trained, opened=opened, report=report))


def _write(path: Path, answers: Mapping[str, str]) -> None:
    lines = (json.dumps({"item_id": name, "answer": answer}, ensure_ascii=False) for name, answer in answers.items())
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")


def _said(item: Item, gold: str) -> str:
    """How the item's options give that answer; where they do not, no answer."""
    from string import ascii_uppercase

    if gold not in item.options:
        return ""
    return ascii_uppercase[item.options.index(gold)] if item.form == "lettered" else gold


def _majority(items: Iterable[Item], trained: Iterable[Item]) -> dict[str, str]:
    """The commonest answer in training of all that the item's options allow."""
    counts: dict[tuple[str, str, str], Counter[str]] = defaultdict(Counter)
    for item in trained:
        counts[_kind(item)][item.gold] += 1
    return {
        item.item_id: _said(item, max(item.options, key=lambda each: (counts[_kind(item)][each], each)))
        for item in items
    }


def _shuffled(items: Sequence[Item]) -> dict[str, str]:
    """The answers of the items, dealt out anew among those of one kind."""
    found: dict[str, str] = {}
    for kind in sorted({_kind(item) for item in items}):
        alike = [item for item in items if _kind(item) == kind]
        golds = [item.gold for item in alike]
        Random("/".join(kind)).shuffle(golds)  # noqa: S311 - a draw, not a secret
        found |= {item.item_id: _said(item, gold) for item, gold in zip(alike, golds, strict=True)}
    return {item.item_id: found[item.item_id] for item in items}


def _kind(item: Item) -> tuple[str, str, str]:
    return item.source, item.task, item.form


def _probe(items: Sequence[Item], trained: Sequence[Item], *, opened: OpenRelease, report: Reporter) -> dict[str, str]:
    """A logistic regression on small pictures, one for each kind of item. Statements that may be true have none."""
    import numpy as np
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    pixels = _pixels(opened, {item.image_sha256 for item in [*items, *trained]}, report)
    found = {item.item_id: "" for item in items}
    for kind in sorted({_kind(item) for item in items if item.form != "true_false"}):
        seen = [item for item in trained if _kind(item) == kind]
        asked = [item for item in items if _kind(item) == kind]
        if len({item.gold for item in seen}) < 2:
            continue
        probe = make_pipeline(StandardScaler(), LogisticRegression(C=0.01, tol=0.01, max_iter=2000))
        probe.fit(np.stack([pixels[item.image_sha256] for item in seen]), [item.gold for item in seen])
        answers = probe.predict(np.stack([pixels[item.image_sha256] for item in asked]))
        found |= {item.item_id: _said(item, str(each)) for item, each in zip(asked, answers, strict=True)}
    return found


def _pixels(opened: OpenRelease, wanted: set[str], report: Reporter) -> dict[str, Any]:
    """Image -> its small picture, flat, from 0 to 1."""
    import numpy as np
    from PIL import Image

    ids = {row.image_sha256: row.pair_id for row in opened.rows() if row.image_sha256 in wanted}
    found: dict[str, Any] = {}
    with report.bar("pictures for the linear probe", len(ids)) as advance:
        for row, content in opened.rows_with_images(ids.values()):
            small = Image.open(io.BytesIO(content)).convert("RGB").resize((_PROBE_SIDE_PX, _PROBE_SIDE_PX))
            found[row.image_sha256] = np.asarray(small, dtype=np.float32).ravel() / 255
            advance(1)
    return found
