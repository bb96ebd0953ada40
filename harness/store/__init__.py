"""The store: what all runs found, in one SQLite file or in a PostgreSQL that a lab shares.

`database` opens one and brings it up to date, `run_files` reads a run folder, `writing` puts it
in, `reading` takes figures out, `baselines` says which run others are held against, and
`export/` hands everything on.
"""
