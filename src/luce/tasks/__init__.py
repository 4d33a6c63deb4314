"""Room 6: whole jobs, from paths to results: train, evaluate, predict, report, inspect.

Here the neighbours below meet: data, estimators and storage, which may not see each other.
May import: everything below. May be imported by: cli and server.
The names are loaded when they are first used, so that reading the table of options for
``luce train --help`` costs neither NumPy nor scikit-learn.
"""

from typing import TYPE_CHECKING

from luce._lazy import lazily

if TYPE_CHECKING:
    from luce.tasks.checkpoints import load_checkpoint as load_checkpoint
    from luce.tasks.checkpoints import save_checkpoint as save_checkpoint
    from luce.tasks.doctor import diagnose as diagnose
    from luce.tasks.estimator_files import load_estimator as load_estimator
    from luce.tasks.estimator_files import save_estimator as save_estimator
    from luce.tasks.evaluation import evaluate as evaluate
    from luce.tasks.explaining.effects import explain as explain
    from luce.tasks.explaining.flips import flips as flips
    from luce.tasks.explaining.nearest import nearest_change as nearest_change
    from luce.tasks.inspection import inspect_data as inspect_data
    from luce.tasks.inspection import inspect_model as inspect_model
    from luce.tasks.logits import describe_logits as describe_logits
    from luce.tasks.model_export import Export as Export
    from luce.tasks.model_export import export as export
    from luce.tasks.models import Model as Model
    from luce.tasks.models import load_model as load_model
    from luce.tasks.module_training import train_module as train_module
    from luce.tasks.options import TrainOptions as TrainOptions
    from luce.tasks.prediction import predict as predict
    from luce.tasks.report import write_report as write_report
    from luce.tasks.resumption import resume as resume
    from luce.tasks.training import train as train

_HOME = {
    "Export": "model_export",
    "Model": "models",
    "TrainOptions": "options",
    "describe_logits": "logits",
    "diagnose": "doctor",
    "evaluate": "evaluation",
    "explain": "explaining.effects",
    "export": "model_export",
    "flips": "explaining.flips",
    "inspect_data": "inspection",
    "inspect_model": "inspection",
    "load_checkpoint": "checkpoints",
    "load_estimator": "estimator_files",
    "load_model": "models",
    "nearest_change": "explaining.nearest",
    "predict": "prediction",
    "resume": "resumption",
    "save_checkpoint": "checkpoints",
    "save_estimator": "estimator_files",
    "train": "training",
    "train_module": "module_training",
    "write_report": "report",
}
__all__ = [*_HOME]  # noqa: PLE0604  the names of the table above
__getattr__ = lazily(__name__, _HOME)
