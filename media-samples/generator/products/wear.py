"""Watch, sunglasses, scarf and beanie."""

import math

import cairo

from ..canvas import (TAU, at, clipped, curve, darker, fill, lighter, linear, mix, oval, polygon,
                      radial, rect, rgb, stroke)
from ..captions import FONT_TEXT, put_text

WATCHES = {"steel": ("#1f4f57", "#8a5230"), "rose": ("#f1e6dc", "#3b3340")}
SHADES = {"amber": ("#c7762b", "#ff9f5a", "#7a2f5f"), "ocean": ("#22303c", "#4fc3d9", "#1d3f7a")}
SCARVES = {"berry": ("#c23a56", "#f6e3d5"), "fir": ("#2f6b57", "#f1e4c4")}


# --- watch --------------------------------------------------------------------------


def watch(ctx, variant="steel", clock=36_540.0, gleam=None):
    """Wrist watch; clock is the shown time in seconds, origin: centre of the dial."""
    dial, strap = WATCHES[variant]
    for side in (-1, 1):
        polygon(ctx, (-92, side * 150), (92, side * 150), (74, side * 420), (-74, side * 420))
        fill(ctx, linear(-92, 0, 92, 0, darker(strap, 0.3), lighter(strap, 0.15), darker(strap, 0.4)))
        for x in (-70, 70):
            ctx.move_to(x * 1.1, side * 190)
            ctx.line_to(x * 0.88, side * 412)
            ctx.set_dash([14, 10])
            stroke(ctx, lighter(strap, 0.5), 3.5, 0.7)
            ctx.set_dash([])
        for x in (-104, 76):
            rect(ctx, x, -210 if side < 0 else 120, 28, 90, 12)
            fill(ctx, linear(x, 0, x + 28, 0, "#eceef0", "#7e858c"))
    rect(ctx, 186, -24, 36, 48, 9)
    fill(ctx, linear(0, -24, 0, 24, "#f2f3f4", "#737a82"))
    oval(ctx, 0, 0, 198)
    fill(ctx, linear(-140, -140, 140, 140, "#ffffff", "#a9b0b6", "#5d646c", "#d8dcdf"))
    oval(ctx, 0, 0, 180)
    fill(ctx, linear(-140, -140, 140, 140, "#6c737a", "#e7eaec"))
    oval(ctx, 0, 0, 168)
    fill(ctx, radial(-50, -70, 260, lighter(dial, 0.22), dial, darker(dial, 0.5)))
    _dial_marks(ctx, dial)
    _hands(ctx, dial, clock)
    _watch_glass(ctx, gleam)


def _ink(dial):
    return "#fdf6e8" if sum(rgb(dial)) < 1.6 else "#2a2a33"


def _dial_marks(ctx, dial):
    ink = _ink(dial)
    for tick in range(60):
        with at(ctx, turn=TAU * tick / 60):
            if tick % 5 == 0:
                rect(ctx, -4, -152, 8, 32 if tick % 15 else 42, 4)
                fill(ctx, ink)
            else:
                rect(ctx, -1.2, -152, 2.4, 9)
                fill(ctx, ink, 0.55)
    put_text(ctx, "TIDEWELL", 0, -62, FONT_TEXT, 19, ink, 0.85, align=0.5)
    oval(ctx, 0, 74, 40)
    fill(ctx, darker(dial, 0.25), 0.7)
    for tick in range(12):
        with at(ctx, 0, 74, turn=TAU * tick / 12):
            rect(ctx, -1, -37, 2, 7)
            fill(ctx, ink, 0.7)


def _hands(ctx, dial, clock):
    ink = _ink(dial)
    with at(ctx, 0, 74, turn=TAU * (clock / 60 + 0.3)):
        rect(ctx, -1.6, -32, 3.2, 38, 1.6)
        fill(ctx, "#ff9d5c")
    for length, width, turn in ((88, 13, clock / 43_200), (132, 9, clock / 3600)):
        with at(ctx, 4, 6, turn=TAU * turn):
            rect(ctx, -width / 2, -length, width, length + 22, width / 2)
            fill(ctx, "#000000", 0.25)
        with at(ctx, turn=TAU * turn):
            rect(ctx, -width / 2, -length, width, length + 22, width / 2)
            fill(ctx, linear(-width / 2, 0, width / 2, 0, lighter(ink, 0.2), darker(ink, 0.22)))
    with at(ctx, turn=TAU * (clock / 60)):
        rect(ctx, -1.8, -148, 3.6, 188, 1.8)
        fill(ctx, "#ff7a3d")
        oval(ctx, 0, 0, 9)
        fill(ctx, "#ff7a3d")


