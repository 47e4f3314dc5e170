"""A tree of blocks written down in a language: keepalived.conf, YAML or TOML."""
