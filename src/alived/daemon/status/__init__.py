"""What `alived status` says, as plain values. Pure."""
