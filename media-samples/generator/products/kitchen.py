"""Mug, kettle, bottle and the drinks that go with them."""

import math
import random

from ..canvas import (at, clipped, curve, darker, fill, lighter, linear, mix, oval, radial,
                      rect, shadow, shine, stroke)
from ..easing import lerp, wave

MUGS = {
    "sand": ("#e9d6b8", "#b98d5e"),
    "sage": ("#a9bd9f", "#b98d5e"),
    "ink": ("#3d4a66", "#a97f55"),
}
KETTLES = {"cream": "#f3e3c7", "teal": "#2f7f86", "brick": "#c4513a"}
BOTTLES = {"clear": "#cfeef0", "rose": "#f6cfd2", "moss": "#cfe0b6"}


def steam(ctx, x, y, t, strength=1.0, height=230, colour="#ffffff"):
    """Three ribbons of steam that wind upwards."""
    for ribbon in range(3):
        offset = (ribbon - 1) * 42
        points = []
        for i in range(9):
            rise = i / 8
            sway = wave(t, 2.6, ribbon * 0.37 - rise * 0.9) * (8 + 34 * rise)
            points.append((x + offset + sway, y - rise * height * (1 - 0.14 * abs(ribbon - 1))))
        for width, alpha in ((46, 0.05), (28, 0.08), (13, 0.12)):
            curve(ctx, points)
            stroke(ctx, linear(0, y, 0, y - height, (colour, 0, 0),
                               (colour, alpha * strength * 1.6, 0.25), (colour, 0, 1)), width)


def _mug_body(ctx, top=1.0):
    ctx.move_to(-130, -250 * top)
    ctx.curve_to(-130, -120, -122, -50, -104, -14)
    ctx.curve_to(-80, 8, 80, 8, 104, -14)
    ctx.curve_to(122, -50, 130, -120, 130, -250 * top)
    ctx.curve_to(120, -222, -120, -222, -130, -250 * top)
    ctx.close_path()


def mug(ctx, variant="sand", level=0.85, ripple=0.0):
    """Stoneware mug with a raw clay foot; level is the coffee inside."""
    glaze, clay = MUGS[variant]
    curve(ctx, [(116, -196), (182, -204), (206, -140), (178, -78), (104, -66)])
    stroke(ctx, linear(100, 0, 215, 0, darker(glaze, 0.35), glaze, lighter(glaze, 0.2)), 34)
    oval(ctx, 0, -250, 130, 31)
    fill(ctx, linear(-130, 0, 130, 0, darker(glaze, 0.45), darker(glaze, 0.18)))
    _coffee(ctx, level, ripple)
    _mug_body(ctx)
    fill(ctx, linear(-130, 0, 130, 0, (darker(glaze, 0.2), 1, 0), (lighter(glaze, 0.25), 1, 0.27),
                     (glaze, 1, 0.55), (darker(glaze, 0.42), 1, 1)))
    _mug_body(ctx)
    with clipped(ctx):
        curve(ctx, [(-150, -52), (-90, -40), (-30, -58), (30, -42), (90, -56), (150, -44)])
        ctx.line_to(150, 20)
        ctx.line_to(-150, 20)
        fill(ctx, linear(-130, 0, 130, 0, darker(clay, 0.15), lighter(clay, 0.2),
                         darker(clay, 0.45)))
        rng = random.Random(4)
        for _ in range(70):
            oval(ctx, rng.uniform(-125, 125), rng.uniform(-225, -55), rng.uniform(1, 2.6))
            fill(ctx, darker(clay, 0.4), 0.35)
        shine(ctx, -96, -222, 46, 168, 0.4)
    oval(ctx, 0, -250, 130, 31)
    stroke(ctx, lighter(glaze, 0.45), 5)


def _coffee(ctx, level, ripple):
    oval(ctx, 0, -250, 127, 29)
    with clipped(ctx):
        depth = lerp(66, 9, level)
        oval(ctx, 0, -250 + depth, 122, 29)
        fill(ctx, linear(-120, 0, 120, 0, "#3b1d10", "#7a4424", "#4a2614"))
        if ripple > 0:
            for ring in range(3):
                size = (ripple * 1.7 + ring / 3) % 1
                oval(ctx, 0, -250 + depth, 16 + 100 * size, (16 + 100 * size) * 0.24)
                stroke(ctx, "#c58a55", 3, 0.6 * (1 - size))
        else:
            oval(ctx, -20, -252 + depth, 66, 11)
            stroke(ctx, "#b57845", 4, 0.45)


