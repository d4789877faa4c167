"""The animated scenes, one function per clip: scene(stage) paints one frame."""
