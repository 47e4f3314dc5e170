"""keepalived.conf as text: bytes to tokens to a tree of blocks, and back."""
