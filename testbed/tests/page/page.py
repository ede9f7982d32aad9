"""Opens reports in Chromium and says what is wrong with them: one JSON object, findings by path.

    page.py BROWSER REPORT…

A page that is right has no findings. Each look at it is a function below that yields them; the test that calls this
shows for each that a page which is wrong there is found out.
"""

import json
import pathlib
import re
import sys

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import sync_playwright

# Longest that one step of the browser is waited for, milliseconds; only ever used up by a failure.
PATIENCE = 30_000
DESK = {"width": 1200, "height": 900}
PHONE = {"width": 390, "height": 844}
# A4 at 96 dots per inch, without margins.
PAPER = {"width": 718, "height": 1047}
AXE = {"runOnly": {"type": "tag", "values": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "best-practice"]}}

# In the page: findings about links, as texts.
LINKS = """() => {
    const wrong = [], seen = new Set();
    for (const one of document.querySelectorAll('[id]')) {
        if (seen.has(one.id)) wrong.push(`id twice: ${one.id}`);
        seen.add(one.id);
    }
    for (const one of document.querySelectorAll('a')) {
        const to = one.getAttribute('href') || '';
        if (!to.startsWith('#') || !document.getElementById(decodeURIComponent(to.slice(1))))
            wrong.push(`link leads nowhere: ${to}`);
    }
    for (const one of document.querySelectorAll('[marker-end]')) {
        const to = one.getAttribute('marker-end').slice(5, -1);
        if (!document.getElementById(to)) wrong.push(`no such marker: ${to}`);
    }
    return wrong;
}"""