def _watch_glass(ctx, gleam):
    oval(ctx, 0, 0, 168)
    with clipped(ctx):
        polygon(ctx, (-170, -170), (10, -170), (-120, 170), (-170, 170))
        fill(ctx, linear(-170, 0, 0, 0, ("#ffffff", 0.2), ("#ffffff", 0.03)))
        if gleam is not None:
            x = -420 + 840 * gleam
            polygon(ctx, (x, -180), (x + 90, -180), (x - 10, 180), (x - 100, 180))
            fill(ctx, linear(x - 60, 0, x + 60, 0, ("#ffffff", 0), ("#ffffff", 0.4), ("#ffffff", 0)))


# --- sunglasses ---------------------------------------------------------------------------

_LENS = [(-196, -150), (-120, -164), (-44, -150), (-28, -112), (-46, -50), (-104, -16),
         (-168, -30), (-206, -86)]


def sunglasses(ctx, variant="amber", reflect=None):
    """Sunglasses from the front; reflect(ctx) paints what the lenses mirror."""
    frame, upper, lower = SHADES[variant]
    for side in (-1, 1):
        curve(ctx, [(side * 202, -132), (side * 246, -122), (side * 262, -66)])
        stroke(ctx, linear(side * 200, 0, side * 262, 0, darker(frame, 0.2), darker(frame, 0.55)), 19)
    curve(ctx, [(-44, -122), (0, -142), (44, -122)])
    stroke(ctx, frame, 19)
    for side in (-1, 1):
        with at(ctx, stretch=(side, 1)):
            curve(ctx, _LENS, True)
            fill(ctx, linear(0, -160, 0, -16, lower, upper))
        if reflect:
            curve(ctx, [(x * side, y) for x, y in _LENS], True)
            with clipped(ctx):
                reflect(ctx)
        with at(ctx, stretch=(side, 1)):
            curve(ctx, _LENS, True)
            with clipped(ctx):
                x = -170 if side > 0 else -90
                polygon(ctx, (x, -170), (x + 44, -170), (x - 10, 0), (x - 54, 0))
                fill(ctx, "#ffffff", 0.2)
                polygon(ctx, (x + 58, -170), (x + 70, -170), (x + 16, 0), (x + 4, 0))
                fill(ctx, "#ffffff", 0.16)
        curve(ctx, [(x * side, y) for x, y in _LENS], True)
        stroke(ctx, linear(0, -170, 0, -10, lighter(frame, 0.35), frame, darker(frame, 0.35)), 15)
        for dy in (-140, -128):
            oval(ctx, side * 190, dy, 3)
            fill(ctx, "#fff3dc")


# --- knitwear --------------------------------------------------------------------------------


def knit_band(ctx, points, width, colours, stitch=15, stripe=5):
    """Knitted band along a polyline: rows of small V stitches, striped."""
    main, second = colours
    curve(ctx, points)
    stroke(ctx, darker(main, 0.4), width + 5, cap=cairo.LINE_CAP_BUTT)
    samples = _resample(points, stitch)
    columns = max(3, round(width / stitch))
    for row, (x, y, angle) in enumerate(samples):
        colour = second if row % (stripe * 3) >= stripe * 2 else main
        with at(ctx, x, y, turn=angle):
            for column in range(columns):
                side = (column + 0.5) / columns - 0.5
                shade = darker(colour, 0.05 + 0.3 * abs(side + 0.12) * 1.4)
                cy, half = side * width, width / columns / 2
                ctx.move_to(-stitch * 0.55, cy - half * 0.75)
                ctx.line_to(stitch * 0.4, cy)
                ctx.line_to(-stitch * 0.55, cy + half * 0.75)
                stroke(ctx, shade, half * 0.95)


def _resample(points, step):
    """Evenly spaced (x, y, angle) along a polyline."""
    result, carry = [], 0.0
    for (x0, y0), (x1, y1) in zip(points, points[1:]):
        length = math.hypot(x1 - x0, y1 - y0)
        angle = math.atan2(y1 - y0, x1 - x0)
        place = carry
        while place < length:
            amount = place / length
            result.append((x0 + (x1 - x0) * amount, y0 + (y1 - y0) * amount, angle))
            place += step
        carry = place - length
    return result


