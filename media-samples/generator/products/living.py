"""Lamp, plant, candle, armchair and stool."""

import math

from ..canvas import (TAU, at, clipped, curve, darker, fill, glow, lighter, linear, mix, oval,
                      polygon, radial, rect, shine, stroke)
from ..captions import FONT_TEXT, FONT_TITLE, put_text
from ..easing import clamp, lerp, out_back, ramp, wave, wobble

LAMPS = {"ochre": "#e0a030", "forest": "#2f6b57", "chalk": "#efe8dc"}
POTS = {"terracotta": ("#c96f4a", "#f2c9a8"), "slate": ("#55616f", "#c4ced6")}
CANDLES = {"amber": "#c9782e", "smoke": "#59606b"}
CHAIRS = {"rust": "#c5613f", "moss": "#6f8357", "ocean": "#3f6f8f"}


# --- lamp -------------------------------------------------------------------------


def lamp_head(lean=0.0):
    """Position and turn of the lamp head for a lean of the arm (radians)."""
    elbow = (-70 + 120 * math.sin(lean), -250)
    head = (elbow[0] + 170, elbow[1] - 130 + 60 * math.sin(lean))
    return elbow, head, -0.5 + lean


def lamp(ctx, variant="ochre", on=0.0, lean=0.0):
    """Jointed desk lamp; on is the brightness 0..1."""
    colour = LAMPS[variant]
    elbow, head, turn = lamp_head(lean)
    rect(ctx, -96, -26, 192, 26, 13)
    fill(ctx, linear(-96, 0, 96, 0, darker(colour, 0.2), lighter(colour, 0.25), darker(colour, 0.45)))
    oval(ctx, 0, -26, 90, 9)
    fill(ctx, lighter(colour, 0.25))
    metal = linear(-90, 0, 120, 0, "#6d6a70", "#d8d4d0", "#8c8886")
    for start, end in (((0, -30), elbow), (elbow, head)):
        ctx.move_to(*start)
        ctx.line_to(*end)
        stroke(ctx, metal, 13)
    for joint in ((0, -34), elbow):
        oval(ctx, *joint, 17)
        fill(ctx, radial(joint[0] - 5, joint[1] - 6, 22, lighter(colour, 0.4), darker(colour, 0.3)))
    with at(ctx, *head, turn=turn):
        _lamp_shade(ctx, colour, on)


def _lamp_shade(ctx, colour, on):
    oval(ctx, 0, 112, 92, 22)
    fill(ctx, mix(darker(colour, 0.6), "#fff3c4", on))
    oval(ctx, 0, 112, 34, 26)
    fill(ctx, mix("#cfc9c0", "#fffbe6", on))
    ctx.move_to(-28, -22)
    ctx.curve_to(-36, 20, -92, 40, -98, 112)
    ctx.curve_to(-70, 92, 70, 92, 98, 112)
    ctx.curve_to(92, 40, 36, 20, 28, -22)
    ctx.curve_to(16, -40, -16, -40, -28, -22)
    ctx.close_path()
    fill(ctx, linear(-98, 0, 98, 0, (darker(colour, 0.25), 1, 0), (lighter(colour, 0.35), 1, 0.32),
                     (colour, 1, 0.6), (darker(colour, 0.45), 1, 1)))
    rect(ctx, -14, -52, 28, 26, 9)
    fill(ctx, darker(colour, 0.35))
    if on > 0:
        glow(ctx, 0, 122, 190, "#ffd98a", 0.8 * on)


def light_cone(ctx, on, reach=620):
    """Warm cone of light; draw it in the frame of reference of the lamp head."""
    polygon(ctx, (-90, 112), (90, 112), (90 + reach * 0.52, reach), (-90 - reach * 0.52, reach))
    fill(ctx, radial(0, 60, reach, ("#ffdf9a", 0.62 * on, 0), ("#ffc76a", 0.22 * on, 0.55),
                     ("#ffb84d", 0, 1)))


