"""The world: sockets, netlink, scripts, timers. One kind of I/O a file; nothing here decides."""
