"""What paod exists for: the fold over a branch's history, and the plan that follows from it.

Pure: values in, values out. Nothing in this room reads a file, a clock, a database or a setting.
"""
