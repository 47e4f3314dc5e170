"""VRRP instances and sync groups between their text and their values."""
