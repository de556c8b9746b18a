"""SING: (instrument, pitch, velocity) to a note."""
