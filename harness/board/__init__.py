"""Boards on a serial line: ports, the REPL, files, and running models; real and virtual."""
