"""The products. Every drawing has its origin at the middle of its base."""
