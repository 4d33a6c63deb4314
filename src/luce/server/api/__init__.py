"""``luce serve``: one model over HTTP."""
