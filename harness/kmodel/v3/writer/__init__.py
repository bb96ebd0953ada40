"""Programs in v3 form to files of version 3."""
