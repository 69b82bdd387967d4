"""Tables of every format: reading, cleaning, atomic writing."""
