"""Room 2, beside _checks: the inner loops, in C++ and as a NumPy twin.

The native core is compiled once per instruction set; `dispatch` chooses at import. Both sides
offer the functions below on C-contiguous float32 and float64 arrays and trust their caller.
May import: errors, numpy. May be imported by every room above.
"""

from luce.kernels.dispatch import byte_rows as byte_rows
from luce.kernels.dispatch import cross_entropy_rows as cross_entropy_rows
from luce.kernels.dispatch import descend_columns as descend_columns
from luce.kernels.dispatch import descend_matrix as descend_matrix
from luce.kernels.dispatch import describe as describe
from luce.kernels.dispatch import empty_like as empty_like
from luce.kernels.dispatch import get_num_threads as get_num_threads
from luce.kernels.dispatch import linear as linear
from luce.kernels.dispatch import linear_grad_hidden as linear_grad_hidden
from luce.kernels.dispatch import linear_grad_weight as linear_grad_weight
from luce.kernels.dispatch import log_sigmoid as log_sigmoid
from luce.kernels.dispatch import log_sigmoid_quick as log_sigmoid_quick
from luce.kernels.dispatch import log_softmax as log_softmax
from luce.kernels.dispatch import log_softmax_backward as log_softmax_backward
from luce.kernels.dispatch import log_softmax_forward as log_softmax_forward
from luce.kernels.dispatch import log_softmax_gradient as log_softmax_gradient
from luce.kernels.dispatch import log_softmax_quick as log_softmax_quick
from luce.kernels.dispatch import log_softmax_with_sums as log_softmax_with_sums
from luce.kernels.dispatch import logsumexp as logsumexp
from luce.kernels.dispatch import logsumexp_quick as logsumexp_quick
from luce.kernels.dispatch import narrow_logits as narrow_logits
from luce.kernels.dispatch import narrow_pulled as narrow_pulled
from luce.kernels.dispatch import set_num_threads as set_num_threads
from luce.kernels.dispatch import sigmoid as sigmoid
from luce.kernels.dispatch import sigmoid_quick as sigmoid_quick
from luce.kernels.dispatch import simd as simd
from luce.kernels.dispatch import softmax as softmax
from luce.kernels.dispatch import softmax_curvature as softmax_curvature
from luce.kernels.dispatch import softmax_dual as softmax_dual
from luce.kernels.dispatch import softmax_gradient as softmax_gradient
from luce.kernels.dispatch import softmax_pass as softmax_pass
from luce.kernels.dispatch import softmax_product as softmax_product
from luce.kernels.dispatch import softmax_quick as softmax_quick
from luce.kernels.dispatch import softmax_residual as softmax_residual
from luce.kernels.dispatch import softmax_rows as softmax_rows
from luce.kernels.dispatch import softplus as softplus
from luce.kernels.dispatch import softplus_quick as softplus_quick
from luce.kernels.dispatch import sparse_dual as sparse_dual
from luce.kernels.dispatch import sparse_pass as sparse_pass
from luce.kernels.dispatch import sparse_pulled as sparse_pulled
from luce.kernels.dispatch import sparse_rows as sparse_rows
from luce.kernels.dispatch import to_panels as to_panels
from luce.kernels.dispatch import weighted_grams as weighted_grams
from luce.kernels.self_test import self_test as self_test
