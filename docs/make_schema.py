"""Write docs/schema/leaderboard-N.json: the JSON schema of leaderboards, of the present version N.

python docs/make_schema.py
"""

from __future__ import annotations

import json
from pathlib import Path

from harness.results.leaderboard import Leaderboard

FILE = Path(__file__).parent / "schema" / f"leaderboard-{Leaderboard.version()}.json"


def text() -> str:
    """Return what the file holds."""
    return json.dumps(Leaderboard.json_schema(), ensure_ascii=False, indent=1) + "\n"


if __name__ == "__main__":
    FILE.write_text(text(), encoding="utf-8")
