"""Settings files by name: `dpa.config.load(schema, "NAME")` reads NAME.yaml of this folder."""
