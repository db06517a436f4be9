"""A small picture without a library: two charts of lines, as SVG."""

from collections.abc import Mapping, Sequence
from xml.sax.saxutils import escape

WIDTH, HEIGHT, GAP = 760, 260, 56
COLOURS = (
    "#0b6e99", "#d9730d", "#4d6461", "#9065b0", "#448361", "#c14c8a", "#d44c47", "#337ea9",
    "#cb912f", "#787774",
)  # fmt: skip

Line = Sequence[tuple[float, float]]


def cdf(values: Sequence[float]) -> Line:
    """For each value the share of values up to it."""
    ordered = sorted(values)
    step = max(len(ordered) // 200, 1)
    return [(value, (n + 1) / len(ordered)) for n, value in enumerate(ordered)][::step]


def rate_over_time(moments: Sequence[float], seconds: float) -> Line:
    """How many a second, second by second."""
    counts = [0] * (int(seconds) + 1)
    for at in moments:
        if 0 <= at < seconds:
            counts[int(at)] += 1
    return [(float(second), float(count)) for second, count in enumerate(counts[:-1])]


def chart(title: str, lines: Mapping[str, Line], x_unit: str, x_max: float, top: int) -> str:
    """One chart: axes, lines, a key."""
    y_max = max((y for line in lines.values() for _, y in line), default=1.0) or 1.0
    left, bottom = GAP, top + HEIGHT - GAP
    wide, high = WIDTH - GAP - 280, HEIGHT - 2 * GAP
    parts = [
        f'<text x="{left}" y="{top + 24}" font-size="14" font-weight="bold">{escape(title)}</text>',
        f'<path d="M{left},{bottom - high}V{bottom}H{left + wide}" fill="none" stroke="#999"/>',
        f'<text x="{left - 6}" y="{bottom - high + 4}" text-anchor="end">{y_max:,.3g}</text>',
        f'<text x="{left - 6}" y="{bottom + 4}" text-anchor="end">0</text>',
    ]
    for share in (0.0, 0.5, 1.0):
        place = left + wide * share
        label = f"{x_max * share:,.3g} {x_unit}"
        parts.append(f'<text x="{place:.0f}" y="{bottom + 18}" text-anchor="middle">{label}</text>')
    for number, (name, line) in enumerate(lines.items()):
        colour = COLOURS[number % len(COLOURS)]
        points = " ".join(
            f"{left + wide * min(max(x / x_max, 0), 1):.1f},{bottom - high * y / y_max:.1f}"
            for x, y in line
        )
        y = bottom - high + 14 * number
        parts += [
            f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="1.5"/>',
            f'<rect x="{left + wide + 14}" y="{y - 7}" width="10" height="3" fill="{colour}"/>',
            f'<text x="{left + wide + 30}" y="{y}">{escape(name)}</text>',
        ]
    return "\n".join(parts)


def picture(charts: Sequence[str]) -> str:
    """The charts, one below the other; each was drawn at `top` = its number times `HEIGHT`."""
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{HEIGHT * len(charts)}" '
        'font-family="sans-serif" font-size="11">\n'
        '<rect width="100%" height="100%" fill="white"/>\n' + "\n".join(charts) + "\n</svg>\n"
    )
