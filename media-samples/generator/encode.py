"""Hands frames and sound to the ffmpeg command."""

import subprocess
import tempfile
import wave
from pathlib import Path

import numpy as np

from .audio import SAMPLE_RATE


def write_wav(path, samples):
    """Write float stereo samples (n, 2) as 16-bit WAV."""
    data = (np.clip(samples, -1, 1) * 32767).astype("<i2")
    with wave.open(str(path), "wb") as out:
        out.setnchannels(2)
        out.setsampwidth(2)
        out.setframerate(SAMPLE_RATE)
        out.writeframes(data.tobytes())


def _run(arguments, **options):
    command = ["ffmpeg", "-hide_banner", "-loglevel", "error", "-y", *arguments]
    return subprocess.Popen(command, stdin=subprocess.PIPE, **options)


def _finish(process):
    process.stdin.close()
    if process.wait() != 0:
        raise SystemExit("ffmpeg failed")


def _video_arguments(clip):
    filters = ["scale=out_color_matrix=bt709:out_range=tv:flags=accurate_rnd+full_chroma_int"]
    if clip.rotated:
        filters.insert(0, "transpose=2")
    filters.append("format=yuv420p")
    colour = ["-colorspace", "bt709", "-color_primaries", "bt709", "-color_trc", "bt709"]
    return ["-vf", ",".join(filters), "-c:v", "libx264", "-preset", "slower",
            "-crf", str(clip.crf), "-tune", "animation", "-profile:v", "high",
            "-g", str(clip.fps * 2), "-threads", "2", *colour, "-color_range", "tv"]


def encode_clip(clip, frames, samples, target):
    """Encode frames (buffers in BGRA) and samples to an MP4 file."""
    width, height = clip.size
    with tempfile.TemporaryDirectory() as folder:
        sound, plain = Path(folder, "sound.wav"), Path(folder, "plain.mp4")
        write_wav(sound, samples)
        process = _run([
            "-f", "rawvideo", "-pix_fmt", "bgra", "-s", f"{width}x{height}",
            "-r", str(clip.fps), "-i", "-", "-i", str(sound),
            *_video_arguments(clip), "-c:a", "aac", "-b:a", "80k", "-ar", str(SAMPLE_RATE),
            "-fflags", "+bitexact", "-map_metadata", "-1", "-movflags", "+faststart", str(plain)])
        for frame in frames:
            process.stdin.write(frame)
        _finish(process)
        rotate = ["-metadata:s:v:0", "rotate=270"] if clip.rotated else []
        _finish(_run(["-i", str(plain), "-c", "copy", *rotate, "-fflags", "+bitexact",
                      "-movflags", "+faststart", str(target)]))


def encode_jpeg(surface, target, quality=3):
    """Encode one cairo surface as a JPEG picture."""
    process = _run(["-f", "rawvideo", "-pix_fmt", "bgra",
                    "-s", f"{surface.get_width()}x{surface.get_height()}", "-i", "-",
                    "-frames:v", "1", "-q:v", str(quality), "-pix_fmt", "yuvj420p",
                    "-fflags", "+bitexact", "-flags", "+bitexact", str(target)])
    surface.flush()
    process.stdin.write(bytes(surface.get_data()))
    _finish(process)
