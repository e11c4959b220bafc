"""The command line: words in, processes and exit codes out.

`main` knows the words, `settings` reads their values. `serve` puts a node together from
its parts, on the log that `data_directory` opens or founds; `demo` runs several as
children of a `supervisor` and shows them on a `display`; `monitor` serves the page of
any cluster. What a process is beside its work is apart: `signals`, `lifeline`, `log`,
`ports`, `exit_codes`.

==========================================  ============================================
to read                                     for
==========================================  ============================================
main, flags, ctl, api_prefix                the words; what commands share that call a
                                            cluster
output, progress, mistakes, exit_codes      what commands print, refuse, and how they
                                            end
settings, sources, texts                    texts of settings, from wherever, into
                                            checked values
config_command, config_page, config_values  ``config``: each setting, and who said so
serve                                       one node as a process
running_member, client_app, families        its parts: who takes part, and what clients
                                            are served
data_directory, beginning                   its data; how it comes to its cluster
joining, lookup, reachable                  by whom, by which name, under which address
transport, http_transport                   the way to its peers
archiving, flight, recorder                 what it keeps of its past
explainer, even_size                        what it says of its own troubles
reload, role_scripts, programs              what changes while it runs; programs of the
                                            operator
event_log, process_numbers, descriptors     what it tells of its process
log, signals, lifeline, ports, platforms    what any process is beside its work
ctl_kv, ctl_keys, ctl_lease, ctl_lock       ``put``, ``get``, ``del``, ``lease``,
                                            ``lock``, ``elect``
ctl_txn, txn_lines                          ``txn``, and its grammar
ctl_watch, watch_wish                       ``watch``: what is asked for
watching, watch_lines                       and how it is shown
ctl_cluster, explain                        ``status``, ``member``, ``move-leader``;
                                            what is wrong
ctl_snapshot, ctl_restore, saved_store      ``snapshot``: the store in a file, and back
inspect                                     what lies in a data directory
recover, recover_nodes, recover_report      a lost quorum: who is left, what may be lost
new_epoch                                   and going on without the others
replay_command, replay, replay_report       a flight file, replayed
sim_command, sim_plans, simulate, trial     whole clusters on virtual time
bench, bench_run, bench_load                how quick a cluster is
bench_mix, bench_report                     with what, and what was found
demo, demo_nodes, supervisor, child         a cluster on this machine, as processes
demo_cluster, relay, demo_refusal           what can be done to it, and why not
demo_routes, demo_calls, demo_watch         by the page
demo_load, demo_chaos, display              load; chaos; what a terminal shows
monitor                                     the page of any cluster
==========================================  ============================================
"""
