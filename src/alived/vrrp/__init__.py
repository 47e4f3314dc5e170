"""VRRP as pure state machines: RFC 9568 (v3), RFC 3768 (v2), and keepalived's additions.

Words: *instance* = one virtual router on one interface and family; MASTER = RFC 9568's Active, BACKUP = Backup,
INIT = Initialize; FAULT is keepalived's: the instance may not run (link down, no address, tracker) and says why.
"""
