"""Mutation testing of the money rules: change one thing, and see that a test fails.

`python -m tests.mutation` changes modules of Python (`changes.py`) and `--sql` changes the posting
functions and the workers' queries (`sql_list.py`). No file of the tree is edited: a changed module
is compiled in the forked child that runs the tests.
"""
