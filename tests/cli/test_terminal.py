import io
import sys

import pytest

from luce.cli.terminal import console, printable, show_fields, show_table


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain näme 水", "plain näme 水"),
        ("\x1b[31mred", r"\x1b[31mred"),
        ("a\nb\rc\td", r"a\nb\rc\td"),
        ("\u202egnp.exe", r"\u202egnp.exe"),
        ("\x9b2J", r"\x9b2J"),
        (3, "3"),
    ],
)
def test_what_could_steer_a_terminal_is_escaped(text, shown):
    assert printable(text) == shown


def test_a_table_is_aligned_and_has_no_blanks_at_line_ends(capsys):
    show_table(["name", "n"], [["水", 1], ["long name", 20], ["none", None]], title="Title")
    assert capsys.readouterr().out == (
        "\nTitle\nname        n\n水          1\nlong name  20\nnone\n"
    )


def test_fractions_get_as_many_decimals_as_asked(capsys):
    show_table(["x"], [[1.0], [0.123456]])
    show_table(["x"], [[1.0], [0.123456]], decimals=2)
    assert capsys.readouterr().out.split() == ["x", "1", "0.1235", "x", "1.00", "0.12"]


def test_text_that_looks_like_markup_stays_as_it_is(capsys):
    show_fields({"label": "[bold]red[/bold] :smile:"})
    assert "[bold]red[/bold] :smile:" in capsys.readouterr().out


class Terminal(io.StringIO):
    def isatty(self):
        return True


def test_no_color_is_respected_on_a_terminal(monkeypatch):
    def drawn():
        screen = Terminal()
        console(screen).print("[x]", style="red")
        return screen.getvalue()

    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.delenv("NO_COLOR", raising=False)
    assert "\x1b[31m" in drawn()
    monkeypatch.setenv("NO_COLOR", "1")
    assert "\x1b[31m" not in drawn()


def test_on_a_terminal_a_table_has_a_rule(monkeypatch):
    monkeypatch.setattr(sys, "stdout", Terminal())
    show_table(["x", "y"], [[1, 2]])
    assert "──" in sys.stdout.getvalue()


def test_a_moving_line_ends_with_the_training(monkeypatch):
    from luce.cli.progress import TrainingProgress
    from luce.tasks.options import TrainOptions

    screen = Terminal()
    monkeypatch.setattr(sys, "stderr", screen)
    monkeypatch.setenv("TERM", "xterm-256color")
    with TrainingProgress(TrainOptions(solver="adam", epochs=2)) as progress:
        progress({"epoch": 1, "train_loss": 0.5, "valid_loss": None, "seconds": 0.1})
        progress({"epoch": 2, "train_loss": 0.25, "valid_loss": None, "seconds": 0.2})
    drawn = screen.getvalue()
    assert "epoch 2  train loss 0.25" in drawn
    assert "seconds" not in drawn
    assert drawn.endswith("\x1b[2K"), "the line is wiped at the end"
