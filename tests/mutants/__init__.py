"""Mutation testing: a seeded sample of small faults put into the code, and which tests find them.

cosmic-ray says where code can be changed and how. What it has no answer for is here: a sample that
stays while the code around it changes (`sample`), the tests that a line is run by (`trace`), and a
trial in a fork of a process that has imported torch already (`trial`).
"""
