"""What a URL leaves out about who asks: found where the store's own command finds it.

PostgreSQL's and Kubernetes' clients do so themselves. What the URL says comes first. Neither a message nor a
repr tells any of it.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Final

from incumbent.errors import ConfigurationError

_CONTROLS: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]")


def redis_password() -> str:
    """What redis-cli logs in with, or an empty string.

    Raises:
        ConfigurationError: It has control characters.
    """
    return _variable("REDISCLI_AUTH")


def consul_token() -> str:
    """What Consul's own client shows, or an empty string; a file comes before a variable, as there.

    Raises:
        ConfigurationError: The file cannot be read, or the token has control characters.
    """
    path = os.environ.get("CONSUL_HTTP_TOKEN_FILE", "")
    if not path:
        return _variable("CONSUL_HTTP_TOKEN")
    try:
        token = Path(path).read_text().strip()
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or "it holds no text"
        raise ConfigurationError(
            f"the file that CONSUL_HTTP_TOKEN_FILE names cannot be read: {why}"
        ) from None
    return _checked("the file that CONSUL_HTTP_TOKEN_FILE names", token)


def etcd_login(user: str) -> tuple[str, str]:
    """The user and the password that etcdctl logs in with, or two empty strings.

    Args:
        user: Whose password is missing; an empty string if the user is missing, too.

    Raises:
        ConfigurationError: One of them has control characters.
    """
    named, _, password = _variable("ETCDCTL_USER").partition(":")
    password = _variable("ETCDCTL_PASSWORD") or (password if user in ("", named) else "")
    return user or named, password


def _variable(name: str) -> str:
    return _checked(name, os.environ.get(name, ""))


def _checked(source: str, secret: str) -> str:
    if _CONTROLS.search(secret):
        raise ConfigurationError(f"{source} has control characters or lone surrogates: give it without")
    return secret
