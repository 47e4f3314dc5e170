"""Processes: parent, engine, worker; the bus between them; which effect becomes which event."""
