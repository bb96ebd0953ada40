"""The KPU: sums, batch norm, activation table and pooling, to the bit."""