def spline_points(points, count=24):
    """Points on a smooth curve through the given points."""
    result = []
    for i in range(len(points) - 1):
        p = [points[max(0, min(len(points) - 1, i + k))] for k in (-1, 0, 1, 2)]
        for n in range(count):
            u = n / count
            result.append(tuple(
                0.5 * (2 * b + (c - a) * u + (2 * a - 5 * b + 4 * c - d) * u * u
                       + (3 * b - a - 3 * c + d) * u**3)
                for a, b, c, d in zip(*p)))
    return result + [points[-1]]


def scarf_tail(ctx, points, width, variant="berry"):
    """Hanging or blowing end of a scarf with a fringe."""
    colours = SCARVES[variant]
    line = spline_points(points, 10)
    (x0, y0), (x1, y1) = line[-3], line[-1]
    angle = math.atan2(y1 - y0, x1 - x0)
    with at(ctx, x1, y1, turn=angle):
        for i in range(9):
            y = (i / 8 - 0.5) * width * 0.94
            ctx.move_to(-4, y)
            ctx.line_to(34 + 5 * (i % 2), y * 1.12)
            stroke(ctx, colours[i % 2], width / 14)
    knit_band(ctx, line, width, colours)


def scarf(ctx, variant="berry", tails=None):
    """Scarf tied in a loop, origin: below the longer tail."""
    left = [(-30, -300), (-62, -210), (-70, -120), (-58, -46)]
    right = [(36, -300), (78, -230), (88, -150), (96, -90)]
    for points in tails or (left, right):
        scarf_tail(ctx, points, 92, variant)
    scarf_wrap(ctx, 0, -330, 150, variant)


def scarf_wrap(ctx, x, y, reach, variant="berry"):
    """The part that lies around the neck, with the knot."""
    colours = SCARVES[variant]
    back = spline_points([(x - reach, y - 10), (x - reach * 0.5, y - 50), (x, y - 60),
                          (x + reach * 0.5, y - 50), (x + reach, y - 10)], 8)
    knit_band(ctx, back, 50, (darker(colours[0], 0.35), darker(colours[1], 0.35)))
    front = spline_points([(x - reach, y - 16), (x - reach * 0.55, y + 24), (x, y + 36),
                           (x + reach * 0.55, y + 24), (x + reach, y - 16)], 10)
    knit_band(ctx, front, 82, colours)


def beanie(ctx, variant="berry"):
    """Knitted hat with a rolled brim and a pompom."""
    main, second = SCARVES[variant]
    ctx.move_to(-124, -50)
    ctx.curve_to(-128, -190, -60, -236, 0, -238)
    ctx.curve_to(60, -236, 128, -190, 124, -50)
    ctx.close_path()
    fill(ctx, linear(-124, 0, 124, 0, lighter(main, 0.12), main, darker(main, 0.35)), keep=True)
    with clipped(ctx):
        for row in range(11):
            y = -230 + row * 18
            colour = second if row in (5, 6) else main
            half = 126 * math.sqrt(max(0.05, 1 - ((y + 60) / -190) ** 2)) if y < -60 else 126
            line = [(-half + half * 2 * i / 18, y + 10 - 12 * math.cos((i / 9 - 1) * 1.5))
                    for i in range(19)]
            for (x, cy), (nx, _) in zip(line, line[1:]):
                shade = darker(colour, 0.02 + 0.3 * max(0.0, (x + 40) / 170))
                ctx.move_to(x + 1, cy - 8)
                ctx.line_to((x + nx) / 2, cy + 5)
                ctx.line_to(nx - 1, cy - 8)
                stroke(ctx, shade, 5.5)
    rect(ctx, -140, -74, 280, 76, 34)
    fill(ctx, linear(-140, 0, 140, 0, lighter(second, 0.2), second, darker(second, 0.3)))
    for i in range(17):
        x = -126 + i * 15.75
        ctx.move_to(x, -64)
        ctx.line_to(x, -8)
        stroke(ctx, darker(second, 0.22), 3.2, 0.6)
    _pompom(ctx, 0, -262, second)


def _pompom(ctx, x, y, colour):
    for i in range(90):
        angle = i * 2.39996
        radius = 52 * math.sqrt(i / 90)
        tone = lighter(colour, 0.4) if i % 3 else darker(colour, 0.12)
        oval(ctx, x + radius * math.cos(angle), y + radius * math.sin(angle), 10)
        fill(ctx, mix(tone, darker(colour, 0.35), max(0.0, math.sin(angle)) * radius / 90))
