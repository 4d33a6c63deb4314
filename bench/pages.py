"""Measure the pages of `luce ui`: start, weight, a slider's way to the screen, live curves.

    python bench/pages.py [--starts 5] [--chromium /usr/bin/chromium]

Needs Playwright and Chromium, as the tests do. Times are those of this computer with Chromium's
software rendering; a graphics card can only make them shorter. It takes half a minute; after five
it gives up and shows where it stood, for a script in a page may be waited for without end. Whoever
stops other processes meanwhile must spare the children of this one: Chromium's write their titles
over their environment and cannot be told by it.
"""

import argparse
import faulthandler
import gzip
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from section import Demand, show_figures, show_table, verdict

START_LIMIT, WEIGHT_LIMIT, REPAINT_LIMIT = 2.0, 80_000, 16.0
POINTS, UPDATES, SECONDS = 10_000, 20, 5
K, MOVES = 100, 200
PATIENCE = 300.0  # seconds for all of it
READY = ".choices button"  # the demos can be clicked: pages and API are there

# From the event to after the next picture: a message that is sent in a frame's callback comes when
# style, layout and paint of that frame are done.
WATCH = """() => {
  window.times = [];
  addEventListener('input', () => {
    const began = performance.now();
    requestAnimationFrame(() => {
      const { port1, port2 } = new MessageChannel();
      port1.onmessage = () => window.times.push(performance.now() - began);
      port2.postMessage(null);
    });
  }, { capture: true });
}"""
LIVE = """async ({ points, updates, seconds }) => {
  const { lineChart } = await import('/js/charts/line.js');
  const x = Array.from({ length: points }, (_, i) => i);
  const wave = (i, shift) => Math.exp(-i / 3000) + 0.1 * Math.sin(i * 12.9898 + shift);
  const series = ['train', 'held out'].map((name, j) => ({ name, x, y: x.map((i) => wave(i, j)) }));
  const chart = lineChart({ caption: 'loss', x: { label: 'step' }, y: { label: 'loss' }, series });
  document.querySelector('main').replaceChildren(chart.element);
  await new Promise((done) => setTimeout(done, 300));
  let busy = 0, frames = 0, slowest = 0;
  const began = performance.now();
  for (let n = 0; n < updates * seconds; n += 1) {
    const wait = began + (n * 1000) / updates - performance.now();
    await new Promise((done) => setTimeout(done, Math.max(0, wait)));
    x.push(x.length);
    series.forEach((one, j) => one.y.push(wave(one.y.length, j)));
    const before = performance.now();
    chart.update({ series });
    await new Promise((done) => requestAnimationFrame(() => {
      // chart.update() has asked for its frame before us: it has been drawn by now.
      const { port1, port2 } = new MessageChannel();
      const drawn = performance.now();
      port1.onmessage = () => { busy += performance.now() - drawn; done(); };
      port2.postMessage(null);
    }));
    const took = performance.now() - before;
    frames += 1;
    slowest = Math.max(slowest, took);
  }
  const elapsed = (performance.now() - began) / 1000;
  return { rate: frames / elapsed, slowest, paint: busy / frames };
}"""
SCRIPTED = """async ({ points, rounds }) => {
  const { makeScale, pathOf } = await import('/js/charts/scale.js');
  const x = Float64Array.from({ length: points }, (_, i) => i);
  const y = x.map((i) => Math.sin(i * 12.9898));
  const [across, up] = [makeScale([0, points], [0, 900]), makeScale([-1, 1], [280, 0])];
  const began = performance.now();
  let length = 0;
  for (let i = 0; i < rounds; i += 1) length += pathOf(x, y, across, up).length;
  return (performance.now() - began) / rounds;
}"""


RUNNING: set[subprocess.Popen[str]] = set()


def give_up() -> None:
    """End this process and its servers wherever it stands; Chromium ends with Playwright."""
    print(f"not done after {PATIENCE:g} s", file=sys.stderr)
    faulthandler.dump_traceback()
    for process in RUNNING:
        process.kill()
    os._exit(1)


def say(what: str) -> None:
    print(f"pages: {what}", file=sys.stderr, flush=True)


@contextmanager
def server(folder: Path) -> Iterator[str]:
    """`luce ui` in a process of its own; yields the address that it prints."""
    # With PYTHONDONTWRITEBYTECODE every import compiles anew: times two to five times too long.
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    environment["PYTHONPATH"] = os.pathsep.join(sys.path)
    process = subprocess.Popen(
        [sys.executable, "-m", "luce.cli", "ui", "--port", "0", "--no-browser"],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        env=environment,
    )
    RUNNING.add(process)
    try:
        yield process.stdout.readline().strip()
    finally:
        process.terminate()
        process.wait(30)
        RUNNING.discard(process)
        process.stdout.close()


def starts(browser, folder: Path, times: int) -> list[float]:
    """Seconds from the command to a page that answers; each with a new process and profile."""
    found = []
    for _ in range(times):
        began = time.perf_counter()
        with server(folder) as address:
            context = browser.new_context()
            page = context.new_page()
            page.goto(address)
            page.wait_for_selector(READY)
            found.append(time.perf_counter() - began)
            context.close()
    return found


