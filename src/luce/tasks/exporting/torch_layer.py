"""The state of a ``torch.nn.Linear``, in a .safetensors file; PyTorch is not needed to write it."""

import json

from luce.storage.container import pack
from luce.tasks.exporting.layer import Layer


def to_bytes(layer: Layer) -> bytes:
    """Return ``weight`` (k, d) and ``bias`` (k,); the names as JSON in the file's metadata.

    Raises
    ------
    MissingExtraError
        The package safetensors is not installed.
    """
    names = {
        "classes": layer.classes,
        "class_names": layer.class_names,
        "feature_names": layer.feature_names,
    }
    texts = {key: json.dumps(value, ensure_ascii=False) for key, value in names.items()}
    return pack({"weight": layer.weight, "bias": layer.bias}, {"format": "pt", **texts})
