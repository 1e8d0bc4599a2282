"""The commands of kg-builder beyond build, info and query: the folder is the registry, one file a command.

Every module has `EXAMPLE` (shown at the end of `--help`) and `run`, a typer function whose docstring is the help; the file's
name is the command's.
"""
