"""The tests themselves: arrays in, numbers out. They know of no runs."""
