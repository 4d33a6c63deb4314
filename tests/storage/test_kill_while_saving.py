import subprocess
import sys
from pathlib import Path

BENCH = Path(__file__).parents[2] / "bench" / "kill_while_saving.py"


def test_ten_kills_leave_a_whole_model_each_time():
    command = [sys.executable, str(BENCH), "--kills", "10", "--megabytes", "1"]
    answer = subprocess.run(command, capture_output=True, text=True, check=False)
    assert answer.returncode == 0, answer.stdout + answer.stderr
    assert "10 of 10 loads gave a whole model" in answer.stdout
