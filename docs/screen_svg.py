#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""A terminal's screen as SVG, as tmux has it: tmux capture-pane -epN | docs/screen_svg.py >docs/top.svg"""

import re
import sys
from xml.sax.saxutils import escape

WIDTH, HEIGHT, MARGIN = 8.4, 18, 10  # of a character; around them all
GROUND, PLAIN, COLOURS = "#16181d", "#d0d0d0", {31: "#f06a5f", 33: "#e2c14c"}
BLOCKS = " ▁▂▃▄▅▆▇█"


def runs(line, codes):
    """(column, text, codes in force) of each part of LINE; CODES goes on to the next line."""
    column = 0
    for escaped, text in re.findall(r"\x1b\[([\d;]*)m|([^\x1b]+)", line):
        if text:
            yield column, text, set(codes)
            column += len(text)
        elif not escaped:
            codes.clear()
        for code in map(int, filter(None, escaped.split(";"))):
            # 0 ends everything, and each colour, or 39 for none, the one before.
            codes.difference_update(codes if code == 0 else range(30, 40) if 30 <= code < 40 else ())
            codes.add(code)


def draw(x, y, text, codes):
    ink = next((COLOURS[code] for code in codes if code in COLOURS), "#ffffff" if 1 in codes else PLAIN)
    if 7 in codes:
        yield f'<rect x="{x:.1f}" y="{y}" width="{len(text) * WIDTH:.1f}" height="{HEIGHT}" fill="{PLAIN}"/>'
        ink = GROUND
    style = f' fill="{ink}"' + ' font-weight="bold"' * (1 in codes) + ' opacity="0.45"' * (2 in codes)
    for word in re.finditer(r"[^ ▁▂▃▄▅▆▇█]+(?: [^ ▁▂▃▄▅▆▇█]+)*", text):
        yield (f'<text x="{x + word.start() * WIDTH:.1f}" y="{y + 13}" textLength="{len(word[0]) * WIDTH:.1f}"{style}>'
               f'{escape(word[0])}</text>')
    for bar in re.finditer(r"[▁▂▃▄▅▆▇█]", text):
        height = BLOCKS.index(bar[0]) * HEIGHT / 8 - 1
        yield (f'<rect x="{x + bar.start() * WIDTH:.1f}" y="{y + HEIGHT - height:.1f}" width="{WIDTH}" '
               f'height="{height:.1f}" fill="{ink}"/>')


def main():
    lines, codes, shapes, columns = sys.stdin.read().rstrip("\n").split("\n"), set(), [], 0
    for row, line in enumerate(lines):
        for column, text, now in runs(line, codes):
            shapes += draw(MARGIN + column * WIDTH, MARGIN + row * HEIGHT, text, now)
            columns = max(columns, column + len(text))
    width, height = columns * WIDTH + 2 * MARGIN, len(lines) * HEIGHT + 2 * MARGIN
    print(f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.0f} {height}" width="{width:.0f}" '
          f'font-family="DejaVu Sans Mono,Menlo,Consolas,monospace" font-size="14">')
    print(f'<rect width="100%" height="100%" rx="6" fill="{GROUND}"/>', *shapes, "</svg>", sep="\n")


if __name__ == "__main__":
    main()
