"""What must hold across instances, files and nodes."""
