"""Scripts of the operator: which to run, in which order, and what their failure means. Pure; the worker runs them."""
