"""The seed's API, version 1: documented, in an envelope, to be tried in a browser."""

from raftwerk.api.v1.app import make_documented_api

__all__ = ["make_documented_api"]
