"""The commands of graphrec: the folder is the registry, one file a command.

Every module has `EXAMPLE` (shown at the end of `--help`) and `run`, a typer function whose docstring is the help; the file's
name is the command's. Each calls one public function and prints what it returns; torch is imported inside `run`, so that
`--help` answers at once.
"""
