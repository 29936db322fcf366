"""Encode as one text what is no part of the write (P15): who asks to resign, and from when on to claim.

It is kept where the name of who asks has been kept since the first edition. Every program reads and writes
that field, and acts upon it only while the lease is held. A field of its own would be a column that older
programs refuse, or leave as it is when they write all others.
"""

from __future__ import annotations

from typing import Any


def write_note(by: str, **more: str) -> str:
    """The text: just the name, unless there is more to say, or the name could be taken for such a text."""
    said = {name: text for name, text in more.items() if text}
    if not said and not by.startswith("{"):
        return by
    import json  # noqa: PLC0415 - takes 1.5 ms to import, and few notes say more than a name

    return json.dumps({"by": by, **said}, ensure_ascii=False)


def read_note(text: Any) -> dict[str, Any]:
    """Decode a note. Text that `write_note` did not make is the name of who asks to resign."""
    if isinstance(text, str) and text.startswith("{"):
        import json  # noqa: PLC0415 - as above

        try:
            note = json.loads(text)
        except (ValueError, RecursionError):
            note = None
        if isinstance(note, dict) and "by" in note:
            return note
    return {"by": text}
