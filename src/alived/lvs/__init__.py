"""Load balancing with the kernel's ip_vs: virtual servers and their real servers."""
