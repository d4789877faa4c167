"""Sneaker, skateboard, backpack, headphones and notebook."""

import math

from ..canvas import (TAU, at, clipped, curve, darker, fill, lighter, linear, mix, oval, radial,
                      rect, shine, stroke)

SNEAKERS = {
    "coral": ("#ff6b57", "#ffe3d3", "#2b2d5b"),
    "lime": ("#b9e04a", "#f6ffd6", "#17524a"),
    "sky": ("#4fb3ff", "#e2f3ff", "#f2553d"),
    "chalk": ("#f1ece2", "#ffffff", "#d68a3a"),
}
BOARDS = {"sunset": ("#ff7a59", "#ffd166"), "mint": ("#31c5a8", "#fdf1b8")}
PACKS = {"marigold": "#e2a02f", "pine": "#2f6a58", "plum": "#6a4470"}
PHONES = {"cream": "#efe3d2", "violet": "#7a5cff", "night": "#30344a"}


# --- sneaker -----------------------------------------------------------------------

_UPPER = [(-196, -70), (-200, -150), (-176, -214), (-128, -226), (-84, -206), (-40, -196),
          (10, -186), (60, -146), (120, -122), (184, -104), (214, -66), (200, -46), (0, -44),
          (-180, -46)]
_SOLE = [(-214, -56), (-100, -52), (40, -48), (150, -58), (226, -62), (238, -40), (216, -10),
         (140, 0), (0, -2), (-140, 0), (-206, -8), (-222, -32)]


def sneaker(ctx, variant="coral"):
    """Chunky running shoe, toe to the right."""
    main, soft, accent = (SNEAKERS[variant] if isinstance(variant, str) else variant)
    curve(ctx, [(-188, -196), (-206, -238), (-176, -252), (-150, -222)], True)
    fill(ctx, accent)
    curve(ctx, _UPPER, True)
    fill(ctx, linear(-120, -230, 60, -30, lighter(main, 0.22), main, darker(main, 0.25)))
    curve(ctx, _UPPER, True)
    with clipped(ctx):
        _sneaker_panels(ctx, main, soft, accent)
    curve(ctx, [(-176, -214), (-130, -196), (-84, -206)])
    stroke(ctx, darker(main, 0.45), 10)
    _laces(ctx, accent)
    _sneaker_sole(ctx, soft, accent)


def _sneaker_panels(ctx, main, soft, accent):
    curve(ctx, [(120, -130), (108, -90), (126, -40), (240, -40), (230, -120)], True)
    fill(ctx, linear(110, -120, 220, -40, lighter(soft, 0.2), darker(soft, 0.12)))
    for row in range(3):
        for hole in range(4):
            oval(ctx, 148 + hole * 15 + row * 5, -92 + row * 13 + hole * 3, 2.6)
            fill(ctx, darker(soft, 0.35), 0.6)
    curve(ctx, [(-220, -150), (-160, -146), (-128, -100), (-132, -36), (-230, -36)], True)
    fill(ctx, linear(-200, -150, -130, -40, lighter(accent, 0.2), darker(accent, 0.15)))
    for index, shade in enumerate((soft, mix(soft, main, 0.45))):
        lift = index * 26
        curve(ctx, [(-140, -72 - lift), (-84, -104 - lift), (-40, -72 - lift), (14, -96 - lift),
                    (60, -74 - lift * 0.8), (108, -84 - lift * 0.4)])
        stroke(ctx, shade, 13, 0.95)
    curve(ctx, [(-60, -200), (0, -168), (70, -128), (124, -112)])
    stroke(ctx, lighter(main, 0.35), 15, 0.8)


def _laces(ctx, accent):
    for i in range(5):
        x, y = -46 + i * 31, -190 + i * 17.5
        ctx.move_to(x - 15, y + 28)
        ctx.line_to(x + 17, y - 7)
        stroke(ctx, darker("#ffffff", 0.22), 11)
        ctx.move_to(x - 15, y + 26)
        ctx.line_to(x + 17, y - 9)
        stroke(ctx, "#ffffff", 9)
    curve(ctx, [(-60, -212), (-84, -244), (-48, -252), (-46, -210)])
    stroke(ctx, "#ffffff", 7)
    curve(ctx, [(-46, -210), (-10, -246), (8, -222), (-40, -206)])
    stroke(ctx, lighter(accent, 0.85), 7)


def _sneaker_sole(ctx, soft, accent):
    curve(ctx, _SOLE, True)
    fill(ctx, linear(0, -64, 0, 4, "#ffffff", soft, darker(soft, 0.3)))
    curve(ctx, _SOLE, True)
    with clipped(ctx):
        rect(ctx, -240, -12, 490, 16)
        fill(ctx, accent)
        for x in range(-200, 220, 40):
            rect(ctx, x, -34, 24, 7, 3.5)
            fill(ctx, darker(soft, 0.25), 0.6)
        oval(ctx, -150, -28, 42, 15)
        fill(ctx, accent, 0.85)
        oval(ctx, -150, -31, 32, 8)
        fill(ctx, lighter(accent, 0.5), 0.6)


