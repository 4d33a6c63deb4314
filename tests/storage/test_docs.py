"""The reader in docs/model_file.md, written from the description alone, reads what luce writes."""

import re
from pathlib import Path
from typing import Any

import numpy as np
from reference.models import metadata, tensors

from luce.storage import save_model

PAGE = Path(__file__).parents[2] / "docs" / "model_file.md"


def test_the_reader_from_scratch_reads_our_files(tmp_path):
    blocks = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    source = next(block for block in blocks if "def read(" in block)
    names: dict[str, Any] = {}
    exec(source, names)
    save_model(tmp_path / "m", tensors("float32"), metadata(class_names=["Ä", "ß", "\0"]))
    weights, meta = names["read"](tmp_path / "m")
    for name, tensor in tensors("float32").items():
        np.testing.assert_array_equal(weights[name], tensor.ravel())
    assert meta.pop("sha256")
    assert meta == metadata(class_names=["Ä", "ß", "\0"])
