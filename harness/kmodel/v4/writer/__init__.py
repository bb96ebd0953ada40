"""Programs in v4 form to files of version 4."""
