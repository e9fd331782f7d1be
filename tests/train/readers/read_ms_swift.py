"""Run by a Python that has ms-swift: what its own loader makes of a file, as JSON."""

import json
import sys

from swift.dataset import load_dataset

found, _ = load_dataset([sys.argv[1]], num_proc=1)
sys.stdout.write(
    "ROWS " + json.dumps([{"messages": row["messages"], "images": row["images"]} for row in found], default=str)
)
