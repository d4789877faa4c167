"""The list of clips: scene, length, format and music of each."""

from dataclasses import dataclass
from typing import Callable

from .audio import Song
from .canvas import Stage
from .scenes import home, street, wear


@dataclass
class Clip:
    """One demo clip."""

    name: str
    scene: Callable
    seconds: float
    song: Song
    fps: int = 30
    scale: float = 1.0
    rotated: bool = False
    crf: float = 28

    @property
    def size(self):
        """Width and height of the upright picture in pixels."""
        return round(720 * self.scale), round(1280 * self.scale)

    def frames(self, progress):
        """Yield every frame as raw BGRA bytes."""
        stage = Stage(self.scale, self.seconds)
        count = round(self.seconds * self.fps)
        for index in range(count):
            stage.t = index / self.fps
            stage.ctx.save()
            self.scene(stage)
            stage.ctx.restore()
            stage.surface.flush()
            progress(index + 1, count)
            yield bytes(stage.surface.get_data())

    def still(self, t):
        """The surface of the frame at a time in seconds."""
        stage = Stage(self.scale, self.seconds)
        stage.t = t
        self.scene(stage)
        stage.surface.flush()
        return stage.surface


CLIPS = [
    Clip("mug", home.mug_scene, 8.4, Song(
        76, [[48, 55, 59, 64], [45, 52, 55, 60], [50, 57, 60, 65], [43, 50, 59, 65]],
        [0, None, 2, 3, None, 2, 1, None], "keys", 0.45, 0.5, "lofi", 0.3, seed=11)),
    Clip("sneaker", street.sneaker_scene, 8.0, Song(
        120, [[45, 57, 60, 64], [41, 53, 57, 60], [48, 55, 60, 64], [43, 55, 59, 62]],
        [0, 2, 3, 2, 1, 3, 2, 3], "pluck", 0.3, 0.7, "house", seed=12), fps=60,
        crf=30),
    Clip("lamp", home.lamp_scene, 9.4, Song(
        72, [[50, 57, 62, 66], [47, 54, 59, 62], [43, 50, 59, 66], [45, 52, 61, 64]],
        [0, 1, 2, 3, 2, 1, 2, None], "pluck", 0.6, 0.4, "soft", texture="air", seed=13)),
    Clip("plant", home.plant_scene, 9.6, Song(
        100, [[53, 57, 60, 65], [50, 57, 60, 62], [46, 53, 58, 62], [48, 55, 58, 64]],
        [0, 2, 3, 1, 2, 3, 0, 3], "marimba", 0.35, 0.5, "shuffle", 0.15, seed=14), crf=29),
    Clip("headphones", street.headphones_scene, 8.0, Song(
        100, [[41, 53, 56, 60], [49, 53, 56, 61], [44, 51, 56, 60], [46, 53, 58, 61]],
        [0, 3, 2, None, 1, 3, None, 2], "keys", 0.5, 0.8, "house", seed=15), crf=29),
    Clip("backpack", street.backpack_scene, 9.0, Song(
        96, [[43, 55, 59, 62], [50, 54, 57, 62], [52, 55, 59, 64], [48, 55, 60, 64]],
        [0, 1, 2, 3, 2, 3, 1, 2], "pluck", 0.4, 0.5, "lofi", texture="wind", seed=16)),
    Clip("watch", wear.watch_scene, 8.0, Song(
        120, [[40, 52, 59, 64], [45, 52, 57, 60], [47, 54, 59, 62], [40, 52, 55, 59]],
        [3, None, 2, None, 3, None, 1, 2], "glass", 0.6, 0.5, "ticks", seed=17), scale=1.5,
        crf=29),
    Clip("sunglasses", wear.sunglasses_scene, 8.4, Song(
        92, [[52, 56, 59, 63], [49, 56, 59, 64], [45, 52, 56, 61], [47, 54, 57, 63]],
        [0, 2, None, 3, 1, None, 2, 3], "marimba", 0.55, 0.5, "soft", 0.2, "sea", 18)),
    Clip("skateboard", street.skateboard_scene, 9.0, Song(
        88, [[45, 52, 60, 64], [43, 50, 59, 62], [41, 48, 57, 60], [43, 50, 55, 62]],
        [0, None, 3, 2, None, 1, 2, None], "keys", 0.45, 0.75, "lofi", 0.35, "air", 19), fps=25),
    Clip("kettle", home.kettle_scene, 9.4, Song(
        108, [[55, 59, 62, 67], [52, 55, 59, 64], [48, 55, 60, 64], [50, 57, 60, 66]],
        [0, 3, 1, 3, 2, 3, 1, 3], "marimba", 0.25, 0.45, "shuffle", 0.3, seed=20)),
    Clip("candle", home.candle_scene, 8.4, Song(
        63, [[45, 52, 59, 60], [41, 48, 55, 64], [48, 55, 62, 64], [43, 50, 57, 59]],
        [0, None, 2, None, 3, None, 1, None], "glass", 0.8, 0.35, "none", texture="fire",
        seed=21), fps=24, rotated=True),
    Clip("armchair", home.armchair_scene, 12.0, Song(
        80, [[53, 57, 60, 64], [52, 55, 59, 62], [50, 53, 57, 60], [48, 52, 55, 59]],
        [0, 2, 1, 3, None, 2, 3, 1], "pluck", 0.6, 0.4, "soft", 0.1, seed=22)),
    Clip("bottle", street.bottle_scene, 8.4, Song(
        112, [[57, 61, 64, 69], [54, 57, 61, 66], [50, 57, 62, 66], [52, 59, 64, 68]],
        [0, 1, 2, 3, 1, 2, 3, 2], "glass", 0.35, 0.5, "house", seed=23)),
    Clip("scarf", wear.scarf_scene, 9.0, Song(
        84, [[55, 59, 62, 66], [52, 55, 59, 62], [57, 60, 64, 67], [50, 57, 60, 66]],
        [0, 3, 2, 3, 1, 3, 2, None], "glass", 0.5, 0.35, "ticks", texture="wind", seed=24), crf=29),
]
