"""YAML, TOML and the files of vip-switch: other ways to write the same configuration."""
