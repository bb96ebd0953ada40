from tests.cli.conftest import k210_command  # noqa: F401  the command line, for these tests too
