"""Election of an owner by Raft."""
