"""Scenes at home: mug, kettle, candle, lamp, armchair and plant."""

import math
import random

import cairo

from ..canvas import (H, W, at, clipped, cover, curve, darker, faded, fill, glow, lighter, linear,
                      mix, oval, polygon, radial, rect, shadow, stroke, vignette)
from ..captions import caption
from ..easing import (clamp, in_cubic, lerp, linear_ease, out_back, out_cubic, ramp, wave, window,
                      wobble)
from ..products.kitchen import carafe, kettle, mug, product_shadow, steam
from ..products.living import (armchair, candle, cat, flame, lamp, lamp_head, light_cone, plant,
                               stool)
from ..products.street import notebook
from .common import bokeh, dust, sun, table, tiles, window_frame, window_light, zoom


# --- mug ------------------------------------------------------------------------


def _kitchen_back(ctx):
    cover(ctx, linear(0, 0, 200, H, "#f7e6cc", "#eec89b", "#d39b6b"))
    rect(ctx, 396, 40, 300, 470, 10)
    fill(ctx, linear(396, 40, 700, 500, "#fffaf0", "#ffe2ac"))
    for x in (396, 541, 688):
        rect(ctx, x, 40, 13, 470)
        fill(ctx, "#c99c6c")
    rect(ctx, 380, 250, 330, 13)
    fill(ctx, "#c99c6c")
    rect(ctx, -20, 620, 300, 18)
    fill(ctx, "#a86f43")
    for x, height, colour in ((20, 110, "#7d9b7c"), (84, 150, "#c96f4a"), (150, 84, "#e9d6b8")):
        rect(ctx, x, 620 - height, 54, height, 14)
        fill(ctx, colour)
    bokeh(ctx, 3, 10, (380, 60, 320, 420), ["#fff3cf", "#ffdf9e"], alpha=0.35)


def mug_scene(stage):
    """Coffee is poured into a stoneware mug on a sunny morning."""
    ctx, t = stage.ctx, stage.t
    with zoom(stage, 0.06, (320, 740)):
        stage.layer("back", _kitchen_back, blur=9)
        window_light(ctx, 130 + 12 * t, 330, 330, 360, 0.22)
        stage.layer("table", lambda c: table(c, 812, "#b77a48"))
        for x, y, turn in ((96, 960, .4), (150, 1006, 1.9), (560, 944, 2.6), (604, 1010, .9)):
            _bean(ctx, x, y, turn)
        with at(ctx, 318, 936):
            product_shadow(ctx, 430, 0.55)
            oval(ctx, 0, -8, 212, 46)
            fill(ctx, linear(-200, 0, 200, 0, "#f8ead2", "#dcc09a"))
            oval(ctx, 0, -14, 168, 33)
            fill(ctx, linear(-160, 0, 160, 0, "#d2b286", "#f3e1c3"))
        level = ramp(t, 1.1, 3.7)
        pouring = window(t, 0.9, 3.8, 0.3)
        with at(ctx, 318, 926, 1.22):
            mug(ctx, "sand", level, ripple=(t * 1.3 % 1 + 0.01) if pouring > 0.05 else 0.0)
        _pour(ctx, t, pouring, level)
        steam(ctx, 318, 610 + 40 * (1 - level), t, ramp(t, 2.0, 4.6), 270)
        dust(ctx, t, 5, 26, (80, 330, 560, 480))
    vignette(ctx, 0.32)
    caption(ctx, t, 0.3, 4.3, "Slow\nmornings", "Coffee first.", "#4a2a1a",
            "#c4622d", "drift", 92)
    caption(ctx, t, 4.5, 99, "One good\nmug", "Stoneware, glazed by hand", "#4a2a1a", "#c4622d",
            "rise", 92)


def _bean(ctx, x, y, turn):
    shadow(ctx, x + 3, y + 12, 34, 10, 0.4)
    with at(ctx, x, y, turn=turn):
        oval(ctx, 0, 0, 25, 16)
        fill(ctx, radial(-6, -6, 30, "#8a5534", "#3d2012"))
        curve(ctx, [(-21, 0), (-7, 4), (7, -4), (21, 0)])
        stroke(ctx, "#2a140b", 3.5)


