"""Three machines on one PostgreSQL while faults come and go: ``python -m tests.chaos``.

Each machine reaches the server by a wire of its own. An author pushes with git and has each push
delivered, readers read, followers keep copies by the feed of changes. One fault after the other is
drawn by a seed; after each one all is held against what was pushed.
"""
