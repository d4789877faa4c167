"""Drawing vocabulary on top of pycairo: colours, paths, light and layers.

All scenes use the same logical frame of 720 x 1280 units. Colours are written
as "#rrggbb" strings or as (r, g, b) tuples with components 0..1.
"""

import math
from contextlib import contextmanager
from functools import lru_cache

import cairo
import numpy as np

W, H = 720, 1280
TAU = 2 * math.pi


@lru_cache(maxsize=None)
def _parse(text):
    return tuple(int(text[i : i + 2], 16) / 255 for i in (1, 3, 5))


def rgb(colour):
    """The (r, g, b) tuple of a colour."""
    return _parse(colour) if isinstance(colour, str) else colour


def mix(first, second, amount):
    """Blend of two colours."""
    return tuple(a + (b - a) * amount for a, b in zip(rgb(first), rgb(second)))


def lighter(colour, amount):
    """The colour moved towards white."""
    return mix(colour, "#ffffff", amount)


def darker(colour, amount):
    """The colour moved towards a deep warm black."""
    return mix(colour, "#140c12", amount)


# --- gradients and painting -------------------------------------------------


def _add_stops(pattern, stops):
    for index, stop in enumerate(stops):
        colour, alpha, offset = stop, 1.0, index / (len(stops) - 1)
        if isinstance(stop, tuple) and (isinstance(stop[0], (str, tuple))):
            colour, alpha = stop[0], stop[1]
            offset = stop[2] if len(stop) > 2 else offset
        pattern.add_color_stop_rgba(offset, *rgb(colour), alpha)
    return pattern


def linear(x0, y0, x1, y1, *stops):
    """Linear gradient; a stop is a colour, (colour, alpha) or (colour, alpha, offset)."""
    return _add_stops(cairo.LinearGradient(x0, y0, x1, y1), stops)


def radial(cx, cy, radius, *stops, inner=0.0):
    """Radial gradient from the centre outwards; stops as in linear()."""
    return _add_stops(cairo.RadialGradient(cx, cy, inner, cx, cy, radius), stops)


def _source(ctx, paint, alpha):
    if isinstance(paint, cairo.Pattern):
        ctx.set_source(paint)
    else:
        ctx.set_source_rgba(*rgb(paint), alpha)


def fill(ctx, paint, alpha=1.0, keep=False):
    """Fill the current path with a colour or a gradient."""
    _source(ctx, paint, alpha)
    ctx.fill_preserve() if keep else ctx.fill()


def stroke(ctx, paint, width, alpha=1.0, keep=False, cap=cairo.LINE_CAP_ROUND):
    """Stroke the current path, by default with round caps and joins."""
    _source(ctx, paint, alpha)
    ctx.set_line_width(width)
    ctx.set_line_cap(cap)
    ctx.set_line_join(cairo.LINE_JOIN_ROUND)
    ctx.stroke_preserve() if keep else ctx.stroke()


def cover(ctx, paint, alpha=1.0):
    """Paint the whole clip area."""
    _source(ctx, paint, alpha)
    ctx.paint()


# --- paths --------------------------------------------------------------------


def rect(ctx, x, y, w, h, radius=0.0):
    """Rectangle path, optionally with rounded corners."""
    radius = min(radius, w / 2, h / 2)
    if radius <= 0:
        ctx.rectangle(x, y, w, h)
        return
    ctx.new_sub_path()
    ctx.arc(x + w - radius, y + radius, radius, -TAU / 4, 0)
    ctx.arc(x + w - radius, y + h - radius, radius, 0, TAU / 4)
    ctx.arc(x + radius, y + h - radius, radius, TAU / 4, TAU / 2)
    ctx.arc(x + radius, y + radius, radius, TAU / 2, TAU * 3 / 4)
    ctx.close_path()


def oval(ctx, cx, cy, rx, ry=None):
    """Ellipse path (a circle when only one radius is given)."""
    ctx.save()
    ctx.translate(cx, cy)
    ctx.scale(max(rx, 1e-3), max(rx if ry is None else ry, 1e-3))
    ctx.new_sub_path()
    ctx.arc(0, 0, 1, 0, TAU)
    ctx.close_path()
    ctx.restore()


def polygon(ctx, *points):
    """Closed path with straight sides."""
    ctx.move_to(*points[0])
    for point in points[1:]:
        ctx.line_to(*point)
    ctx.close_path()


def curve(ctx, points, closed=False):
    """Smooth path through all points (Catmull-Rom spline)."""
    count = len(points)

    def point(index):
        return points[index % count] if closed else points[max(0, min(count - 1, index))]

    ctx.move_to(*points[0])
    for i in range(count if closed else count - 1):
        before, here, there, after = (point(i + k) for k in (-1, 0, 1, 2))
        ctx.curve_to(
            here[0] + (there[0] - before[0]) / 6,
            here[1] + (there[1] - before[1]) / 6,
            there[0] - (after[0] - here[0]) / 6,
            there[1] - (after[1] - here[1]) / 6,
            *there,
        )
    if closed:
        ctx.close_path()


def star(ctx, cx, cy, outer, inner, points=4):
    """Star path, used for sparkles."""
    for i in range(points * 2):
        radius = outer if i % 2 == 0 else inner
        angle = TAU * i / (points * 2) - TAU / 4
        ctx.line_to(cx + radius * math.cos(angle), cy + radius * math.sin(angle))
    ctx.close_path()


# --- frames of reference --------------------------------------------------------


