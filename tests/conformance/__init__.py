"""Runs data-driven scripts with recorded output against the core, byte for byte.

The scripts are those of etcd-io/raft: their grammar, commands and print formats are
reproduced here in full, so that any script of the same kind runs, and a difference is
a difference in behaviour. The core speaks the Raft paper's words; this package is the
one place that knows etcd's.

============== ====================================================================
module         what it knows
============== ====================================================================
script         the grammar: directives, arguments, input, expected output
format         values as text: entries, snapshots, progress, configurations
wire           our messages as etcd's, and their description
changes        changes of a configuration, as commands have them
events         our events as log lines with a level
output         what a directive has printed so far: levels and indented sections
storage        a log in memory, with a history of snapshots
member         one node: a replica, its storage, and the work it has ordered
options        what a node is told, and what it starts from
environment    nodes and a bag of messages between them
interaction    harness 1: the commands on nodes and messages
membership     harness 2: configuration changes alone
quorum         harness 3: majorities alone
runner         which harness for which file, and the difference if there is one
============== ====================================================================

``python -m tests.conformance PATH...`` runs files and folders; `scenarios` holds
scripts of our own in the same grammar. They may use what no other script has:
``read-index <id> <context>``, ``report-snapshot <id> <peer> succeeded=<bool>``,
``restart <id>``, and of ``add-nodes`` the options ``inflight-bytes``,
``max-size-per-msg``, ``max-uncommitted-size`` and ``disable-proposal-forwarding``.
"""
