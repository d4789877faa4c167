"""Kinetic typography: short captions that stay clear of the app's own buttons.

The text area is the top left of the frame: below the top 8 %, left of the
right-hand 15 % and far above the lowest 30 %.
"""

from .canvas import W, at, fill, rect
from .easing import out_back, out_cubic, ramp, smooth

FONT_TITLE = "Lato Black"
FONT_TEXT = "Lato Medium"
LEFT, TOP, RIGHT = 56, 132, W * 0.84


def text_width(ctx, text, font, size):
    """Advance width of a text."""
    ctx.select_font_face(font)
    ctx.set_font_size(size)
    return ctx.text_extents(text).x_advance


def put_text(ctx, text, x, y, font, size, colour, alpha=1.0, align=0.0):
    """Draw text at a baseline; align 0 = left, 0.5 = centred, 1 = right."""
    x -= text_width(ctx, text, font, size) * align
    ctx.move_to(x, y)
    ctx.text_path(text)
    fill(ctx, colour, alpha)


def _fitting_size(ctx, lines, size):
    widest = max(text_width(ctx, line, FONT_TITLE, size) for line in lines)
    return size * min(1.0, (RIGHT - LEFT) / widest)


def _rise(ctx, line, y, size, colour, age):
    """Words come up from behind an invisible edge."""
    x = LEFT
    ctx.save()
    ctx.rectangle(0, y - size * 1.05, W, size * 1.32)
    ctx.clip()
    for index, word in enumerate(line.split(" ")):
        move = ramp(age, index * 0.14, index * 0.14 + 0.6, out_cubic)
        put_text(ctx, word, x, y + (1 - move) * size * 1.3, FONT_TITLE, size, colour)
        x += text_width(ctx, word + " ", FONT_TITLE, size)
    ctx.restore()


def _cascade(ctx, line, y, size, colour, age):
    """Letters pop in one after the other."""
    x = LEFT
    for index, letter in enumerate(line):
        start = index * 0.045
        pop = ramp(age, start, start + 0.45, out_back)
        advance = text_width(ctx, letter, FONT_TITLE, size)
        if pop > 0.01:
            with at(ctx, x + advance / 2, y - size * 0.3, pop):
                put_text(ctx, letter, -advance / 2, size * 0.3, FONT_TITLE, size, colour,
                         min(1.0, pop * 1.5))
        x += advance


def _drift(ctx, line, y, size, colour, age):
    """Letters slide in softly from the right while they fade up."""
    x = LEFT
    for index, letter in enumerate(line):
        move = ramp(age, index * 0.05, index * 0.05 + 0.9, out_cubic)
        put_text(ctx, letter, x + (1 - move) * 46, y, FONT_TITLE, size, colour, move)
        x += text_width(ctx, letter, FONT_TITLE, size)


STYLES = {"rise": _rise, "cascade": _cascade, "drift": _drift}


def caption(ctx, t, start, end, title, note="", colour="#ffffff", accent=None,
            style="rise", size=86, top=TOP):
    """Show a title (lines split at a newline) and a small note from start to end."""
    if not start <= t <= end:
        return
    leave = ramp(t, end - 0.45, end, smooth)
    lines = title.split("\n")
    size = _fitting_size(ctx, lines, size)
    ctx.push_group()
    y = top + size * 0.8
    for index, line in enumerate(lines):
        STYLES[style](ctx, line, y, size, colour, t - start - index * 0.22)
        y += size * 1.04
    delay = 0.35 + 0.22 * len(lines)
    bar = ramp(t - start, delay, delay + 0.6, out_cubic)
    rect(ctx, LEFT + 2, y - size * 0.62, 74 * bar, 7, 3.5)
    fill(ctx, accent or colour)
    shown = ramp(t - start, delay + 0.15, delay + 0.8, out_cubic)
    put_text(ctx, note, LEFT + (1 - shown) * 22, y + 2, FONT_TEXT, 34, colour, shown * 0.92)
    ctx.pop_group_to_source()
    ctx.paint_with_alpha(1 - leave)
