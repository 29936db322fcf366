"""All mutants: by where they come from, and by name."""

from __future__ import annotations

from mutants.aio import ASYNC
from mutants.around import DRIVERS, STORES
from mutants.electors import ELECTORS
from mutants.peers import PEERS
from mutants.terms import TERMS

GROUPS = {
    "Wrong electors": (*ELECTORS, *TERMS),
    "Defects of peers": PEERS,
    "Wrong stores": STORES,
    "Wrong drivers": DRIVERS,
    "Wrong terms, and wrong campaigns for asyncio": ASYNC,
}
MUTANTS = {mutant.name: mutant for group in GROUPS.values() for mutant in group}