# In the page: whether what is drawn has the colours of what was judged.
COLOURS = """() => {
    const wrong = [];
    const probe = document.body.appendChild(document.createElement('i'));
    const colour = name => { probe.style.color = `var(--${name})`; return getComputedStyle(probe).color; };
    const names = ['good', 'bad', 'unsure', 'quiet', 'good-panel', 'bad-panel', 'unsure-panel', 'panel'];
    const byColour = Object.fromEntries(names.map(name => [colour(name), name]));
    probe.remove();
    if (Object.keys(byColour).length !== names.length) wrong.push('two colours are the same');
    const verdict = check => ['PASS', 'FAIL', 'INCONCLUSIVE'].find(one => check.classList.contains(one));
    const stroke = line => byColour[getComputedStyle(line).stroke];
    const back = cell => byColour[getComputedStyle(cell).backgroundColor];
    const all = [...document.querySelectorAll('.check')];
    const ends = finding => {
        const terms = Object.fromEntries([...finding.querySelectorAll('dt')].map(one => [one.textContent, one.nextElementSibling.textContent]));
        return terms.source && [terms.source, terms.target];
    };
    const found = [...document.querySelectorAll('.finding')].map(ends).filter(Boolean).map(pair => pair.join(' '));
    const lines = [...document.querySelectorAll('svg.site .line')];
    const pair = line => `${line.dataset.from} ${line.dataset.to}`;
    const red = lines.filter(line => line.classList.contains('found'));
    for (const one of found) if (!red.some(line => pair(line) === one)) wrong.push(`found and not drawn: ${one}`);
    for (const line of red) {
        if (!found.includes(pair(line))) wrong.push(`drawn and not found: ${pair(line)}`);
        if (stroke(line) !== 'bad') wrong.push(`found and not red: ${pair(line)}`);
    }
    const standing = line => ['good', 'bad', 'unsure', 'plain'].find(one => line.classList.contains(one));
    for (const line of lines) {
        const drawn = stroke(line) === 'quiet' ? 'plain' : stroke(line);
        if (drawn !== standing(line)) wrong.push(`drawn ${drawn}, stands ${standing(line)}: ${pair(line)}`);
        const head = document.getElementById(line.getAttribute('marker-end').slice(5, -1)).firstElementChild;
        if (getComputedStyle(head).fill !== getComputedStyle(line).stroke) wrong.push(`head of another colour: ${pair(line)}`);
    }
    const title = document.querySelector('h1 .verdict').textContent;
    const allPass = all.length > 0 && all.every(check => verdict(check) === 'PASS');
    if ((title === 'PASS') !== allPass) wrong.push(`the title says ${title}`);
    if (allPass) for (const line of lines) if (['bad', 'unsure'].includes(stroke(line))) wrong.push(`all passes and it is ${stroke(line)}: ${pair(line)}`);
    // A line is green only by checks that missed nothing: the words beside the drawing name them.
    const missed = check => [...check.querySelectorAll('p')].some(one => ['Besides:', 'It cannot be said, because:'].includes(one.textContent));
    for (const row of document.querySelectorAll('table.lines tbody tr')) {
        if (!row.querySelector('td.good')) continue;
        const by = [...row.querySelectorAll('a')].map(one => document.querySelector(one.getAttribute('href')));
        if (!by.length || by.some(one => !one || missed(one))) wrong.push(`green by what cannot be relied on: ${row.innerText}`);
    }
    for (const cell of document.querySelectorAll('.grid tbody td:not(.itself)')) {
        const bad = ['leak', 'blocked', 'differs'].some(one => cell.classList.contains(one));
        const good = ['as-meant', 'probe-only'].some(one => cell.classList.contains(one));
        const neutral = ['left-out', 'partly'].some(one => cell.classList.contains(one));
        const wanted = bad ? 'bad-panel' : good ? 'good-panel' : neutral ? 'panel' : 'unsure-panel';
        if (back(cell) !== wanted) wrong.push(`cell ${back(cell)}, should be ${wanted}: ${cell.title}`);
        const check = verdict(cell.closest('.check'));
        if (bad && check !== 'FAIL') wrong.push(`bad in a check that is ${check}: ${cell.title}`);
        if ((good || neutral && !cell.classList.contains('left-out')) && check === 'INCONCLUSIVE') wrong.push(`good in a check that is ${check}: ${cell.title}`);
    }
    for (const check of all) {
        const grid = check.querySelector('.grid');
        if (!grid) continue;
        const names = [...grid.querySelectorAll('thead th')].map(one => one.textContent);
        for (const finding of check.querySelectorAll('.finding')) {
            const [from, to] = ends(finding) || [];
            const row = [...grid.querySelectorAll('tbody tr')].find(row => row.querySelector('th').textContent === from);
            const cell = row && row.querySelectorAll('td')[names.indexOf(to)];
            if (from && (!cell || back(cell) !== 'bad-panel')) wrong.push(`found and good in the matrix: ${from} ${to}`);
        }
    }
    for (const bar of document.querySelectorAll('svg.time g rect'))
        if (allPass && ['bad', 'unsure'].includes(byColour[getComputedStyle(bar).fill])) wrong.push(`all passes and it is not good: ${bar.textContent}`);
    for (const one of document.querySelectorAll('.verdict, .PASS:not(.check), .FAIL:not(.check), .INCONCLUSIVE:not(.check)')) {
        const word = one.textContent.trim(), is = byColour[getComputedStyle(one).color];
        const wanted = { PASS: 'good', FAIL: 'bad', 'ENDED EARLY': 'bad', INCONCLUSIVE: 'unsure' }[word];
        if (wanted && is !== wanted) wrong.push(`${word} is ${is}`);
    }
    return wrong;
}"""

# In the page: what can be reached, as many as there are.
REACHABLE = "() => document.querySelectorAll('a[href], summary, [tabindex=\"0\"]').length"

# In the page: what has the focus, and whether it is seen.
FOCUS = """() => {
    const one = document.activeElement, style = getComputedStyle(one);
    const all = [...document.querySelectorAll('a[href], summary, [tabindex="0"]')];
    return {
        place: all.indexOf(one),
        name: one.getAttribute('aria-label') || one.textContent.trim().slice(0, 60),
        summary: one.matches('summary'),
        seen: style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) > 0,
    };
}"""


