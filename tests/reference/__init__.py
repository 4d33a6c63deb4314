"""What the tests compare with: the formulas in mpmath, and helpers that raise on a difference.

Nothing here imports luce's numerics, and nothing in luce imports this.
"""

from reference.activations import gelu as gelu
from reference.activations import gelu_grad as gelu_grad
from reference.activations import log_sigmoid_at as log_sigmoid_at
from reference.activations import log_sigmoid_grad as log_sigmoid_grad
from reference.activations import logit as logit
from reference.activations import logit_grad as logit_grad
from reference.activations import sigmoid_at as sigmoid_at
from reference.activations import sigmoid_grad as sigmoid_grad
from reference.activations import softplus as softplus
from reference.activations import tanh as tanh
from reference.activations import tanh_grad as tanh_grad
from reference.functions import log_sigmoid as log_sigmoid
from reference.functions import log_softmax as log_softmax
from reference.functions import logmeanexp as logmeanexp
from reference.functions import logsumexp as logsumexp
from reference.functions import sigmoid as sigmoid
from reference.functions import softmax as softmax
from reference.functions import weighted_logsumexp as weighted_logsumexp
from reference.loss_options import cross_entropy_answer as cross_entropy_answer
from reference.losses import cross_entropy as cross_entropy
from reference.losses import cross_entropy_grad as cross_entropy_grad
from reference.losses import gradient_scale as gradient_scale
from reference.losses import row_gradient as row_gradient
from reference.losses import row_loss as row_loss
from reference.points import around as around
from reference.points import everywhere as everywhere
from reference.points import probabilities as probabilities
from reference.promises import promised as promised
from reference.rows import DTYPES as DTYPES
from reference.rows import hard_rows as hard_rows
from reference.rows import logits as logits
from reference.rows import long_row as long_row
from reference.rows import problem as problem
from reference.rows import tables as tables
from reference.smooth_maximum import boltzmann_max as boltzmann_max
from reference.smooth_maximum import boltzmann_max_grad as boltzmann_max_grad
from reference.smooth_maximum import p_norm_max as p_norm_max
from reference.smooth_maximum import p_norm_max_grad as p_norm_max_grad
from reference.sparse import entmax as entmax
from reference.sparse import sparsemax as sparsemax
from reference.sparse import sparsemax_product as sparsemax_product
from reference.ulp import assert_close as assert_close
from reference.ulp import assert_within as assert_within
from reference.ulp import spacing as spacing
from reference.ulp import ulp_error as ulp_error
from reference.ulp import ulp_errors_float32 as ulp_errors_float32
from reference.ulp import worst_ulp_error as worst_ulp_error
