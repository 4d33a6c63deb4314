"""luce passes every cell of the conformance suite, and the suite can tell right from wrong."""

import re
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def suite():
    """Return the suite's modules: they live in bench."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(ROOT / "bench")
        from conformance import judge, page, run, table

        yield {"judge": judge, "page": page, "run": run, "table": table}


def cell_of(suite, line):
    (cell,) = suite["table"].variants("group", "here", line)
    return cell


def peer(suite, **operations):
    return suite["judge"].Library("peer", operations)


def test_there_are_many_cells_and_each_has_a_reason(suite):
    cells = suite["table"].cells()
    assert len(cells) >= 300
    assert all(cell.reason and cell.tolerance and cell.group for cell in cells)
    assert len({(cell.call, cell.expected) for cell in cells}) == len(cells)


def test_luce_passes_every_cell(suite):
    from conformance.libraries import luce_itself

    verdicts = suite["run"].judged(luce_itself.library())
    failed = [one for one in verdicts if not one.passed]
    assert not failed, "\n".join(f"{one.cell.call}: {one.got}" for one in failed)


def test_the_page_is_about_this_table(suite):
    text = (ROOT / "docs" / "conformance.md").read_text("utf-8")
    (cells,) = re.findall(r"is hard: (\d+) cells", text)
    assert int(cells) == len(suite["table"].cells()), "run bench/conformance/run.py --write"
    assert f"| **all** | **100 % ({cells} of {cells})**" in text


@pytest.mark.parametrize(
    ("line", "answer", "passes"),
    [
        ("f(f32[1, 2]) | [1, 2] | equal | reason", np.float32([1, 2]), True),
        ("f(f32[1, 2]) | [1, 2] | equal | reason", np.float32([1, 3]), False),
        ("f(f32[1, 2]) | nan or 0 | equal | reason", np.float32([0, 0]), True),
        ("f(f32[1, 2]) | nan or 0 | equal | reason", np.float32([np.nan, 0]), False),
        ("f(f32[1, 2]) | 1 | 0.1/0.5 | reason", np.float32([1.4, 1]), True),
        ("f(f32[1, 2]) | 1 | 0.1/0.5 | reason", np.float32([1.6, 1]), False),
        ("f(f32[1, 2]) | [1, 2] | equal | reason", np.float32([[1, 2]]), False),
    ],
)
def test_an_answer_is_compared_with_each_convention(suite, line, answer, passes):
    verdict = suite["judge"].verdict(cell_of(suite, line), peer(suite, f=lambda x: answer))
    assert verdict.offered
    assert verdict.passed == passes


@pytest.mark.parametrize(
    ("row", "answer", "passes"),
    [
        ("[0, -20]", [1, 2.0611537e-9], True),
        ("[0, -20]", [1, 2.0616e-9], True),  # a peer's digits: more than half are right
        ("[0, -20]", [1, 2.07e-9], False),
        ("[0, -20]", [1, 0], False),
        ("[0, -20]", [1, np.nan], False),
        ("[0, -100]", [1, 3.8e-44], True),
        ("[0, -100]", [1, 0], False),  # flushed to 0
        ("[0, -200]", [1, 0], True),  # below every float32
    ],
)
def test_a_number_that_has_lost_half_of_its_digits_is_wrong(suite, row, answer, passes):
    cell = cell_of(suite, f"softmax(f32{row}) | exact | promise | reason")
    library = peer(suite, softmax=lambda x: np.float32(answer))
    assert suite["judge"].verdict(cell, library).passed == passes


def test_luce_is_held_to_its_promise_and_to_the_first_convention(suite):
    right = np.float32([0.26894142, 0.73105858])
    for answer, passes in ((right, True), (right + np.float32(3e-7), False)):
        ours = suite["judge"].Library("luce", {"softmax": lambda x, a=answer: a}, lambda *_: 2.0)
        cell = cell_of(suite, "softmax(f32[0, 1]) | exact | promise | reason")
        assert suite["judge"].verdict(cell, ours).passed == passes
    zero = suite["judge"].Library("luce", {"softmax": lambda x: 0 * x}, lambda *_: 2.0)
    cell = cell_of(suite, "softmax(f32[1, 2]) | nan or 0 | equal | reason")
    assert not suite["judge"].verdict(cell, zero).passed


def test_what_a_library_does_not_offer_does_not_count(suite):
    from conformance.libraries import offered

    library = peer(suite, **offered({"softmax": lambda x: x}))
    for call in ("softmax(f32[1], axis=0)", "sigmoid(f32[1])"):
        verdict = suite["judge"].verdict(cell_of(suite, f"{call} | 1 | equal | reason"), library)
        assert not verdict.offered


def test_an_error_counts_as_refusal_only_where_one_is_expected(suite):
    def broken(x):
        raise IndexError("index -1 is out of bounds")

    library = peer(suite, softmax=broken)
    for expected, passes in (("nan or 0", False), ("refused", True), ("nan or refused", True)):
        cell = cell_of(suite, f"softmax(f32[1]) | {expected} | equal | reason")
        assert suite["judge"].verdict(cell, library).passed == passes


def test_an_own_error_must_say_what_the_table_demands(suite):
    from luce.errors import LabelError

    def refuses(error):
        def function(x):
            raise error

        return suite["judge"].Library("luce", {"softmax": function}, lambda *_: 2.0)

    cell = cell_of(suite, 'softmax(f32[1]) | refused "row 1" | equal | reason')
    assert suite["judge"].verdict(cell, refuses(LabelError("got 7 at row 1."))).passed
    assert not suite["judge"].verdict(cell, refuses(LabelError("got 7."))).passed
    assert not suite["judge"].verdict(cell, refuses(ValueError("row 1"))).passed


def test_equal_braces_hold_the_same_word(suite):
    line = "softmax({f32,f64}[1], v={f32,f64}[{2,3}]) | same as {f32,f64}[0] | equal | reason"
    cells = suite["table"].variants("group", "here", line)
    assert [cell.call for cell in cells][:2] == [
        "softmax(f32[1], v=f32[2])",
        "softmax(f32[1], v=f32[3])",
    ]
    assert cells[-1].expected == ("same as f64[0]",)
    assert len(cells) == 4


def test_a_line_without_its_reason_is_refused(suite):
    with pytest.raises(ValueError, match="four columns"):
        suite["table"].variants("group", "line 7", "softmax(f32[1]) | 1 | equal")