def _pour(ctx, t, pouring, level):
    arrive = ramp(t, 0.1, 0.9, out_cubic) * (1 - ramp(t, 3.9, 4.8, in_cubic))
    if arrive <= 0:
        return
    tip = (lerp(800, 322, arrive), lerp(300, 452, arrive))
    if pouring > 0.02:
        surface = 622 + 66 * (1 - level) * 1.0
        start = ramp(t, 0.9, 1.15, in_cubic)
        end = ramp(t, 3.55, 3.8, in_cubic)
        top, low = lerp(tip[1], surface, end), lerp(tip[1], surface, start)
        points = [(tip[0] - 2, top), (tip[0] - 8 + 2 * wave(t, .21), (top + low) / 2),
                  (tip[0] - 6, low)]
        curve(ctx, points)
        stroke(ctx, linear(tip[0] - 12, 0, tip[0] + 8, 0, "#4a2512", "#9c5c31", "#4a2512"), 15)
    with at(ctx, *tip, 0.98, turn=-0.42 * arrive + 0.03 * wave(t, 1.4)):
        carafe(ctx)


# --- kettle ------------------------------------------------------------------------


def _stove_back(ctx):
    cover(ctx, "#b9c6bb")
    tiles(ctx, (0, 0, W, 800), "#c5d3c8")
    cover(ctx, linear(0, 0, 0, 860, ("#fff2d8", 0.55), ("#fff2d8", 0), ("#39524c", 0.5)))
    rect(ctx, 470, 386, 270, 20, 4)
    fill(ctx, linear(0, 386, 0, 406, "#b5814f", "#8a5a30"))
    shadow(ctx, 610, 416, 160, 26, 0.3)
    for x, colour in ((520, "#c4513a"), (590, "#efe3c8"), (654, "#4f7d80")):
        rect(ctx, x, 306, 54, 80, 12)
        fill(ctx, linear(x, 0, x + 54, 0, lighter(colour, .2), darker(colour, .25)))
        rect(ctx, x - 3, 296, 60, 16, 6)
        fill(ctx, "#a87545")


def _burner(ctx, t, heat):
    for i in range(11):
        x = 326 + (i - 5) * 27
        tall = heat * (30 + 7 * wobble(t * 2.4, i)) * (1 - 0.05 * abs(i - 5))
        for size, colour, alpha in ((1.0, "#3f7dff", .8), (.6, "#8fd0ff", .9), (.25, "#ffffff", .9)):
            ctx.move_to(x - 11 * size, 884)
            ctx.curve_to(x - 12 * size, 884 - tall * size * .7, x, 884 - tall * size,
                         x + 3 * wobble(t * 2, i), 884 - tall * size * 1.25)
            ctx.curve_to(x + 4, 884 - tall * size, x + 12 * size, 884 - tall * size * .7,
                         x + 11 * size, 884)
            fill(ctx, colour, alpha)
    glow(ctx, 326, 880, 240, "#4f8cff", 0.35 * heat, 90)


def _stove(ctx):
    rect(ctx, 0, 912, W, H - 912)
    fill(ctx, linear(0, 912, 0, H, "#f3f0ea", "#c9c4bb", "#8f8a82"))
    rect(ctx, 0, 912, W, 14)
    fill(ctx, "#ffffff", 0.7)
    for i in range(3):
        oval(ctx, 150 + i * 150, 1010, 42)
        fill(ctx, linear(0, 968, 0, 1052, "#4a4d55", "#24262c"))
        rect(ctx, 146 + i * 150, 974, 8, 30, 4)
        fill(ctx, "#f1c27a")
    rect(ctx, 60, 1110, 600, 200, 24)
    fill(ctx, linear(0, 1110, 0, 1280, "#3a3d45", "#1e2026"))


def _grate(ctx):
    for x in (150, 238, 326, 414, 502):
        rect(ctx, x - 7, 850, 14, 62, 6)
        fill(ctx, "#2a2c33")
    rect(ctx, 126, 848, 400, 13, 6)
    fill(ctx, "#3a3d46")


