"""The words of the command `dermasynth` and what they mean: words into a namespace, a namespace into settings. Pure."""

import argparse
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from dermasynth_builder import __version__
from dermasynth_builder.engine_arguments import (
    add_asking_options,
    add_batch_options,
    add_model_options,
    engine_options_of,
)
from dermasynth_builder.errors import UsageError
from dermasynth_builder.registry import ENGINES, SOURCES
from dermasynth_builder.settings import DEFAULT_SEED, DEFAULT_SPLITS, Settings

Command = Callable[[argparse.Namespace], None]

_EPILOG = """\
examples:
  dermasynth demo
  dermasynth audit pad_ufes --raw data/pad_ufes
  dermasynth build pad_ufes --raw data/pad_ufes
  dermasynth show pad_ufes -n 5
  dermasynth push USER/dermasynth --dry-run

`dermasynth COMMAND --help` tells more of a command.
exit codes: 0 done, 1 the work failed, 2 wrong use, 3 stopped early: run it again to go on
"""
_EXAMPLES = {
    "demo": "dermasynth demo --out /tmp/demo/dermasynth",
    "sources": "dermasynth sources",
    "audit": "dermasynth audit pad_ufes --raw data/pad_ufes",
    "plan": "dermasynth plan pad_ufes --raw data/pad_ufes --show 3",
    "generate": "dermasynth generate pad_ufes --raw data/pad_ufes --retry-failed",
    "merge": "dermasynth merge ../machine2/build/ledgers/*.jsonl",
    "fake-gemini": "dermasynth fake-gemini --port 8099 --fault server=0.05 --fault safety=0.01",
    "cancel": "dermasynth cancel",
    "release": "dermasynth release pad_ufes --raw data/pad_ufes --splits 80/10/10",
    "build": "dermasynth build pad_ufes --raw data/pad_ufes",
    "push": "dermasynth push USER/dermasynth --dry-run",
    "status": "dermasynth status",
    "show": "dermasynth show pad_ufes -n 5 --skip 100",
}
_VERIFY_HELP = (
    "decode every image in full, at 5 (JPEG) to 30 (PNG) ms a megapixel and core: minutes for 10,000 images; "
    "else only checksums, header and end of each file are checked"
)
_RAW_HELP = "folder of the raw release; for several sources NAME=DIR once each, or a folder that holds DIR/NAME"


