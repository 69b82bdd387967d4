"""Survey tables: reading, quality, the catalogue, writing."""
