"""Addresses that an owner holds: what should be bound, what is bound, how to get there, and how to tell the neighbours.

Words: *group* = the addresses that move together (those of one VRRP instance, later of one Raft group);
*claim* = the group's owner is this node; *release* = it is not.
"""
