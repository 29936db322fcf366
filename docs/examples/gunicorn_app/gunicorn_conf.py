"""A campaign for each worker, from its start to its end."""


def post_worker_init(worker):
    """The worker has been forked and has loaded the application: threads that start here stay."""
    worker.app.callable.__globals__["campaign"].start()


def worker_exit(server, worker):
    """The work ends, and the lease is released: another worker leads at once."""
    worker.app.callable.__globals__["campaign"].stop()