def carafe(ctx):
    """Glass coffee jug that pours; the origin is the tip of its spout."""
    body = [(26, 6), (96, -30), (190, -44), (270, 0), (286, 90), (232, 160), (130, 158),
            (60, 110), (34, 44)]
    curve(ctx, [(252, -8), (356, 0), (372, 96), (300, 150), (252, 140)])
    stroke(ctx, linear(250, 0, 380, 0, "#2b2230", "#5c4a58"), 26)
    curve(ctx, body, True)
    fill(ctx, linear(30, -40, 290, 160, ("#ffffff", 0.5), ("#e8d4c2", 0.34), ("#ffffff", 0.3)))
    curve(ctx, body, True)
    with clipped(ctx):
        curve(ctx, [(0, 4), (60, 6), (140, 16), (300, 14)])
        ctx.line_to(300, 200)
        ctx.line_to(0, 200)
        fill(ctx, linear(0, 0, 240, 170, "#8a4b24", "#43200f"))
        rect(ctx, 150, -30, 26, 180, 13)
        fill(ctx, "#ffffff", 0.22)
    curve(ctx, body, True)
    stroke(ctx, "#fff4e6", 5, 0.75)
    curve(ctx, [(-4, 2), (14, -8), (40, -12), (96, -34)])
    stroke(ctx, "#fff4e6", 8, 0.9)


# --- kettle ---------------------------------------------------------------------


def _kettle_body(ctx):
    ctx.move_to(-150, -14)
    ctx.curve_to(-196, -70, -168, -190, -86, -232)
    ctx.curve_to(-50, -248, 50, -248, 86, -232)
    ctx.curve_to(168, -190, 196, -70, 150, -14)
    ctx.curve_to(100, 6, -100, 6, -150, -14)
    ctx.close_path()


def kettle(ctx, variant="teal", lid=0.0):
    """Enamel stove kettle with a wooden handle; lid lifts the lid (units)."""
    colour = KETTLES[variant]
    ctx.move_to(-128, -120)
    ctx.curve_to(-200, -130, -190, -206, -246, -228)
    ctx.line_to(-214, -250)
    ctx.curve_to(-160, -230, -150, -190, -100, -196)
    ctx.close_path()
    fill(ctx, linear(-240, -240, -110, -120, lighter(colour, 0.2), darker(colour, 0.35)))
    oval(ctx, -231, -240, 21, 10)
    fill(ctx, darker(colour, 0.6))
    curve(ctx, [(-96, -222), (-110, -330), (-60, -376), (0, -384), (60, -376), (110, -330),
                (96, -222)])
    stroke(ctx, linear(-110, 0, 110, 0, "#8b8f96", "#e6e8ea", "#70747c"), 13)
    curve(ctx, [(-58, -376), (0, -385), (58, -376)])
    stroke(ctx, linear(0, -400, 0, -362, "#c98f55", "#7c4c26"), 32)
    _kettle_body(ctx)
    fill(ctx, linear(-180, 0, 180, 0, (darker(colour, 0.28), 1, 0), (lighter(colour, 0.3), 1, 0.3),
                     (colour, 1, 0.55), (darker(colour, 0.5), 1, 1)))
    _kettle_body(ctx)
    with clipped(ctx):
        rect(ctx, -200, -22, 400, 30)
        fill(ctx, linear(-170, 0, 170, 0, "#6b5a4a", "#d9c7ad", "#4f4238"))
        shine(ctx, -118, -205, 54, 172, 0.5)
        oval(ctx, 90, -120, 16, 66)
        fill(ctx, lighter(colour, 0.6), 0.18)
    _kettle_lid(ctx, colour, lid)


