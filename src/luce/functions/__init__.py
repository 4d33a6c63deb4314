"""Room 3: functions of logits, NumPy in and NumPy out.

One file per family. Nothing here knows about labels, training or files.
May import: kernels, _checks, errors, numpy. May be imported by: losses and every room above.
"""

from luce.functions.activations import leaky_relu as leaky_relu
from luce.functions.activations import leaky_relu_grad as leaky_relu_grad
from luce.functions.activations import relu as relu
from luce.functions.activations import relu_grad as relu_grad
from luce.functions.activations import step as step
from luce.functions.activations import step_grad as step_grad
from luce.functions.activations import tanh as tanh
from luce.functions.activations import tanh_grad as tanh_grad
from luce.functions.derivatives import log_softmax_jacobian as log_softmax_jacobian
from luce.functions.derivatives import log_softmax_jvp as log_softmax_jvp
from luce.functions.derivatives import log_softmax_vjp as log_softmax_vjp
from luce.functions.derivatives import softmax_jacobian as softmax_jacobian
from luce.functions.derivatives import softmax_jvp as softmax_jvp
from luce.functions.derivatives import softmax_vjp as softmax_vjp
from luce.functions.entmax import entmax as entmax
from luce.functions.entmax import entmax_jacobian as entmax_jacobian
from luce.functions.entmax import entmax_jvp as entmax_jvp
from luce.functions.entmax import entmax_vjp as entmax_vjp
from luce.functions.gelu import gelu as gelu
from luce.functions.gelu import gelu_grad as gelu_grad
from luce.functions.gumbel import gumbel_softmax as gumbel_softmax
from luce.functions.gumbel import sample_categorical as sample_categorical
from luce.functions.hardmax import hardmax as hardmax
from luce.functions.hardmax import one_hot as one_hot
from luce.functions.logsumexp_derivatives import logmeanexp_jvp as logmeanexp_jvp
from luce.functions.logsumexp_derivatives import logmeanexp_vjp as logmeanexp_vjp
from luce.functions.logsumexp_derivatives import logsumexp_hvp as logsumexp_hvp
from luce.functions.logsumexp_derivatives import logsumexp_jvp as logsumexp_jvp
from luce.functions.logsumexp_derivatives import logsumexp_vjp as logsumexp_vjp
from luce.functions.sigmoid import log_sigmoid as log_sigmoid
from luce.functions.sigmoid import logit as logit
from luce.functions.sigmoid import sigmoid as sigmoid
from luce.functions.sigmoid import softplus as softplus
from luce.functions.sigmoid_grad import log_sigmoid_grad as log_sigmoid_grad
from luce.functions.sigmoid_grad import logit_grad as logit_grad
from luce.functions.sigmoid_grad import sigmoid_grad as sigmoid_grad
from luce.functions.sigmoid_grad import softplus_grad as softplus_grad
from luce.functions.smooth_maximum import boltzmann_max as boltzmann_max
from luce.functions.smooth_maximum import boltzmann_max_vjp as boltzmann_max_vjp
from luce.functions.smooth_maximum import p_norm_max as p_norm_max
from luce.functions.smooth_maximum import p_norm_max_vjp as p_norm_max_vjp
from luce.functions.softmax import log_softmax as log_softmax
from luce.functions.softmax import logmeanexp as logmeanexp
from luce.functions.softmax import logsumexp as logsumexp
from luce.functions.softmax import softmax as softmax
from luce.functions.sparsemax import sparsemax as sparsemax
from luce.functions.sparsemax import sparsemax_jacobian as sparsemax_jacobian
from luce.functions.sparsemax import sparsemax_jvp as sparsemax_jvp
from luce.functions.sparsemax import sparsemax_vjp as sparsemax_vjp
from luce.functions.top_k import TopK as TopK
from luce.functions.top_k import softmax_top_k as softmax_top_k
