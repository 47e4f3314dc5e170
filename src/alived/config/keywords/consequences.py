"""What happens because a part of keepalived is not there: said in the same words wherever it is configured."""

from __future__ import annotations

NO_LVS = "this version balances no load"
NO_IPVS = f"{NO_LVS}: it checks real servers, tells of them and of quorums, and leaves IPVS alone"
NO_BFD = "this version has no BFD"
NO_SNMP = "alived has no SNMP agent"
NO_DBUS = "alived has no DBus interface; its control socket says the same"
NO_FIREWALL = "alived uses nftables and a table of its own"
NO_SCHEDULING = "real-time scheduling and the run-time limit are chosen by alived (vrrp_rt_priority)"
NO_BUFFERS = "buffers are large enough and an overrun is healed by reading again"
NO_FILES = "no such file is written; `alived status --json` says the same"
NO_RELOAD = "no reload happens by itself"
NO_STATIC = "is not installed by this version"
LINKS_ARE_REPORTED = "netlink reports link changes at once"
