"""alived keeps a virtual IP alive on exactly one of several machines, and says why."""

__version__ = "0.1.0"
