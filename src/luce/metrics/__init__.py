"""Room 4: figures of merit of a classifier, each with its 95 % interval where it has one.

Labels are numbers 0..k-1, probabilities an array (n, k). Nothing here knows about files.
May import: functions, _checks, errors, numpy, scipy. May be imported by: tasks and every room
above.
"""

from luce.metrics.accuracy import Baseline as Baseline
from luce.metrics.accuracy import accuracy as accuracy
from luce.metrics.accuracy import majority_baseline as majority_baseline
from luce.metrics.brier import BrierDecomposition as BrierDecomposition
from luce.metrics.brier import brier_decomposition as brier_decomposition
from luce.metrics.brier import brier_score as brier_score
from luce.metrics.calibration import calibration_error as calibration_error
from luce.metrics.calibration import reliability_of_classes as reliability_of_classes
from luce.metrics.calibration import reliability_of_top_label as reliability_of_top_label
from luce.metrics.classwise import ClasswiseError as ClasswiseError
from luce.metrics.classwise import classwise_calibration_error as classwise_calibration_error
from luce.metrics.classwise import squared_calibration_error as squared_calibration_error
from luce.metrics.confidence import confidence as confidence
from luce.metrics.confusion import ClassScores as ClassScores
from luce.metrics.confusion import class_scores as class_scores
from luce.metrics.confusion import confusion_matrix as confusion_matrix
from luce.metrics.evaluation import evaluate as evaluate
from luce.metrics.intervals import Estimate as Estimate
from luce.metrics.intervals import clopper_pearson_interval as clopper_pearson_interval
from luce.metrics.intervals import mean_interval as mean_interval
from luce.metrics.intervals import wilson_interval as wilson_interval
from luce.metrics.log_loss import log_loss as log_loss
from luce.metrics.log_loss import row_losses as row_losses
from luce.metrics.prediction_sets import SetSizes as SetSizes
from luce.metrics.prediction_sets import set_coverage as set_coverage
from luce.metrics.prediction_sets import set_coverage_of_classes as set_coverage_of_classes
from luce.metrics.prediction_sets import set_size as set_size
from luce.metrics.reliability import ReliabilityBin as ReliabilityBin
from luce.metrics.reliability import reliability_bins as reliability_bins
from luce.metrics.selective import RiskCoverage as RiskCoverage
from luce.metrics.selective import aurc as aurc
from luce.metrics.selective import risk_coverage as risk_coverage
from luce.metrics.separation import auroc as auroc