def links(page):
    yield from page.evaluate(LINKS)
    for link in page.locator("a[href^='#']:visible").all()[:5]:
        to = link.get_attribute("href")
        link.click(timeout=PATIENCE)
        seen = "to => { const box = document.querySelector(to)?.getBoundingClientRect(); return box && box.bottom > 0 && box.top < innerHeight; }"
        if not page.url.endswith(to) or not page.evaluate(seen, to):
            yield f"a click does not lead to {to}"


def keyboard(page):
    """Tab from the top: everything is met, in the page's order, is seen to have the focus, and opens by Enter."""
    page.evaluate("document.activeElement.blur(); scrollTo(0, 0)")
    page.mouse.click(2, 2)
    met = []
    for _ in range(page.evaluate(REACHABLE)):
        page.keyboard.press("Tab")
        focus = page.evaluate(FOCUS)
        if focus["place"] < 0:
            break
        met.append(focus["place"])
        if not focus["seen"]:
            yield f"the focus is not seen: {focus['name']}"
        if focus["summary"]:
            page.keyboard.press("Enter")
            if not page.evaluate("document.activeElement.parentElement.open"):
                yield f"does not open: {focus['name']}"
    if met != list(range(page.evaluate(REACHABLE))):
        yield f"not reached by keyboard in order: {met} of {page.evaluate(REACHABLE)}"


def accessible(page, where):
    page.evaluate("document.querySelectorAll('details').forEach(one => one.open = true)")
    for violation in Axe().run(page, options=AXE).response["violations"]:
        node = violation["nodes"][0]["target"]
        yield f"{violation['id']} ({where}): {violation['help']}, at {node}"


def fits(page, where):
    page.evaluate("document.querySelectorAll('details').forEach(one => one.open = true)")
    wide, has = page.evaluate("[document.documentElement.scrollWidth, document.documentElement.clientWidth]")
    if wide > has:
        yield f"wider than the {where}: {wide} of {has}"


def ink(page):
    """Paper is white, also where the screen is dark."""
    red, green, blue = map(int, re.findall(r"\d+", page.evaluate("getComputedStyle(document.body).color"))[:3])
    if red + green + blue > 200:
        yield f"printed in a colour for dark screens: {red}, {green}, {blue}"


def look(browser, path):
    """All findings on one page."""
    url, wrong = pathlib.Path(path).resolve().as_uri(), []
    for scheme in ("light", "dark"):
        context = browser.new_context(viewport=DESK, color_scheme=scheme)
        context.set_default_timeout(PATIENCE)
        page = context.new_page()
        page.on("console", lambda said: wrong.append(f"console: {said.text}"))
        page.on("pageerror", lambda error: wrong.append(f"error: {error}"))
        page.on("request", lambda asked: asked.url.split("#")[0] == url or wrong.append(f"asked for: {asked.url}"))
        page.goto(url, wait_until="load")
        wrong.extend(page.evaluate(COLOURS))
        wrong.extend(accessible(page, scheme))
        if scheme == "light":
            page.reload()
            wrong.extend(links(page))
            wrong.extend(keyboard(page))
            page.set_viewport_size(PHONE)
            wrong.extend(fits(page, "phone"))
            wrong.extend(accessible(page, "phone"))
            page.set_viewport_size(PAPER)
            page.emulate_media(media="print")
            wrong.extend(fits(page, "paper"))
            if not page.pdf(print_background=False).startswith(b"%PDF"):
                wrong.append("it cannot be printed")
        else:
            page.emulate_media(media="print")
            wrong.extend(ink(page))
        context.close()
    return wrong


def main():
    executable, *paths = sys.argv[1:]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, timeout=PATIENCE)
        found = {path: look(browser, path) for path in paths}
        browser.close()
    json.dump(found, sys.stdout)


main()
