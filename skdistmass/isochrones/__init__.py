"""Isochrone points indexed for fast sums."""
