"""The notifier: the process that talks to mail servers and webhooks."""
