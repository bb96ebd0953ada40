"""What every method keeps to: a method's own test class says what is its own, and inherits these.

Each class has the tests of one kind, and class attributes in place of parameters. The fixtures
`job`, which makes a quick training, and `trained`, the checkpoint that `job()` ends in, are the
method's, in its conftest.
"""
