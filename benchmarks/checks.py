"""How well the checks tell faults from sound answers, and what they take.

    python benchmarks/checks.py                     precision and recall of each check on both labelled sets
    python benchmarks/checks.py --control           prose that GPT wrote about images, fetched: nothing is rejected
    python benchmarks/checks.py --control FILE ...  the same on files that are here
    python benchmarks/checks.py --template DIR      the template engine's answers over the real tables below DIR
    python benchmarks/checks.py --speed DIR         92,020 pairs of them through all checks

Precision is over the answers that are labelled a fault of the check and all that are labelled sound; recall over the
former. The second and the third set were each written after the checks were frozen, and mended them afterwards; what
they said at first stands in `FIRST_MEASURED`. Their faults, sound answers and rules are by one hand. The later sets
are by judges who had not seen the checks, one after the other: each mended the checks before the next was written.
There a fault counts as found by any check, as its family is the judge's word; two answers that open with an address
("Of course", "Thanks for the clear photo") were labelled sound, and count as faults, as no answer is to open so. The
last set holds no bound.

Exit code 1 where a bound is broken.
"""

import argparse
import json
import re
import resource
import sys
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, field, replace
from itertools import chain, cycle, groupby, islice
from pathlib import Path

import httpx

from dermasynth_builder.check.assemble import assemble
from dermasynth_builder.core import registry
from dermasynth_builder.core.options import PlanOptions, Settings
from dermasynth_builder.core.records import Facts, Pair, canonical_json
from dermasynth_builder.core.reporter import SilentReporter
from dermasynth_builder.generate.run import Run
from dermasynth_builder.plan.planner import Planner
from dermasynth_builder.plan.questions import load_prompt_book
from dermasynth_builder.read.source import read_source
from dermasynth_builder.release.write import terms_of

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from tests.support.clinical_images import clinical_image, pair
from tests.support.labelled import JUDGED, LABELLED, LAST, OF_A_FAULT, Labelled, findings_on, labelled