# --- skateboard -----------------------------------------------------------------------


def _wheel(ctx, x, turn):
    oval(ctx, x, -26, 26)
    fill(ctx, radial(x - 6, -34, 34, "#fff7dc", "#f3c845", "#c98a1f"))
    for spoke in range(3):
        angle = turn + spoke * TAU / 3
        oval(ctx, x + 13 * math.cos(angle), -26 + 13 * math.sin(angle), 4.5)
        fill(ctx, "#8a5a14", 0.75)
    oval(ctx, x, -26, 7.5)
    fill(ctx, "#4a4a55")


def skateboard(ctx, variant="sunset", turn=0.0, flip=0.0):
    """Skateboard from the side; flip (radians) turns it about its long axis."""
    main, accent = BOARDS[variant]
    tilt, face = math.cos(flip), abs(math.sin(flip))
    with at(ctx, 0, -66, stretch=(1, 1)):
        with at(ctx, 0, 0, stretch=(1, 1 if tilt >= 0 else -1)):
            if face < 0.85:
                for x in (-150, 150):
                    ctx.move_to(x - 20, 8)
                    ctx.line_to(x, 40)
                    ctx.line_to(x + 20, 8)
                    stroke(ctx, "#b9bdc6", 11)
                    with at(ctx, 0, 66 * (1 - face)):
                        _wheel(ctx, x, turn)
        if face > 0.08:
            _deck_face(ctx, main, accent, face)
        else:
            _deck_edge(ctx, main, accent, 1 if tilt >= 0 else -1)


def _deck_edge(ctx, main, accent, up):
    profile = [(-262, -44 * up), (-236, -30 * up), (-196, -4 * up), (-120, 4 * up), (0, 6 * up),
               (120, 4 * up), (196, -4 * up), (236, -30 * up), (262, -44 * up)]
    for width, lift, colour in ((24, 0, main), (9, -9, "#2c2a33"), (5, 5, accent)):
        curve(ctx, [(x, y + lift * up) for x, y in profile])
        stroke(ctx, colour, width)


def _deck_face(ctx, main, accent, face):
    with at(ctx, 0, 0, stretch=(1, face)):
        rect(ctx, -268, -70, 536, 140, 70)
        fill(ctx, linear(-268, -70, 268, 70, lighter(main, 0.15), main, darker(main, 0.2)))
        rect(ctx, -268, -70, 536, 140, 70)
        with clipped(ctx):
            oval(ctx, 0, 0, 96, 96)
            fill(ctx, accent)
            for i in range(4):
                rect(ctx, -110, 12 + i * 15, 220, 7)
                fill(ctx, main)
            for side in (-1, 1):
                for i in range(4):
                    curve(ctx, [(side * (130 + i * 26), -80), (side * (150 + i * 26), 0),
                                (side * (130 + i * 26), 80)])
                    stroke(ctx, accent, 8, 0.9 - i * 0.2)
        for x in (-150, 150):
            for dx, dy in ((-12, -14), (12, -14), (-12, 14), (12, 14)):
                oval(ctx, x + dx, dy, 3.5)
                fill(ctx, "#3a3540")
        rect(ctx, -268, -70, 536, 140, 70)
        stroke(ctx, lighter(main, 0.5), 5, 0.8)


# --- backpack -----------------------------------------------------------------------------


def backpack_back(ctx, variant="marigold", open_=0.0):
    """Everything behind the items that come out: back panel, straps, open flap."""
    colour = PACKS[variant]
    for side in (-1, 1):
        curve(ctx, [(side * 120, -300), (side * 182, -230), (side * 176, -90), (side * 140, -30)])
        stroke(ctx, darker(colour, 0.5), 30)
    curve(ctx, [(-44, -392), (-36, -452), (36, -452), (44, -392)])
    stroke(ctx, darker(colour, 0.45), 18)
    curve(ctx, [(-150, -40), (-160, -250), (-130, -370), (0, -408), (130, -370), (160, -250),
                (150, -40)], True)
    fill(ctx, darker(colour, 0.55))
    if open_ > 0.02:
        curve(ctx, [(-128, -350), (-110, -360 - 100 * open_), (0, -372 - 124 * open_),
                    (110, -360 - 100 * open_), (128, -350)], True)
        fill(ctx, linear(0, -480, 0, -350, lighter(colour, 0.08), darker(colour, 0.35)))


