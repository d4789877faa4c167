"""Scenes on the move: sneaker, skateboard, backpack, headphones and bottle."""

import math
import random

from ..canvas import (H, W, at, cover, curve, darker, fill, glow, lighter, linear, mix, oval,
                      polygon, radial, rect, shadow, stroke, vignette)
from ..captions import caption
from ..easing import clamp, in_cubic, lerp, out_back, out_cubic, ramp, smooth, wave, window, wobble
from ..products.kitchen import bottle
from ..products.street import (SNEAKERS, backpack_back, backpack_front, headphones, notebook,
                               skateboard, sneaker)
from ..products.wear import sunglasses
from .common import backdrop, bokeh, burst, dust, sun, table


# --- sneaker -------------------------------------------------------------------

_SPINS = (1, 7)
_SHOES = ["coral", "sky", "lime", "chalk"]
_FLOORS = {"coral": ("#ffd9b8", "#ff9e7a"), "sky": ("#cfeaff", "#7db8ff"),
           "lime": ("#effabf", "#9fd65c"), "chalk": ("#ffe6b8", "#f0b456")}


def _rays(ctx, t, colours):
    cover(ctx, linear(0, 0, 0, H, *colours))
    for i in range(12):
        angle = math.tau * i / 12 + t * 0.14
        polygon(ctx, (340, 700),
                (340 + 1300 * math.cos(angle), 700 + 1300 * math.sin(angle)),
                (340 + 1300 * math.cos(angle + .26), 700 + 1300 * math.sin(angle + .26)))
        fill(ctx, "#ffffff", 0.13)


