"""Room 5: data. A name or a path in, rows with labels out, and their encoding as numbers.

Every guess about a source is a sentence in `Dataset.notes`; everything that cannot be used is one
`luce.errors.DataError` that says what is required, what came, where, and what to do.
May import: solvers (streams of rows), texts, kernels, errors, numpy, scipy, polars, scikit-learn
(bundled sets), Pillow, pooch. May be imported by: tasks and every room above.
The names are loaded when they are first used, so that the names of the sets can be shown by
``luce ui`` without waiting for polars and SciPy.
"""

from typing import TYPE_CHECKING, Any

from luce._lazy import lazily

if TYPE_CHECKING:
    from luce.data.array_encoding import ArrayEncoding as ArrayEncoding
    from luce.data.array_encoding import ImageEncoding as ImageEncoding
    from luce.data.dataset import Dataset as Dataset
    from luce.data.encoding import Encoded as Encoded
    from luce.data.encoding import Encoding as Encoding
    from luce.data.kinds import Kind as Kind
    from luce.data.learning import encoding_from_json as encoding_from_json
    from luce.data.learning import learn_and_apply as learn_and_apply
    from luce.data.learning import learn_encoding as learn_encoding
    from luce.data.row_batches import Batch as Batch
    from luce.data.row_batches import batches as batches
    from luce.data.set_infos import SetInfo as SetInfo
    from luce.data.set_infos import has_test_split as has_test_split
    from luce.data.set_infos import named_sets as named_sets
    from luce.data.sources import load as load
    from luce.data.stream_hold_out import hold_out as hold_out
    from luce.data.streams import stream as stream
    from luce.data.table_encoding import TableEncoding as TableEncoding
    from luce.data.text_encoding import TextEncoding as TextEncoding
    from luce.data.token_stream import TokenBatch as TokenBatch
    from luce.data.token_stream import Vocabulary as Vocabulary
    from luce.data.token_stream import read_tokens as read_tokens
    from luce.data.token_stream import token_batches as token_batches

_HOME = {
    "ArrayEncoding": "array_encoding",
    "Batch": "row_batches",
    "Dataset": "dataset",
    "Encoded": "encoding",
    "Encoding": "encoding",
    "ImageEncoding": "array_encoding",
    "Kind": "kinds",
    "SetInfo": "set_infos",
    "TableEncoding": "table_encoding",
    "TextEncoding": "text_encoding",
    "TokenBatch": "token_stream",
    "Vocabulary": "token_stream",
    "batches": "row_batches",
    "encoding_from_json": "learning",
    "has_test_split": "set_infos",
    "hold_out": "stream_hold_out",
    "learn_and_apply": "learning",
    "learn_encoding": "learning",
    "load": "sources",
    "named_sets": "set_infos",
    "read_tokens": "token_stream",
    "stream": "streams",
    "token_batches": "token_stream",
}
__all__ = [*_HOME]  # noqa: PLE0604  the names of the table above
_load = lazily(__name__, _HOME)


def __getattr__(name: str) -> Any:
    try:
        return _load(name)
    except ModuleNotFoundError as error:
        from luce.data.extras import missing_extra

        raise missing_extra(error) from error
