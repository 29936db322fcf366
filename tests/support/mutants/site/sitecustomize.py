"""Python runs this at the start of every interpreter that a killer starts: it, too, imports the mutant."""

import os

if os.environ.get("INCUMBENT_MUTANT"):
    from mutants.table import MUTANTS
    from support.mutants.patch import infect

    infect(MUTANTS[os.environ["INCUMBENT_MUTANT"]])
