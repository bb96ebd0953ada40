"""Runs from end to end: a deployable on some backends over one data set, into one folder."""
