"""The worker: the process that runs what the operator wrote, and looks whether things are well."""
