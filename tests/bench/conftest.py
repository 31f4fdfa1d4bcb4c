"""The bench itself: what its numbers are made of, and that it still runs."""

import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "bench/proxy"))