# --- plant --------------------------------------------------------------------------


def leaf(ctx, length, colour, width=0.36):
    """Leaf that points along +x from the origin."""
    if length < 2:
        return
    side = length * width
    ctx.move_to(0, 0)
    ctx.curve_to(length * 0.25, -side, length * 0.75, -side, length, 0)
    ctx.curve_to(length * 0.75, side, length * 0.25, side, 0, 0)
    fill(ctx, linear(0, -side, 0, side, lighter(colour, 0.22), (colour, 1, 0.48),
                     (darker(colour, 0.22), 1, 0.52), darker(colour, 0.3)))
    ctx.move_to(0, 0)
    ctx.line_to(length * 0.88, 0)
    stroke(ctx, lighter(colour, 0.4), max(1.5, length * 0.018), 0.7)


STEMS = [
    # lean at the tip, height, when it grows, leaf colour
    (-150, 330, 0.10, "#3f8f55"), (140, 350, 0.18, "#4a9d5b"), (-60, 430, 0.0, "#55a862"),
    (70, 420, 0.28, "#3d8a5f"), (-215, 210, 0.36, "#2f7d50"), (210, 220, 0.42, "#358556"),
]


def _stem(ctx, lean, height, colour, amount, t, index):
    sway = 10 * wobble(t * 0.5, index) * amount
    points = [(lean * 0.06 + (lean + sway) * (s * amount) ** 1.8, -150 - height * amount * s)
              for s in (0, 0.25, 0.5, 0.75, 1.0)]
    curve(ctx, points)
    stroke(ctx, darker(colour, 0.12), 8)
    for number, place in enumerate((0.42, 0.62, 0.82, 1.0)):
        open_ = ramp(amount, place * 0.75, place * 0.75 + 0.25, out_back)
        spot = place * (len(points) - 1)
        low = min(int(spot), len(points) - 2)
        x = lerp(points[low][0], points[low + 1][0], spot - low)
        y = lerp(points[low][1], points[low + 1][1], spot - low)
        heading = math.atan2(points[low + 1][1] - points[low][1],
                             points[low + 1][0] - points[low][0])
        spread = 0.0 if place == 1.0 else (0.85 if number % 2 else -0.85)
        size = (150 if place == 1.0 else 120) * max(0.0, open_)
        with at(ctx, x, y, turn=heading + spread + 0.05 * wobble(t, index + number)):
            leaf(ctx, size, mix(colour, "#9bd06a", 0.35 * (1 - amount) + 0.08 * number))


def plant(ctx, variant="terracotta", growth=1.0, t=0.0):
    """Pot plant; growth 0..1 runs from bare soil to full leaves."""
    body, pattern = POTS[variant]
    oval(ctx, 0, -152, 108, 20)
    fill(ctx, "#3c2a22")
    for index, (lean, height, start, colour) in enumerate(STEMS):
        amount = ramp(growth, start, start + 0.58)
        if amount > 0.01:
            _stem(ctx, lean, height, colour, amount, t, index)
    polygon(ctx, (-104, -140), (104, -140), (80, 0), (-80, 0))
    fill(ctx, linear(-104, 0, 104, 0, (darker(body, 0.15), 1, 0), (lighter(body, 0.28), 1, 0.3),
                     (body, 1, 0.55), (darker(body, 0.42), 1, 1)))
    polygon(ctx, (-104, -140), (104, -140), (80, 0), (-80, 0))
    with clipped(ctx):
        for i in range(-5, 6):
            oval(ctx, i * 22, -66 + 10 * (i % 2), 7, 20)
            fill(ctx, pattern, 0.75)
        rect(ctx, -120, -112, 240, 14)
        fill(ctx, darker(body, 0.5), 0.25)
    rect(ctx, -116, -156, 232, 44, 10)
    fill(ctx, linear(-116, 0, 116, 0, (darker(body, 0.08), 1, 0), (lighter(body, 0.36), 1, 0.3),
                     (body, 1, 0.6), (darker(body, 0.38), 1, 1)))


