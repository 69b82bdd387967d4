"""Compact isochrone tables with their provenance."""
