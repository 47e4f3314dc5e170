"""Virtual servers, their pools and checks between their text and their values."""
