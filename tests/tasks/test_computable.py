import numpy as np
import pytest
from scipy.sparse import csr_matrix

from luce.data import learn_encoding, load
from luce.errors import DataError
from luce.tasks.computable import require_numbers

NAN = float("nan")


@pytest.fixture(scope="module")
def encoding(tmp_path_factory):
    path = tmp_path_factory.mktemp("t") / "t.csv"
    path.write_text("size,weight,label\n1,2,a\n2,1,b\n")
    return learn_encoding(load(path))


@pytest.mark.parametrize("kind", [np.array, csr_matrix])
def test_row_column_and_number_are_named(encoding, kind):
    X = kind([[1.0, 2.0], [3.0, -1e308]])
    with pytest.raises(DataError, match=r"new\.csv .* row 8 are too large: 'weight' is -1e\+308"):
        require_numbers(np.array([[0.5, 0.5], [NAN, NAN]]), X, encoding, "new.csv", 7)


def test_numbers_pass(encoding):
    require_numbers(np.array([[0.0, 1.0]]), np.array([[1e308, 0.0]]), encoding, "new.csv")
