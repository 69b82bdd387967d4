"""Estimators, one concept a module."""
