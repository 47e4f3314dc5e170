"""What a configuration comes to: every value with where it came from."""
