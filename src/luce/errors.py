"""Room 1: everything luce raises, with the exit code the command line gives it.

::

    LuceError                 1  something failed that is nobody's mistake (a full disk)
    ├── WriteError            1  a file could not be written; the old one stays  (also OSError)
    ├── ConvergenceError      1  training met NaN or infinity and stopped
    ├── ParameterError        2  an option or argument has an impossible value  (also ValueError)
    ├── DataError             3  the data cannot be used as they are            (also ValueError)
    │   ├── ShapeError        3  an array has the wrong shape
    │   ├── DtypeError        3  an array has the wrong kind of elements        (also TypeError)
    │   ├── LabelError        3  a label is missing, unknown or out of range
    │   └── ColumnError       3  a table has no such column
    ├── ModelFileError        4  a model file is damaged, foreign or too new    (also ValueError)
    └── MissingExtraError     5  an optional package is not installed           (also ImportError)

Every message has four parts: what is required, what came, where, and what to do.
"""


class LuceError(Exception):
    """Base of everything luce raises on purpose."""

    exit_code = 1


class LuceWarning(UserWarning):
    """Something that was not refused, but is probably not what is wanted."""


class WriteError(LuceError, OSError):
    """A file could not be written; what stood there before is untouched."""


class ConvergenceError(LuceError, ArithmeticError):
    """Training met a loss that is NaN or infinite and stopped at the last finite model."""


class ParameterError(LuceError, ValueError):
    """An option or argument has a value that cannot be used."""

    exit_code = 2


class DataError(LuceError, ValueError):
    """The data cannot be used as they are."""

    exit_code = 3


class ShapeError(DataError):
    """An array has the wrong shape."""


class DtypeError(DataError, TypeError):
    """An array has the wrong kind of elements."""


class LabelError(DataError):
    """A label is missing, unknown or out of range."""


class ColumnError(DataError):
    """A table has no such column."""


class ModelFileError(LuceError, ValueError):
    """A model file is damaged, foreign or too new."""

    exit_code = 4


class MissingExtraError(LuceError, ImportError):
    """An optional package is not installed; the message holds the line that installs it."""

    exit_code = 5
