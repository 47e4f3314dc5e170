"""The parent: it starts the other processes, hears them, replaces them, and answers operators."""
