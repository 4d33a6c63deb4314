"""Room 4: minimise the regularised cross-entropy of a linear softmax model, with a proof.

`LinearSoftmax` is the function, in coordinates that have no units, of rows behind the protocol
`Design` and of `Targets`; `minimise` chooses between `newton`, `lbfgs` and, for penalties that make
coefficients zero, `proximal_newton`; `descend` is minibatch SGD and Adam. `separating_direction`
tells whether there is a minimum without a penalty. `inverse_temperature` and `ClassScaling`
calibrate given logits. Nothing here knows about estimators or files. May import: functions,
kernels, _checks, errors, numpy, scipy. May be imported by: estimators and every room above.
"""

from luce.solvers.class_scaling import ClassScaling as ClassScaling
from luce.solvers.cross_validation import Split as Split
from luce.solvers.cross_validation import Stage as Stage
from luce.solvers.cross_validation import follow_path as follow_path
from luce.solvers.dense_design import DenseDesign as DenseDesign
from luce.solvers.dense_design import RawDesign as RawDesign
from luce.solvers.descent import SCHEDULES as SCHEDULES
from luce.solvers.descent import Training as Training
from luce.solvers.descent import descend as descend
from luce.solvers.design import Design as Design
from luce.solvers.lbfgs import lbfgs as lbfgs
from luce.solvers.leave_one_out import leave_one_out_logits as leave_one_out_logits
from luce.solvers.linear_softmax import LinearSoftmax as LinearSoftmax
from luce.solvers.minimise import minimise as minimise
from luce.solvers.newton import newton as newton
from luce.solvers.newton_cg import newton_cg as newton_cg
from luce.solvers.penalties import GroupLasso as GroupLasso
from luce.solvers.penalties import Lasso as Lasso
from luce.solvers.penalties import Penalty as Penalty
from luce.solvers.proximal_newton import proximal_newton as proximal_newton
from luce.solvers.result import Journal as Journal
from luce.solvers.result import Result as Result
from luce.solvers.row_stream import RowBlock as RowBlock
from luce.solvers.row_stream import RowStream as RowStream
from luce.solvers.sampled_newton import sampled_newton as sampled_newton
from luce.solvers.separation import Direction as Direction
from luce.solvers.separation import separating_direction as separating_direction
from luce.solvers.sparse_design import SparseDesign as SparseDesign
from luce.solvers.stream import Stream as Stream
from luce.solvers.streamed_softmax import StreamedSoftmax as StreamedSoftmax
from luce.solvers.summed_newton import summed_newton as summed_newton
from luce.solvers.summed_softmax import SummedSoftmax as SummedSoftmax
from luce.solvers.survey import Survey as Survey
from luce.solvers.survey import survey as survey
from luce.solvers.targets import Distributions as Distributions
from luce.solvers.targets import Labels as Labels
from luce.solvers.targets import Targets as Targets
from luce.solvers.temperature import Temperature as Temperature
from luce.solvers.temperature import inverse_temperature as inverse_temperature
from luce.solvers.temperature import is_separated as is_separated
