"""Takes the picture of a report for the README: from its head to the first finding of the first check that failed.

    picture.py BROWSER REPORT PNG

Checks that passed before that one, and the table of controls but for its first rows, are left out, so that the picture is no
longer than a page; nothing else of what the report says is changed.
"""

import pathlib
import sys

from playwright.sync_api import sync_playwright

DESK = {"width": 1000, "height": 900}
# Rows of the table of controls that stay.
ROWS = 6
# Below the last thing that is shown, in the page's pixels.
MARGIN = 4

SHORTEN = """rows => {
    const failed = document.querySelector('.check.FAIL');
    if (!failed) throw new Error('no check failed in this report');
    for (let one = failed.previousElementSibling; one; one = one.previousElementSibling)
        if (one.matches('.check')) one.hidden = true;
    const heading = [...document.querySelectorAll('h2')].find(one => one.textContent == 'By control');
    [...heading.parentElement.querySelectorAll('tbody tr')].slice(rows).forEach(one => one.hidden = true);
    return failed.querySelector('.finding').getBoundingClientRect().bottom + window.scrollY;
}"""


def main():
    executable, report, png = sys.argv[1:]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable)
        page = browser.new_page(viewport=DESK, color_scheme="light")
        page.goto(pathlib.Path(report).resolve().as_uri(), wait_until="load")
        bottom = page.evaluate(SHORTEN, ROWS)
        part = {"x": 0, "y": 0, "width": DESK["width"], "height": bottom + MARGIN}
        page.screenshot(path=png, full_page=True, clip=part)
        browser.close()


main()
