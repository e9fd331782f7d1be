"""Brings a release from its official host into a folder, so that its source reads it as it lies.

Tables come first. What images there are, and which of them lie there already, is then asked of the source itself, so
that "complete" means the same here and in a build. Nothing is fetched before the licence is accepted.
"""

import csv
import threading
from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import ExitStack, closing, suppress
from dataclasses import dataclass

from filelock import FileLock, Timeout

from dermasynth_builder.core import registry
from dermasynth_builder.core.errors import DownloadError, SourceError, UsageError
from dermasynth_builder.core.hub_options import DownloadOptions
from dermasynth_builder.core.plain import printable, table_cell
from dermasynth_builder.core.records import ClinicalImage
from dermasynth_builder.core.reporter import Reporter
from dermasynth_builder.read.download import consent, hosts
from dermasynth_builder.read.download.fetcher import Advance, Fetcher, RetryPolicy, forget
from dermasynth_builder.read.download.files import NO_ROOM, Failure, Host, RemoteFile, is_file_name, unpack
from dermasynth_builder.read.download.hosts import HostEntry
from dermasynth_builder.read.gate import images_of
from dermasynth_builder.read.licences import licence_of
from dermasynth_builder.read.selection import sample

FAILURES = "not-downloaded.csv"
FAILURES_IN_A_ROW = 25  # after so many it is not the files that are at fault


def download(options: DownloadOptions, report: Reporter, retry_policy: RetryPolicy | None = None) -> None:
    """Fetches what is not yet in the folder.

    Raises UsageError where the licence is not accepted or the options makes no sense, DownloadError where files did not
    come; `FAILURES` in the folder then lists them, and what came stays.
    """
    _require_sense(options)
    entry = hosts.host_entry(options.source, options.host)
    _require_licence(options, report)
    options.folder.mkdir(parents=True, exist_ok=True)
    lock = FileLock(options.folder / ".download.lock", timeout=0)
    try:
        with lock, Fetcher(retry_policy or RetryPolicy()) as fetcher:
            report.say(f"{options.source}: from {entry.title}, {entry.url}")
            _Download(options, entry, fetcher, report).run()
    except Timeout:
        raise DownloadError(f"another run downloads into {options.folder}; wait for it, or stop it") from None
    except (DownloadError, SourceError) as error:
        raise DownloadError(f"{options.source}: {error}\n{_advice(options, entry)}") from error


def _require_sense(options: DownloadOptions) -> None:
    if options.limit is not None and options.limit < 1:
        raise UsageError(f"--limit {options.limit}: ask for one image or more")
    if not 1 <= options.jobs <= 64:
        raise UsageError(f"--jobs {options.jobs}: choose from 1 to 64")
    if options.folder.exists() and not options.folder.is_dir():
        raise UsageError(f"{options.folder} is a file; --to takes a folder")


def _require_licence(options: DownloadOptions, report: Reporter) -> None:
    source, path = registry.source(options.source), consent.accepted_file()
    licence = licence_of(source.licence)
    if consent.is_accepted(options.source, licence, path):
        return
    report.say(
        f"{options.source} is under {licence.name}, {licence.url}\n{licence.asks}\nTo be named: {source.attribution}"
    )
    if not options.is_licence_accepted:
        raise UsageError(
            f"{options.source}: its licence is not accepted yet, and nothing was fetched. Read it, and if you agree "
            "run the same command with --accept-licence"
        )
    consent.accept(options.source, licence, path)


def _advice(options: DownloadOptions, entry: HostEntry) -> str:
    return (
        "Complete files are kept; run the same command again to continue. To download by hand:\n"
        f"{entry.by_hand.rstrip()}\n(the folder: {options.folder})"
    )


