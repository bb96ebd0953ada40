"""Training of what a kmodel stores, through the exact arithmetic of the KPU."""
