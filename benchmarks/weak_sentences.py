"""Counts weak sentences in all answers of the engine `template` over whole tables, to compare texts.

    python benchmarks/weak_sentences.py TABLES [--every N] [--show KIND]     TABLES holds a folder a source

The kinds are those that a reader of drawn pairs found; each is a rule of thumb, so a count says where to read and
is no verdict. `--show KIND` prints twenty pairs of one kind, drawn from all.
"""

import argparse
import re
import sys
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path
from random import Random

from draw import SHARES, images_of

from dermasynth_builder.core import registry
from dermasynth_builder.core.options import PlanOptions
from dermasynth_builder.core.protocols import ChoosesQuestions
from dermasynth_builder.core.records import Reply, Request
from dermasynth_builder.generate.run import Run
from dermasynth_builder.plan import reply_form
from dermasynth_builder.plan.planner import Planner
from dermasynth_builder.plan.questions import load_prompt_book
from tests.support.verbs import has_verb

CASE = frozenset({"body_site", "age_years", "age_band", "sex", "duration", "textures", "symptoms", "phototype"})
NAMED = frozenset({"differential", "structures", "diagnosis", "identify", "malignancy", "comprehensive", "next_steps"})
# What a question type is about beside the lesion: a last sentence on these alone belongs to it.
ABOUT = {
    "context": CASE,
    "comprehensive": CASE,
    "overview": CASE,
    "textures": frozenset({"textures"}),
    "complaints": CASE,
    "evolution": CASE,
    "duration": frozenset({"duration"}),
    "distribution": frozenset({"body_site"}),
    "reasoning": CASE,
    "history": CASE,
    "size": CASE,
    "relief": CASE,
}
RIVAL = re.compile(
    r"would (?:speak for|show itself|bring along|make one think|favour|need)|turn the decision|one would rather expect"
    r"|is the better name|^Were it|comes into question, and|^One alternative is"
)
FILLER = re.compile(r"the way is known|the steps are these|^The plan is that for|one can be specific|^It depends on")
ASKED = re.compile(
    r"another diagnosis|something else|doubt|against|not (?:fit|be there|belong)|hesitate|called|elsewhere"
)
LOOKS = frozenset({"structures", "visual_features", "self_instruct"})


def found(request: Request, reply: Reply, question: str, *, answer: str) -> Iterator[str]:
    """The kinds of weakness in one answer."""
    sentences = list(dict.fromkeys(ground.sentence for ground in reply.grounds if ground.sentence in answer))
    if sentences:
        yield from _of_sentences(sentences)
        if len(sentences) > 1:
            yield from _hung_on(request, reply, sentences[-1])
        yield from _of_answer(request, sentences, question)


def _of_sentences(sentences: Sequence[str]) -> Iterator[str]:
    if not all(map(has_verb, sentences[1:])):
        yield "later sentence without a verb"
    if len(sentences) > 1 and not has_verb(sentences[0]):
        yield "first of several sentences without a verb"
    if any(map(FILLER.search, sentences)):
        yield "filler"


def _hung_on(request: Request, reply: Reply, last: str) -> Iterator[str]:
    rests = {(ground.kind, ground.key) for ground in reply.grounds if ground.sentence == last}
    about = ABOUT.get(request.question_type, frozenset())
    columns = {key for kind, key in rests if kind == "fact"} - {"modality", "malignancy"}
    is_of_case = columns <= CASE and all(kind in ("fact", "absent") for kind, _ in rests)
    if is_of_case and ("absent", "diagnosis") in rests:
        yield "last sentence says that nobody has named it"
    elif is_of_case and not columns <= about:
        yield "last sentence on the case alone"


def _of_answer(request: Request, sentences: Sequence[str], question: str) -> Iterator[str]:
    kind, site = request.question_type, request.facts.body_site
    name = (request.facts.diagnosis or "").lower()
    if kind in NAMED and name and name.split()[-1] not in " ".join([question, *sentences]).lower():
        yield "diagnosis unnamed"
    if site and sum(site in each for each in sentences) > 1:
        yield "place said twice"
    rivals = sum(bool(RIVAL.search(each)) for each in sentences)
    if kind in LOOKS and 0 < 2 * rivals >= len(sentences) and not ASKED.search(question):
        yield "half of it on rivals, where looks were asked"


def pairs_of(source: str, root: Path, *, seed: int, every: int) -> Iterator[tuple[Request, Reply, str, str]]:
    """The requests of every so manieth image of a source with their replies, and the first turn in words."""
    engine = registry.engine("template")
    chooser = engine if isinstance(engine, ChoosesQuestions) else None
    planner = Planner(load_prompt_book(sources=(source,)), seed, PlanOptions(), chooser)
    requests = (request for image in images_of(source, root)[::every] for request in planner.requests([image]))
    for request in requests:
        [reply] = engine.answer([request], Run())
        exchange, *_ = reply_form.exchanges(request, reply)
        yield request, reply, exchange.turns[0].content, exchange.turns[1].content


def main() -> int:
    """Exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("tables", type=Path)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--every", type=int, default=1, metavar="N", help="every Nth image only, for a quick look")
    parser.add_argument("--show", metavar="KIND")
    arguments = parser.parse_args()
    counts, total, shown = defaultdict[str, Counter[str]](Counter), Counter[str](), []
    sentences, answers = Counter[str](), set[str]()
    for source in SHARES:
        for request, reply, question, answer in pairs_of(
            source, arguments.tables / source, seed=arguments.seed, every=arguments.every
        ):
            total[source] += 1
            answers.add(answer)
            sentences.update({ground.sentence for ground in reply.grounds})
            for kind in found(request, reply, question, answer=answer):
                counts[kind][source] += 1
                if kind == arguments.show:
                    shown.append(f"{request.pair_id} {request.question_type}\n  {question}\n  {answer}")
    print(f"{total.total()} answers", dict(total))
    print(
        f"{len(answers) / total.total():.3f} of the answers differ,",
        f"{len(sentences) / sentences.total():.4f} of the sentences",
    )
    for kind, of_source in sorted(counts.items(), key=lambda each: -each[1].total()):
        print(f"{of_source.total():>7} {of_source.total() / total.total():6.1%}  {kind}  {dict(of_source)}")
    print(*Random(1).sample(shown, min(20, len(shown))), sep="\n")  # noqa: S311 - a draw, not a secret
    return 0


if __name__ == "__main__":
    sys.exit(main())
