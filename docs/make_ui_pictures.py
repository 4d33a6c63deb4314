"""Draw the pictures of ``docs/ui.md``: pages of `luce ui` with a model of Fashion-MNIST.

    LUCE_DATA=... luce train fashion-mnist --out runs/fashion
    python docs/make_ui_pictures.py runs/fashion

Needs Playwright, and Chromium or Chrome.
"""

import shutil
import subprocess
import sys
from pathlib import Path

from PIL import Image
from playwright.sync_api import Page, sync_playwright

IMAGES = Path(__file__).with_name("images")
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
WIDTH, HEIGHT = 1280, 860
COLOURS = 128  # a palette: a third of the size, and no difference to be seen


def start(page: Page) -> None:
    """The start, with the run in its card."""


def softmax(page: Page) -> None:
    """Five logits at half the temperature."""
    page.evaluate("location.hash = '#/explore/softmax?z=2,1,0.1,-1,1.6&T=0.7'")
    page.wait_for_selector("math")


def model(page: Page) -> None:
    """The confusion matrix, with a cell chosen."""
    page.get_by_role("tab", name="Confusion").click()
    page.locator("[data-cell='6,0']").click()  # shirts that were taken for T-shirts


def photograph(page: Page, name: str) -> None:
    """Write ``images/ui-NAME.png`` with few colours."""
    page.wait_for_load_state("networkidle")
    page.evaluate("document.activeElement.blur()")
    shot = IMAGES / f"ui-{name}.png"
    page.screenshot(path=shot, animations="disabled")
    picture = Image.open(shot).convert("RGB")
    picture.quantize(COLOURS, dither=Image.Dither.NONE).save(shot, optimize=True)


def main() -> None:
    """Draw the pictures with the run that is named."""
    if len(sys.argv) != 2:
        sys.exit(f"Usage: python {sys.argv[0]} RUN")
    browser = next(filter(None, map(shutil.which, BROWSERS)), None)
    if browser is None:
        sys.exit(f"This needs a browser, one of {', '.join(BROWSERS)}; there is none.")
    command = [sys.executable, "-m", "luce.cli", "ui", sys.argv[1], "--port", "0", "--no-browser"]
    server = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        assert server.stdout is not None
        address = server.stdout.readline().strip()
        with sync_playwright() as playwright:
            started = playwright.chromium.launch(executable_path=browser, args=["--no-sandbox"])
            page = started.new_page(viewport={"width": WIDTH, "height": HEIGHT}, locale="en-GB")
            page.set_default_timeout(120_000)  # the first look at a large model takes a while
            for view in (start, softmax, model):
                page.goto(address.split("#")[0] if view is start else address)
                page.wait_for_selector(".page > *")
                page.wait_for_load_state("networkidle")
                view(page)
                photograph(page, view.__name__)
            started.close()
    finally:
        server.terminate()
        server.wait()


if __name__ == "__main__":
    main()
