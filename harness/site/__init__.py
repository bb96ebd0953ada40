"""The report site: static pages of all runs of a store, readable on a phone, without a server.

`overview` and `course` turn runs into what pages show, `build` writes the pages, and `serve` shows
them while runs still come in.
"""
