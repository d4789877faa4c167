"""A small synthesiser: each clip gets its own short loop of music."""

from dataclasses import dataclass, field

import numpy as np

SAMPLE_RATE = 48_000
TARGET_LUFS = -16.0
PEAK = 10 ** (-4.8 / 20)  # the AAC encoder adds up to 2 dB


@dataclass
class Song:
    """What to play: chords are lists of MIDI notes, one chord per bar."""

    bpm: float
    chords: list
    arp: list = field(default_factory=lambda: [0, 2, 1, 2, 3, 2, 1, 2])
    voice: str = "pluck"
    pad: float = 0.5
    bass: float = 0.5
    drums: str = "soft"
    swing: float = 0.0
    texture: str = ""
    seed: int = 1


def _hertz(note):
    return 440.0 * 2 ** ((note - 69) / 12)


def _time(seconds):
    return np.arange(int(seconds * SAMPLE_RATE)) / SAMPLE_RATE


# --- voices: all return a mono array -------------------------------------------


def pluck(note, seconds=1.4):
    """Round plucked string: fading harmonics, the high ones fade first."""
    t, f = _time(seconds), _hertz(note)
    tone = sum(np.sin(2 * np.pi * f * k * t) * np.exp(-t * (2.5 + 2.2 * k)) / k**1.3
               for k in range(1, 7))
    return tone * np.minimum(1, t / 0.003) * 0.5


def keys(note, seconds=1.8):
    """Electric-piano like tone with a soft bell at the start."""
    t, f = _time(seconds), _hertz(note)
    bell = np.sin(2 * np.pi * f * 2 * t) * np.exp(-t * 9) * 1.1
    tone = np.sin(2 * np.pi * f * t + bell) * np.exp(-t * 2.2)
    return tone * np.minimum(1, t / 0.006) * 0.6


def glass(note, seconds=2.2):
    """Clear glass bell."""
    t, f = _time(seconds), _hertz(note + 12)
    tone = (np.sin(2 * np.pi * f * t) * np.exp(-t * 2.4)
            + 0.35 * np.sin(2 * np.pi * f * 2.76 * t) * np.exp(-t * 6)
            + 0.15 * np.sin(2 * np.pi * f * 5.4 * t) * np.exp(-t * 12))
    return tone * np.minimum(1, t / 0.002) * 0.45


def marimba(note, seconds=0.9):
    """Dry wooden bar."""
    t, f = _time(seconds), _hertz(note)
    tone = (np.sin(2 * np.pi * f * t) * np.exp(-t * 6)
            + 0.4 * np.sin(2 * np.pi * f * 4 * t) * np.exp(-t * 18))
    return tone * np.minimum(1, t / 0.002) * 0.7


def pad(note, seconds):
    """Slow, slightly detuned chord tone; returns a stereo array."""
    t = _time(seconds)
    sides = []
    for detune in (-0.06, 0.06):
        f = _hertz(note + detune)
        tone = sum(np.sin(2 * np.pi * f * k * t + k) / k**1.8 for k in range(1, 6))
        sides.append(tone * (1 + 0.15 * np.sin(2 * np.pi * 0.35 * t + detune * 20)))
    envelope = np.minimum(1, t / 0.5) * np.minimum(1, (seconds - t) / 0.5)
    return np.stack(sides, 1) * envelope[:, None] * 0.16


def bass(note, seconds):
    """Warm sine bass."""
    t, f = _time(seconds), _hertz(note)
    tone = np.sin(2 * np.pi * f * t) + 0.25 * np.sin(4 * np.pi * f * t) * np.exp(-t * 5)
    return tone * np.minimum(1, t / 0.01) * np.exp(-t * 1.8) * 0.6


def kick():
    """Soft kick drum."""
    t = _time(0.32)
    return np.sin(2 * np.pi * (46 * t + 5.5 * (1 - np.exp(-t * 26)))) * np.exp(-t * 13)


def _noise(rng, seconds, decay, high):
    t = _time(seconds)
    noise = rng.standard_normal(len(t))
    if high:
        noise = np.diff(noise, prepend=0.0)
    else:
        noise = np.convolve(noise, np.ones(6) / 6, "same")
    return noise * np.exp(-t * decay)


def shaker(rng):
    """Short bright noise."""
    return _noise(rng, 0.09, 55, True) * 0.13


def snap(rng):
    """Finger snap, used as a light snare."""
    return _noise(rng, 0.2, 30, False) * 0.5


VOICES = {"pluck": pluck, "keys": keys, "glass": glass, "marimba": marimba}

# Steps are sixteenths of a bar: kick, snap, shaker.
DRUMS = {
    "none": ((), (), ()),
    "soft": ((0, 8), (), (4, 12)),
    "lofi": ((0, 7, 10), (4, 12), (2, 6, 10, 14)),
    "house": ((0, 4, 8, 12), (4, 12), (2, 6, 10, 14)),
    "shuffle": ((0, 6, 8), (4, 12), (0, 2, 4, 6, 8, 10, 12, 14)),
    "ticks": ((), (), (0, 4, 8, 12)),
}


# --- arrangement -----------------------------------------------------------------


def _add(track, sound, start, gain=1.0, pan=0.0):
    """Mix a mono or stereo sound into the track at a time in seconds."""
    begin = int(start * SAMPLE_RATE)
    if begin >= len(track):
        return
    sound = sound[: len(track) - begin]
    if sound.ndim == 1:
        sound = sound[:, None] * np.array([1 - pan, 1 + pan])
    track[begin : begin + len(sound)] += sound * gain


