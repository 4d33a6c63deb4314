"""Room 4: texts in, rows of a sparse matrix out: n-grams, their weights, a vocabulary.

Nothing here knows about labels, tables or scikit-learn's interface.
May import: kernels, errors, numpy, scipy. May be imported by estimators, data and all above.
"""

from luce.texts.learnt import LearntText as LearntText
from luce.texts.learnt import learn_text as learn_text
from luce.texts.options import TextOptions as TextOptions
from luce.texts.terms import Terms as Terms
