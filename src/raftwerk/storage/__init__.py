"""What survives: the log, its snapshots, and the disk they are on.

A member may answer only for what a power cut can't take back (Raft paper Fig. 2: term,
vote and log are persistent). So all that matters here is one sentence: what a returned
`sync` covered is there afterwards, and what was never appended is not.

Three layers, each ignorant of the one above it:

- `record`: bytes that prove themselves; a checksum over content, place and forerunner.
- `segment`, `scan`, `recovery`, `wal_writer`, `wal`: records (`payloads` is what they
  say) in preallocated files (`spare` is the next one, made ahead), and a torn write
  told from damage when they are read back. They keep what `protocol` promises.
  `held_log` is the same log in memory, and says what each operation means; `memory` is
  the store that has nothing else. `inspection` shows people what lies there.
- `snapshots`: the state in files of their own (`snapshot_file`), for it may be large
  and is streamed; what was fetched of one waits in `kept_chunks`. The promise is
  `snapshot_protocol`, the twin `memory_snapshots`. `archive` keeps all states and the
  log between them.

All of it lies in a `directory` that one process has at a time, beside a `kept_file` or
two; `discard` parts with it where no cluster came to be.

All of it stands on `disk_protocol`. `disk` is the machine's; `memory_disk`, made of
`memory_inode`, forgets, tears, rots and fills up on command.
"""
