"""Gates: whether a run is worse than another, on which backend, or whether it is noise."""
