"""The command `dermasynth`: words into settings, results onto the terminal, errors into exit codes.

The only place that prints or exits. Exit codes: 0 done, 1 the work failed, 2 wrong use, 3 stopped early.
"""

import argparse
import gc
import json
import os
import signal
import sys
import threading
import time
from collections.abc import Sequence
from io import TextIOWrapper
from pathlib import Path

from dermasynth_builder.cli.arguments import Command, make_parser
from dermasynth_builder.cli.chosen import audit_settings_of, settings_of
from dermasynth_builder.core.errors import DermaSynthError, FigureError, PluginError, StoppedError, UsageError
from dermasynth_builder.core.registry import SOURCES


def main(words: Sequence[str] | None = None) -> int:
    """Runs one command and gives its exit code."""
    arguments = make_parser(COMMANDS, _layouts_text).parse_args(words)
    command: Command = arguments.command
    _heed_ctrl_c()
    gc.set_threshold(100_000, 50, 100)  # records by the million, without cycles: to look through them takes a tenth
    _replace_what_stdout_cannot_show()
    try:
        command(arguments)
    except DermaSynthError as error:
        print(f"dermasynth: {error}", file=sys.stderr)
        return 2 if isinstance(error, UsageError) else 3 if isinstance(error, StoppedError) else 1
    except KeyboardInterrupt:
        print("dermasynth: stopped; run the same command again to continue", file=sys.stderr)
        return 1
    except BrokenPipeError:  # the reader, `head` say, has enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except OSError as error:
        print(f"dermasynth: {error}; check that the disk has room and the folder may be written", file=sys.stderr)
        return 1
    return 0


