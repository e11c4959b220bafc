"""Proof that the tests bite: classic mistakes, each made on purpose and caught.

A mistake (`mistake`) is a small change of one or a few functions, applied as the module
is imported, in a process of its own; the tree is never touched. It is *caught* if a
named property, a script's difference or a bound on time reports it within its budget
(`checks`). An exception that is no error of raftwerk is a defect of the row, and so is
a patch that no longer fits. The unpatched code must pass the same checks with the same
seeds in the same run, or nothing is proven.

``python -m tests.mutants`` runs the whole table (`table`).
"""