def kettle_scene(stage):
    """A kettle comes to the boil until its lid dances."""
    ctx, t = stage.ctx, stage.t
    boil = ramp(t, 2.2, 5.2)
    with zoom(stage, 0.05, (340, 720)):
        stage.layer("back", _stove_back, blur=4)
        stage.layer("stove", _stove)
        heat = ramp(t, 0.5, 1.2, out_back)
        _burner(ctx, t, heat)
        stage.layer("grate", _grate)
        shake = boil * 2.2 * wobble(t * 9, 1)
        with at(ctx, 336 + shake * .5, 850, 1.0, turn=0.004 * shake):
            kettle(ctx, "teal", lid=boil * (5 + 5 * wobble(t * 6, 2)))
        glow(ctx, 326, 850, 190, "#5b93ff", 0.25 * heat, 60)
        with at(ctx, 98, 602, turn=-0.5):
            steam(ctx, 0, 0, t * 1.4, boil * 1.5, 260)
        with at(ctx, 574, 914, 0.46):
            product_shadow(ctx, 280, 0.5)
            mug(ctx, "ink", 0.0)
        steam(ctx, 336, 590, t * 1.2, boil * 0.7, 190)
    vignette(ctx, 0.3, "#0e1f1d")
    caption(ctx, t, 0.3, 4.4, "Put the\nkettle on", "Whistles when it is ready", "#1f3b3a",
            "#c4513a", "cascade", 88)
    caption(ctx, t, 4.6, 99, "Tea o'clock", "Enamel, oak and a good spout", "#1f3b3a", "#c4513a",
            "rise", 88)


# --- candle -----------------------------------------------------------------------------


def _cosy_back(ctx):
    cover(ctx, linear(0, 0, 0, H, "#2c1a2e", "#44243a", "#1c0f18"))
    rng = random.Random(31)
    for shelf in (400, 640):
        x = -10
        while x < 740:
            w, h = rng.uniform(26, 60), rng.uniform(110, 180)
            rect(ctx, x, shelf - h, w - 4, h, 4)
            fill(ctx, rng.choice(["#6a3346", "#84503e", "#35435e", "#54445f", "#7a6a4a"]), 0.75)
            x += w
        rect(ctx, 0, shelf, W, 16)
        fill(ctx, "#1d1019")
    bokeh(ctx, 8, 16, (20, 120, 700, 520), ["#ffb65c", "#ff8f6b"], (12, 40), 0.35)


def candle_scene(stage):
    """A match lights a scented candle in a dark room."""
    ctx, t = stage.ctx, stage.t
    lit = ramp(t, 2.0, 2.7, out_back)
    with zoom(stage, 0.06, (330, 720)):
        stage.layer("back", _cosy_back, blur=12)
        stage.layer("table", lambda c: table(c, 836, "#5a3226"))
        glow(ctx, 330, 560, 560, "#ff9a3c", lit * (0.42 + 0.03 * wobble(t)))
        glow(ctx, 330, 930, 420, "#ffab52", lit * 0.4, 110)
        for x, y, turn in ((110, 930, .3), (560, 960, -.5)):
            _fig(ctx, x, y, turn)
        with at(ctx, 330, 926, 1.16):
            product_shadow(ctx, 290, 0.6)
            candle(ctx, "amber", clamp(lit, 0, 1.1), t)
        _match(ctx, t)
        for i in range(14):
            age = (t * 0.16 + i / 14) % 1
            x = 330 + 150 * wobble(t * .25, i) * age
            oval(ctx, x, 560 - 330 * age, 2.4)
            fill(ctx, "#ffcf7a", 0.7 * lit * (1 - age) * min(1, age * 6))
    vignette(ctx, 0.55)
    caption(ctx, t, 0.3, 4.2, "Lights low", "Give yourself an evening", "#ffe9cf", "#ff9a4a",
            "drift", 92)
    caption(ctx, t, 4.4, 99, "Fig & cedar", "Fifty hours of calm", "#ffe9cf", "#ff9a4a", "rise",
            92)


