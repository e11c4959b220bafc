"""The tests of raftwerk; they mirror `src/raftwerk` name for name."""
