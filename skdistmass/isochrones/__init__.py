"""Posteriors of stars from isochrones: points in cells, compiled sums, summaries."""
