"""FOR PEOPLE AND SCRIPTS: the command line.  The only house that knows click and rich.

`main` the commands and what happens to an error; `options` what commands share; `output` people,
JSON lines or quiet; `progress`, `live`, `moment`, `rates` while something runs; `summary` how it
ended; `columns` plain tables; `names` ids, paths and times as text; one file for each command.
"""
