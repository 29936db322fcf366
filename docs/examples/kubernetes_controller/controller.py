"""A controller of which one replica works, and whose pod says so: the label `role=leader` follows the leader.

A Service that selects `role: leader` then reaches the leader alone. See `manifest.yaml` for the rest.
"""

from __future__ import annotations

import os

from kubernetes import client, config

from incumbent import Campaign, Leadership, open_store

NAMESPACE, POD = os.environ["NAMESPACE"], os.environ["POD"]
LABEL = "role"
SELECTOR = "app=controller,role=leader"


def put_label(pods: client.CoreV1Api, pod: str, value: str | None) -> None:
    """Set the label of a pod, or take it away."""
    pods.patch_namespaced_pod(pod, NAMESPACE, {"metadata": {"labels": {LABEL: value}}}, _request_timeout=5)


def work(leadership: Leadership) -> None:
    """Take the label from whoever died with it, wear it, reconcile, and take it off."""
    pods = client.CoreV1Api()
    for other in pods.list_namespaced_pod(NAMESPACE, label_selector=SELECTOR, _request_timeout=5).items:
        if other.metadata.name != POD:
            put_label(pods, other.metadata.name, None)
    leadership.check()
    put_label(pods, POD, "leader")
    try:
        while not leadership.wait(1.0):
            leadership.check()  # and reconcile, fenced by `leadership.token`
    finally:
        put_label(pods, POD, None)  # before the lease is released


if __name__ == "__main__":
    if "KUBECONFIG" in os.environ:
        config.load_kube_config()
    else:
        config.load_incluster_config()
    store = open_store(f"kubernetes://{NAMESPACE}", lease="controller")
    Campaign(store, identity=POD, on_started_leading=work).run()
