"""For tests of users: a real cluster in one process, and fixtures for pytest.

`plugin` is found by pytest itself, wherever raftwerk is installed, and imports nothing
until a fixture is used. `cluster` is what the fixture `raftwerk_cluster` gives, for
those who run an event loop of their own. A simulated cluster is `raftwerk.sim`.
"""
