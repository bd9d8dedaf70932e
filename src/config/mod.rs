//! harden.toml: schema, discovery, per-path overrides. Knows no lint; names of lints are checked by whoever has the registry.
