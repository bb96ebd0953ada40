"""The networks that benchmarks run.

Both are MobileNet V1 with random weights: speed does not depend on their values.
"""

NETWORK = "reference.coin_classifier.networks:benchmark_network"
QUARTER = "reference.coin_classifier.networks:quarter_benchmark_network"
