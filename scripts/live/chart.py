"""Two pictures: commits a second, and the time until a subscriber knows, by the number of subscribers, on logarithmic scales.

    chart.py FIGURES SVG

A line of FIGURES: shape, subscribers, who is told and how, and the six numbers that `subscribers` prints.
"""

import sys
from collections import defaultdict
from math import ceil, floor, log10

COLOURS = {
    "postgres:trigger": "#d1495b",
    "postgres:notify": "#edae49",
    "kalamdb:notify": "#66a182",
    "kalamdb:live": "#30638e",
}
DASHES = {"shared": "", "rooms": "6 3"}
WIDTH, HEIGHT, LEFT, TOP, RIGHT, BOTTOM = 560, 380, 70, 60, 20, 40


def scale(values, start, end):
    """Where a number lies, and the powers of ten to mark."""
    low, high = floor(log10(min(values))), ceil(log10(max(values)))
    high = max(high, low + 1)
    place = lambda value: start + (end - start) * (log10(value) - low) / (high - low)
    return place, [10**power for power in range(low, high + 1)]


def picture(title, unit, lines, offset):
    """Lines of points, a line for each shape and way."""
    points = [point for line in lines.values() for point in line]
    if not points:
        return []
    across, counts = scale([x for x, _ in points], offset + LEFT, offset + WIDTH - RIGHT)
    down, marks = scale([y for _, y in points], HEIGHT - BOTTOM, TOP)
    shapes = [f'<text x="{offset + LEFT}" y="16" font-weight="bold">{title}</text>']
    for count in counts:
        shapes.append(f'<path d="M{across(count):.1f} {TOP}V{HEIGHT - BOTTOM}" stroke="#ddd"/>')
        shapes.append(f'<text x="{across(count):.1f}" y="{HEIGHT - BOTTOM + 16}" text-anchor="middle">{count:g}</text>')
    for mark in marks:
        shapes.append(f'<path d="M{offset + LEFT} {down(mark):.1f}H{offset + WIDTH - RIGHT}" stroke="#ddd"/>')
        shapes.append(f'<text x="{offset + LEFT - 6}" y="{down(mark) + 4:.1f}" text-anchor="end">{mark:g}{unit}</text>')
    for (shape, way), line in lines.items():
        path = "L".join(f"{across(x):.1f} {down(y):.1f}" for x, y in sorted(line))
        stroke = f'stroke="{COLOURS[way]}" stroke-width="2" stroke-dasharray="{DASHES[shape]}"'
        shapes.append(f'<path d="M{path}" fill="none" {stroke}/>')
        shapes.extend(f'<circle cx="{across(x):.1f}" cy="{down(y):.1f}" r="3" fill="{COLOURS[way]}"/>' for x, y in line)
    return shapes


def main(figures, target):
    commits, known = defaultdict(list), defaultdict(list)
    for line in open(figures):
        shape, count, way, *numbers = line.split()
        rate, _, _, _, median, _ = map(float, numbers)
        # Nobody has no place on a logarithmic scale.
        if int(count) == 0:
            continue
        for each in [shape, "rooms"] if int(count) == 1 else [shape]:
            if rate:
                commits[each, way].append((int(count), rate))
            if median:
                known[each, way].append((int(count), median / 1000))
    shapes = [f'<rect width="{2 * WIDTH}" height="{HEIGHT}" fill="white"/>']
    shapes += picture("commits a second, by subscribers", "", commits, 0)
    shapes += picture("median until a subscriber knows, by subscribers", " ms", known, WIDTH)
    for place, (way, colour) in enumerate(COLOURS.items()):
        shapes.append(f'<rect x="{LEFT + 130 * place}" y="28" width="9" height="9" fill="{colour}"/>')
        shapes.append(f'<text x="{LEFT + 13 + 130 * place}" y="36">{way.replace(":", ", ")}</text>')
    shapes.append(f'<text x="{LEFT + 530}" y="36">dashed: each of its own room</text>')
    size = f'width="{2 * WIDTH}" height="{HEIGHT}" font-family="sans-serif" font-size="11"'
    with open(target, "w") as svg:
        svg.write(f'<svg xmlns="http://www.w3.org/2000/svg" {size}>\n' + "\n".join(shapes) + "\n</svg>\n")


main(*sys.argv[1:])
