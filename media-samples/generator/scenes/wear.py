"""Scenes with things to wear: watch, sunglasses, scarf and beanie."""

import math
import random

from ..canvas import (H, W, at, cover, curve, fill, glow, lighter, linear, mix, oval, polygon,
                      radial, rect, shadow, star, stroke, vignette)
from ..captions import caption
from ..easing import lerp, linear_ease, out_back, out_cubic, ramp, wave, wobble
from ..products.wear import beanie, scarf_tail, scarf_wrap, sunglasses, watch
from .common import sun


# --- watch --------------------------------------------------------------------------


def _gear(ctx, x, y, radius, teeth, turn, alpha):
    with at(ctx, x, y, turn=turn):
        for i in range(teeth):
            with at(ctx, turn=math.tau * i / teeth):
                rect(ctx, -radius * 0.09, -radius * 1.12, radius * 0.18, radius * 0.2, 4)
                fill(ctx, "#e8c48a", alpha)
        oval(ctx, 0, 0, radius * 0.94)
        stroke(ctx, "#e8c48a", radius * 0.14, alpha)
        for i in range(5):
            with at(ctx, turn=math.tau * i / 5):
                rect(ctx, -radius * .05, -radius * .9, radius * .1, radius * .9)
                fill(ctx, "#e8c48a", alpha)
        oval(ctx, 0, 0, radius * 0.2)
        fill(ctx, "#e8c48a", alpha)


def watch_scene(stage):
    """The hands of a watch race through a day and come to rest."""
    ctx, t = stage.ctx, stage.t
    stage.layer("back", lambda c: cover(c, radial(330, 690, 900, "#2f6a70", "#143840", "#081a22")))
    race = ramp(t, 0.8, 4.6)
    spin = race * 5.2
    for x, y, r, teeth, way in ((90, 500, 150, 20, 1), (620, 560, 110, 15, -1.33),
                                (580, 950, 170, 22, 0.9), (70, 950, 120, 16, -1.25)):
        _gear(ctx, x, y, r, teeth, way * (spin + t * 0.12), 0.13)
    glow(ctx, 330, 720, 430, "#7fd4cf", 0.32)
    for i in range(60):
        with at(ctx, 330, 720, turn=math.tau * i / 60 + spin * .2):
            lit = ramp(race * 60, i, i + 4)
            rect(ctx, -2, -282, 4, 16 if i % 5 else 26, 2)
            fill(ctx, mix("#6aa3a3", "#ffb36b", lit), 0.35 + 0.5 * lit)
    clock = 36_544 - 12 * 3600 * (1 - race) + math.floor(t * 4) / 4
    gleam = ((t - 4.8) / 1.1) if 4.8 < t < 5.9 else None
    with at(ctx, 338, 730, 1.0):
        shadow(ctx, 16, 30, 290, 330, 0.5, "#020a0e")
    with at(ctx, 330, 720, 1.0 + 0.03 * ramp(t, 4.4, 5.2, out_back), turn=0.05 * wave(t, 9)):
        watch(ctx, "steel", clock, gleam)
    _sparkle(ctx, t)
    vignette(ctx, 0.4, "#020a0e")
    caption(ctx, t, 0.3, 4.2, "Keep your time", "Twelve hours in four seconds", "#f6ead6",
            "#ff9d5c", "rise", 80, 116)
    caption(ctx, t, 4.5, 99, "Ten past ten", "Always a good moment", "#f6ead6", "#ff9d5c", "drift",
            80, 116)


def _sparkle(ctx, t):
    for when, x, y, size in ((5.0, 206, 556, 40), (5.4, 470, 600, 30), (5.9, 480, 830, 34)):
        age = ramp(t, when, when + 0.9, linear_ease)
        power = math.sin(math.pi * age)
        if power > 0.01:
            with at(ctx, x, y, power, age * 1.2):
                star(ctx, 0, 0, size, size * .14)
                fill(ctx, "#ffffff", 0.95)


# --- sunglasses ------------------------------------------------------------------------


def _sea(ctx, t):
    for i in range(9):
        y = 560 + i * i * 3.6 + i * 6
        tall = 3 + i * 1.4
        points = [(x, y + tall * wave(t, 3.2 + i * .2, x / (150 + 40 * i) + i * .37))
                  for x in range(-40, 801, 40)]
        curve(ctx, points)
        ctx.line_to(800, 960)
        ctx.line_to(-40, 960)
        fill(ctx, mix("#ff9d7a", "#1f6f8f", min(1, i / 6)), 0.62)
    rng = random.Random(3)
    for _ in range(34):
        y = 566 + rng.random() ** 1.6 * 240
        half = (y - 540) * 0.5
        x = 400 + rng.uniform(-half, half)
        twinkle = max(0.0, wave(t, rng.uniform(.9, 1.9), rng.random()))
        rect(ctx, x - 22, y, 44 * rng.uniform(.4, 1), 4, 2)
        fill(ctx, "#fff1c4", 0.85 * twinkle)


