"""A fair comparison: graphrec's systems and other people's, on one split, with as many trials and seconds for each.

`contest.compare` does it; every system runs in a process of its own (`own_worker`, `peer_worker`).
"""
