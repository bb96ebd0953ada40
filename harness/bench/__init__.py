"""Rules for measuring time, and the benchmarks that use them."""
