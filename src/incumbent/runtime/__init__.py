"""Carries out the decisions of an elector. Private: nothing here is exported."""
