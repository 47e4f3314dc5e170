"""Text to model: keepalived.conf, YAML and TOML become one typed `Config`; every finding has a place and a hint."""
