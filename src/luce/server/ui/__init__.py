"""``luce ui``: pages in the browser over this computer's own data, runs and models."""