def _beach(ctx):
    ctx.move_to(0, 870)
    ctx.curve_to(220, 806, 500, 880, 720, 822)
    ctx.line_to(720, H)
    ctx.line_to(0, H)
    fill(ctx, linear(0, 830, 0, H, "#ffe0b0", "#eab680", "#a86f56"))
    rng = random.Random(7)
    for _ in range(420):
        oval(ctx, rng.uniform(0, W), rng.uniform(890, H), rng.uniform(.8, 2.2))
        fill(ctx, rng.choice(["#fff3d6", "#b9805c"]), 0.5)
    for x, y, s in ((96, 1010, 1.0), (590, 1060, .8)):
        with at(ctx, x, y, s, 0.4):
            shadow(ctx, 4, 24, 50, 12, 0.4)
            ctx.move_to(0, 26)
            ctx.curve_to(-60, 10, -44, -36, 0, -36)
            ctx.curve_to(44, -36, 60, 10, 0, 26)
            fill(ctx, linear(0, -36, 0, 26, "#fff4ea", "#f0a58c"))
            for i in range(-2, 3):
                ctx.move_to(0, 24)
                ctx.line_to(i * 15, -30)
                stroke(ctx, "#d98a76", 2.4, 0.7)


def _palm(ctx, t):
    with at(ctx, 742, 250, turn=0.05 * wobble(t * .5)):
        for i in range(6):
            with at(ctx, turn=2.2 + i * 0.36 + 0.03 * wave(t, 3, i * .2)):
                ctx.move_to(0, 0)
                ctx.curve_to(110, -60, 250, -40, 330, 60)
                ctx.curve_to(240, 0, 120, 0, 0, 0)
                fill(ctx, linear(0, 0, 330, 0, "#2d1f4d", "#4d2f63"))


def sunglasses_scene(stage):
    """Sunglasses on the beach mirror the setting sun."""
    ctx, t = stage.ctx, stage.t
    stage.layer("sky", lambda c: cover(c, linear(0, 0, 0, 640, "#46307f", "#b03f7c", "#f27a5c",
                                                 "#ffd68f")))
    sink = ramp(t, 0, stage.duration, linear_ease)
    sun(ctx, 400, 494 + 40 * sink, 92, "#ffd36b", 0.7)
    for index, (x, y) in enumerate(((96, 480), (190, 452), (560, 430))):
        flap = 14 * wave(t, 0.9, index * .3)
        with at(ctx, x + t * 9, y + 6 * wave(t, 2.5, index * .4), 0.8):
            curve(ctx, [(-34, -flap), (-16, -10), (0, 0), (16, -10), (34, -flap)])
            stroke(ctx, "#4b2a5e", 5)
    _sea(ctx, t)
    stage.layer("beach", _beach)
    _foam(ctx, t)
    come = ramp(t, 0.3, 1.3, out_back)
    shadow(ctx, 332, 948, 280 * come, 30, 0.5, "#3a1a2a")
    with at(ctx, 326, lerp(300, 944, come), 1.14, turn=(1 - come) * -0.6 - 0.04):
        sunglasses(ctx, "amber", lambda c: _mirror(c, t))
    _glint(ctx, t)
    _palm(ctx, t)
    vignette(ctx, 0.28, "#2a0f2e")
    caption(ctx, t, 0.3, 4.1, "Sea you\nsoon", "Polarised", "#fff4e2", "#ffd36b", "drift",
            100)
    caption(ctx, t, 4.3, 99, "Stay\na while", "The glare can go", "#fff4e2", "#ffd36b", "rise",
            96)


def _mirror(ctx, t):
    for side in (-1, 1):
        x = side * 112 + 26 * wave(t, 8)
        glow(ctx, x, -92, 110, "#fff0b0", 0.8)
        oval(ctx, x, -92, 26)
        fill(ctx, "#fff6cf")
    for i in range(4):
        points = [(x, -66 + i * 16 + 4 * wave(t, 2.2, x / 120 + i * .3)) for x in range(-220, 221, 20)]
        curve(ctx, points)
        ctx.line_to(220, 0)
        ctx.line_to(-220, 0)
        fill(ctx, mix("#ff8f6a", "#5b2a6f", i / 3), 0.5)


def _foam(ctx, t):
    reach = 14 * wave(t, 4.2)
    points = [(x, 862 + reach - 26 * math.sin((x + 40) / 250) + 5 * wave(t, 3, x / 170))
              for x in range(-40, 801, 40)]
    curve(ctx, points)
    stroke(ctx, "#ffffff", 15, 0.65)
    curve(ctx, [(x, y + 16) for x, y in points])
    stroke(ctx, "#ffe9d6", 8, 0.3)


def _glint(ctx, t):
    power = max(0.0, wave(t, 2.8, 0.1)) ** 3
    with at(ctx, 146, 786, power, t * .6):
        star(ctx, 0, 0, 52, 6)
        fill(ctx, "#ffffff", 0.95)