def _fig(ctx, x, y, turn):
    shadow(ctx, x, y + 34, 70, 16, 0.6)
    with at(ctx, x, y, turn=turn):
        ctx.move_to(0, -64)
        ctx.curve_to(16, -30, 54, -10, 48, 22)
        ctx.curve_to(40, 46, -40, 46, -48, 22)
        ctx.curve_to(-54, -10, -16, -30, 0, -64)
        fill(ctx, radial(-14, -4, 70, "#8a4a6e", "#3a1c38"))
        for side in (-20, 0, 20):
            curve(ctx, [(side * .2, -44), (side * 1.1, -6), (side, 34)])
            stroke(ctx, "#b3769a", 2, 0.35)


def _match(ctx, t):
    come = ramp(t, 0.5, 1.8, out_cubic) * (1 - ramp(t, 2.5, 3.5, in_cubic))
    if come <= 0:
        return
    x, y = lerp(820, 352, come), lerp(420, 628, come)
    with at(ctx, x, y, turn=-0.7):
        ctx.move_to(6, 0)
        ctx.line_to(250, 0)
        stroke(ctx, linear(0, 0, 250, 0, "#5a3a20", "#e3b982", "#f0d2a2"), 12)
        oval(ctx, 0, 0, 13, 10)
        fill(ctx, "#3a1a14")
    flame(ctx, x, y - 2, t * 1.3, 0.62 * window(t, 0.5, 3.5, 0.35))


# --- lamp ----------------------------------------------------------------------------------


def _evening_back(ctx):
    cover(ctx, linear(0, 0, 0, H, "#26345c", "#33406b", "#202544"))

    def city(c):
        cover(c, linear(0, 300, 0, 720, "#1c2b5e", "#6a4f8f", "#f0857a"))
        rng = random.Random(9)
        for x in range(400, 720, 44):
            top = rng.uniform(480, 600)
            rect(c, x, top, 42, 300)
            fill(c, "#1c2148")
            for _ in range(7):
                rect(c, x + rng.randrange(3) * 13 + 4, top + 10 + rng.randrange(9) * 18, 8, 10)
                fill(c, "#ffd58a", 0.8)

    window_frame(ctx, 424, 300, 330, 410, "#4a5480", city)
    rect(ctx, 48, 470, 150, 190, 6)
    fill(ctx, "#3f4c7d")
    oval(ctx, 123, 548, 44)
    fill(ctx, "#f0a97a", 0.8)
    polygon(ctx, (48, 660), (110, 580), (198, 660))
    fill(ctx, "#27325c")


def lamp_scene(stage):
    """At dusk a desk lamp nods awake and lights a notebook."""
    ctx, t = stage.ctx, stage.t
    flicker = 1.0 if t > 2.35 or not 2.12 < t < 2.2 else 0.3
    on = ramp(t, 2.0, 2.5) * flicker
    lean = 0.30 * (1 - ramp(t, 0.8, 1.7, out_back)) + 0.02 * wave(t, 4)
    base = (228, 924)
    _, head, turn = lamp_head(lean)
    with zoom(stage, 0.05, (360, 760)):
        stage.layer("back", _evening_back, blur=3)
        stage.layer("table", lambda c: table(c, 862, "#6b4a3e"))
        glow(ctx, 400, 800, 640, "#ffb85a", 0.42 * on)
        with at(ctx, 440, 966):
            _notebook_flat(ctx, t, on)
        with at(ctx, *base, 1.15):
            product_shadow(ctx, 230, 0.55)
            with at(ctx, *head, turn=turn):
                light_cone(ctx, on, 540)
            lamp(ctx, "ochre", on, lean)
        glow(ctx, 470, 930, 300, "#ffd890", 0.45 * on, 90)
        dust(ctx, t, 14, int(30 * on), (330, 600, 300, 300), "#ffe9b8", 0.7)
    vignette(ctx, 0.45, "#080b1e")
    caption(ctx, t, 0.3, 4.1, "Blue hour?", "Not on this desk", "#e6ecff", "#ffb84d", "rise", 92)
    caption(ctx, t, 4.3, 99, "Golden hour,\non demand", "Tilt, click, write", "#fff1d6", "#ffb84d",
            "cascade", 78)


