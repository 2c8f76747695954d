"""A checkout while it is being edited: examined and held together at each save, and served.

The working tree takes the place of the mirror, a save that of a commit; what examines, folds and
serves is what the daemon uses. It prints nothing.
"""
