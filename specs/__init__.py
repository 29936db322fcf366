"""The formal specification. `README.md` says what is checked, of what, and how."""
