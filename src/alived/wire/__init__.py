"""Bytes to values and back, without state: headers, checksums, ARP, ND, rtnetlink."""
