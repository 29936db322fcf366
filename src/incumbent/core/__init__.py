"""The protocol as a state machine: no clock, I/O, threads or chance."""
