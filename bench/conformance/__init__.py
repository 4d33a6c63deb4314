"""What softmax libraries answer where it is hard: one table of cells, judged by one rule for all.

`cells.txt` is the table, `libraries/` says what each library offers and how it is called,
`exact.py` computes expected results to 48 digits (with `tests/reference/balls.py`), `judge.py`
compares, `run.py` is the command.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2] / "tests"))
