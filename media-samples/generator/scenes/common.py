"""Pieces shared by several scenes: rooms, particles and out-of-focus light."""

import math
import random

from ..canvas import (H, W, at, clipped, cover, curve, darker, fill, glow, lighter, linear, oval,
                      polygon, radial, rect, stroke)
from ..easing import lerp, wave


def zoom(stage, amount, focus=(W / 2, 680)):
    """Slow camera push towards the focus; returns a context manager."""
    scale = 1 + amount * stage.t / stage.duration
    return at(stage.ctx, focus[0] * (1 - scale), focus[1] * (1 - scale), scale)


def bokeh(ctx, seed, count, area, colours, sizes=(18, 60), alpha=0.3):
    """Round out-of-focus lights inside area = (x, y, w, h)."""
    rng = random.Random(seed)
    x, y, w, h = area
    for _ in range(count):
        size = rng.uniform(*sizes)
        cx, cy = x + rng.random() * w, y + rng.random() * h
        colour = rng.choice(colours)
        oval(ctx, cx, cy, size)
        fill(ctx, radial(cx, cy, size, (colour, alpha * 0.7, 0), (colour, alpha, 0.85),
                         (colour, 0, 1)))


def dust(ctx, t, seed, count, area, colour="#fff4d6", alpha=0.6):
    """Slow floating specks."""
    rng = random.Random(seed)
    x, y, w, h = area
    for _ in range(count):
        px, py, speed, size = rng.random(), rng.random(), rng.uniform(0.01, 0.04), rng.uniform(1, 3.2)
        cx = x + w * ((px + 0.02 * wave(t, 5, px)) % 1)
        cy = y + h * ((py - t * speed) % 1)
        oval(ctx, cx, cy, size)
        fill(ctx, colour, alpha * (0.5 + 0.5 * wave(t, 2.4, py)))


def table(ctx, top, colour, bottom=H, lines=7):
    """Wooden table top that fills the lower part of the frame."""
    rect(ctx, 0, top, W, bottom - top)
    fill(ctx, linear(0, top, 0, bottom, lighter(colour, 0.18), colour, darker(colour, 0.45)))
    rng = random.Random(round(top))
    for i in range(lines):
        y = lerp(top + 18, bottom - 20, (i / lines) ** 1.3)
        points = [(x, y + rng.uniform(-5, 5)) for x in range(-40, 801, 120)]
        curve(ctx, points)
        stroke(ctx, darker(colour, 0.4), 2 + 3 * i / lines, 0.3)
    rect(ctx, 0, top, W, 5)
    fill(ctx, lighter(colour, 0.5), 0.6)


def window_light(ctx, x, y, w, h, alpha, slant=0.45, colour="#fff1c9"):
    """Light from a window that falls on the wall in four panes."""
    for row in range(2):
        for column in range(2):
            left = x + column * (w / 2 + 9)
            top = y + row * (h / 2 + 9)
            dx = -slant * (top - y)
            polygon(ctx, (left + dx, top), (left + w / 2 + dx, top),
                    (left + w / 2 + dx - slant * h / 2, top + h / 2),
                    (left + dx - slant * h / 2, top + h / 2))
            fill(ctx, colour, alpha)


def tiles(ctx, area, colour, size=(120, 60)):
    """Glazed wall tiles laid in a brick bond."""
    x0, y0, w, h = area
    rng = random.Random(12)
    for row in range(int(h / size[1]) + 1):
        for column in range(-1, int(w / size[0]) + 2):
            x = x0 + column * size[0] + (size[0] / 2 if row % 2 else 0)
            y = y0 + row * size[1]
            tone = lighter(colour, rng.uniform(0, 0.13))
            rect(ctx, x + 2, y + 2, size[0] - 4, size[1] - 4, 6)
            fill(ctx, linear(x, y, x, y + size[1], lighter(tone, 0.16), tone))


def window_frame(ctx, x, y, w, h, frame, draw_view):
    """Window with a cross bar; draw_view(ctx) paints what is outside."""
    rect(ctx, x, y, w, h, 8)
    with clipped(ctx):
        draw_view(ctx)
    rect(ctx, x, y, w, h, 8)
    stroke(ctx, frame, 18)
    ctx.move_to(x + w / 2, y)
    ctx.line_to(x + w / 2, y + h)
    ctx.move_to(x, y + h * 0.42)
    ctx.line_to(x + w, y + h * 0.42)
    stroke(ctx, frame, 10)
    rect(ctx, x - 22, y + h + 4, w + 44, 22, 6)
    fill(ctx, lighter(frame, 0.15))


def burst(ctx, cx, cy, age, seed, colours, count=16, reach=230):
    """Short confetti burst; age runs from 0 to 1."""
    if not 0 < age < 1:
        return
    rng = random.Random(seed)
    for i in range(count):
        angle = math.tau * (i + rng.uniform(-.3, .3)) / count
        far = reach * rng.uniform(.55, 1.1) * (1 - (1 - age) ** 3)
        x = cx + far * math.cos(angle)
        y = cy + far * math.sin(angle) * 0.8 - 150 * age + 190 * age * age
        with at(ctx, x, y, 1 - age * 0.7, rng.uniform(0, 6) + age * 6):
            if i % 2:
                rect(ctx, -9, -5, 18, 10, 3)
            else:
                oval(ctx, 0, 0, 8)
            fill(ctx, colours[i % len(colours)], min(1, 2 * (1 - age)))


def sun(ctx, x, y, radius, colour, halo=0.7):
    """Sun disc with a soft halo."""
    glow(ctx, x, y, radius * 4.2, colour, halo)
    oval(ctx, x, y, radius)
    fill(ctx, linear(x, y - radius, x, y + radius, lighter(colour, 0.55), colour))


def backdrop(stage, *stops):
    """Plain vertical gradient over the whole frame."""
    stage.layer("backdrop", lambda ctx: cover(ctx, linear(0, 0, 0, H, *stops)))
