"""What checks say to servers, one kind of server a file."""
