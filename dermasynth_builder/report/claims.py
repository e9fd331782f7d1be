"""Has a second model check the claims of pairs, and tells what it found."""

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import mean
from typing import Any

from rich.console import Group, RenderableType

from dermasynth_builder import pipeline
from dermasynth_builder.core.claims_options import ClaimsOptions
from dermasynth_builder.core.errors import UsageError
from dermasynth_builder.core.options import EngineOptions, PlanOptions, Settings
from dermasynth_builder.core.protocols import Engine
from dermasynth_builder.core.records import AXES, ClaimVerdict, Judgement, Pair, Request, share_of, text_digest
from dermasynth_builder.core.reporter import Reporter
from dermasynth_builder.core.wording import join_words
from dermasynth_builder.generate.ledger import Ledger
from dermasynth_builder.generate.run import Run, finishing_on_signals, generate, require_done, run_text, showing
from dermasynth_builder.plan.claims import claims_request
from dermasynth_builder.plan.reply_form import CLAIM_VERDICTS, judgement_of
from dermasynth_builder.release.judgements import VERDICTS, keep_judgements, table_of
from dermasynth_builder.release.write import require_no_control
from dermasynth_builder.report.quality import rate
from dermasynth_builder.report.tables import name, table_of_numbers


@dataclass(frozen=True, slots=True)
class _Chosen:
    """A pair that is to be checked."""

    pair: Pair
    is_scored: bool

    @property
    def request(self) -> Request:
        """What is asked of it."""
        return claims_request(self.pair, is_scored=self.is_scored)

    @property
    def text(self) -> str:
        """See `core.records.text_digest`."""
        return text_digest(self.pair.pair_id, ((turn.role, turn.content) for turn in self.pair.messages))


def check_pairs(options: ClaimsOptions, settings: Settings, report: Reporter) -> tuple[Mapping[str, Judgement], Path]:
    """Asks about every chosen pair that has no verdict yet; gives theirs by `core.records.text_digest`, and the table.

    They are kept for the next release, those of a run that ends early too. Raises UsageError for an engine without a
    model, and what `generate` raises.
    """
    require_no_control(settings)
    own = _own_settings(options, settings)
    engine = pipeline.open_engine(own)
    if not engine.is_model:
        raise UsageError(f"--by {engine.name}: it looks at no image; choose an engine that asks a model")
    pairs = [item for _, item in pipeline.outcomes(settings, report) if isinstance(item, Pair)]
    if not pairs:
        raise UsageError(f"{settings.work}: there is no pair to check; run `dermasynth generate` first")
    ledger = pipeline.open_ledger(engine, own, report)
    chosen = [_or_scored(each, ledger) for each in _drawn(pairs, options, settings.seed)]
    _warn_of_kin(engine, chosen, report)
    table = table_of(settings.work, ledger.path)
    missing = sum(not ledger.is_settled(each.request.key) for each in chosen)
    report.say(f"{len(chosen):,} of {len(pairs):,} pairs to check, {missing:,} of them to ask {engine.name}")
    if options.is_dry:
        return _judgements(chosen, ledger), table
    pipeline.tell_sent(engine, ledger, own, report=report)
    try:
        _ask(chosen, engine, ledger, report=report, max_usd=options.max_usd)
    finally:
        found = _judgements([_Chosen(pair, is_scored) for pair in pairs for is_scored in (False, True)], ledger)
        keep_judgements(table, found)
    return {each.text: found[each.text] for each in chosen if each.text in found}, table


def _own_settings(options: ClaimsOptions, settings: Settings) -> Settings:
    """Those of the model that checks: a folder of its own, and nothing that was said of the writer's model."""
    written = settings.engine_options
    is_same = options.verifier == settings.engine
    asking = EngineOptions(
        model=options.verifier_model,
        base_url=options.verifier_url or (written.base_url if is_same else None),
        is_vertex=written.is_vertex and is_same,
        concurrency=written.concurrency,
        timeout_s=written.timeout_s,
    )
    work = settings.work / VERDICTS
    return replace(settings, work=work, engine=options.verifier, engine_options=asking, plan_options=PlanOptions())


def _drawn(pairs: Iterable[Pair], options: ClaimsOptions, seed: int) -> Iterable[_Chosen]:
    """So many pairs, the same for the same ids; a larger number holds every smaller one."""
    ranked = sorted(pairs, key=lambda pair: share_of(seed, "claims", pair.pair_id))
    for place, pair in enumerate(ranked):
        if options.pairs is None or place < max(options.pairs, options.judged):
            yield _Chosen(pair, place < options.judged)