# --- candle --------------------------------------------------------------------------


def flame(ctx, x, y, t, size=1.0):
    """Living candle flame with a halo."""
    if size <= 0.01:
        return
    lean = 9 * wobble(t * 1.2)
    tall = size * (1 + 0.09 * wobble(t * 1.7, 3))
    glow(ctx, x, y - 50, 330 * size, "#ffb347", 0.5 + 0.06 * wobble(t, 2))
    with at(ctx, x, y):
        for scale, colour, alpha in ((1, "#ff9a2e", 0.9), (0.72, "#ffd15c", 0.95),
                                     (0.42, "#fff6d8", 1)):
            w, h = 27 * scale * size, 118 * scale * tall
            ctx.move_to(0, 4)
            ctx.curve_to(-w * 1.3, -h * 0.2, -w * 0.7, -h * 0.6, lean * scale, -h)
            ctx.curve_to(w * 0.8, -h * 0.55, w * 1.3, -h * 0.2, 0, 4)
            fill(ctx, colour, alpha)
        oval(ctx, 0, -2, 8 * size, 12 * size)
        fill(ctx, "#5a7bd8", 0.5)


def candle(ctx, variant="amber", lit=0.0, t=0.0):
    """Scented candle in a tinted glass with a paper label."""
    tint = CANDLES[variant]
    rect(ctx, -126, -270, 252, 270, 34)
    fill(ctx, linear(-126, 0, 126, 0, (darker(tint, 0.35), 1, 0), (lighter(tint, 0.22), 1, 0.28),
                     (tint, 1, 0.55), (darker(tint, 0.5), 1, 1)))
    rect(ctx, -112, -206, 224, 192, 26)
    with clipped(ctx):
        rect(ctx, -112, -206, 224, 192)
        fill(ctx, linear(0, -206, 0, -20, (mix("#f3e2c4", "#ffcf7a", lit), 0.62),
                         (mix("#e3cba2", tint, 0.5), 0.35)))
        if lit > 0:
            glow(ctx, 0, -214, 190, "#ffc15e", (0.75 + 0.08 * wobble(t)) * lit)
    oval(ctx, 0, -206, 112, 15)
    fill(ctx, mix("#f1e3ca", "#ffe9b0", lit))
    ctx.move_to(0, -206)
    ctx.line_to(2, -246)
    stroke(ctx, "#2c2320", 6)
    _candle_label(ctx, tint)
    shine(ctx, -108, -250, 30, 226, 0.5)
    oval(ctx, 0, -262, 122, 16)
    stroke(ctx, lighter(tint, 0.55), 4, 0.8)
    flame(ctx, 2, -244, t, lit)


def _candle_label(ctx, tint):
    rect(ctx, -74, -158, 148, 112, 8)
    fill(ctx, linear(-74, 0, 74, 0, "#e9dcc6", "#fbf4e6", "#d8c9b0"))
    rect(ctx, -66, -150, 132, 96, 5)
    stroke(ctx, darker(tint, 0.3), 1.6, 0.7)
    put_text(ctx, "FIG & CEDAR", 0, -106, FONT_TITLE, 19, "#3a2c26", align=0.5)
    put_text(ctx, "No. 7", 0, -76, FONT_TEXT, 17, "#3a2c26", align=0.5)


# --- seats ----------------------------------------------------------------------------


def _leg(ctx, x, top, foot, wood="#9a6a3e"):
    polygon(ctx, (x - 13, top), (x + 13, top), (foot + 7, 0), (foot - 7, 0))
    fill(ctx, linear(x - 13, 0, x + 13, 0, lighter(wood, 0.25), darker(wood, 0.3)))