def backpack_front(ctx, variant="marigold", open_=0.0):
    """Front body, pocket and the closed part of the flap."""
    colour = PACKS[variant]
    ctx.move_to(-164, -290)
    ctx.curve_to(-176, -160, -176, -60, -152, -16)
    ctx.curve_to(-110, 6, 110, 6, 152, -16)
    ctx.curve_to(176, -60, 176, -160, 164, -290)
    ctx.curve_to(90, -268, -90, -268, -164, -290)
    fill(ctx, linear(-170, 0, 170, 0, (darker(colour, 0.22), 1, 0), (lighter(colour, 0.22), 1, 0.3),
                     (colour, 1, 0.6), (darker(colour, 0.42), 1, 1)))
    rect(ctx, -112, -158, 224, 132, 30)
    fill(ctx, linear(0, -158, 0, -20, lighter(colour, 0.14), darker(colour, 0.2)))
    rect(ctx, -112, -158, 224, 132, 30)
    stroke(ctx, darker(colour, 0.35), 4, 0.7)
    curve(ctx, [(-96, -126), (0, -120), (96, -126)])
    stroke(ctx, darker(colour, 0.6), 7)
    rect(ctx, 76, -128, 12, 34, 6)
    fill(ctx, "#f4ead8")
    rect(ctx, -30, -88, 60, 36, 7)
    fill(ctx, "#8a5230")
    curve(ctx, [(-16, -64), (-5, -78), (5, -64), (16, -78)])
    stroke(ctx, "#f4d9b0", 4)
    if open_ < 0.98:
        _flap(ctx, colour, 1 - open_)
    shine(ctx, -140, -250, 34, 190, 0.22)


def _flap(ctx, colour, closed):
    low = -372 + 172 * closed
    ctx.move_to(-158, -296)
    ctx.curve_to(-152, -372, -90, -404, 0, -406)
    ctx.curve_to(90, -404, 152, -372, 158, -296)
    ctx.curve_to(162, low, 110, low, 0, low + 6)
    ctx.curve_to(-110, low, -162, low, -158, -296)
    fill(ctx, linear(-140, -400, 140, low, lighter(colour, 0.26), colour, darker(colour, 0.3)))
    for x in (-74, 74):
        rect(ctx, x - 12, low - 40 * closed, 24, 74 * closed, 6)
        fill(ctx, linear(x - 12, 0, x + 12, 0, "#a4683f", "#74431f"))
        rect(ctx, x - 16, low + 8 * closed, 32, 22 * closed, 5)
        fill(ctx, "#e9d7a2")


def backpack(ctx, variant="marigold"):
    """Closed backpack."""
    backpack_back(ctx, variant)
    backpack_front(ctx, variant)


# --- headphones ------------------------------------------------------------------------------


def headphones(ctx, variant="cream"):
    """Over-ear headphones seen from the front."""
    colour = PHONES[variant]
    dark = darker(colour, 0.55)
    arc = [(-164, -150), (-160, -280), (-96, -376), (0, -404), (96, -376), (160, -280), (164, -150)]
    curve(ctx, arc)
    stroke(ctx, linear(-160, -400, 160, -200, lighter(colour, 0.25), colour, darker(colour, 0.4)), 40)
    curve(ctx, [(x * 0.9, y + 18) for x, y in arc[1:-1]])
    stroke(ctx, dark, 22)
    curve(ctx, [(-96, -384), (0, -412), (96, -384)])
    stroke(ctx, "#ffffff", 6, 0.45)
    for side in (-1, 1):
        rect(ctx, side * 164 - 8, -210, 16, 90, 8)
        fill(ctx, linear(0, -210, 0, -120, "#f2f2f4", "#8b8d96"))
        with at(ctx, side * 164, -104, stretch=(side, 1), turn=side * -0.06):
            rect(ctx, -64, -92, 62, 184, 30)
            fill(ctx, linear(-64, 0, -4, 0, darker(dark, 0.4), lighter(dark, 0.12)))
            rect(ctx, -18, -104, 76, 208, 38)
            fill(ctx, linear(-18, -104, 58, 104, lighter(colour, 0.32), colour, darker(colour, 0.42)))
            rect(ctx, 10, -70, 34, 140, 17)
            fill(ctx, linear(10, -70, 44, 70, darker(colour, 0.3), lighter(colour, 0.1)))
            rect(ctx, -8, -84, 12, 150, 6)
            fill(ctx, "#ffffff", 0.3)
            oval(ctx, 27, 0, 8)
            fill(ctx, "#ffb86b")


# --- notebook ----------------------------------------------------------------------------------


def notebook(ctx, colour="#33507a"):
    """Closed cloth notebook with an elastic band and a ribbon."""
    curve(ctx, [(40, -20), (46, 14), (36, 34)])
    stroke(ctx, "#e2a02f", 9)
    rect(ctx, -122, -342, 252, 342, 16)
    fill(ctx, darker(colour, 0.5))
    rect(ctx, -124, -340, 246, 332, 10)
    fill(ctx, linear(0, -340, 0, 0, "#fbf5e8", "#d9ccb4"))
    rect(ctx, -132, -346, 248, 338, 16)
    fill(ctx, linear(-132, -346, 116, 0, lighter(colour, 0.22), colour, darker(colour, 0.28)))
    rect(ctx, -132, -346, 36, 338, 16)
    fill(ctx, darker(colour, 0.35), 0.6)
    rect(ctx, 76, -346, 13, 338)
    fill(ctx, "#e2a02f")
    rect(ctx, -66, -268, 116, 72, 8)
    fill(ctx, "#f6ead2")
    for i, width in enumerate((84, 60)):
        rect(ctx, -50, -248 + i * 22, width, 6, 3)
        fill(ctx, colour, 0.7)