@contextmanager
def at(ctx, x=0.0, y=0.0, scale=1.0, turn=0.0, stretch=(1.0, 1.0)):
    """Draw inside a moved, scaled and turned (radians) frame of reference."""
    ctx.save()
    ctx.translate(x, y)
    ctx.rotate(turn)
    ctx.scale(*(factor if abs(factor) > 1e-4 else 1e-4
                for factor in (scale * stretch[0], scale * stretch[1])))
    try:
        yield ctx
    finally:
        ctx.restore()


@contextmanager
def clipped(ctx):
    """Limit drawing to the current path."""
    ctx.save()
    ctx.clip()
    try:
        yield ctx
    finally:
        ctx.restore()


@contextmanager
def faded(ctx, alpha):
    """Draw a group and blend it as one picture with the given opacity."""
    ctx.push_group()
    try:
        yield ctx
    finally:
        ctx.pop_group_to_source()
        ctx.paint_with_alpha(max(0.0, min(1.0, alpha)))


@contextmanager
def blending(ctx, operator):
    """Draw with another cairo operator (screen, multiply, ...)."""
    ctx.save()
    ctx.set_operator(operator)
    try:
        yield ctx
    finally:
        ctx.restore()


# --- light ------------------------------------------------------------------------


def shadow(ctx, cx, cy, rx, ry, alpha=0.35, colour="#1a0f14"):
    """Soft elliptic contact shadow."""
    with at(ctx, cx, cy, stretch=(rx, ry)):
        oval(ctx, 0, 0, 1)
        fill(ctx, radial(0, 0, 1, (colour, alpha, 0), (colour, alpha * 0.55, 0.45),
                         (colour, alpha * 0.15, 0.75), (colour, 0, 1)))


def glow(ctx, cx, cy, radius, colour, alpha=0.6, ry=None):
    """Soft light that is added to the picture."""
    if alpha <= 0:
        return
    with blending(ctx, cairo.OPERATOR_SCREEN), at(ctx, cx, cy, stretch=(radius, ry or radius)):
        oval(ctx, 0, 0, 1)
        fill(ctx, radial(0, 0, 1, (colour, alpha, 0), (colour, alpha * 0.45, 0.35),
                         (colour, alpha * 0.12, 0.7), (colour, 0, 1)))


def vignette(ctx, alpha=0.3, colour="#120810"):
    """Darkened corners over the whole frame."""
    with at(ctx, W / 2, H * 0.47, stretch=(W * 0.95, H * 0.72)):
        ctx.rectangle(-2, -2, 4, 4)
        fill(ctx, radial(0, 0, 1, (colour, 0, 0), (colour, 0, 0.55), (colour, alpha, 1)))


def shine(ctx, x, y, w, h, alpha=0.35):
    """Soft vertical highlight, as on glazed or glossy bodies."""
    rect(ctx, x, y, w, h, w / 2)
    fill(ctx, linear(x, y, x + w, y, ("#ffffff", 0), ("#ffffff", alpha), ("#ffffff", 0)))


# --- layers -------------------------------------------------------------------------


def _box_blur(array, radius, axis):
    padded = np.concatenate(
        [np.repeat(np.take(array, [0], axis), radius + 1, axis), array,
         np.repeat(np.take(array, [-1], axis), radius, axis)], axis)
    sums = np.cumsum(padded, axis=axis)
    size = 2 * radius + 1
    length = array.shape[axis]
    upper = np.take(sums, range(size, size + length), axis)
    return (upper - np.take(sums, range(0, length), axis)) / size


def blur_surface(surface, radius):
    """Blur an ARGB32 surface in place (three box passes, close to a Gaussian)."""
    radius = int(radius)
    if radius < 1:
        return
    surface.flush()
    shape = (surface.get_height(), surface.get_stride() // 4, 4)
    view = np.ndarray(shape, np.uint8, surface.get_data())
    work = view.astype(np.float64)
    for _ in range(3):
        work = _box_blur(_box_blur(work, radius, 0), radius, 1)
    view[:] = np.clip(work + 0.5, 0, 255).astype(np.uint8)
    surface.mark_dirty()


class Stage:
    """One frame under construction: the context, the time and cached layers."""

    def __init__(self, pixel_scale=1.0, duration=1.0):
        self.pixel_scale = pixel_scale
        self.duration = duration
        self.t = 0.0
        self.surface = cairo.ImageSurface(
            cairo.FORMAT_ARGB32, round(W * pixel_scale), round(H * pixel_scale))
        self.ctx = cairo.Context(self.surface)
        self.ctx.scale(pixel_scale, pixel_scale)
        self._layers = {}

    def layer(self, name, draw, x=0.0, y=0.0, size=(W, H), blur=0.0, alpha=1.0):
        """Paint a still layer; draw(ctx) runs only the first time."""
        if name not in self._layers:
            scale = self.pixel_scale
            surface = cairo.ImageSurface(
                cairo.FORMAT_ARGB32, round(size[0] * scale), round(size[1] * scale))
            ctx = cairo.Context(surface)
            ctx.scale(scale, scale)
            draw(ctx)
            blur_surface(surface, blur * scale)
            self._layers[name] = surface
        self.ctx.save()
        self.ctx.translate(x, y)
        self.ctx.scale(1 / self.pixel_scale, 1 / self.pixel_scale)
        self.ctx.set_source_surface(self._layers[name], 0, 0)
        self.ctx.paint_with_alpha(alpha)
        self.ctx.restore()
