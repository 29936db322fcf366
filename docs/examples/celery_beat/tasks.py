"""An app with one task, sent ten times a second to a folder: a real transport that needs no server."""

import os

from celery import Celery

folder = os.environ["FOLDER"]
app = Celery("tasks", broker="filesystem://")
app.conf.broker_transport_options = {
    "data_folder_in": folder,
    "data_folder_out": folder,
    "control_folder": f"{folder}/control",
}
app.conf.beat_schedule = {"often": {"task": "tasks.often", "schedule": 0.1}}
app.conf.beat_max_loop_interval = 0.1


@app.task
def often():
    """What the beat asks for."""
