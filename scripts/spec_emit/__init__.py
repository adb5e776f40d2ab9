"""The writers behind emit_spec.py: one module a kind of reader."""