def sneaker_scene(stage):
    """A running shoe bounces and changes its colours in the air."""
    ctx, t = stage.ctx, stage.t
    beat = 1.0
    jump = int(t / beat)
    phase = t / beat - jump
    shoe_index = (jump // 2 + (1 if jump % 2 and phase > 0.5 else 0)) % 4
    name = _SHOES[shoe_index]
    before = _SHOES[(shoe_index - 1) % 4]
    swap = jump // 2 * 2 + 1.5 if phase > 0.5 and jump % 2 else jump // 2 * 2 - 0.5
    blend = ramp(t, swap, swap + 0.5, out_cubic) if t > 1 else 1.0
    _rays(ctx, t, [mix(a, b, blend) for a, b in zip(_FLOORS[before], _FLOORS[name])])
    for ring in range(3):
        oval(ctx, 340, 700, 230 + ring * 66 + 14 * wave(t, 1, ring * .2))
        stroke(ctx, "#ffffff", 5, 0.4 - ring * 0.1)
    rect(ctx, 0, 900, W, H - 900)
    fill(ctx, linear(0, 900, 0, H, mix(_FLOORS[name][1], "#ffffff", .15), darker(_FLOORS[name][1], .3)))
    high = 4 * phase * (1 - phase) * (250 if jump in _SPINS else 130)
    near = 1 - high / 260
    shadow(ctx, 340, 938, 150 + 110 * near, 20 + 14 * near, 0.16 + 0.34 * near)
    spin = smooth(phase) * math.tau if jump in _SPINS else 0.10 * wave(phase, 1)
    land = window(phase, -0.16, 0.2, 0.16) + window(phase, 0.86, 1.2, 0.14)
    with at(ctx, 336, 930 - high, 1.12, stretch=(1 + 0.13 * land, 1 - 0.18 * land)):
        with at(ctx, 0, -120, turn=-spin), at(ctx, 0, 120):
            sneaker(ctx, [mix(a, b, blend) for a, b in zip(SNEAKERS[before], SNEAKERS[name])])
    if jump > 0:
        burst(ctx, 340, 930, phase * 1.6, jump, [SNEAKERS[name][0], SNEAKERS[name][2], "#ffffff"])
    ink = "#2b2d5b"
    caption(ctx, t, 0.2, 4.0, "Light on\nyour feet", "208 grams of bounce", ink, "#ff5a3c",
            "cascade", 96)
    caption(ctx, t, 4.2, 99, "Pick a mood", "Coral / Sky / Lime / Chalk", ink, "#ff5a3c", "rise", 96)


# --- skateboard --------------------------------------------------------------------

_STRIP = 1440


def _skyline(seed, colour, low, high, base, lights):
    def draw(ctx):
        rng = random.Random(seed)
        x = 0
        while x < _STRIP:
            w = min(rng.uniform(80, 150), _STRIP - x)
            w = _STRIP - x if _STRIP - x - w < 60 else w
            h = rng.uniform(low, high)
            rect(ctx, x, base - h, w + 1, h + 40)
            fill(ctx, linear(0, base - h, 0, base, lighter(colour, 0.1), colour))
            if rng.random() < 0.4:
                rect(ctx, x + w * .4, base - h - 34, 6, 34)
                fill(ctx, colour)
            for row in range(int(h / 34)):
                for column in range(int(w / 26)):
                    if rng.random() < lights:
                        rect(ctx, x + 9 + column * 26, base - h + 14 + row * 34, 11, 16, 2)
                        fill(ctx, "#ffe1a0", 0.75)
            x += w
    return draw


def _street(ctx):
    for x in (130, 850):
        rect(ctx, x, 460, 10, 430)
        fill(ctx, "#3a2348")
        curve(ctx, [(x + 5, 464), (x + 14, 432), (x + 64, 426)])
        stroke(ctx, "#3a2348", 9)
        glow(ctx, x + 72, 436, 130, "#ffd28a", 0.6)
        oval(ctx, x + 70, 434, 20, 10)
        fill(ctx, "#fff0c4")
    for x in (430, 1180):
        rect(ctx, x - 8, 720, 16, 170)
        fill(ctx, "#3a2348")
        for dx, dy, r in ((-40, 0, 62), (40, 4, 58), (0, -50, 70)):
            oval(ctx, x + dx, 690 + dy, r)
            fill(ctx, linear(0, 570, 0, 750, "#8a4a7a", "#52305f"))


def _scroll(stage, name, draw, speed, blur=0.0):
    shift = -(stage.t * speed) % _STRIP
    for x in (shift - _STRIP, shift):
        if x < W:
            stage.layer(name, draw, x=x, size=(_STRIP, 960), blur=blur)


def skateboard_scene(stage):
    """A skateboard rolls through an evening city and does two kick flips."""
    ctx, t = stage.ctx, stage.t
    stage.layer("sky", lambda c: cover(c, linear(0, 0, 0, 900, "#2c1f5c", "#8f3576", "#ee704f",
                                                 "#ffd28a")))
    sun(ctx, 470, 560, 120, "#ffcf6a", 0.6)
    _scroll(stage, "far", _skyline(1, "#a2497d", 160, 330, 870, 0.0), 26, 2)
    _scroll(stage, "mid", _skyline(2, "#6d3470", 140, 300, 880, 0.22), 70)
    _scroll(stage, "near", _street, 250)
    rect(ctx, 0, 886, W, H - 886)
    fill(ctx, linear(0, 886, 0, H, "#5a3a66", "#2d1c3c"))
    rect(ctx, 0, 886, W, 10)
    fill(ctx, "#f7a071", 0.8)
    for i in range(5):
        x = (i * 240 - t * 560) % 1200 - 240
        rect(ctx, x, 1010, 130, 12, 6)
        fill(ctx, "#ffd9a8", 0.55)
    _roll(ctx, t)
    vignette(ctx, 0.3, "#1a0b2a")
    caption(ctx, t, 0.3, 4.3, "Take the\nlong way", "Seven plies of maple", "#fff3df", "#ffd166",
            "drift", 96)
    caption(ctx, t, 4.5, 99, "Home can\nwait", "Soft wheels, loud sunsets", "#fff3df", "#ffd166",
            "cascade", 96)


def _roll(ctx, t):
    jump = next((s for s in (2.0, 6.0) if s <= t <= s + 1.1), None)
    age = (t - jump) / 1.1 if jump is not None else 0.0
    lift = 4 * age * (1 - age) * 260
    flip = math.tau * smooth(clamp((age - 0.12) / 0.72)) if jump is not None else 0.0
    tilt = -0.42 * window(age, 0, 0.45, 0.2) + 0.12 * window(age, 0.5, 1.0, 0.2) if age else 0.0
    x = 318 + 14 * wave(t, 3.3)
    y = 952 - lift + 2.2 * wave(t, 0.16)
    shadow(ctx, x, 956, 260 - lift * 0.35, 24, 0.5 - lift / 900)
    with at(ctx, x, y, 1.06, turn=tilt):
        skateboard(ctx, "sunset", turn=t * 13, flip=flip)
    for i in range(9):
        rng = random.Random(i)
        length, yy = rng.uniform(60, 170), rng.uniform(840, 960)
        sx = (rng.uniform(0, 1100) - t * rng.uniform(900, 1300)) % 1100 - 200
        rect(ctx, sx, yy, length, 4, 2)
        fill(ctx, linear(sx, 0, sx + length, 0, ("#ffffff", 0.35), ("#ffffff", 0)))
    if jump is not None:
        burst(ctx, x - 120, 950, age * 1.4, 3, ["#ffd166", "#ff9a76"], 8, 110)


# --- backpack -------------------------------------------------------------------------


def _mountains(ctx, t):
    layers = ((560, 200, "#9cc7cf", 5), (650, 150, "#6fa7b0", 11), (750, 110, "#47818a", 20))
    for base, height, colour, speed in layers:
        rng = random.Random(base)
        points = [(-60, base)]
        x = -60 - speed * t
        while x < 900:
            points.append((x, base - rng.uniform(0.3, 1) * height))
            points.append((x + 80, base - rng.uniform(0, 0.3) * height))
            x += 160
        ctx.move_to(-60, 960)
        for point in points[1:]:
            ctx.line_to(*point)
        ctx.line_to(900, 960)
        ctx.close_path()
        fill(ctx, linear(0, base - height, 0, 960, lighter(colour, 0.25), colour))


# drawing, start of the flight, resting place, scale, turn
_CARGO = [
    (lambda ctx, t: bottle(ctx, "clear", 0.7, t), 1.3, (146, 640), 0.40, -0.22),
    (lambda ctx, t: notebook(ctx, "#c4513a"), 1.8, (520, 560), 0.42, 0.26),
    (lambda ctx, t: headphones(ctx, "cream"), 2.3, (316, 512), 0.40, 0.05),
    (lambda ctx, t: sunglasses(ctx, "amber"), 2.8, (540, 712), 0.42, 0.16),
]


def backpack_scene(stage):
    """A backpack opens, shows all it carries and swallows it again."""
    ctx, t = stage.ctx, stage.t
    cover(ctx, linear(0, 0, 0, 800, "#ffd9a6", "#ffeccc", "#cfe8e4"))
    sun(ctx, 520, 470, 80, "#ffc56b", 0.6)
    _mountains(ctx, t)
    stage.layer("ground", _meadow)
    open_ = ramp(t, 0.6, 1.3, out_back) * (1 - ramp(t, 7.0, 7.5))
    hop = 26 * abs(wave(t, 0.8)) * window(t, 7.4, 8.2, 0.2)
    squash = 0.05 * window(t, 0.3, 0.9, 0.3)
    base = (334, 958 - hop)
    shadow(ctx, 340, 960, 250, 34, 0.5)
    frame = {"scale": 1.02, "stretch": (1 + squash, 1 - squash)}
    with at(ctx, *base, **frame):
        backpack_back(ctx, "marigold", clamp(open_))
    _fly(ctx, t, base)
    with at(ctx, *base, **frame):
        backpack_front(ctx, "marigold", clamp(open_))
    dust(ctx, t, 4, 22, (40, 420, 640, 480), "#ffffff", 0.7)
    vignette(ctx, 0.2, "#123238")
    caption(ctx, t, 0.3, 4.4, "Pack light", "Room for what matters", "#1f4a50", "#d9772b", "rise",
            96, 118)
    caption(ctx, t, 4.6, 99, "Go far", "18 litres, waxed canvas", "#1f4a50", "#d9772b", "drift", 96,
            118)


def _meadow(ctx):
    ctx.move_to(0, 880)
    ctx.curve_to(200, 820, 520, 900, 720, 850)
    ctx.line_to(720, H)
    ctx.line_to(0, H)
    fill(ctx, linear(0, 850, 0, H, "#8fb86a", "#4f7d4a", "#2d4f38"))
    rng = random.Random(5)
    for _ in range(90):
        x, y = rng.uniform(0, W), rng.uniform(900, 1250)
        tall = rng.uniform(10, 26) * y / 1000
        curve(ctx, [(x, y), (x + 3, y - tall * .6), (x + rng.uniform(-9, 9), y - tall)])
        stroke(ctx, rng.choice(["#a9cf7a", "#6f9f55", "#3f6b3f"]), 3.4, 0.8)
        if rng.random() < 0.16:
            oval(ctx, x, y - tall, 5)
            fill(ctx, rng.choice(["#fff3d6", "#ffd166", "#ff9a76"]))


def _fly(ctx, t, base):
    start = (base[0], base[1] - 240)
    for index, (draw, when, goal, scale, turn) in enumerate(_CARGO):
        out = ramp(t, when, when + 0.9, out_back)
        back = ramp(t, 6.0 + index * 0.18, 6.5 + index * 0.18, in_cubic)
        place = out * (1 - back)
        if place <= 0.01:
            continue
        x = lerp(start[0], goal[0], place) + 6 * wobble(t * 0.6, index) * place
        y = lerp(start[1], goal[1], place) - 90 * math.sin(math.pi * clamp(place)) \
            + 10 * wave(t, 2.4, index * .3) * place
        with at(ctx, x, y, scale * lerp(0.5, 1, clamp(place)), turn=turn * place + 2 * (1 - place)):
            draw(ctx, t)


# --- headphones -------------------------------------------------------------------------


def headphones_scene(stage):
    """Headphones float in a ring of sound."""
    ctx, t = stage.ctx, stage.t
    stage.layer("back", _club_back)
    beat = (t * 100 / 60) % 1
    kick = math.exp(-beat * 4)
    centre = (330, 714)
    glow(ctx, *centre, 470 + 40 * kick, "#8f5bff", 0.5)
    glow(ctx, 150, 900, 360, "#ff5fa2", 0.28 + 0.1 * kick)
    for ring in range(5):
        grow = (t * 0.45 + ring / 5) % 1
        oval(ctx, *centre, 150 + 420 * grow)
        stroke(ctx, mix("#ff7ac0", "#6ad5ff", grow), 5, 0.5 * (1 - grow))
    _equaliser(ctx, t, centre, kick)
    sway = 0.07 * wave(t, 2.4)
    with at(ctx, centre[0], centre[1] + 230 - 12 * kick + 8 * wave(t, 4.8), 1.04 + 0.03 * kick,
            turn=sway):
        headphones(ctx, "cream")
    _notes(ctx, t)
    shadow(ctx, centre[0], 1024, 210 - 14 * kick, 24, 0.6, "#05030d")
    vignette(ctx, 0.35, "#05030d")
    caption(ctx, t, 0.3, 4.0, "Hear the room", "Then leave it behind", "#ffffff", "#ff7ac0",
            "cascade", 84)
    caption(ctx, t, 4.2, 99, "Press play", "Forty hours on one charge", "#ffffff", "#6ad5ff", "rise",
            96)


def _club_back(ctx):
    cover(ctx, linear(0, 0, W, H, "#1c1140", "#3a1c6b", "#160d33"))
    bokeh(ctx, 21, 18, (0, 380, W, 800), ["#ff5fa2", "#6a5cff", "#40c8ff"], (14, 70), 0.14)


def _equaliser(ctx, t, centre, kick):
    for i in range(56):
        angle = math.tau * i / 56 - math.pi / 2
        level = abs(wobble(t * 2.2, i * 0.71)) * (0.55 + 0.6 * kick)
        inner, outer = 246, 258 + 74 * level
        for_colour = mix("#ff7ac0", "#6ad5ff", 0.5 + 0.5 * math.sin(angle))
        ctx.move_to(centre[0] + inner * math.cos(angle), centre[1] + inner * math.sin(angle))
        ctx.line_to(centre[0] + outer * math.cos(angle), centre[1] + outer * math.sin(angle))
        stroke(ctx, for_colour, 8, 0.9)


def _notes(ctx, t):
    rng = random.Random(2)
    for _ in range(9):
        x, phase, speed = rng.uniform(90, 560), rng.random(), rng.uniform(.12, .2)
        rise = (t * speed + phase) % 1
        y = 960 - 560 * rise
        with at(ctx, x + 26 * wave(t, 2.6, phase), y, 0.7 + rise * .5, 0.25 * wave(t, 1.9, phase)):
            oval(ctx, 0, 0, 12, 9)
            fill(ctx, "#ffd9f0", 0.85 * math.sin(math.pi * rise))
            ctx.move_to(10, -2)
            ctx.line_to(10, -40)
            ctx.curve_to(12, -28, 28, -28, 26, -12)
            stroke(ctx, "#ffd9f0", 4, 0.85 * math.sin(math.pi * rise))


# --- bottle ---------------------------------------------------------------------------------


def _slice(ctx, size, colour):
    oval(ctx, 0, 0, size)
    fill(ctx, colour)
    oval(ctx, 0, 0, size * 0.88)
    fill(ctx, "#fffbe8")
    for i in range(8):
        with at(ctx, turn=math.tau * i / 8):
            ctx.move_to(size * .1, 0)
            ctx.line_to(size * .76, -size * .27)
            ctx.curve_to(size * .84, -size * .1, size * .84, size * .1, size * .76, size * .27)
            ctx.close_path()
            fill(ctx, linear(0, 0, size, 0, lighter(colour, 0.45), colour))


def bottle_scene(stage):
    """A glass bottle fills with cold water among citrus slices."""
    ctx, t = stage.ctx, stage.t
    backdrop(stage, "#c9f2ea", "#8fdcd6", "#4fb5bd")
    for index, (x, y, r) in enumerate(((90, 520, 260), (620, 820, 300), (360, 260, 200))):
        oval(ctx, x + 18 * wave(t, 7, index * .3), y + 22 * wave(t, 6, index * .5), r)
        fill(ctx, "#ffffff", 0.12)
    fruit = ((110, 520, 84, "#ffb238", .2), (560, 600, 100, "#b7d84b", .9),
             (96, 800, 62, "#ff8f5e", 1.5), (590, 850, 58, "#ffd84a", 2.0))
    for index, (x, y, size, colour, when) in enumerate(fruit):
        arrive = ramp(t, when, when + 1.0, out_back)
        with at(ctx, x, y + 14 * wave(t, 3.2, index * .27), arrive, t * 0.35 + index):
            _slice(ctx, size, colour)
    table(ctx, 940, "#e8f7f3", lines=0)
    level = 0.03 + 0.79 * ramp(t, 1.2, 5.2)
    flowing = window(t, 1.0, 5.3, 0.3)
    shadow(ctx, 330, 974, 170, 24, 0.4, "#0f4a52")
    _stream(ctx, t, level, flowing)
    with at(ctx, 330, 970, 1.18):
        drop = 1 - ramp(t, 5.6, 6.4, out_cubic)
        bottle(ctx, "clear", level, t, 3 + 6 * flowing, cap=None if t < 5.6 else 420 * drop)
    _droplets(ctx, t, level)
    vignette(ctx, 0.16, "#0b4048")
    caption(ctx, t, 0.3, 4.0, "Drink\nmore\nsky", "", "#0f4a52", "#ff8f5e", "cascade", 82, 116)
    caption(ctx, t, 6.2, 99, "Refill,\nrepeat", "", "#0f4a52", "#ff8f5e", "rise", 82, 116)


def _stream(ctx, t, level, flowing):
    if flowing <= 0.02:
        return
    surface = 970 - 1.18 * lerp(10, 392, level)
    start, end = ramp(t, 1.0, 1.3, in_cubic), ramp(t, 5.0, 5.3, in_cubic)
    top, low = lerp(-20, surface, end), lerp(-20, surface, start)
    points = [(330 + 3 * wave(t, 0.3, i * .2), lerp(top, low, i / 6)) for i in range(7)]
    for width, colour, alpha in ((34, "#ffffff", 0.5), (24, "#6cc6e6", 0.9), (8, "#ffffff", 0.7)):
        curve(ctx, points)
        stroke(ctx, colour, width, alpha)


def _droplets(ctx, t, level):
    rng = random.Random(17)
    for _ in range(18):
        side, y, size = rng.choice((-1, 1)), rng.uniform(620, 930), rng.uniform(3, 8)
        x = 330 + side * rng.uniform(30, 100)
        slide = 30 * max(0.0, wobble(t * .3, size))
        alpha = ramp(t, 2 + (930 - y) / 110, 3 + (930 - y) / 110)
        oval(ctx, x, y + slide, size * .8, size)
        fill(ctx, radial(x - 2, y + slide - 2, size, ("#ffffff", 0.9 * alpha),
                         ("#d6f4ff", 0.35 * alpha)))
