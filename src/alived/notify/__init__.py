"""Who is told what has happened: lines for pipes, mail, webhooks, and queues that wait for receivers. Pure."""
