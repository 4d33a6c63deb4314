"""Room 5: classifiers and transformers with scikit-learn's interface.

An estimator stores its options, checks the data, translates both for the solvers below, and
keeps the result as attributes. May import: solvers, losses, metrics, texts, functions, kernels,
_checks, errors, numpy, scikit-learn. May be imported by: tasks and the front doors.
"""

from luce.estimators.calibrated import Calibrated as Calibrated
from luce.estimators.class_separation import Separation as Separation
from luce.estimators.class_separation import SeparationWarning as SeparationWarning
from luce.estimators.class_separation import separation as separation
from luce.estimators.conformal_sets import ConformalSets as ConformalSets
from luce.estimators.gaussian_naive_bayes import GaussianNaiveBayes as GaussianNaiveBayes
from luce.estimators.inference_result import Inference as Inference
from luce.estimators.isotonic_calibration import IsotonicCalibration as IsotonicCalibration
from luce.estimators.linear_discriminant import (
    LinearDiscriminantAnalysis as LinearDiscriminantAnalysis,
)
from luce.estimators.matrix_scaling import MatrixScaling as MatrixScaling
from luce.estimators.multinomial_naive_bayes import (
    MultinomialNaiveBayes as MultinomialNaiveBayes,
)
from luce.estimators.one_vs_one import OneVsOne as OneVsOne
from luce.estimators.one_vs_rest import OneVsRest as OneVsRest
from luce.estimators.selective_classifier import Decisions as Decisions
from luce.estimators.selective_classifier import SelectiveClassifier as SelectiveClassifier
from luce.estimators.softmax_regression import SoftmaxRegression as SoftmaxRegression
from luce.estimators.softmax_regression_cv import SoftmaxRegressionCV as SoftmaxRegressionCV
from luce.estimators.standard_errors import inference as inference
from luce.estimators.temperature_scaling import TemperatureScaling as TemperatureScaling
from luce.estimators.text_features import TextFeatures as TextFeatures
from luce.estimators.vector_scaling import VectorScaling as VectorScaling
