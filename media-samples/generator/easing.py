"""Small timing helpers: everything that moves is a function of the time."""

import math


def clamp(value, low=0.0, high=1.0):
    """Limit a value to the range low..high."""
    return max(low, min(high, value))


def lerp(start, end, amount):
    """Straight blend of two numbers."""
    return start + (end - start) * amount


def linear_ease(x):
    """No easing."""
    return x


def smooth(x):
    """Gentle start and gentle stop."""
    return x * x * (3 - 2 * x)


def out_cubic(x):
    """Fast start, long gentle stop."""
    return 1 - (1 - x) ** 3


def in_cubic(x):
    """Slow start, fast end."""
    return x**3


def out_back(x):
    """Overshoots a little before it settles."""
    return 1 + 2.70158 * (x - 1) ** 3 + 1.70158 * (x - 1) ** 2


def ramp(t, start, end, ease=smooth):
    """Eased 0..1 while the time goes from start to end."""
    return ease(clamp((t - start) / (end - start)))


def window(t, start, end, fade=0.4):
    """1 between start and end, with eased flanks of `fade` seconds inside."""
    return ramp(t, start, start + fade) * (1 - ramp(t, end - fade, end))


def wave(t, period=1.0, phase=0.0):
    """Sine of the time, -1..1; the phase is counted in turns."""
    return math.sin(2 * math.pi * (t / period + phase))


def wobble(t, seed=0.0):
    """Irregular but smooth motion in about -1..1 (flames, wind, hands)."""
    return (
        math.sin(t * 2.1 + seed * 5.3)
        + 0.6 * math.sin(t * 4.7 + seed * 2.9)
        + 0.4 * math.sin(t * 9.3 + seed * 8.1)
    ) / 2
