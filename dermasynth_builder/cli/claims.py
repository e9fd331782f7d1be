"""The command that has a second model check pairs."""

import json
import sys
from dataclasses import replace
from typing import Annotated

from dermasynth_builder.cli.command import Chosen, command
from dermasynth_builder.core.claims_options import ClaimsOptions
from dermasynth_builder.core.option import Option
from dermasynth_builder.core.options import Settings


@command(
    *("--work", "--concurrency", "--timeout"),
    own=ClaimsOptions,
    example="dermasynth claims gemini-3.8-flash+look-first --by openai --by-model qwen3-vl --judge 200",
    first=("--by", "--by-model", "--pairs", "--judge", "--max-usd", "--dry-run"),
)
def claims(
    settings: Settings,
    chosen: Chosen,
    run: Annotated[str, Option("the run in WORK/runs that is checked, by its name", metavar="RUN")],
    /,
    *,
    as_json: Annotated[bool, Option("print the figures as JSON", "--json")] = False,
) -> None:
    """Have a second model check what answers claim, by image and record, and blind to who wrote them.

    Each answer is split into claims: supported, contradicted, or not to be told. The verdicts are kept in
    WORK/verdicts; the next release carries them in `evidence.verdict` and `evidence.judgements`, and flags what is
    contradicted.
    """
    from dermasynth_builder.cli.terminal import TerminalReporter, show
    from dermasynth_builder.report.claims import check_pairs, claims_figures, claims_text
    from dermasynth_builder.report.runs import run_path, settings_of_run

    report = TerminalReporter(results=sys.stderr if as_json else sys.stdout)
    options = ClaimsOptions(**chosen)
    asked = settings_of_run(run_path(run, settings.work), settings.work)
    pace = {"concurrency": settings.engine_options.concurrency, "timeout_s": settings.engine_options.timeout_s}
    asked = replace(asked, engine_options=replace(asked.engine_options, **pace))  # type: ignore[arg-type]  # of two types
    judgements, table = check_pairs(options, asked, report)
    if as_json:
        print(json.dumps(claims_figures(judgements), indent=2))
    elif not options.is_dry:
        show(claims_text(claims_figures(judgements), table))