def _notebook_flat(ctx, t, on):
    shadow(ctx, 10, 6, 190, 34, 0.55)
    with at(ctx, -10, -8, 0.95, stretch=(1, 0.34)):
        ctx.transform(cairo.Matrix(1, 0, -0.5, 1, 0, 0))
        with at(ctx, 0, 40):
            notebook(ctx)
    cover_dark = (1 - on) * 0.35
    with at(ctx, 0, 0):
        oval(ctx, 20, -60, 200, 60)
        fill(ctx, radial(20, -60, 200, ("#0b1030", cover_dark, 0), ("#0b1030", 0, 1)))
    tilt = 0.03 * wave(t, 3)
    ctx.move_to(96, -40)
    ctx.line_to(206, -96 + 10 * tilt)
    stroke(ctx, linear(96, -40, 206, -96, "#e8b04a", "#c4513a"), 11)


# --- armchair ----------------------------------------------------------------------------------

_DAY = [(0.0, "#f2d2b4", "#ffd9a0", 0.30), (0.3, "#efe3cf", "#fff6da", 0.55),
        (0.62, "#f0c39a", "#ffb066", 0.5), (0.82, "#8f6f86", "#ff8a66", 0.2),
        (1.0, "#3f4166", "#8fa6ff", 0.16)]


def _time_of_day(place):
    for (p0, w0, l0, a0), (p1, w1, l1, a1) in zip(_DAY, _DAY[1:]):
        if place <= p1:
            u = (place - p0) / (p1 - p0)
            return mix(w0, w1, u), mix(l0, l1, u), lerp(a0, a1, u)
    return _DAY[-1][1:]


def armchair_scene(stage):
    """Light of a whole day wanders through a reading corner."""
    ctx, t = stage.ctx, stage.t
    place = clamp(t / (stage.duration - 1.2))
    wall, light, strength = _time_of_day(place)
    cover(ctx, linear(0, 0, 0, 900, lighter(wall, 0.12), wall))
    window_light(ctx, lerp(640, 210, place), 250 + 70 * place, 300, 400, strength,
                 lerp(0.75, -0.2, place), light)
    rect(ctx, 0, 838, W, 30)
    fill(ctx, lighter(wall, 0.3))
    floor = mix("#a8703f", wall, 0.28)
    table(ctx, 866, floor, lines=6)
    oval(ctx, 350, 986, 360, 74)
    fill(ctx, mix("#efe0c6", wall, 0.25))
    oval(ctx, 350, 986, 320, 62)
    stroke(ctx, mix("#c5613f", wall, 0.2), 5, 0.6)
    _picture(ctx, wall)
    night = ramp(t, 8.6, 9.4)
    with at(ctx, 322, 972, 1.04):
        shadow(ctx, lerp(70, -80, place), 4, 300, 40, 0.5)
        armchair(ctx, "rust")
    with at(ctx, 290, 784, 0.84):
        cat(ctx, t)
    with at(ctx, 588, 992, 0.98):
        shadow(ctx, lerp(30, -40, place), 2, 130, 22, 0.45)
        stool(ctx)
    with at(ctx, 588, 780, 0.42):
        plant(ctx, "slate", 0.85, t)
    cover(ctx, "#14183c", 0.3 * ramp(place, 0.7, 1.0))
    glow(ctx, 470, 640, 620, "#ffb65c", 0.6 * night)
    vignette(ctx, 0.3)
    ink = mix("#4a2419", "#fff0da", ramp(place, 0.6, 0.8))
    caption(ctx, t, 0.3, 5.3, "Your corner", "From the first light", ink, "#c5613f", "rise", 92)
    caption(ctx, t, 5.5, 99, "all day long", "to the last page", ink, "#ff9a6b", "drift", 92)


