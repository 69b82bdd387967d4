"""Pure functions of arrays: photometry, extinction, parallax, seismology, isochrones."""
