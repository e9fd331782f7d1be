"""The format `webdataset`: tar files of pictures with their JSON, for large runs."""

import io
import json
import tarfile
from collections.abc import Iterator
from itertools import chain, islice

from dermasynth_builder.core.records import Split
from dermasynth_builder.train.export import Output
from dermasynth_builder.train.export.lines import messages_of
from dermasynth_builder.train.pictures import Picture
from dermasynth_builder.train.turns import Example

MOST_EXAMPLES = 5000  # of a tar file


def write_webdataset(examples: Iterator[tuple[Example, Picture]], split: Split, output: Output) -> int:
    """`<split>-00000.tar` and so on, each of `MOST_EXAMPLES`; a key holds neither a slash nor a dot."""
    numbered = enumerate(examples)
    total = shard = 0
    while first := next(numbered, None):
        with tarfile.open(output.folder / f"{split}-{shard:05}.tar", "w") as tar:
            for number, (example, picture) in chain([first], islice(numbered, MOST_EXAMPLES - 1)):
                about = {"id": example.name, "messages": messages_of(example)}
                _add(tar, f"{number:08}.{picture.suffix}", picture.content)
                _add(tar, f"{number:08}.json", json.dumps(about, ensure_ascii=False).encode())
        total, shard = number + 1, shard + 1
    return total


def _add(tar: tarfile.TarFile, name: str, content: bytes) -> None:
    entry = tarfile.TarInfo(name)
    entry.size = len(content)
    tar.addfile(entry, io.BytesIO(content))
