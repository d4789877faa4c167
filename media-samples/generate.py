#!/usr/bin/env python3
"""Generates the demo content: clips, product pictures and catalog.json.

The output is committed, so only people who want to change it need this
script. Install on Debian 12 (or anything with the same fonts):

    apt-get install ffmpeg python3-cairo python3-numpy fonts-lato

(or `pip install pycairo numpy`). Everything is drawn and synthesised here
from fixed seeds, so the same versions of the tools give the same result.

    python3 generate.py                    all of it
    python3 generate.py --only mug         one clip, or one picture
    python3 generate.py --still mug 3.5 mug.png        one frame
"""

import argparse
import sys
import time
from pathlib import Path

from generator import audio
from generator.catalog import write_catalog
from generator.clips import CLIPS
from generator.encode import encode_clip, encode_jpeg
from generator.photos import PHOTOS, picture

HERE = Path(__file__).resolve().parent
PICTURE_BYTES = 46_000


def arguments():
    """Parse the command line."""
    parser = argparse.ArgumentParser(description="Generate the demo clips, pictures and catalog.")
    parser.add_argument("--only", metavar="NAME", action="append",
                        help="only the clip or picture with this name (may be repeated)")
    parser.add_argument("--skip-clips", action="store_true", help="leave the clips as they are")
    parser.add_argument("--still", nargs=3, metavar=("CLIP", "SECONDS", "PNG"),
                        help="write one frame of a clip as PNG and stop")
    parser.add_argument("--out", type=Path, default=HERE, help="target folder (default: here)")
    return parser.parse_args()


def show_progress(name):
    """Return a callback that prints the progress of one clip."""
    def report(done, total):
        if done % 30 == 0 or done == total:
            print(f"\r{name:12} {done:4}/{total} frames", end="", flush=True)
    return report


def make_clip(clip, folder):
    """Draw, score and encode one clip."""
    started = time.monotonic()
    target = folder / f"{clip.name}.mp4"
    samples = audio.render(clip.song, clip.seconds)
    encode_clip(clip, clip.frames(show_progress(clip.name)), samples, target)
    print(f"  {target.stat().st_size:9,} bytes  {time.monotonic() - started:5.1f} s")


def make_picture(name, folder):
    """Draw one product picture; busy ones are compressed a little more."""
    target = folder / f"{name}.jpg"
    for quality in (2, 3, 4):
        encode_jpeg(picture(name), target, quality)
        if target.stat().st_size <= PICTURE_BYTES:
            break
    print(f"{target.name:24} {target.stat().st_size:9,} bytes")


def main():
    """Entry point."""
    options = arguments()
    by_name = {clip.name: clip for clip in CLIPS}
    if options.still:
        name, seconds, target = options.still
        by_name[name].still(float(seconds)).write_to_png(target)
        return
    known = set(by_name) | set(PHOTOS)
    wanted = set(options.only or known)
    if wanted - known:
        sys.exit(f"unknown: {', '.join(sorted(wanted - known))}; known: {', '.join(sorted(known))}")
    for folder in ("clips", "products"):
        (options.out / folder).mkdir(parents=True, exist_ok=True)
    for name in PHOTOS:
        if name in wanted:
            make_picture(name, options.out / "products")
    for clip in CLIPS:
        if clip.name in wanted and not options.skip_clips:
            make_clip(clip, options.out / "clips")
    write_catalog(options.out / "catalog.json")


if __name__ == "__main__":
    main()
