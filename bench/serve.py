"""``luce serve`` under load: rate, latency, overload, slow clients, and an end that loses nothing.

    python bench/serve.py [--seconds 10] [--overload 120]

A model of Fashion-MNIST, one image a request, JSON, two workers; clients and server share this
machine. The peak is the best rate of several numbers of clients. Needs wrk (Debian:
``apt install wrk``). About eight minutes.
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
CLIENTS = (ENOUGH, 64, 320)  # one of these numbers gives the peak
THINKING = 128  # clients that ask now and then
TIMES = 10
SLOW = 2000
JSON = {"Content-Type": "application/json"}
PREDICT, ECHO = "/v1/predict", "/v1/echo"


class Load:
    """A request and its right answer, and how wrk sends it to a server."""

    def __init__(self, port, folder, body, expected):
        self.port, self.folder, self.body = port, folder, body
        (folder / "body").write_bytes(body)
        (folder / "expected").write_bytes(expected)

    def wrk(self, path, clients, seconds, *, pause=0.0):
        """Return good answers a second, and what else the script has counted.

        pause : milliseconds that a client waits before it asks again, in the mean; they are
            exponentially distributed, so that requests come as independently as those of a crowd
        """
        answer = subprocess.run(
            ["wrk", "-t1", f"-c{clients}", f"-d{seconds}s", "-s", str(SCRIPT),
             f"http://127.0.0.1:{self.port}{path}", "--", str(self.folder), str(pause)],
            capture_output=True, text=True, check=True,
        )  # fmt: skip
        found = json.loads(re.search(r"^figures (.*)$", answer.stdout, re.MULTILINE)[1])
        return {**found, "rate": found["good"] / found["seconds"]}

    def at_a_rate(self, rate, seconds):
        """Ask at a rate, whatever the answers take; wrk's times are those from the request on."""
        return self.wrk(PREDICT, THINKING, seconds, pause=1e3 * THINKING / rate)


class Findings:
    """Rows of the table, and which demands are kept."""

    def __init__(self):
        self.rows, self.demands, self.figures = {}, [], {}

    def demand(self, promise, measured, kept):
        self.demands.append(Demand(promise, measured, kept))

    def show(self):
        name = "Fashion-MNIST, one image a request"
        show_table([{name: k, "measured": v} for k, v in self.rows.items()])
        show_figures(**self.figures)
        return verdict(self.demands)


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


@contextmanager
def slow_clients(port):
    """Connections that send nothing, half a header or half a body."""
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


def closed_by_server(held, began):
    """How many of the slow connections the server has closed; it gives them 30 seconds at most."""
    time.sleep(max(0.0, began + 35 - time.monotonic()))
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


def first_answer(port, body):
    one = http.client.HTTPConnection("127.0.0.1", port)
    one.request("POST", PREDICT, body, JSON)
    answer = one.getresponse().read()
    one.close()
    return answer


def highest(by_clients):
    """The highest of the medians of rates, and the number of clients that it belongs to."""
    return max((statistics.median(rates), clients) for clients, rates in by_clients.items())


def rates(load, seconds, found):
    """The peak of predictions, and that of the route that only sends the body back."""
    load.wrk(PREDICT, ENOUGH, 2)  # warm
    measured = {path: {clients: [] for clients in CLIENTS} for path in (ECHO, PREDICT)}
    for _ in range(3):
        for path, by_clients in measured.items():
            for clients, all_rates in by_clients.items():
                all_rates.append(load.wrk(path, clients, seconds)["rate"])
    (echo, of_echo), (peak, of_peak) = map(highest, measured.values())
    found.rows[f"echo route, requests a second ({of_echo} clients)"] = f"{echo:,.0f}"
    found.rows[f"predictions a second, the peak ({of_peak} clients)"] = f"{peak:,.0f}"
    found.demand("at least half the rate of the echo route", f"{peak / echo:.2f}", peak >= echo / 2)
    found.figures |= {"rate": f"{peak:,.0f}", "share": f"{100 * peak / echo:.0f}"}
    return peak


def half_load(load, peak, seconds, found):
    half = load.at_a_rate(peak / 2, seconds)
    row = f"at {half['rate']:,.0f} a second: median, 99th percentile"
    found.rows[row] = f"{half['p50_ms']:.1f}, {half['p99_ms']:.1f} ms"
    found.demand("p99 at half load at most 10 ms", f"{half['p99_ms']:.1f} ms", half["p99_ms"] <= 10)
    found.figures["p99"] = f"{half['p99_ms']:.1f}"
    return half["wrong"]