def _reverb(track, rng, seconds=1.3, amount=0.22):
    t = _time(seconds)
    tail = rng.standard_normal((len(t), 2)) * np.exp(-t * 5.5)[:, None]
    tail = (tail + np.roll(tail, 1, 0) + np.roll(tail, 2, 0)) / 3
    size = len(track) + len(tail)
    wet = np.fft.irfft(np.fft.rfft(track, size, 0) * np.fft.rfft(tail, size, 0), size, 0)
    wet = wet[: len(track)]
    return track + wet * amount * np.std(track) / (np.std(wet) + 1e-9)


def _texture(kind, length, rng):
    """Background sound of the place: wind, sea, fire or city air."""
    t = np.arange(length) / SAMPLE_RATE
    noise = rng.standard_normal((length, 2))
    spectrum = np.fft.rfft(noise, axis=0)
    hertz = np.fft.rfftfreq(length, 1 / SAMPLE_RATE)[:, None]
    centre = {"wind": 350, "sea": 700, "fire": 1400, "air": 250}[kind]
    noise = np.fft.irfft(spectrum / (1 + (hertz / centre) ** 2), length, axis=0)
    noise /= np.std(noise)
    swell = 0.55 + 0.45 * np.sin(2 * np.pi * t / {"sea": 3.8, "wind": 5.2}.get(kind, 9.0) - 1)
    if kind == "fire":
        crackle = (rng.random(length) > 0.99985) * rng.random(length)
        grain = np.exp(-np.arange(400) / 60.0) * rng.standard_normal(400)
        noise = noise * 0.3 + np.convolve(crackle, grain)[:length, None] * 9
    return noise * swell[:, None] * 0.028


def _play_bar(track, song, chord, start, beat, rng):
    bar = beat * 4
    voice = VOICES[song.voice]
    for note in chord:
        _add(track, pad(note, bar + 0.4), start, song.pad)
    _add(track, bass(chord[0] - 12, bar * 0.6), start, song.bass)
    _add(track, bass(chord[0] - 12, bar * 0.3), start + beat * 2.5, song.bass * 0.7)
    for step, degree in enumerate(song.arp):
        if degree is None:
            continue
        delay = song.swing * beat / 4 if step % 2 else 0.0
        note = chord[degree % len(chord)] + 12 * (1 + degree // len(chord))
        when = start + step * bar / len(song.arp) + delay
        loud = 0.5 * (1.0 if step % 4 == 0 else 0.72) * rng.uniform(0.9, 1.05)
        _add(track, voice(note), when, loud, 0.35 * np.sin(step * 2.1))
    kicks, snaps, shakers = DRUMS[song.drums]
    for steps, sound, gain in ((kicks, kick, 0.75), (snaps, lambda: snap(rng), 0.3),
                               (shakers, lambda: shaker(rng), 0.7)):
        for step in steps:
            delay = song.swing * beat / 4 if step % 4 == 2 else 0.0
            _add(track, sound(), start + step * beat / 4 + delay, gain)


def loudness(samples):
    """Integrated loudness in LUFS (ITU-R BS.1770 weighting and gates)."""
    size = len(samples)
    hertz = np.fft.rfftfreq(size, 1 / SAMPLE_RATE)
    z = np.exp(-2j * np.pi * hertz / SAMPLE_RATE)
    shelf = ((1.53512485958697 - 2.69169618940638 * z + 1.19839281085285 * z**2)
             / (1 - 1.69065929318241 * z + 0.73248077421585 * z**2))
    high = (1 - 2 * z + z**2) / (1 - 1.99004745483398 * z + 0.99007225036621 * z**2)
    weighted = np.fft.irfft(np.fft.rfft(samples, axis=0) * (shelf * high)[:, None], size, axis=0)
    power = np.concatenate([[0], np.cumsum((weighted**2).sum(1))])
    block, hop = int(0.4 * SAMPLE_RATE), int(0.1 * SAMPLE_RATE)
    starts = np.arange(0, size - block, hop)
    levels = (power[starts + block] - power[starts]) / block + 1e-12
    lufs = -0.691 + 10 * np.log10(levels)
    kept = levels[lufs > -70]
    gate = -0.691 + 10 * np.log10(kept.mean()) - 10
    return -0.691 + 10 * np.log10(levels[lufs > gate].mean())


def _limit(samples):
    """Soft limiter: linear up to 60 % of the peak, then bent."""
    knee = PEAK * 0.6
    size = np.abs(samples)
    bent = knee + (PEAK - knee) * np.tanh((size - knee) / (PEAK - knee))
    return np.sign(samples) * np.where(size > knee, bent, size)


def _master(track, seconds):
    t = np.arange(len(track)) / SAMPLE_RATE
    fade = np.clip(t / 0.25, 0, 1) * np.clip((seconds - t) / 0.9, 0, 1)
    track = track * fade[:, None]
    gain = 1.0
    for _ in range(4):
        gain *= 10 ** ((TARGET_LUFS - loudness(_limit(track * gain))) / 20)
    return _limit(track * gain)


def render(song, seconds):
    """The finished stereo samples of a song, cut to the length of a clip."""
    rng = np.random.default_rng(song.seed)
    track = np.zeros((int(round(seconds * SAMPLE_RATE)), 2))
    beat = 60 / song.bpm
    bar, start = 0, 0.0
    while start < seconds:
        _play_bar(track, song, song.chords[bar % len(song.chords)], start, beat, rng)
        bar += 1
        start = bar * beat * 4
    track = _reverb(track, rng)
    if song.texture:
        track += _texture(song.texture, len(track), rng) * np.std(track) * 12
    return _master(track, seconds)
