"""What the tests say of two runs, a kind of question a file: metrics, courses, speeds."""
