"""The modules beside these tests are imported by their bare names, here as in benchmarks/decision_rules.py."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
