"""What the processes share: how a child lives, what they say to each other, what a configuration asks of them."""