# --- scarf and beanie ----------------------------------------------------------------------


def _winter(ctx):
    cover(ctx, linear(0, 0, 0, 1000, "#4f6fa8", "#9db7dc", "#f3dfe2"))
    rng = random.Random(4)
    for base, colour, size in ((800, "#8ea9cf", 120), (850, "#5f82ad", 170)):
        for x in range(-40, 800, 78):
            h = size * rng.uniform(.8, 1.5)
            for part in range(3):
                y = base - h * part * .28
                half = h * (.36 - part * .08)
                polygon(ctx, (x - half, y), (x, y - h * .5), (x + half, y))
                fill(ctx, linear(0, y - h * .5, 0, y, lighter(colour, .45), colour))
    for base, colour in ((840, "#dfe9f5"), (900, "#ffffff")):
        ctx.move_to(0, base)
        ctx.curve_to(220, base - 60, 480, base + 30, 720, base - 30)
        ctx.line_to(720, H)
        ctx.line_to(0, H)
        fill(ctx, linear(0, base - 40, 0, H, colour, mix(colour, "#7f9cc9", .55)))


def _snow(ctx, t, seed, count, size, speed, alpha):
    rng = random.Random(seed)
    for _ in range(count):
        x, y, s = rng.random(), rng.random(), rng.uniform(.6, 1.3) * size
        py = ((y + t * speed * rng.uniform(.8, 1.2)) % 1.1 - 0.05) * H
        px = ((x + 0.05 * t + 0.03 * wave(t, 3.5, y)) % 1.1 - 0.05) * W
        oval(ctx, px, py, s)
        fill(ctx, "#ffffff", alpha)


def _snowman(ctx, blink):
    shadow(ctx, 20, 4, 250, 36, 0.35, "#2a4270")
    for y, r in ((-150, 172), (-420, 124)):
        oval(ctx, 0, y, r, r * .95)
        fill(ctx, radial(-r * .35, y - r * .4, r * 1.6, "#ffffff", "#e6eef9", "#9fb6da"))
    for y in (-190, -130, -70):
        oval(ctx, 6, y, 11)
        fill(ctx, "#39415c")
    for x in (-42, 42):
        oval(ctx, x, -444, 11, 13 * blink)
        fill(ctx, "#2b3048")
        oval(ctx, x * 1.75, -408, 22, 14)
        fill(ctx, "#ff9d9d", 0.4)
    polygon(ctx, (-10, -428), (94, -404), (-8, -400))
    fill(ctx, linear(0, -428, 0, -400, "#ffa64d", "#e0702a"))
    curve(ctx, [(-36, -386), (-8, -368), (26, -376)])
    stroke(ctx, "#2b3048", 6)


def scarf_scene(stage):
    """A snowman gets a beanie and a scarf that flies in the wind."""
    ctx, t = stage.ctx, stage.t
    stage.layer("back", _winter, blur=2)
    _snow(ctx, t, 1, 60, 2.6, 0.10, 0.6)
    with at(ctx, 312, 1004, 0.87, turn=0.012 * wave(t, 2.4)):
        blink = 0.1 if t % 2.9 < 0.12 else 1.0
        _snowman(ctx, blink)
        wear = ramp(t, 0.5, 1.4, out_back)
        wind = ramp(t, 1.2, 2.4)
        if wear > 0:
            with at(ctx, 0, -(1 - wear) * 600):
                _blown_tails(ctx, t, wind)
                scarf_wrap(ctx, 0, -306, 122, "berry")
        drop = ramp(t, 1.5, 2.2, out_cubic)
        bounce = 16 * math.sin(math.pi * ramp(t, 2.2, 2.6))
        if drop > 0:
            with at(ctx, 0, lerp(-1100, -474, drop) - bounce, 0.94, turn=-0.06 * drop):
                beanie(ctx, "berry")
    _snow(ctx, t, 2, 34, 5.5, 0.17, 0.85)
    _snow(ctx, t, 3, 8, 13, 0.25, 0.4)
    vignette(ctx, 0.25, "#1c2f5c")
    caption(ctx, t, 0.3, 4.3, "First snow", "Wrap up warm", "#ffffff", "#ff6f86", "cascade", 92, 112)
    caption(ctx, t, 4.5, 99, "Stay cosy", "Lambswool, knitted slowly", "#ffffff", "#ff6f86", "rise",
            92, 112)


def _blown_tails(ctx, t, wind):
    long_, short = [], []
    for i in range(5):
        far = i / 4
        gust = 46 * far * wave(t, 1.1, -far * 0.55) + 14 * far * wobble(t, 1)
        long_.append((lerp(50, 50 + 236 * far, wind),
                      lerp(-280 + 230 * far, -290 + gust + 30 * far, wind)))
        short.append((46 + 18 * far + 10 * far * wave(t, 1.7), -290 + 190 * far))
    scarf_tail(ctx, short, 72, "berry")
    scarf_tail(ctx, long_, 76, "berry")
