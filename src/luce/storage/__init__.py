"""Room 5: model files. One model is one ``.safetensors`` file, written whole or not at all.

Nothing here can run code from a file: there is no pickle, no fallback, no import by name.
May import: errors, numpy, safetensors. May be imported by: tasks and every room above.
The format is described in ``docs/model_file.md``. The names are loaded when they are first used,
so that an empty list of runs costs no NumPy.
"""

from typing import TYPE_CHECKING

from luce._lazy import lazily

if TYPE_CHECKING:
    from luce.storage.atomic import write_atomically as write_atomically
    from luce.storage.checkpoint import CheckpointFile as CheckpointFile
    from luce.storage.checkpoint import load_checkpoint as load_checkpoint
    from luce.storage.checkpoint import save_checkpoint as save_checkpoint
    from luce.storage.model import FORMAT_VERSION as FORMAT_VERSION
    from luce.storage.model import ModelFile as ModelFile
    from luce.storage.model import load_model as load_model
    from luce.storage.model import read_metadata as read_metadata
    from luce.storage.model import save_model as save_model

_HOME = {
    "CheckpointFile": "checkpoint",
    "FORMAT_VERSION": "model",
    "ModelFile": "model",
    "load_checkpoint": "checkpoint",
    "load_model": "model",
    "read_metadata": "model",
    "save_checkpoint": "checkpoint",
    "save_model": "model",
    "write_atomically": "atomic",
}
__all__ = [*_HOME]  # noqa: PLE0604  the names of the table above
__getattr__ = lazily(__name__, _HOME)
