"""Quantities of the catalogue, each with its bits: distances, masses and ages, isochrones."""
