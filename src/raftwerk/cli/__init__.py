"""The command line: words in, processes and exit codes out.

`main` knows the words, `settings` reads their values. `serve` puts a node together from
its parts, on the log that `data_directory` opens or founds; `demo` runs several as
children of a `supervisor` and shows them on a `display`; `monitor` serves the page of
any cluster. What a process is beside its work is apart: `signals`, `lifeline`, `log`,
`ports`, `exit_codes`.
"""
