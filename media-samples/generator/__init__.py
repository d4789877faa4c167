"""Draws, scores and encodes the Vitrine demo clips and product pictures."""