def _picture(ctx, wall):
    rect(ctx, 60, 430, 120, 156, 4)
    fill(ctx, mix("#fff8ea", wall, 0.2))
    rect(ctx, 72, 442, 96, 132)
    fill(ctx, mix("#3f6f8f", wall, 0.25))
    oval(ctx, 120, 494, 24)
    fill(ctx, mix("#f2b66a", wall, 0.2))
    polygon(ctx, (72, 574), (110, 516), (134, 548), (150, 528), (168, 574))
    fill(ctx, mix("#22384d", wall, 0.25))


# --- plant ----------------------------------------------------------------------------------------


def plant_scene(stage):
    """A plant grows up while suns and moons go by."""
    ctx, t = stage.ctx, stage.t
    turn = t / 3.0
    day = 0.5 + 0.5 * math.cos(math.tau * turn)
    cover(ctx, linear(0, 0, 0, H, mix("#7fa8a8", "#d9efd2", day), mix("#a8cbb4", "#f6f2cf", day)))
    oval(ctx, 340, 640, 316)
    fill(ctx, linear(0, 330, 0, 960, mix("#31486e", "#bfe6ea", day), mix("#6f6a94", "#fff0b8", day)))
    oval(ctx, 340, 640, 316)
    with clipped(ctx):
        for index, colour in enumerate(("#ffd65c", "#eef2ff")):
            angle = math.tau * (turn + index / 2) - math.pi / 2
            x, y = 340 + 250 * math.cos(angle), 700 + 260 * math.sin(angle)
            sun(ctx, x, y, 48 - 12 * index, colour, 0.5)
        _hills(ctx, day)
    stage.layer("sill", _sill)
    growth = ramp(t, 0.4, 7.6, linear_ease)
    with at(ctx, 340, 962, 0.86 + 0.012 * wave(t, 1.5)):
        product_shadow(ctx, 250, 0.45)
        plant(ctx, "terracotta", growth, t)
    _rain(ctx, t)
    _butterfly(ctx, t)
    vignette(ctx, 0.18, "#123a2c")
    caption(ctx, t, 0.3, 4.6, "Give it time", "A little water, a lot of sun", "#1f4a38", "#e07b39",
            "cascade", 84, 112)
    caption(ctx, t, 4.8, 99, "Watch it go", "Terracotta pot included", "#1f4a38", "#e07b39",
            "rise", 84, 112)


def _hills(ctx, day):
    for base, height, colour in ((820, 60, "#8fc7a0"), (870, 40, "#6fae88")):
        curve(ctx, [(0, base), (160, base - height), (340, base), (520, base - height), (720, base)])
        ctx.line_to(720, 1000)
        ctx.line_to(0, 1000)
        fill(ctx, mix("#3f5f74", colour, day))


def _sill(ctx):
    table(ctx, 940, "#d8a774", lines=6)


def _rain(ctx, t):
    rng = random.Random(6)
    alpha = window(t, 2.2, 4.6, 0.5)
    if alpha <= 0:
        return
    for _ in range(16):
        x, phase = rng.uniform(170, 520), rng.random()
        y = 400 + 460 * ((t * 0.9 + phase) % 1)
        with at(ctx, x, y):
            ctx.move_to(0, -18)
            ctx.curve_to(8, -4, 9, 8, 0, 8)
            ctx.curve_to(-9, 8, -8, -4, 0, -18)
            fill(ctx, "#5fb3d9", 0.8 * alpha)


def _butterfly(ctx, t):
    come = ramp(t, 5.6, 7.6, out_cubic)
    if come <= 0:
        return
    x = lerp(-60, 452, come) + 16 * wave(t, 2.2)
    y = lerp(520, 452, come) + 22 * wave(t, 1.3)
    flap = 0.35 + 0.65 * abs(wave(t, 0.5))
    with at(ctx, x, y, 1.2, turn=0.2), faded(ctx, 1):
        for side in (-1, 1):
            with at(ctx, stretch=(side * flap, 1)):
                oval(ctx, 24, -14, 24, 19)
                fill(ctx, "#ff8a4c")
                oval(ctx, 18, 14, 15, 13)
                fill(ctx, "#ffb35c")
        rect(ctx, -3, -20, 6, 42, 3)
        fill(ctx, "#3a2a2a")
