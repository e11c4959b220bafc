"""The tests; they mirror `src/raftwerk` name for name."""
