"""Elections in virtual time, over a network that can be broken, decided by one seed."""