def overloaded(load, peak, process, seconds, found):
    before = memory(process)
    crowd = load.wrk(PREDICT, TIMES * ENOUGH, seconds)
    after = memory(process)
    clients = TIMES * ENOUGH
    found.rows[f"{clients} clients for {seconds} s, answers a second"] = f"{crowd['rate']:,.0f}"
    found.rows["memory of all processes before and after"] = f"{before:.0f}, {after:.0f} MB"
    share = crowd["rate"] / peak
    found.demand(
        "ten times the clients: at least 90 % of the peak", f"{100 * share:.0f} %", share >= 0.9
    )
    found.demand("memory bounded", f"{after - before:+.0f} MB", after < 1.05 * before + 32)
    return crowd["wrong"]


def beside_slow_clients(load, peak, seconds, found):
    with slow_clients(load.port) as held:
        began = time.monotonic()
        beside = load.wrk(PREDICT, ENOUGH, seconds)
        half = load.at_a_rate(peak / 2, seconds)
        closed = closed_by_server(held, began)
    found.rows[f"beside {SLOW:,} slow clients, predictions a second"] = f"{beside['rate']:,.0f}"
    found.rows["99th percentile at half load beside them"] = f"{half['p99_ms']:.1f} ms"
    share = beside["rate"] / peak
    found.demand(
        f"{SLOW:,} slow clients do not stop it, and are cut",
        f"{100 * share:.0f} % of the peak, {closed:,} cut",
        share >= 0.8 and closed == SLOW,
    )
    return beside["wrong"] + half["wrong"]


def terminated(process, load, found):
    counts, answers, code, took = killed_under_load(process, load.port, load.body)
    lost = counts["lost"]
    found.demand(
        "SIGTERM under load loses no request",
        f"{lost} of {lost + counts['answered']:,} lost, over after {took:.1f} s",
        lost == 0 and code == 0,
    )
    return len(answers) - 1


def turned_away(load, peak, seconds, found):
    """A queue that is full at nearly every moment, and clients that ask again when refused."""
    crowd = load.wrk(PREDICT, TIMES * ENOUGH, seconds)
    found.rows[f"{TIMES * ENOUGH} clients and a queue of 16: good, refused a second"] = (
        f"{crowd['rate']:,.0f}, {crowd['refused'] / crowd['seconds']:,.0f}"
    )
    share, worst = crowd["rate"] / peak, crowd["p99_ms"]
    found.demand(
        "a full queue: at least 90 % of the peak, beside the refusals",
        f"{100 * share:.0f} %",
        share >= 0.9,
    )
    found.demand(
        "99 % of all answers, refusals among them, in less than the second of Retry-After",
        f"{worst:.0f} ms",
        worst < 1000,
    )
    return crowd["wrong"]


def measure(folder, seconds, overload):
    run, body, right = prepared(folder)
    found, wrong = Findings(), 0
    with serving(run, "--workers", "2") as (process, port):
        answer = first_answer(port, body)
        same = json.loads(answer)["probabilities"][0] == list(right["proba"].values())
        found.demand("the bits of `luce predict`", "equal" if same else "other", same)
        load = Load(port, folder, body, answer)
        peak = rates(load, seconds, found)
        wrong += half_load(load, peak, 2 * seconds, found)
        wrong += overloaded(load, peak, process, overload, found)
        wrong += beside_slow_clients(load, peak, seconds, found)
        wrong += terminated(process, load, found)
    with serving(run, "--workers", "2", "--queue", "16") as (process, port):
        wrong += turned_away(Load(port, folder, body, answer), peak, 2 * seconds, found)
    found.demand("no wrong answer", f"{wrong}", wrong == 0)
    return found.show()


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=int, default=10)
    parser.add_argument("--overload", type=int, default=120)
    options = parser.parse_args()
    if not shutil.which("wrk"):
        sys.exit("this needs wrk: apt install wrk")
    with tempfile.TemporaryDirectory() as name:
        return measure(Path(name), options.seconds, options.overload)


if __name__ == "__main__":
    sys.exit(main())
