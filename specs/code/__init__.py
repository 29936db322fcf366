"""The shipped elector, proved: every path of its bytecode, on z3 terms. See `prove.py`."""