def _kettle_lid(ctx, colour, lid):
    with at(ctx, 0, -lid, turn=lid * 0.006):
        ctx.move_to(-92, -232)
        ctx.curve_to(-70, -276, 70, -276, 92, -232)
        ctx.curve_to(60, -218, -60, -218, -92, -232)
        fill(ctx, linear(-92, 0, 92, 0, darker(colour, 0.15), lighter(colour, 0.35),
                         darker(colour, 0.4)))
        oval(ctx, 0, -280, 20, 19)
        fill(ctx, radial(-6, -287, 26, "#dba668", "#7c4c26"))


# --- bottle ----------------------------------------------------------------------


def _bottle_body(ctx, inset=0.0):
    side, low = 92 - inset, -inset
    ctx.move_to(-side + 26, low)
    ctx.curve_to(-side, low, -side, low, -side, low - 30)
    ctx.line_to(-side, -300)
    ctx.curve_to(-side, -360, -50 + inset, -372, -50 + inset, -420)
    ctx.line_to(-50 + inset, -446)
    ctx.line_to(50 - inset, -446)
    ctx.line_to(50 - inset, -420)
    ctx.curve_to(50 - inset, -372, side, -360, side, -300)
    ctx.line_to(side, low - 30)
    ctx.curve_to(side, low, side, low, side - 26, low)
    ctx.close_path()


def bottle(ctx, variant="clear", level=0.8, t=0.0, swell=3.0, cap=0.0):
    """Glass bottle with a wooden cap; level is the water, cap lifts the cap."""
    tint = BOTTLES[variant]
    _bottle_body(ctx)
    fill(ctx, linear(-92, 0, 92, 0, (tint, 0.75), ("#ffffff", 0.4), (tint, 0.6),
                     (darker(tint, 0.25), 0.75)))
    _bottle_body(ctx, 10)
    with clipped(ctx):
        top = lerp(-10, -392, level)
        for shade, phase in (("#7cc9dc", 0.5), ("#3ba4cc", 0.0)):
            surface = [(x, top + swell * wave(t, 1.1, x / 150 + phase)) for x in range(-100, 101, 20)]
            curve(ctx, surface)
            ctx.line_to(100, 10)
            ctx.line_to(-100, 10)
            fill(ctx, linear(0, top, 0, 0, (mix(shade, "#ffffff", 0.3), 0.75),
                             (mix(shade, tint, 0.15), 0.85)))
        _bubbles(ctx, top, t, level)
    _bottle_glass(ctx, tint)
    if cap is not None:
        with at(ctx, 0, -cap, turn=cap * 0.0016):
            rect(ctx, -58, -500, 116, 62, 16)
            fill(ctx, linear(-58, 0, 58, 0, "#a87545", "#e3b987", "#8a5a30"))
            for x in (-34, -8, 20):
                rect(ctx, x, -496, 3, 54, 1)
                fill(ctx, "#7a4c26", 0.3)
            curve(ctx, [(-20, -500), (-22, -540), (22, -540), (20, -500)])
            stroke(ctx, "#3d4550", 11)


def _bubbles(ctx, top, t, level):
    rng = random.Random(8)
    for _ in range(16):
        speed, x0, phase, size = rng.uniform(.35, .8), rng.uniform(-66, 66), rng.random(), \
            rng.uniform(2, 6)
        rise = (t * speed + phase) % 1
        y = -12 + (top + 12) * rise
        oval(ctx, x0 + 6 * math.sin(t * 3 + phase * 9), y, size)
        stroke(ctx, "#ffffff", 1.8, 0.7 * (1 - rise) * min(1, level * 4))


def _bottle_glass(ctx, tint):
    _bottle_body(ctx)
    stroke(ctx, "#ffffff", 5, 0.75)
    shine(ctx, -74, -320, 34, 270, 0.75)
    rect(ctx, 58, -290, 9, 210, 4.5)
    fill(ctx, "#ffffff", 0.4)
    rect(ctx, -46, -200, 92, 92, 46)
    stroke(ctx, "#ffffff", 4, 0.85)
    curve(ctx, [(-26, -150), (-13, -164), (0, -150), (13, -136), (26, -150)])
    stroke(ctx, "#ffffff", 5, 0.9)


def product_shadow(ctx, width, alpha=0.4):
    """Contact shadow for something that stands on a surface."""
    shadow(ctx, 8, 2, width * 0.66, width * 0.13, alpha * 0.7)
    shadow(ctx, 0, 0, width * 0.5, width * 0.07, alpha)
