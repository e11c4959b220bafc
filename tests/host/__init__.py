"""Tests of `raftwerk.host`."""
