"""Product pictures: the clips' own drawings on a soft studio background."""

import math

import cairo

from .canvas import at, cover, darker, fill, lighter, linear, radial, shadow
from .products import kitchen, living, street, wear

SIZE = 800
FLOOR = 660


def _watch(variant):
    def draw(ctx):
        with at(ctx, 0, -250, 0.74, turn=0.12):
            wear.watch(ctx, variant)
    return draw


def _board(ctx):
    """Both views of the skateboard: from the side and the deck from below."""
    with at(ctx, 0, -170):
        street.skateboard(ctx, "sunset", flip=math.tau / 4)
    street.skateboard(ctx, "sunset")


# Flat things stand a little higher in the picture.
FLOORS = {"sneaker": 585, "sneaker-sky": 585, "sunglasses": 520, "skateboard": 640}

# file name: (drawing, scale, background colour, sideways shift, width of the shadow)
PHOTOS = {
    "mug": (lambda c: kitchen.mug(c, "sand"), 1.6, "#e9cdb0", -50, 260),
    "mug-sage": (lambda c: kitchen.mug(c, "sage"), 1.6, "#d3dccb", -50, 260),
    "mug-ink": (lambda c: kitchen.mug(c, "ink"), 1.6, "#c9cfdd", -50, 260),
    "kettle": (lambda c: kitchen.kettle(c, "teal"), 1.25, "#cfe0da", 20, 330),
    "kettle-brick": (lambda c: kitchen.kettle(c, "brick"), 1.25, "#f0d8c6", 20, 330),
    "bottle": (lambda c: kitchen.bottle(c, "clear", 0.8, 0.4), 1.14, "#8fcfd2", 0, 190),
    "bottle-rose": (lambda c: kitchen.bottle(c, "rose", 0.8, 0.4), 1.14, "#e5a9b0", 0, 190),
    "candle": (lambda c: living.candle(c, "amber", 1.0, 0.3), 1.5, "#8a5a4a", 0, 260),
    "lamp": (lambda c: living.lamp(c, "ochre", 0.9), 1.22, "#4f5c8a", -60, 210),
    "lamp-forest": (lambda c: living.lamp(c, "forest", 0.9), 1.22, "#5d7a70", -60, 210),
    "plant": (lambda c: living.plant(c, "terracotta", 1.0, 0.5), 0.87, "#dfead0", 0, 220),
    "armchair": (lambda c: living.armchair(c, "rust"), 1.22, "#f0d9c2", 0, 420),
    "armchair-moss": (lambda c: living.armchair(c, "moss"), 1.22, "#e0e2cc", 0, 420),
    "stool": (lambda c: living.stool(c), 2.1, "#e8dccb", 0, 230),
    "sneaker": (lambda c: street.sneaker(c, "coral"), 1.45, "#ffd9c4", 0, 450),
    "sneaker-sky": (lambda c: street.sneaker(c, "sky"), 1.45, "#d3e8fb", 0, 450),
    "skateboard": (_board, 1.28, "#d9b8d6", 0, 470),
    "backpack": (lambda c: street.backpack(c, "marigold"), 1.2, "#f3e0b8", 0, 350),
    "backpack-pine": (lambda c: street.backpack(c, "pine"), 1.2, "#cfdfd2", 0, 350),
    "headphones": (lambda c: street.headphones(c, "cream"), 1.3, "#b9a6e0", 0, 380),
    "headphones-violet": (lambda c: street.headphones(c, "violet"), 1.3, "#d6cff5", 0, 380),
    "notebook": (lambda c: street.notebook(c), 1.5, "#cdd6e6", 0, 260),
    "watch": (_watch("steel"), 1.0, "#a9c4c4", 0, 190),
    "watch-rose": (_watch("rose"), 1.0, "#e6d3cc", 0, 190),
    "sunglasses": (lambda c: wear.sunglasses(c, "amber"), 1.25, "#f6cfae", 0, 440),
    "scarf": (lambda c: wear.scarf(c, "berry"), 1.35, "#ead2d6", 0, 260),
    "scarf-fir": (lambda c: wear.scarf(c, "fir"), 1.35, "#cfdcd2", 0, 260),
    "beanie": (lambda c: wear.beanie(c, "berry"), 1.55, "#d3ddec", 0, 270),
}


def picture(name):
    """Draw one product picture and return its surface."""
    draw, scale, tone, shift, width = PHOTOS[name]
    floor = FLOORS.get(name, FLOOR)
    surface = cairo.ImageSurface(cairo.FORMAT_RGB24, SIZE, SIZE)
    ctx = cairo.Context(surface)
    cover(ctx, linear(0, 0, 0, SIZE, lighter(tone, 0.45), tone))
    cover(ctx, radial(SIZE * 0.42, SIZE * 0.36, SIZE * 0.8, ("#ffffff", 0.55), ("#ffffff", 0)))
    ctx.rectangle(0, floor - 60, SIZE, SIZE)
    fill(ctx, linear(0, floor - 60, 0, SIZE, (darker(tone, 0.1), 0), (darker(tone, 0.16), 0.85)))
    x, half = SIZE / 2 + shift, width * scale / 2
    shadow(ctx, x + 14, floor + 6, half * 1.4, 46, 0.3)
    shadow(ctx, x, floor, half * 1.02, 20, 0.45)
    with at(ctx, x, floor, scale):
        draw(ctx)
    return surface
