"""The words of the command `dermasynth` and what they mean, as a namespace."""

import argparse
from collections.abc import Callable, Mapping
from pathlib import Path

from dermasynth_builder import __version__
from dermasynth_builder.cli.engine_arguments import add_asking_options, add_batch_options, add_model_options
from dermasynth_builder.cli.fake_gemini_arguments import add_fake_options
from dermasynth_builder.cli.plan_arguments import add_planning_options, add_where
from dermasynth_builder.cli.words import png_path, positive, split_shares
from dermasynth_builder.core.options import DEFAULT_JOBS, DEFAULT_SPLITS
from dermasynth_builder.core.registry import ENGINES, SOURCES, SPECIMENS
from dermasynth_builder.generate.usage import RESOLUTION_TOKENS, THINKING_TOKENS

Command = Callable[[argparse.Namespace], None]


class _Parser(argparse.ArgumentParser):
    """Its help may end in what takes work to find out; that is done where help is asked for, and not before."""

    late_help: Callable[[], str] | None = None

    def format_help(self) -> str:
        return super().format_help() + (self.late_help() if self.late_help else "")


_EPILOG = """\
examples:
  dermasynth demo
  dermasynth audit pad_ufes --raw data/pad_ufes
  dermasynth download hiba --limit 60 --accept-licence
  dermasynth cost pad_ufes --raw data/pad_ufes
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
    "download": "dermasynth download hiba --to data/hiba --limit 60 --accept-licence",
    "specimens": "dermasynth specimens derm12345 --to specimens/derm12345 --images 24 --layout flat",
    "questions": "dermasynth questions --figure wheel.png --figure wheel.svg",
    "plan": "dermasynth plan pad_ufes --raw data/pad_ufes --show 3",
    "cost": "dermasynth cost pad_ufes --raw data/pad_ufes --model gemini-3.8-flash",
    "generate": "dermasynth generate pad_ufes --raw data/pad_ufes --retry-failed",
    "merge": "dermasynth merge ../machine2/build/ledgers/*.jsonl",
    "fake-gemini": "dermasynth fake-gemini --port 8099 --fault server=0.05 --fault job-expired=0.3",
    "cancel": "dermasynth cancel",
    "release": "dermasynth release pad_ufes --raw data/pad_ufes --splits 80/10/10",
    "build": "dermasynth build pad_ufes --raw data/pad_ufes",
    "push": "dermasynth push USER/dermasynth --dry-run",
    "status": "dermasynth status",
    "show": 'dermasynth show pad_ufes -n 5 --where "diagnosis=melanoma,nevus" --open',
}
_VERIFY_HELP = (
    "decode every image in full, at 5 (JPEG) to 30 (PNG) ms a megapixel and core: minutes for 10,000 images; "
    "else only checksums, header and end of each file are checked"
)
_DOWNLOAD = """\
Fetch a raw release from its official host, checked and resumable.

Stopped or killed, the same command goes on where it was; run on a whole folder it fetches no image. Sizes and published
hashes are checked, and every image to its end. Files that do not come are listed in DIR/not-downloaded.csv.

