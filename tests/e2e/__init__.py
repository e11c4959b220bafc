"""Whole nodes as processes, on real sockets and a real disk."""
