"""Published times of networks on a K210, and those networks as far as they can be rebuilt."""
