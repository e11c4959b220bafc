"""One test for each rule of the Raft paper and of the parts of the thesis in use here.

The section stands in the docstring. Members are told things by hand, and what leaves
them is looked at: messages, and what they ask to be stored and applied.
"""
