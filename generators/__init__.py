"""generators: everything that learned, and the one decode loop that turns a model into traces."""