def make_parser(run: Mapping[str, Command]) -> argparse.ArgumentParser:
    """The parser; `run` holds what each command does, by its name."""
    parser = argparse.ArgumentParser(
        prog="dermasynth",
        description="Turns public dermatology image sets into image-text pairs and publishes them as a data set.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"dermasynth {__version__}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    def add(name: str, summary: str) -> argparse.ArgumentParser:
        added = commands.add_parser(
            name,
            help=summary,
            description=f"{summary[0].upper()}{summary[1:]}.",
            epilog=f"example:\n  {_EXAMPLES[name]}",
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        added.set_defaults(command=run[name])
        return added

    _add_demo(add("demo", "build and show a small release from drawn specimens"))
    add("sources", "list the image sets, their licences and where to get them")
    _add_audit(add("audit", "count what the raw releases hold, as a table and a figure; asks and writes no pairs"))
    _add_plan(add("plan", "show what would be asked"))
    _add_generating(add("generate", "have an engine answer what is not answered yet"))
    _add_merge(add("merge", "join ledgers of one engine, so that machines can share a run"))
    release = add("release", "write the release folder from the replies")
    _add_reading(release)
    _add_releasing(release)
    build = add("build", "plan, generate and release in one go")
    _add_generating(build)
    _add_releasing(build)
    _add_push(add("push", "send a release to the Hugging Face Hub"))
    _add_folders(add("status", "show what the ledgers, the batch jobs and the release hold"))
    _add_cancel(add("cancel", "cancel the batch jobs that have not ended; `generate` then asks their rows anew"))
    _add_show(add("show", "print pairs of a release"))
    _add_fake_gemini(add("fake-gemini", "serve invented answers on loopback as Gemini would; no key, no cost"))
    return parser


def _add_folders(parser: argparse.ArgumentParser, work: str = "build") -> None:
    _add_work(parser, work)
    _add_out(parser)


def _add_work(parser: argparse.ArgumentParser, work: str = "build") -> None:
    parser.add_argument("--work", type=Path, default=Path(work), help=f"image index, ledgers, lists (default: {work})")


def _add_out(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--out", type=Path, default=Path("dermasynth"), help="the release (default: dermasynth)")


def _add_sources(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "sources", nargs="+", metavar="SOURCE", choices=sorted(SOURCES), help=f"one of {', '.join(SOURCES)}"
    )
    parser.add_argument("--raw", action="append", required=True, metavar="DIR", help=_RAW_HELP)


def _add_audit(parser: argparse.ArgumentParser) -> None:
    _add_sources(parser)
    parser.add_argument("--json", action="store_true", help="print the counts as JSON, one object a source")
    parser.add_argument(
        "--figure",
        type=_png_path,
        metavar="FILE.png",
        help="where the figure of one source goes (default: WORK/figures/audit-SOURCE.png for each); needs matplotlib",
    )
    parser.add_argument("--verify", action="store_true", help=_VERIFY_HELP)
    _add_work(parser)


def _add_reading(parser: argparse.ArgumentParser) -> None:
    _add_sources(parser)
    parser.add_argument(
        "--engine", choices=sorted(ENGINES), default="template", help="what answers (default: template)"
    )
    parser.add_argument("--seed", type=int, default=DEFAULT_SEED, help=f"seed of all draws (default: {DEFAULT_SEED})")
    parser.add_argument(
        "--licence",
        choices=("any", "permissive"),
        default="any",
        help="permissive: only images that may be used commercially with attribution (default: any)",
    )
    parser.add_argument("--strict", action="store_true", help="a problem in the raw release ends the run")
    _add_folders(parser)
    add_model_options(parser)


def _add_plan(parser: argparse.ArgumentParser) -> None:
    _add_reading(parser)
    parser.add_argument("--show", type=int, default=0, metavar="N", help="print the first N prompts in full")
    parser.add_argument("--json", action="store_true", help="print the counts as JSON")
    parser.add_argument("--allow-missing-images", action="store_true", help="plan rows whose image file is not there")


def _add_generating(parser: argparse.ArgumentParser) -> None:
    _add_reading(parser)
    parser.add_argument("--retry-failed", action="store_true", help="ask again what failed before")
    parser.add_argument("--dry-run", action="store_true", help="say what would be asked, and stop")
    add_asking_options(parser)
    add_batch_options(parser)


def _add_merge(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("ledgers", nargs="+", type=Path, metavar="LEDGER", help="ledger files, of one engine identity")
    parser.add_argument("--allow-version-change", action="store_true", help="join answers of several model versions")
    _add_work(parser)


def _add_cancel(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--base-url", metavar="URL", help="another server than the service's own")
    _add_work(parser)


def _add_fake_gemini(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--port", type=int, default=8099, help="where to listen on 127.0.0.1 (default: 8099)")
    parser.add_argument("--seed", type=int, default=DEFAULT_SEED, help="of the answers and faults")
    parser.add_argument("--latency-ms", type=float, default=0.0, metavar="MS", help="how long an answer takes")
    parser.add_argument("--rpm", type=float, metavar="N", help="requests a minute, then 429")
    parser.add_argument("--rpd", type=int, metavar="N", help="requests in all, then 429 for the day")
    parser.add_argument(
        "--fault",
        action="append",
        default=[],
        metavar="KIND=SHARE",
        help="how often something goes wrong, as safety=0.01",
    )


def _add_releasing(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--partial", action="store_true", help="release although some requests have no reply")
    parser.add_argument(
        "--splits", type=_split_shares, default=DEFAULT_SPLITS, metavar="TRAIN/VALIDATION/TEST",
        help="shares of the patients in percent (default: 90/5/5)",
    )  # fmt: skip
    parser.add_argument(
        "--max-side", type=_pixels, metavar="N",
        help="scale larger images down to N pixels a side (Lanczos, JPEG of quality 90; default: as they are)",
    )  # fmt: skip


def _pixels(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError("write a number of pixels, as 1024")
    return int(text)


def _add_demo(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--images", type=int, default=18, help="how many specimens of each source (default: 18)")
    _add_folders(parser, "build/demo")


def _add_push(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("repo", metavar="USER/NAME", help="the dataset repository; made if it is not there")
    _add_out(parser)
    parser.add_argument("--tag", default=f"v{__version__}", help=f"tag of this release (default: v{__version__})")
    parser.add_argument("--private", action="store_true", help="make the repository private if it is made now")
    parser.add_argument("--allow-template", action="store_true", help="push rows of the template engine too")
    parser.add_argument("--dry-run", action="store_true", help="show what would be sent, and send nothing")


def _add_show(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("config", nargs="?", help="config of the release (default: its first)")
    parser.add_argument("-n", type=int, default=3, help="how many pairs (default: 3)")
    parser.add_argument("--skip", type=int, default=0, help="how many to pass over first")
    _add_out(parser)


def _png_path(text: str) -> Path:
    if not text.lower().endswith(".png"):
        raise argparse.ArgumentTypeError("the figure is a PNG file; write a name that ends in .png")
    return Path(text)


def _split_shares(text: str) -> tuple[float, float, float]:
    try:
        train, validation, test = (float(part) for part in text.split("/"))
    except ValueError:
        raise argparse.ArgumentTypeError("write three numbers, as 90/5/5") from None
    total = train + validation + test
    if min(train, validation, test) < 0 or total <= 0:
        raise argparse.ArgumentTypeError("shares must not be negative, and not all zero")
    return train / total, validation / total, test / total


def settings_of(arguments: argparse.Namespace) -> Settings:
    """The settings that the words ask for. Raises UsageError where folders and sources do not go together."""
    given = vars(arguments)
    return Settings(
        raw=_raw_folders(arguments.sources, arguments.raw),
        work=arguments.work,
        out=arguments.out,
        engine=arguments.engine,
        engine_options=engine_options_of(arguments),
        max_usd=given.get("max_usd"),
        is_version_change_allowed=given.get("allow_version_change", False),
        shard=given.get("shard", (1, 1)),
        seed=arguments.seed,
        split_shares=given.get("splits", DEFAULT_SPLITS),
        max_side_px=given.get("max_side"),
        is_permissive_only=arguments.licence == "permissive",
        is_strict=arguments.strict,
        is_missing_allowed=given.get("allow_missing_images", False),
        is_failed_wanted=given.get("retry_failed", False),
        is_partial_allowed=given.get("partial", False),
    )


def audit_settings_of(arguments: argparse.Namespace) -> Settings:
    """What `dermasynth audit` asks for; see `settings_of`. Raises UsageError also for one figure of several sources."""
    raw = _raw_folders(arguments.sources, arguments.raw)
    if arguments.figure and len(raw) > 1:
        raise UsageError(f"--figure {arguments.figure} is one file for {len(raw)} sources; leave it out, or name one")
    return Settings(raw=raw, work=arguments.work, is_verified=arguments.verify)


def _raw_folders(sources: Sequence[str], raw: Sequence[str]) -> dict[str, Path]:
    named: dict[str, Path] = {}
    plain: list[str] = []
    for text in raw:
        name, mark, folder = text.partition("=")
        if mark and name in SOURCES:
            named[name] = Path(folder)
        else:
            plain.append(text)
    if len(plain) > 1:
        raise UsageError(f"--raw {' '.join(plain)}: with several folders, say which is whose: --raw NAME=DIR")
    names = list(dict.fromkeys(sources))
    if plain:
        named = {name: Path(plain[0], name) if len(names) > 1 else Path(plain[0]) for name in names} | named
    if lacking := [name for name in names if name not in named]:
        raise UsageError(f"no folder for {lacking[0]}; add --raw {lacking[0]}=DIR")
    return {name: named[name] for name in names}