def _heed_ctrl_c() -> None:
    """Makes SIGINT a KeyboardInterrupt where this process was started with SIGINT ignored.

    A shell starts the background jobs of a script so; a handler of the caller's own stays. Outside the main thread,
    where none can be set, it does nothing.
    """
    is_main = threading.current_thread() is threading.main_thread()
    if is_main and signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def _replace_what_stdout_cannot_show() -> None:
    """Has a question mark stand for what the encoding of stdout lacks; stderr escapes it by itself."""
    if isinstance(sys.stdout, TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")


def _demo(arguments: argparse.Namespace) -> None:
    from dermasynth_builder.cli.demo import run_demo
    from dermasynth_builder.cli.terminal import TerminalReporter, text_width
    from dermasynth_builder.report.show import pair_text

    rows = run_demo(arguments.work, arguments.out, images=arguments.images, report=TerminalReporter())
    print(f"\nthree pairs, as load_dataset gives them from {arguments.out}:\n")
    for row in rows[:3]:
        print(pair_text(row, text_width()), end="\n\n")


def _sources(_: argparse.Namespace) -> None:
    from dermasynth_builder.cli.terminal import text_width
    from dermasynth_builder.core import registry
    from dermasynth_builder.report.show import source_text

    for name in SOURCES:
        try:
            print(source_text(registry.source(name), text_width()))
        except PluginError as error:  # the others are there all the same
            print(f"dermasynth: {error}", file=sys.stderr)


def _audit(arguments: argparse.Namespace) -> None:
    from dataclasses import asdict

    from dermasynth_builder.cli.terminal import TerminalReporter, show
    from dermasynth_builder.report.audit import audit, survey_source
    from dermasynth_builder.report.audit_text import audit_text
    from dermasynth_builder.report.figures import draw_audit

    settings = audit_settings_of(arguments)
    report = TerminalReporter(results=sys.stderr if arguments.json else sys.stdout)
    audits = []
    for name in settings.raw:
        audits.append(audit(survey_source(name, settings, report)))
        if not arguments.json:
            show(audit_text(audits[-1]))
    if arguments.json:
        is_unicode = (sys.stdout.encoding or "utf-8").lower().startswith("utf")
        print(json.dumps([asdict(each) for each in audits], indent=2, ensure_ascii=not is_unicode))
    for each in audits:
        path = arguments.figure or settings.work / "figures" / f"audit-{each.source}.png"
        try:
            draw_audit(each, path)
        except FigureError as error:
            if arguments.figure:
                raise
            report.warn(str(error))
        else:
            report.say(f"{each.source}: figure drawn to {path}")


def _download(arguments: argparse.Namespace) -> None:
    from dermasynth_builder.cli.terminal import TerminalReporter
    from dermasynth_builder.read.download import DownloadOptions, download

    options = DownloadOptions(
        source=arguments.source,
        folder=arguments.to or Path("data", arguments.source),
        host=arguments.host,
        limit=arguments.limit,
        jobs=arguments.jobs,
        is_licence_accepted=arguments.accept_licence,
    )
    download(options, TerminalReporter())


def _layouts_text() -> str:
    from dermasynth_builder.cli.specimens import layouts_text

    return layouts_text()


def _specimens(arguments: argparse.Namespace) -> None:
    from dermasynth_builder.cli.specimens import draw_specimens

    draw_specimens(arguments.source, arguments.to, images=arguments.images, layout=arguments.layout)
    print(
        f"{arguments.source}: specimens drawn into {arguments.to}, invented from first to last; "
        f"next: dermasynth build {arguments.source} --raw {arguments.to}"
    )


def _questions(arguments: argparse.Namespace) -> None:
    from dermasynth_builder.cli.terminal import show
    from dermasynth_builder.plan.questions import load_prompt_book
    from dermasynth_builder.report.figures import draw_wheel
    from dermasynth_builder.report.questions import bank_report, report_text

    report = bank_report(load_prompt_book())
    for path in arguments.figure:
        draw_wheel(report["wheel"], path)
        print(f"wheel drawn into {path}", file=sys.stderr)
    if arguments.json:
        print(json.dumps(report, indent=2))
    else:
        show(report_text(report))


def _plan(arguments: argparse.Namespace) -> None:
    from dermasynth_builder import pipeline
    from dermasynth_builder.cli.terminal import TerminalReporter, show
    from dermasynth_builder.report.show import plan_counts, plan_text, prompts_text

    report = TerminalReporter(results=sys.stderr if arguments.json else sys.stdout)
    settings = settings_of(arguments)
    planned = pipeline.plan(settings, report)
    ledger = pipeline.open_ledger(pipeline.open_engine(settings), settings, report)
    pipeline.tell_unused(planned, ledger, settings, report=report)
    counts = [plan_counts(each) for each in planned]
    if arguments.json:
        print(json.dumps(counts, indent=2))
        return
    for each, counted in zip(planned, counts, strict=True):
        show(plan_text(counted))
        print(prompts_text(each, arguments.show), end="")


def _cost(arguments: argparse.Namespace) -> None:
    from datetime import UTC, datetime

    from dermasynth_builder.cli.terminal import TerminalReporter, show
    from dermasynth_builder.report.cost import CostOptions, cost_report
    from dermasynth_builder.report.cost_text import cost_text, cost_values

    options = CostOptions(
        models=arguments.models or (),
        prices=arguments.prices,
        resolution=arguments.media_resolution,
        thinking=arguments.thinking,
        image_tokens=arguments.image_tokens,
        rpm=arguments.rpm,
        tpm=arguments.tpm,
        is_from_ledger=arguments.from_ledger,
    )
    report = TerminalReporter(results=sys.stderr if arguments.json else sys.stdout)
    told = cost_report(options, settings_of(arguments), report, on=datetime.now(UTC).date())
    if arguments.json:
        print(json.dumps(cost_values(told), indent=2))
    else:
        show(cost_text(told))


def _generate(arguments: argparse.Namespace) -> None:
    from dermasynth_builder import pipeline
    from dermasynth_builder.cli.terminal import TerminalReporter
    from dermasynth_builder.report.cost import pilot_report
    from dermasynth_builder.report.cost_text import pilot_text

    settings, report = settings_of(arguments), TerminalReporter()
    planned = pipeline.plan(settings, report)
    if arguments.dry_run:
        pipeline.tell_missing(planned, settings, report)
        return
    pipeline.ask(planned, settings, report)
    if settings.pilot:
        print(pilot_text(pilot_report(planned, settings)))


def _release(arguments: argparse.Namespace) -> None:
    from dermasynth_builder import pipeline
    from dermasynth_builder.cli.terminal import TerminalReporter

    settings, report = settings_of(arguments), TerminalReporter()
    pipeline.release(pipeline.plan(settings, report), settings, report)


def _build(arguments: argparse.Namespace) -> None:
    from dermasynth_builder import pipeline
    from dermasynth_builder.cli.terminal import TerminalReporter

    settings, report = settings_of(arguments), TerminalReporter()
    if arguments.dry_run:
        pipeline.tell_missing(pipeline.plan(settings, report), settings, report)
    else:
        pipeline.build(settings, report)


def _push(arguments: argparse.Namespace) -> None:
    from dermasynth_builder.cli.terminal import TerminalReporter
    from dermasynth_builder.release.push import PushOptions, push

    options = PushOptions(
        release=arguments.out,
        repo=arguments.repo,
        tag=arguments.tag,
        is_private=arguments.private,
        is_template_allowed=arguments.allow_template,
        is_dry=arguments.dry_run,
    )
    push(options, TerminalReporter())


def _status(arguments: argparse.Namespace) -> None:
    from dermasynth_builder.cli.terminal import show
    from dermasynth_builder.core.options import BATCHES
    from dermasynth_builder.generate.engines.batch.state import shards_in
    from dermasynth_builder.generate.ledger_tools import summarise
    from dermasynth_builder.plan.plan_file import PLANS, plans_in
    from dermasynth_builder.release.folder import CARD, read_card
    from dermasynth_builder.report.show import ledgers_text, plans_text, release_text, shards_text

    paths = sorted((arguments.work / "ledgers").glob("*.jsonl"))
    summaries = {path: summarise(path) for path in paths}
    if plans := plans_in(arguments.work / PLANS):
        show(plans_text(plans, summaries))
    if summaries:
        show(ledgers_text(summaries))
    else:
        print(f"no ledger in {arguments.work}; `dermasynth generate` starts one")
    for path in sorted((arguments.work / BATCHES).glob("*.sqlite")):
        show(shards_text(path, shards_in(path), time.time()))
    if (arguments.out / CARD).exists():
        show(release_text(arguments.out, read_card(arguments.out)))
    else:
        print(f"no release in {arguments.out}; `dermasynth release` writes one")


def _merge(arguments: argparse.Namespace) -> None:
    from dermasynth_builder.cli.terminal import TerminalReporter
    from dermasynth_builder.generate.ledger_tools import merge

    merged = merge(
        arguments.ledgers,
        arguments.work / "ledgers",
        warn=TerminalReporter().warn,
        is_version_change_allowed=arguments.allow_version_change,
    )
    repeated = f"{merged.repeated} there already ({merged.repeated_usd:.4f} USD)"
    print(f"{merged.added} replies added, {repeated}; ledger {merged.path}")


def _cancel(arguments: argparse.Namespace) -> None:
    from dermasynth_builder.core.options import BATCHES, EngineOptions
    from dermasynth_builder.generate.engines.batch import cancel_batches

    rows = 0
    for path in sorted((arguments.work / BATCHES).glob("*.sqlite")):
        for shard in cancel_batches(path, EngineOptions(base_url=arguments.base_url)):
            print(f"shard {shard.number} of {path.name}: cancelled, {shard.rows} rows")
            rows += shard.rows
    if rows:
        print(f"{rows} rows were withdrawn; `dermasynth generate` asks them again")
    else:
        print(f"no row waits for a job in {arguments.work}")


def _fake_gemini(arguments: argparse.Namespace) -> None:
    from dermasynth_builder.cli.fake_gemini_arguments import fake_of
    from dermasynth_builder.invented.fake_gemini.service import serve

    serve(fake_of(arguments), arguments.port, say=print)


def _show(arguments: argparse.Namespace) -> None:
    from itertools import islice

    from dermasynth_builder.cli.terminal import text_width
    from dermasynth_builder.report.pairs import find_pairs, image_bytes, open_image
    from dermasynth_builder.report.show import pair_text

    found = find_pairs(arguments.out, arguments.wanted, arguments.where)
    rows = list(islice(found, arguments.skip, arguments.skip + arguments.n))
    for row in rows:
        print(pair_text(row, text_width()), end="\n\n")
    if rows and arguments.image:
        arguments.image.write_bytes(image_bytes(arguments.out, rows[0]))
        print(f"image of {rows[0]['pair_id']} written to {arguments.image}")
    if rows and arguments.open:
        print(f"image of {rows[0]['pair_id']} opened: {open_image(image_bytes(arguments.out, rows[0]))}")


COMMANDS: dict[str, Command] = {
    "demo": _demo,
    "sources": _sources,
    "audit": _audit,
    "download": _download,
    "specimens": _specimens,
    "questions": _questions,
    "plan": _plan,
    "cost": _cost,
    "generate": _generate,
    "merge": _merge,
    "release": _release,
    "build": _build,
    "push": _push,
    "status": _status,
    "cancel": _cancel,
    "show": _show,
    "fake-gemini": _fake_gemini,
}
"""What each command does. Each imports what it needs, so that `--help` needs nothing."""