def _or_scored(chosen: _Chosen, ledger: Ledger) -> _Chosen:
    """The same; with the scores that an earlier run was given, so that nothing is paid again for less."""
    scored = replace(chosen, is_scored=True)
    key = scored.request.key
    return scored if key in ledger and not ledger.is_failure(key) else chosen


def _ask(chosen: Sequence[_Chosen], engine: Engine, ledger: Ledger, *, report: Reporter, max_usd: float | None) -> None:
    run = Run(max_usd)
    try:
        with finishing_on_signals(run, report.warn), report.bar(f"asking {engine.name}", len(chosen)) as bar:
            advance = showing(run, bar, len(chosen))
            generate((each.request for each in chosen), engine, ledger, advance=advance, run=run)
    finally:
        report.say(run_text(run, ledger.path))
    require_done(run)


def _judgements(chosen: Iterable[_Chosen], ledger: Ledger) -> dict[str, Judgement]:
    """What the ledger has; of a pair that was asked about in both ways, the later in `chosen`."""
    found: dict[str, Judgement] = {}
    for each in chosen:
        [(_, reply)] = ledger.answered([each.request])
        if reply and (told := judgement_of(reply)):
            found[each.text] = told
    return found


_KIN = {"medgemma": "gemini", "gemma": "gemini", "chatgpt": "gpt", "o": "gpt", "dermatollama": "llama"}


def family_of(model: str) -> str:
    """The makers' line that a model is of, by its name: "google/medgemma-1.5-4b-it" is of Gemini's."""
    letters = re.match(r"[a-z]*", model.lower().rpartition("/")[2])
    family = letters.group() if letters else ""
    return _KIN.get(family, family)


def _warn_of_kin(engine: Engine, chosen: Sequence[_Chosen], report: Reporter) -> None:
    """A model may pass over the faults of its own kind."""
    checking = engine.identity.get("model")
    writers = {each.pair.model for each in chosen if each.pair.model}
    if checking and (kin := sorted(each for each in writers if family_of(each) == family_of(str(checking)))):
        report.warn(
            f"{checking} is of the same family as the writer ({join_words(kin)}), and may share its faults; name a "
            "model of another with --by and --by-model"
        )


def claims_figures(judgements: Mapping[str, Judgement]) -> dict[str, Any]:
    """Verdicts on pairs and claims with their rates, and each axis with its mean."""
    of_pairs = Counter(each.verdict for each in judgements.values())
    of_claims: Counter[ClaimVerdict] = Counter(claim.verdict for each in judgements.values() for claim in each.claims)
    scored = [each.scores for each in judgements.values() if each.scores]
    return {
        "pairs": {verdict: rate(of_pairs[verdict], of_pairs.total()) for verdict in CLAIM_VERDICTS},
        "claims": {verdict: rate(of_claims[verdict], of_claims.total()) for verdict in CLAIM_VERDICTS},
        "scored": len(scored),
        "axes": {axis: mean(scores[place] for scores in scored) if scored else None for place, axis in enumerate(AXES)},
    }


def claims_text(figures: Mapping[str, Any], table: Path) -> Group:
    """The same for people."""
    rates = table_of_numbers("", "pairs", "share (95 %)", "claims", "share (95 %)")
    for verdict in CLAIM_VERDICTS:
        of_pairs, of_claims = figures["pairs"][verdict], figures["claims"][verdict]
        cells = (f"{of_pairs['count']:,}", _share(of_pairs), f"{of_claims['count']:,}", _share(of_claims))
        rates.add_row(name(verdict, indent=2), *cells)
    axes = table_of_numbers(f"mean of {figures['scored']:,} pairs, 1 (bad) to 5", "")
    for axis, value in figures["axes"].items():
        axes.add_row(name(axis, indent=2), "" if value is None else f"{value:.2f}")
    scores: list[RenderableType] = ["", axes] if figures["scored"] else []
    return Group(rates, *scores, "", f"kept in {table}; next: dermasynth release")


def _share(told: Mapping[str, float]) -> str:
    return f"{100 * told['share']:.1f} % ({100 * told['low']:.1f}-{100 * told['high']:.1f})"
