"""Everything that says log-probabilities: networks, exact counting, the uniform twin."""
