"""All mutants: by where they come from, and by name."""

from __future__ import annotations

from mutants.aio import ASYNC
from mutants.around import DRIVERS, STORES
from mutants.campaigns import CAMPAIGNS, PROCESSES
from mutants.drivers import CARRIED_OUT
from mutants.electors import ELECTORS
from mutants.hints import HINTS
from mutants.holds import HOLDS
from mutants.named import NAMED
from mutants.owed import OWED
from mutants.parts import PARTS
from mutants.peers import PEERS
from mutants.sights import SIGHTS
from mutants.survivors import SURVIVORS
from mutants.terms import TERMS
from mutants.touches import TOUCHES
from mutants.waits import POOLS, SCHEDULERS, TERMS_AND_CLOCKS, THREADS

_BESIDE_ELECTORS = (*DRIVERS, *OWED, *CARRIED_OUT, *PARTS)

GROUPS = {
    "Wrong electors": (*ELECTORS, *TERMS, *TOUCHES, *HOLDS, *NAMED, *HINTS),
    "Defects of peers": PEERS,
    "Wrong terms": tuple(mutant for mutant in _BESIDE_ELECTORS if mutant.decides),
    "Wrong stores": STORES,
    "Wrong drivers": tuple(mutant for mutant in _BESIDE_ELECTORS if not mutant.decides),
    "Wrong campaigns for asyncio, and their terms": ASYNC,
    "Wrong threads": (*POOLS, *SCHEDULERS, *TERMS_AND_CLOCKS, *THREADS, *SURVIVORS),
    "Wrong campaigns": (*CAMPAIGNS, *PROCESSES),
    "Wrong observers": SIGHTS,
}
MUTANTS = {mutant.name: mutant for group in GROUPS.values() for mutant in group}
