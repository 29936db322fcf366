"""The contract of all stores, as tests. Needs pytest and Hypothesis: `pip install 'incumbent[testing]'`."""

from importlib.util import find_spec

for _name in ("pytest", "hypothesis"):
    if find_spec(_name) is None:
        raise ModuleNotFoundError(
            f"the contract of stores needs {_name}: pip install 'incumbent[testing]'", name=_name
        )
