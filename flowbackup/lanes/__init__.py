"""What a plan means for the machines of `flow`: which streams lead where, whose buffers are whose.

`streams` the way of each frame; `shares` the credit of each coupling.  What lives and what is
simulated read the same.
"""
