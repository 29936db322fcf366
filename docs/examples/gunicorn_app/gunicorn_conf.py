"""A campaign for each worker. It ends by itself with its process, and releases the lease."""


def post_worker_init(worker):
    """The worker has been forked and has loaded the application: threads that start here stay."""
    worker.app.callable.__globals__["campaign"].start()