def weights(browser, address: str) -> dict[str, int]:
    """Bytes of JavaScript, as gzip packs it, that each page brings into an empty browser."""
    paths = menu(browser, address)
    found = {}
    for name, path in paths.items():
        context = browser.new_context()
        page = context.new_page()
        answers = []
        page.on("response", lambda answer, kept=answers: kept.append(answer))
        page.goto(f"{address}{path}")
        page.wait_for_selector(".page > *")
        page.wait_for_load_state("networkidle")
        scripts = {answer.url: answer for answer in answers if answer.url.endswith(".js")}
        found[name] = sum(len(gzip.compress(answer.body(), mtime=0)) for answer in scripts.values())
        context.close()
    return found


def menu(browser, address: str) -> dict[str, str]:
    context = browser.new_context()
    page = context.new_page()
    page.goto(address)
    page.wait_for_selector(READY)
    links = page.locator("#menu li a").all()
    found = {link.inner_text(): link.get_attribute("href") for link in links}
    context.close()
    return found


def repaints(browser, address: str) -> list[float]:
    """Milliseconds from a move of the temperature's slider to the picture, with K logits."""
    context = browser.new_context(viewport={"width": 1440, "height": 900})
    page = context.new_page()
    logits = ",".join(f"{(i * 37 % 101) / 10 - 5:g}" for i in range(K))
    page.goto(f"{address}#/explore/softmax?z={logits}&T=1")
    slider = page.locator("input[type=range]").first
    slider.wait_for()
    page.wait_for_load_state("networkidle")
    box = slider.bounding_box()
    page.evaluate(WATCH)
    middle = box["y"] + box["height"] / 2
    page.mouse.move(box["x"] + 4, middle)
    page.mouse.down()
    for i in range(MOVES):
        page.mouse.move(box["x"] + 4 + (box["width"] - 8) * ((i * 29) % MOVES) / MOVES, middle)
    page.mouse.up()
    found = page.evaluate("() => new Promise((done) => setTimeout(() => done(window.times), 200))")
    context.close()
    return found


def p95(values: list[float]) -> float:
    return statistics.quantiles(values, n=20)[-1]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--starts", type=int, default=5)
    parser.add_argument("--chromium", default=shutil.which("chromium"))
    options = parser.parse_args()
    timer = threading.Timer(PATIENCE, give_up)
    timer.daemon = True
    timer.start()
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright, tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        flags = ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"]
        browser = playwright.chromium.launch(executable_path=options.chromium, args=flags)
        say("starts")
        begun = starts(browser, folder, options.starts)
        with server(folder) as address:
            say("weights")
            heavy = weights(browser, address)
            say("a slider")
            moved = repaints(browser, address)
            say("live curves")
            page = browser.new_context(viewport={"width": 1440, "height": 900}).new_page()
            page.goto(address)
            page.wait_for_selector(READY)
            live = page.evaluate(LIVE, {"points": POINTS, "updates": UPDATES, "seconds": SECONDS})
            path = page.evaluate(SCRIPTED, {"points": POINTS, "rounds": 50})
        browser.close()
    timer.cancel()
    return report(begun, heavy, moved, live, path)


def report(begun, heavy, moved, live, path) -> int:
    show_table(
        [
            {
                "": "from `luce ui` to a page that answers",
                "median": f"{statistics.median(begun):.2f} s",
                "worst": f"{max(begun):.2f} s",
            },
            {
                "": f"slider to screen, {K} logits",
                "median": f"{statistics.median(moved):.1f} ms",
                "worst": f"{max(moved):.1f} ms",
            },
            {
                "": f"live curve, 2 x {POINTS:,} points: update to screen",
                "median": f"{live['paint'] + 2 * path:.1f} ms",
                "worst": f"{live['slowest']:.1f} ms",
            },
        ]
    )
    print()
    show_table(
        [
            {"page": name, "JavaScript, gzip": f"{size / 1000:.1f} KB"}
            for name, size in heavy.items()
        ]
    )
    show_figures(
        start=f"{statistics.median(begun):.1f}",
        weight=f"{max(heavy.values()) / 1000:.0f}",
        repaint=f"{p95(moved):.0f}",
    )
    return verdict(
        [
            Demand(
                f"`luce ui` to a page that answers in at most {START_LIMIT:g} s",
                f"worst of {len(begun)}: {max(begun):.2f} s",
                max(begun) <= START_LIMIT,
            ),
            Demand(
                f"at most {WEIGHT_LIMIT / 1000:g} KB of JavaScript on any page",
                f"{max(heavy.values()) / 1000:.1f} KB",
                max(heavy.values()) <= WEIGHT_LIMIT,
            ),
            Demand(
                f"slider to screen at K = {K}: 95 % within {REPAINT_LIMIT:g} ms",
                f"{p95(moved):.1f} ms of {len(moved)} moves",
                p95(moved) <= REPAINT_LIMIT,
            ),
            Demand(
                f"{UPDATES} updates a second of {POINTS:,} points",
                f"{live['rate']:.1f} a second",
                live["rate"] >= 0.98 * UPDATES,
            ),
        ]
    )


if __name__ == "__main__":
    sys.exit(main())