def armchair(ctx, variant="rust"):
    """Round armchair on wooden legs, seen from the front."""
    colour = CHAIRS[variant]
    for x, foot in ((-150, -172), (150, 172)):
        _leg(ctx, x, -100, foot)
    curve(ctx, [(-176, -110), (-182, -300), (-150, -430), (0, -470), (150, -430), (182, -300),
                (176, -110)], True)
    fill(ctx, linear(-180, -470, 180, -100, lighter(colour, 0.2), colour, darker(colour, 0.35)))
    for x in (-76, 0, 76):
        curve(ctx, [(x * 1.1, -440 + abs(x) * 0.3), (x * 0.95, -330), (x * 0.9, -200)])
        stroke(ctx, darker(colour, 0.35), 4, 0.45)
    rect(ctx, -168, -152, 336, 84, 30)
    fill(ctx, linear(0, -152, 0, -68, darker(colour, 0.1), darker(colour, 0.45)))
    rect(ctx, -150, -206, 300, 88, 40)
    fill(ctx, linear(0, -206, 0, -118, lighter(colour, 0.3), darker(colour, 0.18)))
    rect(ctx, -128, -198, 256, 20, 10)
    fill(ctx, "#ffffff", 0.1)
    for side in (-1, 1):
        with at(ctx, side * 176, 0, stretch=(side, 1)):
            rect(ctx, -48, -268, 96, 200, 46)
            fill(ctx, linear(-48 * side, 0, 48 * side, 0, lighter(colour, 0.16),
                             darker(colour, 0.3)))
            oval(ctx, 0, -226, 36, 34)
            fill(ctx, radial(-8 * side, -238, 48, lighter(colour, 0.34), darker(colour, 0.08)))
    with at(ctx, 44, -250, turn=0.16):
        rect(ctx, -66, -62, 132, 124, 26)
        fill(ctx, linear(-66, -62, 66, 62, "#fbeed8", "#dcbf94"))
        for i in range(-2, 3):
            rect(ctx, i * 24 - 3, -54, 6, 108, 3)
            fill(ctx, mix(colour, "#fbeed8", 0.25), 0.6)


def stool(ctx, wood="#b98552"):
    """Three-legged wooden stool, also a side table."""
    for x, foot in ((-66, -96), (66, 96)):
        _leg(ctx, x, -190, foot, wood)
    _leg(ctx, 0, -190, 0, darker(wood, 0.25))
    ctx.move_to(-78, -84)
    ctx.line_to(78, -84)
    stroke(ctx, darker(wood, 0.18), 12)
    rect(ctx, -112, -216, 224, 36, 18)
    fill(ctx, linear(-112, 0, 112, 0, lighter(wood, 0.1), lighter(wood, 0.4), darker(wood, 0.35)))
    oval(ctx, 0, -212, 108, 17)
    fill(ctx, lighter(wood, 0.38))
    for size in (84, 56, 26):
        oval(ctx, -6, -212, size, size * 0.15)
        stroke(ctx, darker(wood, 0.1), 2, 0.4)


def cat(ctx, t, colour="#3b3340"):
    """Sleeping cat with a tail that twitches."""
    breath = 1 + 0.02 * wave(t, 2.8)
    tail = 12 * wave(t, 2.1) * clamp(wave(t, 7))
    curve(ctx, [(-92, -18), (-132, -10), (-150, -34 - tail), (-132, -58 - tail)])
    stroke(ctx, colour, 19)
    with at(ctx, 0, 0, stretch=(1, breath)):
        curve(ctx, [(-112, 0), (-108, -62), (-40, -92), (50, -74), (96, -30), (92, 0)], True)
        fill(ctx, linear(0, -90, 0, 0, lighter(colour, 0.2), colour))
    polygon(ctx, (50, -62), (60, -96), (80, -72))
    fill(ctx, colour)
    polygon(ctx, (92, -72), (114, -92), (116, -56))
    fill(ctx, colour)
    oval(ctx, 84, -40, 42, 36)
    fill(ctx, lighter(colour, 0.1))
    for x in (68, 98):
        ctx.arc(x, -40, 8, TAU * 0.05, TAU * 0.45)
        stroke(ctx, "#d9c6b8", 3, 0.8)
