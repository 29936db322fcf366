"""The line as cron would run it, on three machines at once and on a fourth whose clock is late."""

import os
import re
import subprocess
import sys
from pathlib import Path

CRONTAB = Path(__file__).parent / "reports"
PROGRAMS = {
    "incumbent": '#!/bin/sh\nexec {python} -m incumbent "$@"\n',
    "make-reports": "#!/bin/sh\necho made >>{made}\n",
}


def test_one_machine_makes_the_reports(tmp_path):
    (tmp_path / "store").write_text(f"sqlite:///{tmp_path}/leases.db")
    made = tmp_path / "made"
    for name, text in PROGRAMS.items():
        (tmp_path / name).write_text(text.format(python=sys.executable, made=made))
        (tmp_path / name).chmod(0o755)
    lines = CRONTAB.read_text().replace("/etc/reports/store", str(tmp_path / "store")).splitlines()
    settings = dict(line.split("=", 1) for line in lines if re.match(r"[A-Z_]+=", line))
    settings["PATH"] = f"{tmp_path}:{settings['PATH']}"
    (line,) = (line for line in lines if line.startswith("30 2 "))
    command = line.split(maxsplit=6)[6]

    def night():
        return subprocess.Popen(
            ["sh", "-c", command], env=os.environ | settings, stderr=subprocess.PIPE, text=True
        )

    for machine in [night(), night(), night()]:
        _, said = machine.communicate(timeout=120)
        assert (machine.returncode, said) == (0, ""), "cron would mail it"
    late = night()
    assert (late.communicate(timeout=120)[1], late.returncode) == ("", 0)
    assert made.read_text() == "made\n"