The licence is shown first and has to be accepted once; that is kept in ~/.config/dermasynth/licences.json (or below
XDG_CONFIG_HOME). A mirror of a host is named by DERMASYNTH_ISIC_URL, DERMASYNTH_DATAVERSE_URL,
DERMASYNTH_MENDELEY_URL or DERMASYNTH_BUCKET_URL in the environment.
"""
_RAW_HELP = "folder of the raw release; for several sources NAME=DIR once each, or a folder that holds DIR/NAME"


def make_parser(run: Mapping[str, Command], layouts_text: Callable[[], str]) -> argparse.ArgumentParser:
    """The parser; `run` holds what each command does, by its name."""
    parser = _Parser(
        prog="dermasynth",
        description="Turns public dermatology image sets into image-text pairs and publishes them as a data set.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"dermasynth {__version__}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    def add(name: str, summary: str) -> _Parser:
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
    _add_download(add("download", "fetch a raw release from its official host, checked and resumable"))
    _add_specimens(add("specimens", "draw a small invented raw release, to try the other commands on"), layouts_text)
    _add_questions(add("questions", "tell how many and how varied the questions of the banks are"))
    _add_plan(add("plan", "show what would be asked"))
    _add_cost(add("cost", "estimate what asking a model would cost, in money and time; asks nothing"))
    _add_generating(add("generate", "have an engine answer what is not answered yet"))
    _add_merge(add("merge", "join ledgers of one engine, so that machines can share a run"))
    _add_release(add("release", "write the release folder from the replies"))
    _add_build(add("build", "plan, generate and release in one go"))
    _add_push(add("push", "send a release to the Hugging Face Hub"))
    _add_folders(add("status", "show what the ledgers, the batch jobs and the release hold"))
    _add_cancel(add("cancel", "cancel the batch jobs that have not ended; `generate` then asks their rows anew"))
    _add_show(add("show", "print pairs of a release"))
    add_fake_options(add("fake-gemini", "serve invented answers on loopback as Gemini would; no key, no cost"))
    return parser


def _add_folders(parser: argparse.ArgumentParser, work: str = "build") -> None:
    _add_work(parser, work)
    _add_out(parser)


def _add_work(parser: argparse.ArgumentParser, work: str = "build") -> None:
    parser.add_argument("--work", type=Path, default=Path(work), help=f"image index, ledgers, lists (default: {work})")


def _add_out(parser: argparse.ArgumentParser, out: str = "dermasynth") -> None:
    parser.add_argument("--out", type=Path, default=Path(out), help=f"the release (default: {out})")


def _add_sources(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("sources", nargs="+", metavar="SOURCE", choices=SOURCES, help="one or more of %(choices)s")
    parser.add_argument("--raw", action="append", required=True, metavar="DIR", help=_RAW_HELP)


def _add_audit(parser: argparse.ArgumentParser) -> None:
    _add_sources(parser)
    parser.add_argument("--json", action="store_true", help="print the counts as JSON, one object a source")
    parser.add_argument(
        "--figure",
        type=png_path,
        metavar="FILE.png",
        help="where the figure of one source goes (default: WORK/figures/audit-SOURCE.png for each); needs matplotlib",
    )
    parser.add_argument("--verify", action="store_true", help=_VERIFY_HELP)
    _add_whole_table(parser)
    _add_work(parser)


def _add_whole_table(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--whole-table", dest="rows", action="store_const", const="all", default="with_image_or_all",
        help="count the images that are not on disk too (default: only where none is)",
    )  # fmt: skip


def _add_reading(parser: argparse.ArgumentParser) -> None:
    _add_choosing(parser)
    parser.add_argument(
        "--engine", metavar="ENGINE", choices=ENGINES, default="template",
        help="what answers: %(choices)s (default: template)",
    )  # fmt: skip
    _add_folders(parser)
    add_model_options(parser)


def _add_choosing(parser: argparse.ArgumentParser) -> None:
    _add_sources(parser)
    add_planning_options(parser)
    parser.add_argument(
        "--licence",
        choices=("any", "permissive"),
        default="any",
        help="permissive: only images that may be used commercially with attribution (default: any)",
    )
    parser.add_argument("--strict", action="store_true", help="a problem in the raw release ends the run")


def _add_plan(parser: argparse.ArgumentParser) -> None:
    _add_reading(parser)
    parser.add_argument("--show", type=int, default=0, metavar="N", help="print the first N prompts in full")
    parser.add_argument("--json", action="store_true", help="print the counts as JSON")
    _add_whole_table(parser)


def _add_cost(parser: argparse.ArgumentParser) -> None:
    _add_choosing(parser)
    parser.add_argument(
        "--model", action="append", dest="models", metavar="M", help="one or more (default: all of the price table)"
    )
    parser.add_argument("--prices", type=Path, metavar="FILE", help="price table in place of the one that ships")
    parser.add_argument(
        "--media-resolution", choices=tuple(RESOLUTION_TOKENS), default="high", help="of images (default: high)"
    )
    parser.add_argument(
        "--thinking", choices=tuple(THINKING_TOKENS), default="medium", help="thinking level (default: medium)"
    )
    parser.add_argument(
        "--image-tokens", type=positive, metavar="N", help="tokens of an image, for models whose rule is not known"
    )
    parser.add_argument("--rpm", type=positive, metavar="N", help="requests a minute (default: the price table's)")
    parser.add_argument("--tpm", type=positive, metavar="N", help="input tokens a minute (default: the price table's)")
    parser.add_argument(
        "--from-ledger", action="store_true", help="extrapolate from the replies in WORK/ledgers as well"
    )
    parser.add_argument("--json", action="store_true", help="print the estimate as JSON")
    _add_work(parser)
    _add_whole_table(parser)
    parser.set_defaults(engine="template", out=Path("dermasynth"))


def _add_generating(parser: argparse.ArgumentParser) -> None:
    _add_reading(parser)
    parser.add_argument("--retry-failed", action="store_true", help="ask again what failed before")
    parser.add_argument(
        "--pilot", type=positive, metavar="N", help="ask only N requests of all, and tell what all would cost"
    )
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


def _add_release(parser: argparse.ArgumentParser) -> None:
    _add_reading(parser)
    _add_releasing(parser)


def _add_build(parser: argparse.ArgumentParser) -> None:
    _add_generating(parser)
    _add_releasing(parser)


def _add_releasing(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--partial", action="store_true", help="release although some requests have no reply")
    parser.add_argument(
        "--splits", type=split_shares, default=DEFAULT_SPLITS, metavar="TRAIN/VALIDATION/TEST",
        help="shares of the patients in percent (default: 90/5/5)",
    )  # fmt: skip
    parser.add_argument(
        "--max-side", type=positive, metavar="N",
        help="scale larger images down to N pixels a side (Lanczos, JPEG of quality 90; default: as they are)",
    )  # fmt: skip


def _add_demo(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--images", type=int, default=18, help="how many specimens of each source (default: 18)")
    _add_work(parser, "demo/build")
    _add_out(parser, "demo/dermasynth")


def _add_download(parser: argparse.ArgumentParser) -> None:
    parser.description = _DOWNLOAD
    parser.add_argument("source", metavar="SOURCE", choices=SOURCES, help="one of %(choices)s")
    parser.add_argument("--to", type=Path, metavar="DIR", help="folder of the raw release (default: data/SOURCE)")
    parser.add_argument(
        "--from", dest="host", default="", metavar="HOST", help="derm12345: dataverse (default) or isic"
    )
    parser.add_argument(
        "--limit", type=int, metavar="N", help="N images, of as many diagnoses as can be (default: all)"
    )
    parser.add_argument("--accept-licence", action="store_true", help="you agree to the licence; remembered")
    parser.add_argument(
        "--jobs", type=int, default=DEFAULT_JOBS, metavar="N", help="files at the same time (default: 8)"
    )


def _add_specimens(parser: _Parser, layouts_text: Callable[[], str]) -> None:
    parser.add_argument("source", metavar="SOURCE", choices=SPECIMENS, help="one of %(choices)s")
    parser.add_argument("--to", type=Path, required=True, metavar="DIR", help="a new or empty folder, or one of before")
    parser.add_argument("--images", type=positive, default=18, metavar="N", help="about how many (default: 18)")
    parser.add_argument("--layout", metavar="LAYOUT", help="how the release lies on disk; see below")
    parser.late_help = layouts_text


def _add_questions(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="print the report as JSON")
    parser.add_argument(
        "--figure", type=Path, action="append", default=[], metavar="FILE",
        help="also draw the wheel of root verbs and their objects into FILE, a .png or .svg (extra: figures)",
    )  # fmt: skip


def _add_push(parser: argparse.ArgumentParser) -> None:
    parser.description = "Send a release to the Hugging Face Hub, once each image is held against its hash: 2 s a GB."
    parser.add_argument("repo", metavar="USER/NAME", help="the dataset repository; made if it is not there")
    _add_out(parser)
    parser.add_argument("--tag", default=f"v{__version__}", help=f"tag of this release (default: v{__version__})")
    parser.add_argument("--private", action="store_true", help="make the repository private if it is made now")
    parser.add_argument("--allow-template", action="store_true", help="push rows that no model wrote too")
    parser.add_argument("--dry-run", action="store_true", help="show what would be sent, and send nothing")


def _add_show(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "wanted", nargs="?", metavar="CONFIG|ID",
        help="config of the release (default: its first), or the id of a pair or an image",
    )  # fmt: skip
    parser.add_argument("-n", type=int, default=3, help="how many pairs (default: 3)")
    parser.add_argument("--skip", type=int, default=0, help="how many to pass over first")
    add_where(parser)
    parser.add_argument("--open", action="store_true", help="open the image of the first with the system's viewer")
    parser.add_argument("--image", type=Path, metavar="FILE", help="write the image of the first to FILE")
    _add_out(parser)
