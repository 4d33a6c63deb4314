"""``luce serve`` under load: rate, latency, overload, slow clients, and an end that loses nothing.

    python bench/serve.py [--seconds 10] [--overload 120]

A model of Fashion-MNIST, one image a request, JSON, two workers; clients and server share this
machine. Needs wrk and hey (Debian: ``apt install wrk hey``).
"""

import argparse
import http.client
import json
import re
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from section import Demand, show_figures, show_table, verdict

from luce import data
from luce.tasks.options import TrainOptions
from luce.tasks.prediction import Layout, predict
from luce.tasks.training import train

SCRIPT = Path(__file__).parent / "serving" / "post.lua"
ENOUGH = 32  # clients that keep two workers busy
TIMES = 10
SLOW = 2000


class Load:
    """A request, and how wrk sends it."""

    def __init__(self, port, folder, body, expected):
        self.port, self.folder, self.body = port, folder, body
        (folder / "body").write_bytes(body)
        (folder / "expected").write_bytes(expected)

    def wrk(self, path, clients, seconds):
        """Return requests answered a second, and what else the script has counted."""
        answer = subprocess.run(
            ["wrk", "-t1", f"-c{clients}", f"-d{seconds}s", "-s", str(SCRIPT),
             f"http://127.0.0.1:{self.port}{path}", "--", str(self.folder)],
            capture_output=True, text=True, check=True,
        )  # fmt: skip
        found = json.loads(re.search(r"^figures (.*)$", answer.stdout, re.MULTILINE)[1])
        return {**found, "rate": found["good"] / found["seconds"]}


@contextmanager
def serving(run, *options):
    """Start a server; yield its process and port."""
    process = subprocess.Popen(
        [sys.executable, "-m", "luce.cli", "serve", str(run), "--port", "0", "--json", *options],
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
    )  # fmt: skip
    try:
        yield process, int(json.loads(process.stdout.readline())["address"].rpartition(":")[2])
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(60)


def memory(process):
    """Megabytes that the server and its workers hold."""
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
    told = [Path(f"/proc/{pid}/status").read_text() for pid in (process.pid, *children)]
    return sum(int(re.search(r"VmRSS:\s*(\d+)", one)[1]) for one in told) / 1024


def at_a_rate(port, folder, rate, seconds):
    """Ask at a steady rate; return the median and the 99th percentile in milliseconds."""
    answer = subprocess.run(
        ["hey", "-z", f"{seconds}s", "-c", str(ENOUGH), "-q", f"{rate / ENOUGH:.1f}", "-m", "POST",
         "-T", "application/json", "-D", str(folder / "body"),
         f"http://127.0.0.1:{port}/v1/predict"],
        capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip
    return [1e3 * float(re.search(rf"{n}% in ([\d.]+) secs", answer)[1]) for n in (50, 99)]


@contextmanager
def slow_clients(port):
    """Connections that send nothing, half a header or half a body, and are replaced when cut."""
    starts = (
        b"",
        b"POST /v1/predict HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Slow: ",
        b"POST /v1/predict HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
        b'Content-Length: 3000\r\n\r\n{"rows": [[',
    )
    held = []
    for number in range(SLOW):
        one = socket.create_connection(("127.0.0.1", port), timeout=30)
        one.sendall(starts[number % 3])
        held.append(one)
    try:
        yield held
    finally:
        for one in held:
            one.close()


def closed_by_server(held, patience=40):
    """How many of the slow connections the server has closed by the end of its deadlines."""
    time.sleep(patience)
    closed = 0
    for one in held:
        one.settimeout(0)
        try:
            while piece := one.recv(65536):
                assert piece.startswith(b"HTTP/1.1 408"), piece[:50]
            closed += 1
        except BlockingIOError:
            pass
        except ConnectionResetError:
            closed += 1
    return closed


def killed_under_load(process, port, body, clients=16):
    """Send SIGTERM while clients ask; return answers, wrong ones and lost requests."""
    counts, answers, lock = Counter(), set(), threading.Lock()

    def ask():
        one = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        while True:
            try:
                if one.sock is None:
                    one.connect()
            except OSError:  # nobody listens any more
                return
            try:
                one.request("POST", "/v1/predict", body, {"Content-Type": "application/json"})
                answer = one.getresponse()
                found = (answer.status, answer.read())
            except (OSError, http.client.HTTPException):
                with lock:
                    counts["lost"] += 1
                return
            with lock:
                answers.add(found)
                counts["answered"] += 1

    threads = [threading.Thread(target=ask) for _ in range(clients)]
    for thread in threads:
        thread.start()
    time.sleep(3)
    started = time.perf_counter()
    process.send_signal(signal.SIGTERM)
    code = process.wait(60)
    took = time.perf_counter() - started
    for thread in threads:
        thread.join()
    return counts, answers, code, took


def prepared(folder):
    """A trained model, a request of one image, and the answer that is right."""
    run = train(TrainOptions(data="fashion-mnist"), out=folder / "run").run
    pixels = data.load("fashion-mnist", split="test").features[:1]
    np.save(folder / "one.npy", pixels)
    with (folder / "out").open("w+b") as file:
        predict(run, str(folder / "one.npy"), file, Layout("jsonl", proba=True))
        file.seek(0)
        right = json.loads(file.read())
    body = json.dumps({"rows": pixels.reshape(1, -1).tolist()}, separators=(",", ":")).encode()
    return run, body, right


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=int, default=10)
    parser.add_argument("--overload", type=int, default=120)
    options = parser.parse_args()
    if not shutil.which("wrk") or not shutil.which("hey"):
        sys.exit("this needs wrk and hey: apt install wrk hey")
    with tempfile.TemporaryDirectory() as name:
        return measure(Path(name), options.seconds, options.overload)


