"""A register in a ConfigMap that refuses the writes of a leader whose term is over.

The API server compares no tokens, but it compares versions: read the object, look at the largest token that
wrote it, and replace it only if it is still what was read (`resourceVersion`). Whoever comes in between makes
the replacement fail, and then one looks again. Send `leadership.token` along with each write.
"""

from __future__ import annotations

from urllib.parse import parse_qsl, urlsplit

from kubernetes import client, config
from kubernetes.client.exceptions import ApiException

CONFLICT, NOT_FOUND = 409, 404


class Register:
    """One value, guarded by the largest token that ever wrote it."""

    def __init__(self, api: client.CoreV1Api, namespace: str, name: str) -> None:
        self.api, self.namespace, self.name = api, namespace, name

    def write(self, token: int, value: str) -> bool:
        """Write, unless a larger token was seen: then False."""
        data = {"token": str(token), "value": value}
        while True:
            found = self._find()
            if found is not None and int(found.data["token"]) > token:
                return False
            try:
                if found is None:
                    body = client.V1ConfigMap(metadata=client.V1ObjectMeta(name=self.name), data=data)
                    self.api.create_namespaced_config_map(self.namespace, body, _request_timeout=5)
                else:
                    found.data = data  # its metadata names the version that is replaced
                    self.api.replace_namespaced_config_map(
                        self.name, self.namespace, found, _request_timeout=5
                    )
            except ApiException as error:
                if error.status == CONFLICT:
                    continue
                raise
            return True

    def read(self) -> tuple[int, str] | None:
        """The largest token seen and what it wrote."""
        found = self._find()
        return None if found is None else (int(found.data["token"]), found.data["value"])

    def close(self) -> None:
        """Close the connections."""
        self.api.api_client.close()

    def _find(self) -> client.V1ConfigMap | None:
        try:
            return self.api.read_namespaced_config_map(self.name, self.namespace, _request_timeout=5)
        except ApiException as error:
            if error.status == NOT_FOUND:
                return None
            raise


def open_register(url: str, name: str) -> Register:
    """The register of that name in the namespace of a `kubernetes://` URL; it is made on first use."""
    split = urlsplit(url)
    settings = client.Configuration()
    settings.retries = False  # a write that was sent twice would conflict with itself
    config.load_kube_config(dict(parse_qsl(split.query)).get("kubeconfig"), client_configuration=settings)
    return Register(client.CoreV1Api(client.ApiClient(settings)), split.netloc, f"register-{name}")
