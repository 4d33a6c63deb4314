"""Room 2, beside kernels: turn what a caller passes into arrays that kernels may trust.

Every check of an argument lives here, with its wording: what is required, what came, where,
and what to do. May import: errors, numpy. May be imported by every room above.
"""

from luce._checks.arrays import FloatArray as FloatArray
from luce._checks.arrays import as_array as as_array
from luce._checks.arrays import as_doubles as as_doubles
from luce._checks.arrays import as_flags as as_flags
from luce._checks.arrays import as_float_array as as_float_array
from luce._checks.arrays import as_floats as as_floats
from luce._checks.arrays import as_like as as_like
from luce._checks.arrays import as_like_one_of as as_like_one_of
from luce._checks.arrays import as_number_dtype as as_number_dtype
from luce._checks.arrays import as_vector as as_vector
from luce._checks.arrays import check_same_shape as check_same_shape
from luce._checks.axes import Axis as Axis
from luce._checks.axes import as_axes as as_axes
from luce._checks.axes import as_axis_of_result as as_axis_of_result
from luce._checks.axes import as_class_axis as as_class_axis
from luce._checks.axes import as_one_axis as as_one_axis
from luce._checks.elements import as_element_weights as as_element_weights
from luce._checks.elements import as_shares as as_shares
from luce._checks.elements import as_target as as_target
from luce._checks.foreign import check_on_host as check_on_host
from luce._checks.foreign import not_exportable as not_exportable
from luce._checks.loss_inputs import as_distances as as_distances
from luce._checks.loss_inputs import as_linear_layer as as_linear_layer
from luce._checks.loss_inputs import as_similarities as as_similarities
from luce._checks.loss_inputs import check_cosines as check_cosines
from luce._checks.loss_inputs import check_table as check_table
from luce._checks.loss_options import LARGEST_WEIGHT as LARGEST_WEIGHT
from luce._checks.loss_options import as_class_weights as as_class_weights
from luce._checks.loss_options import as_ignore_index as as_ignore_index
from luce._checks.loss_options import as_normalizer as as_normalizer
from luce._checks.loss_options import as_smoothing as as_smoothing
from luce._checks.loss_options import as_softcap as as_softcap
from luce._checks.loss_options import check_taught as check_taught
from luce._checks.loss_options import nothing_to_average as nothing_to_average
from luce._checks.loss_options import refuse_ignore_index as refuse_ignore_index
from luce._checks.masks import as_weights as as_weights
from luce._checks.masks import as_where as as_where
from luce._checks.masks import check_drawable as check_drawable
from luce._checks.masks import check_possible as check_possible
from luce._checks.outputs import check_out as check_out
from luce._checks.outputs import check_out_of_bfloat16 as check_out_of_bfloat16
from luce._checks.scalars import as_alpha as as_alpha
from luce._checks.scalars import as_choice as as_choice
from luce._checks.scalars import as_count as as_count
from luce._checks.scalars import as_finite as as_finite
from luce._checks.scalars import as_generator as as_generator
from luce._checks.scalars import as_norm_order as as_norm_order
from luce._checks.scalars import as_positive as as_positive
from luce._checks.scalars import as_scale as as_scale
from luce._checks.scalars import as_size as as_size
from luce._checks.scalars import as_strength as as_strength
from luce._checks.scalars import as_temperature as as_temperature
from luce._checks.scalars import as_whole as as_whole
from luce._checks.targets import SUM_TOLERANCE as SUM_TOLERANCE
from luce._checks.targets import as_distributions as as_distributions
from luce._checks.targets import as_labels as as_labels
