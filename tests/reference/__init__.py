"""What the tests compare with: the formulas in mpmath, and helpers that raise on a difference.

Nothing here imports luce's numerics, and nothing in luce imports this.
"""

from reference.functions import log_sigmoid as log_sigmoid
from reference.functions import log_softmax as log_softmax
from reference.functions import logsumexp as logsumexp
from reference.functions import sigmoid as sigmoid
from reference.functions import softmax as softmax
from reference.losses import cross_entropy as cross_entropy
from reference.losses import cross_entropy_grad as cross_entropy_grad
from reference.promises import promised as promised
from reference.ulp import assert_within as assert_within
from reference.ulp import ulp_error as ulp_error
from reference.ulp import worst_ulp_error as worst_ulp_error
