"""Tests of `raftwerk.storage`."""