def measure(folder, seconds, overload):
    run, body, right = prepared(folder)
    demands = []
    with serving(run, "--workers", "2") as (process, port):
        one = http.client.HTTPConnection("127.0.0.1", port)
        one.request("POST", "/v1/predict", body, {"Content-Type": "application/json"})
        answer = one.getresponse().read()
        same = json.loads(answer)["probabilities"][0] == list(right["proba"].values())
        one.close()
        demands.append(Demand("the bits of `luce predict`", "equal" if same else "other", same))
        load = Load(port, folder, body, answer)
        load.wrk("/v1/predict", ENOUGH, 2)  # warm
        rates = {"/v1/echo": [], "/v1/predict": []}
        for _ in range(3):
            for path, found in rates.items():
                found.append(load.wrk(path, ENOUGH, seconds)["rate"])
        echo, peak = (statistics.median(found) for found in rates.values())
        ms = at_a_rate(port, folder, peak / 2, 2 * seconds)
        before = memory(process)
        crowd = load.wrk("/v1/predict", TIMES * ENOUGH, overload)
        after = memory(process)
        with slow_clients(port) as held:
            beside = load.wrk("/v1/predict", ENOUGH, seconds)
            _, slow_ms = at_a_rate(port, folder, peak / 2, seconds)
            closed = closed_by_server(held)
        counts, answers, code, took = killed_under_load(process, port, body)
    with serving(run, "--workers", "2", "--queue", "16") as (process, port):
        turned = Load(port, folder, body, answer).wrk("/v1/predict", TIMES * ENOUGH, 2 * seconds)
    rows = {
        "echo route, requests a second": f"{echo:,.0f}",
        "predictions a second": f"{peak:,.0f}",
        "median and 99th percentile at half of that": f"{ms[0]:.1f}, {ms[1]:.1f} ms",
        f"{TIMES * ENOUGH} clients for {overload} s, answers a second": f"{crowd['rate']:,.0f}",
        "memory of all processes before and after": f"{before:.0f}, {after:.0f} MB",
        f"beside {SLOW:,} slow clients, predictions a second": f"{beside['rate']:,.0f}",
        "99th percentile at half load beside them": f"{slow_ms:.1f} ms",
        f"{TIMES * ENOUGH} clients and a queue of 16: good, refused a second": (
            f"{turned['rate']:,.0f}, {turned['refused'] / turned['seconds']:,.0f}"
        ),
        "99th percentile of all its answers": f"{turned['p99_ms']:.0f} ms",
    }
    show_table([{"Fashion-MNIST, one image a request": k, "measured": v} for k, v in rows.items()])
    show_figures(rate=f"{peak:,.0f}", share=f"{100 * peak / echo:.0f}", p99=f"{ms[1]:.1f}")
    wrong = crowd["wrong"] + beside["wrong"] + turned["wrong"] + len(answers) - 1
    lost = counts["lost"]
    return verdict(
        [
            *demands,
            Demand(
                "at least half the rate of the echo route", f"{peak / echo:.2f}", peak >= echo / 2
            ),
            Demand("p99 at half load at most 10 ms", f"{ms[1]:.1f} ms", ms[1] <= 10),
            Demand(
                "ten times the clients: at least 90 % of the peak",
                f"{100 * crowd['rate'] / peak:.0f} %",
                crowd["rate"] >= 0.9 * peak,
            ),
            Demand("memory bounded", f"{after - before:+.0f} MB", after < 1.05 * before + 32),
            Demand("no wrong answer", f"{wrong}", wrong == 0),
            Demand(
                f"{SLOW:,} slow clients do not stop it, and are cut",
                f"{100 * beside['rate'] / peak:.0f} % of the peak, {closed:,} cut",
                beside["rate"] >= 0.8 * peak and closed == SLOW,
            ),
            Demand(
                "a full queue: 99 % of all answers, refusals among them, within 50 ms",
                f"{turned['p99_ms']:.0f} ms",
                turned["p99_ms"] <= 50,
            ),
            Demand(
                "SIGTERM under load loses no request",
                f"{lost} of {lost + counts['answered']:,} lost, over after {took:.1f} s",
                lost == 0 and code == 0,
            ),
        ]
    )


if __name__ == "__main__":
    sys.exit(main())