SETS = ("first", "second", "third", *JUDGED, LAST)
PRECISION = {"reject": 0.95, "flag": 0.85}
RECALL = 0.9
FIRST_MEASURED = {  # recall, precision of rejects and of flags, before the set was used to mend anything
    "second": {
        "advice": (0.900, 0.923, 1.000),
        "columns": (1.000, None, 1.000),
        "diagnosis": (0.969, 0.923, 0.950),
        "form": (0.950, 0.972, 1.000),
        "person": (0.917, None, 0.880),
        "repeats": (1.000, 1.000, 1.000),
        "speech": (0.825, 1.000, 1.000),
        "unseen": (0.941, None, 0.941),
    },
    "fourth": {  # by a judge, before the rules of the checks were written anew
        "advice": (0.565, 0.870, 0.556),
        "diagnosis": (0.723, 1.000, 1.000),
        "form": (0.909, 0.838, 0.600),
        "person": (0.717, None, 0.872),
        "repeats": (0.833, None, 0.926),
        "speech": (0.477, 1.000, 0.833),
        "unseen": (0.702, None, 0.878),
    },
    "fifth": {  # by another judge, after the rules had been mended by the fourth set
        "advice": (0.667, 0.880, 1.000),
        "diagnosis": (0.786, 1.000, 0.962),
        "form": (0.956, 0.867, 0.500),
        "person": (0.805, None, 0.944),
        "repeats": (0.875, None, 1.000),
        "speech": (0.925, 0.967, 0.714),
        "unseen": (0.857, None, 1.000),
    },
    "sixth": {  # by a third judge, after the rules had been mended by the fourth and fifth set
        "advice": (0.829, 0.963, 1.000),
        "diagnosis": (0.944, 0.818, 0.962),
        "form": (0.974, 1.000, 1.000),
        "person": (0.824, None, 0.882),
        "repeats": (0.950, None, 0.950),
        "speech": (1.000, 0.980, 0.875),
        "unseen": (0.897, None, 0.789),
    },
    "seventh": {  # by a fourth judge, after the rules had been mended by all before
        "advice": (0.939, 0.966, 0.800),
        "diagnosis": (0.917, 1.000, 0.926),
        "form": (0.973, 1.000, 1.000),
        "person": (0.771, None, 0.933),
        "repeats": (0.950, 1.000, 1.000),
        "speech": (0.857, 1.000, 0.692),
        "unseen": (0.972, None, 0.974),
    },
    "eighth": {  # by a fifth judge, after the rules had been mended by all before
        "advice": (0.780, 0.971, 0.875),
        "diagnosis": (0.968, 1.000, 0.846),
        "form": (1.000, 0.955, 0.500),
        "person": (0.855, None, 0.917),
        "repeats": (0.952, None, 1.000),
        "speech": (0.840, 0.957, 0.818),
        "unseen": (0.933, None, 0.875),
    },
    "ninth": {  # by a sixth judge, after the rules had been mended by all before
        "advice": (0.925, 0.929, 1.000),
        "diagnosis": (0.900, 0.917, 0.950),
        "form": (1.000, 0.880, 0.714),
        "person": (0.893, None, 0.945),
        "repeats": (1.000, None, 1.000),
        "speech": (0.925, 1.000, 0.895),
        "unseen": (0.933, None, 0.941),
    },
    "third": {
        "advice": (1.000, 1.000, 1.000),
        "diagnosis": (0.905, 1.000, 1.000),
        "form": (0.955, 1.000, 1.000),
        "person": (0.938, None, 1.000),
        "speech": (0.960, 0.917, 1.000),
        "unseen": (0.950, None, 0.905),
    },
}
PAIRS = 92_020
MOST_SECONDS = 180.0
MOST_TIMES = 30.0  # one pass of reading and tokenising
MOST_GROWTH_MB = 300.0
_TOKEN = re.compile(r"\w+")
_GITHUB = "https://raw.githubusercontent.com"
CONTROL = (  # answers about images that GPT-4 wrote, published for evaluation and for tuning
    f"{_GITHUB}/Im-Wali/LLaVA-Med-RAG/c77047194b3ba431dbd20a7447557c9cd65fb955/data/eval/llava_med_eval_qa50_qa.jsonl",
    f"{_GITHUB}/haotian-liu/LLaVA/main/playground/data/coco2014_val_gpt4_qa_30x3.jsonl",
    f"{_GITHUB}/haotian-liu/LLaVA/main/playground/data/coco2014_val_qa_eval/qa90_gpt4_answer.jsonl",
)
_LEAST_CONTROL = 300
_TRUE_REJECTS = ("I'm sorry, but I cannot provide a detailed description of the gross specimen",)  # a refusal indeed


# --- labelled answers ---


@dataclass(slots=True)
class Score:
    """What a check made of a labelled set."""

    faults: int = 0
    found: int = 0
    right: Counter[str] = field(default_factory=Counter)  # faults that were found, by severity
    wrong: Counter[str] = field(default_factory=Counter)  # sound answers that were found, by severity

    def precision(self, severity: str) -> float | None:
        """None where nothing was found with that severity."""
        all_found = self.right[severity] + self.wrong[severity]
        return self.right[severity] / all_found if all_found else None

    @property
    def recall(self) -> float:
        """Share of the faults that were found."""
        return self.found / self.faults if self.faults else 1.0


def scores(items: Sequence[Labelled], is_judged: bool) -> tuple[dict[str, Score], list[str]]:
    """A score a check, and a line for each answer that was missed or found wrongly."""
    of_check: dict[str, Score] = defaultdict(Score)
    misses: list[str] = []
    for item in items:
        severities = {each.check: each.severity for each in sorted(findings_on(item), key=lambda f: f.severity)[::-1]}
        reasons = {each.check: each.reason for each in findings_on(item)}
        if item.is_fault:
            score = of_check[item.check]
            score.faults += 1
            finders = OF_A_FAULT if is_judged else {item.check}
            is_found = not finders.isdisjoint(severities)
            score.found += is_found
            for name in finders & severities.keys():
                of_check[name].right[severities[name]] += 1
            if not is_found:
                misses.append(f"  missed   {item.number:4} {item.check} ({item.kind}): {item.pair.answer[:110]!r}")
            continue
        for name, severity in severities.items():
            of_check[name].wrong[severity] += 1
            misses.append(f"  wrongly  {item.number:4} {name}: {reasons[name][:90]} | {item.pair.answer[:110]!r}")
    return of_check, misses