@dataclass(frozen=True, slots=True)
class _Download:
    options: DownloadOptions
    entry: HostEntry
    fetcher: Fetcher
    report: Reporter

    def run(self) -> None:
        host: Host = registry.host(self.entry.kind)(self.entry, self.fetcher)
        self._fetch_tables(host)
        listed = self._listed()
        if self.options.limit is None:
            self._tell_count(len(listed))
            if any(image.path is None for image in listed) and host.bundles():
                self._fetch_bundles(host.bundles())
                listed = self._listed()
        missing = [image.file_name for image in self._wanted(listed) if image.path is None]
        if not missing:
            self.report.say(f"{self.options.source}: nothing to fetch, the images are all in {self.options.folder}")
        self._conclude(self._fetch_images(host, missing) if missing else [], len(missing))

    def _fetch_tables(self, host: Host) -> None:
        for table in host.tables():
            if not (self.options.folder / table.safe_path).exists():
                self.fetcher.fetch(table, self.options.folder, lambda _: None)
                self.report.say(f"{self.options.source}: {table.path} downloaded")

    def _listed(self) -> list[ClinicalImage]:
        """The images that the source finds in the tables, those with a file having its path."""
        items = images_of(registry.source(self.options.source), self.options.folder)
        return [item for item in items if isinstance(item, ClinicalImage)]

    def _wanted(self, listed: Sequence[ClinicalImage]) -> Sequence[ClinicalImage]:
        if self.options.limit is None:
            return listed
        return sample([image for image in listed if not self._is_known_absent(image.file_name)], self.options.limit)

    def _is_known_absent(self, name: str) -> bool:
        return name in self.entry.absent

    def _tell_count(self, listed: int) -> None:
        if listed != self.entry.images:
            self.report.warn(
                f"{self.options.source}: the tables list {listed:,} images, not the {self.entry.images:,} published"
            )

    def _fetch_bundles(self, bundles: Sequence[RemoteFile]) -> None:
        for bundle in bundles:
            target = self.options.folder / bundle.safe_path.with_suffix("")
            if not target.exists():
                with self.report.bar(bundle.path, bundle.size_bytes, unit="B") as advance:
                    archive = self.fetcher.bring(bundle, self.options.folder, advance)
                for name in unpack(archive, target):
                    self.report.warn(
                        f"{bundle.path}: {printable(name)} was left out; it is not a path inside the folder"
                    )
                self.report.say(f"{self.options.source}: {bundle.path} downloaded and unpacked")
            forget(self.options.folder / bundle.safe_path)

    def _fetch_images(self, host: Host, missing: Sequence[str]) -> list[Failure]:
        failures: list[Failure] = []
        row = 0
        with ExitStack() as stack:
            advance = stack.enter_context(self.report.bar(f"images of {self.options.source}", len(missing)))
            advance_bytes = stack.enter_context(self.report.bar("bytes", None, unit="B"))
            told = _in_turn(advance_bytes)
            files = self._checked(host, missing, failures)
            outcomes = stack.enter_context(closing(self._in_parallel(files, lambda file: self._outcome(file, told))))
            for failure in outcomes:
                advance(1)
                row = row + 1 if failure and not failure.is_known else 0
                failures += [failure] if failure else []
                if row >= FAILURES_IN_A_ROW:
                    raise DownloadError(
                        f"{row} files in a row could not be downloaded, the last because {failures[-1].reason}"
                    )
        return failures

    def _checked(self, host: Host, names: Sequence[str], failures: list[Failure]) -> Iterator[RemoteFile]:
        """What the host has under those names; what cannot be asked for is put with the failures."""
        failures += [Failure(name, "the table names no file, but a path") for name in names if not is_file_name(name)]
        for item in host.images([name for name in names if is_file_name(name)]):
            if isinstance(item, Failure):
                failures.append(item)
            else:
                yield item

    def _outcome(self, file: RemoteFile, advance: Advance) -> Failure | None:
        try:
            self.fetcher.fetch(file, self.options.folder, advance)
        except DownloadError as error:
            return Failure(file.name, str(error), self._is_known_absent(file.name))
        except OSError as error:
            if error.errno in NO_ROOM:
                raise
            return Failure(file.name, error.strerror or str(error))
        return None

    def _in_parallel(
        self, files: Iterator[RemoteFile], work: Callable[[RemoteFile], Failure | None]
    ) -> Generator[Failure | None, None, None]:
        """What the work gives for each file, few files being taken ahead: signed addresses do not keep."""
        pool = ThreadPoolExecutor(self.options.jobs)
        waiting: set[Future[Failure | None]] = set()
        try:
            for file in files:
                waiting.add(pool.submit(work, file))
                if len(waiting) >= 2 * self.options.jobs:
                    done, waiting = wait(waiting, return_when=FIRST_COMPLETED)
                    yield from (future.result() for future in done)
            yield from (future.result() for future in waiting)
        except BaseException:  # what is under way need not be waited for
            self.fetcher.stop()
            raise
        finally:
            pool.shutdown(cancel_futures=True)

    def _conclude(self, failures: Sequence[Failure], asked: int) -> None:
        path = self.options.folder / FAILURES
        with suppress(FileNotFoundError):
            path.unlink()
        if failures:
            with path.open("w", encoding="utf-8", newline="") as file:
                rows = ((table_cell(each.name), table_cell(each.reason)) for each in failures)
                csv.writer(file).writerows([("file", "reason"), *rows])
        for failure in failures:
            if failure.is_known:
                self.report.warn(f"{failure.name} is not available; the release is known to lack it")
        unknown = [failure for failure in failures if not failure.is_known]
        if unknown:
            raise DownloadError(
                f"{len(unknown)} of {asked} images were not downloaded, for example {unknown[0].name}: "
                f"{unknown[0].reason}; all are listed in {path}"
            )
        have = sum(image.path is not None for image in self._listed())
        self.report.say(
            f"{self.options.source}: {have:,} images in {self.options.folder}; "
            f"next: dermasynth build {self.options.source} --raw {self.options.folder}"
        )


def _in_turn(advance: Advance) -> Advance:
    """The same for many threads."""
    lock = threading.Lock()

    def advance_in_turn(count: int) -> None:
        with lock:
            advance(count)

    return advance_in_turn
