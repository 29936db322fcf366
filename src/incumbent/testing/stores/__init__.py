"""The contract of a store, and what holds one against it."""