def measure_labelled(name: str) -> bool:
    """Prints the scores of a set; whether its bounds hold."""
    of_check, misses = scores(labelled(LABELLED / f"{name}.jsonl"), name in (*JUDGED, LAST))
    print(f"\n{name} set{'':13}faults  recall  precision: reject  flag")
    holds = True
    for check, score in sorted(of_check.items()):
        told = [score.precision(severity) for severity in PRECISION]
        shown = "  ".join("     -" if each is None else f"{each:6.3f}" for each in told)
        is_kept = score.recall >= RECALL and all(
            each is None or each >= bound for each, bound in zip(told, PRECISION.values(), strict=True)
        )
        holds &= is_kept or name == LAST
        print(f"  {check:20}{score.faults:6}  {score.recall:6.3f}             {shown}  {'' if is_kept else 'BROKEN'}")
    for check, at_first in FIRST_MEASURED.get(name, {}).items():
        print(f"  at first: {check:12}", *("    -" if each is None else f"{each:5.3f}" for each in at_first))
    print(*misses, sep="\n")
    return holds


# --- prose of others ---


def control_answers(paths: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Question and answer of each line of the files, which may be addresses."""
    for path in paths:
        text = (
            httpx.get(path, follow_redirects=True, timeout=60).raise_for_status().text
            if "://" in path
            else Path(path).read_text("utf-8")
        )
        for line in text.splitlines():
            told = json.loads(line)
            answer = told.get("gpt4_answer") or told.get("output") or told.get("text")
            question = told.get("instruction") or (
                told.get("text") if answer != told.get("text") else "What do you see?"
            )
            if isinstance(answer, str) and isinstance(question, str):
                yield question.replace("<image>", "").strip(), answer


def measure_control(paths: Sequence[str]) -> bool:
    """Prints what the checks find on prose of another origin; whether nothing is rejected."""
    counts: Counter[str] = Counter()
    rejects: list[str] = []
    number = 0
    checks = [registry.check(name) for name in registry.CHECKS if name != "novelty"]
    for number, (question, answer) in enumerate(control_answers(paths), 1):
        one = pair(question, answer, image=clinical_image(f"control_{number}", Facts()))
        for found in chain.from_iterable(check([one]) for check in checks):
            counts[f"{found.severity} {found.check}"] += 1
            if found.severity == "reject" and not answer.startswith(_TRUE_REJECTS):
                rejects.append(f"  {found.check}: {found.reason} | {answer[:160]!r}")
    print(f"\ncontrol: {number} answers", *(f"{what} {count}" for what, count in sorted(counts.items())), sep="\n  ")
    print(*rejects, sep="\n")
    return not rejects and number >= _LEAST_CONTROL


# --- the template engine's answers ---


def template_pairs(root: Path) -> Iterator[list[Pair]]:
    """The template engine's pairs over the tables below `root`, image by image."""
    raw = {path.name: path for path in sorted(root.iterdir()) if path.name in registry.SOURCES}
    settings = Settings(raw=raw, rows="all")
    engine = registry.engine("template")
    for name in raw:
        images = read_source(name, settings, SilentReporter()).images
        terms = terms_of(settings, images)
        planner = Planner(load_prompt_book(sources=[name]), settings.seed, PlanOptions())
        of_id = {image.image_id: image for image in images}
        requests = list(planner.requests(images))
        replies = {reply.key: reply for reply in engine.answer(requests, Run())}
        for _, of_image in groupby(requests, key=lambda each: each.image_id):
            made = assemble(((each, replies.get(each.key)) for each in of_image), of_id, terms)
            yield [each for each in made if isinstance(each, Pair)]


def measure_template(root: Path) -> bool:
    """Prints each kind of finding on the template engine's answers, with an example."""
    counts: Counter[str] = Counter()
    examples: dict[str, list[str]] = defaultdict(list)
    total, source, checks = 0, "", []
    for pairs in template_pairs(root):
        if pairs and pairs[0].image.source != source:
            source = pairs[0].image.source
            checks = [(name, registry.check(name)) for name in registry.CHECKS]
        total += len(pairs)
        of_id = {each.pair_id: each for each in pairs}
        for name, check in checks:
            for found in check(pairs):
                kind = f"{found.severity} {name}: {re.sub(r'[0-9]+|/[^ ]+', '#', found.reason.partition(': ')[0])[:70]}"
                counts[kind] += 1
                if len(examples[kind]) < 3:
                    examples[kind].append(
                        f"{found.reason[:100]} | {of_id[found.pair_id].question} | {of_id[found.pair_id].answer}"
                    )
    print(f"\ntemplate engine: {total:,} pairs")
    for kind, count in counts.most_common():
        print(f"  {count:7,} {100 * count / total:6.2f} %  {kind}", *examples[kind], sep="\n        ")
    return not any(kind.startswith("reject") for kind in counts)


# --- speed ---


def measure_speed(root: Path) -> bool:
    """Times all checks over as many pairs as the paper's set has, beside one plain pass over the same text."""
    images = list(template_pairs(root))
    have = sum(map(len, images))
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "texts.jsonl")
        lines = (canonical_json(_columns(each)) for pairs in images for each in pairs)
        file.write_text("".join(f"{line}\n" for line in islice(cycle(list(lines)), PAIRS)), encoding="utf-8")
        begin = time.process_time()
        tokens = 0
        with file.open(encoding="utf-8") as read:
            for line in read:
                row = json.loads(line)
                tokens += len(_TOKEN.findall(row["question"].lower())) + len(_TOKEN.findall(row["answer"].lower()))
        plain_s = time.process_time() - begin
    print(f"\n{have:,} pairs, {tokens:,} tokens in {PAIRS:,}; one pass of reading and tokenising {plain_s:.2f} s")
    checks = [(name, registry.check(name)) for name in registry.CHECKS]
    taken: dict[str, float] = defaultdict(float)
    before_mb, seen = _peak_mb(), 0
    for turn, pairs in _turns(images):
        again = [replace(each, pair_id=f"{each.pair_id}/{turn}") for each in pairs] if turn else pairs
        seen += len(again)
        for name, check in checks:
            begin = time.process_time()
            sum(1 for _ in check(again))
            taken[name] += time.process_time() - begin
        if seen >= PAIRS:
            break
    total_s = sum(taken.values())
    grown_mb = _peak_mb() - before_mb
    for name, seconds in sorted(taken.items(), key=lambda each: -each[1]):
        print(f"  {name:12}{seconds:8.2f} s")
    print(f"  {'all':12}{total_s:8.2f} s, {total_s / plain_s:.1f} times the plain pass, {grown_mb:.0f} MB more")
    return total_s <= MOST_SECONDS and total_s <= MOST_TIMES * plain_s and grown_mb <= MOST_GROWTH_MB


