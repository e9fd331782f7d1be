"""The command that has a second model check pairs."""

import json
import sys
from typing import Annotated

from dermasynth_builder.cli.command import Chosen, command
from dermasynth_builder.core.claims_options import ClaimsOptions
from dermasynth_builder.core.option import Option
from dermasynth_builder.core.options import Settings


@command(
    *("sources", "images", "questions", "model", "--work", "--concurrency", "--timeout"),
    own=ClaimsOptions,
    example="dermasynth claims --by openai --by-model qwen3-vl --by-url http://127.0.0.1:8000/v1 --judge 200",
    first=("--by", "--by-model", "--pairs", "--judge", "--max-usd", "--dry-run"),
)
def claims(
    settings: Settings,
    chosen: Chosen,
    /,
    *,
    as_json: Annotated[bool, Option("print the figures as JSON", "--json")] = False,
) -> None:
    """Have a second model check what answers claim, by image and record, and blind to who wrote them.

    Each answer is split into claims: supported, contradicted, or not to be told. The verdicts are kept in
    WORK/verdicts; the next release carries them in `evidence.verdict` and `evidence.judgements`, and flags what is
    contradicted. The other options say which run is checked, as for `dermasynth generate`.
    """
    from dermasynth_builder.cli.terminal import TerminalReporter, show
    from dermasynth_builder.report.claims import check_pairs, claims_figures, claims_text

    report = TerminalReporter(results=sys.stderr if as_json else sys.stdout)
    options = ClaimsOptions(**chosen)
    judgements, table = check_pairs(options, settings, report)
    if as_json:
        print(json.dumps(claims_figures(judgements), indent=2))
    elif not options.is_dry:
        show(claims_text(claims_figures(judgements), table))
