"""Draw ``docs/images/report.png``, the picture of the README: parts of the report of a run.

    luce train fashion-mnist --out runs/fashion
    python docs/make_picture.py runs/fashion

Needs Chromium or Chrome.
"""

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from PIL import Image, ImageChops

PICTURE = Path(__file__).with_name("images") / "report.png"
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
SHOWN = ("Stated probabilities", "Most confident mistakes")
STYLE = "<style>h1 ~ p {max-width: none} section, details {display: none}</style>"
WIDTH, HEIGHT, MARGIN = 1060, 3000, 24
COLOURS = 192  # a palette: a third of the size, and no difference to be seen


def abridged(report: str) -> str:
    """Return the report with no sections but those that are shown."""
    for title in SHOWN:
        before, heading, after = report.partition(f"<h2>{title}")
        start = before.rindex("<section>")
        before = f'{before[:start]}<section style="display: block">{before[start + 9 :]}'
        report = f"{before}{heading}{after}"
    return report.replace("</head>", f"{STYLE}</head>")


def photograph(page: Path, picture: Path) -> None:
    """Let a browser draw the page."""
    browser = next(filter(None, map(shutil.which, BROWSERS)), None)
    if browser is None:
        sys.exit(f"This needs a browser, one of {', '.join(BROWSERS)}; there is none.")
    subprocess.run(
        [
            browser,
            *("--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars"),
            f"--window-size={WIDTH},{HEIGHT}",
            f"--screenshot={picture}",
            page.as_uri(),
        ],
        check=True,
        stderr=subprocess.DEVNULL,
    )


def trimmed(picture: Image.Image) -> Image.Image:
    """Cut off the empty margins but for a narrow one."""
    ground = Image.new("RGB", picture.size, picture.getpixel((0, 0)))
    box = ImageChops.difference(picture, ground).getbbox()
    assert box is not None, "the page is empty"
    left, top, right, bottom = box
    return picture.crop((left - MARGIN, top - MARGIN, right + MARGIN, bottom + MARGIN))


def main() -> None:
    """Draw the picture of the run that is named."""
    if len(sys.argv) != 2:
        sys.exit(f"Usage: python {sys.argv[0]} RUN")
    with tempfile.TemporaryDirectory() as folder:
        page, shot = Path(folder, "page.html"), Path(folder, "shot.png")
        report = Path(sys.argv[1], "report.html").read_text(encoding="utf-8")
        page.write_text(abridged(report), encoding="utf-8")
        photograph(page, shot)
        picture = trimmed(Image.open(shot).convert("RGB"))
    picture.quantize(COLOURS, dither=Image.Dither.NONE).save(PICTURE, optimize=True)


if __name__ == "__main__":
    main()