def _columns(one: Pair) -> dict[str, object]:
    """What the checks look at, as a row."""
    image = one.image
    told = {"pair_id": one.pair_id, "question": one.question, "answer": one.answer, "question_type": one.question_type}
    return told | {"source": image.source, "image_id": image.image_id, "split": one.split, "facts": asdict(image.facts)}


def _turns(images: Sequence[list[Pair]]) -> Iterator[tuple[int, list[Pair]]]:
    for turn in range(1000):
        for pairs in images:
            yield turn, pairs


def _peak_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main(words: Iterable[str] | None = None) -> int:
    """Runs what is asked for; without anything, the labelled sets."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--control", nargs="*", metavar="FILE")
    parser.add_argument("--template", type=Path, metavar="DIR")
    parser.add_argument("--speed", type=Path, metavar="DIR")
    asked = parser.parse_args(list(words) if words is not None else None)
    results = []
    if asked.control is not None:
        results.append(measure_control(asked.control or CONTROL))
    if asked.template:
        results.append(measure_template(asked.template))
    if asked.speed:
        results.append(measure_speed(asked.speed))
    if not results:
        results = [measure_labelled(name) for name in SETS if (LABELLED / f"{name}.jsonl").exists()]
    return 0 if all(results) else 1


if __name__ == "__main__":
    sys.exit(main())
