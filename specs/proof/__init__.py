"""The protocol as actions, and the proof that they keep its promises."""
