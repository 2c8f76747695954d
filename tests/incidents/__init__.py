"""Ten incidents of an operator's day, played on real daemons, repositories and receivers.

``python -m tests.incidents [NAME …]`` plays them, and shows what somebody who is paged would see.
"""
