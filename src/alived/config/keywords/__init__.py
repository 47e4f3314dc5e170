"""The keyword tables: the one place where each keyword is described."""
