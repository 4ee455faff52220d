"""A picture of the medians: for every query one bar for each engine, on a logarithmic scale."""

from math import ceil, floor, log10

COLOURS = ["#d1495b", "#30638e", "#edae49", "#66a182", "#8d5a97"]
BAR, GAP, LEFT, TOP, WIDTH = 7, 8, 40, 40, 760


def bars(names, medians):
    """SVG; `medians` are milliseconds by query, in the order of the names, None where there is none."""
    known = [time for times in medians.values() for time in times if time]
    low, high = (floor(log10(min(known))), ceil(log10(max(known)))) if known else (0, 1)
    across = lambda time: LEFT + (WIDTH - LEFT - 40) * (log10(time) - low) / max(high - low, 1)
    group = BAR * len(names) + GAP
    height = TOP + group * len(medians) + 10
    shapes = [f'<rect width="{WIDTH}" height="{height}" fill="white"/>']
    for power in range(low, high + 1):
        x = across(10**power)
        shapes.append(f'<path d="M{x:.1f} {TOP}V{height}" stroke="#ddd"/>')
        shapes.append(f'<text x="{x:.1f}" y="{TOP - 5}" text-anchor="middle">{10**power:g} ms</text>')
    for place, name in enumerate(names):
        shapes.append(f'<rect x="{LEFT + 140 * place}" y="8" width="9" height="9" fill="{COLOURS[place]}"/>')
        shapes.append(f'<text x="{LEFT + 13 + 140 * place}" y="16">{name}</text>')
    for row, (number, times) in enumerate(medians.items()):
        y = TOP + group * row + GAP / 2
        shapes.append(f'<text x="{LEFT - 6}" y="{y + group / 2}" text-anchor="end">{number}</text>')
        for place, time in enumerate(times):
            if time:
                size = f'width="{across(time) - LEFT:.1f}" height="{BAR - 1}"'
                shapes.append(f'<rect x="{LEFT}" y="{y + BAR * place}" {size} fill="{COLOURS[place]}"/>')
    size = f'width="{WIDTH}" height="{height}" font-family="sans-serif" font-size="11"'
    return f'<svg xmlns="http://www.w3.org/2000/svg" {size}>\n' + "\n".join(shapes) + "\n</svg>\n"
