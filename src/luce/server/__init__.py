"""Room 7: HTTP. The pages of ``luce ui`` and the interface of ``luce serve``.

Front doors: they parse, call one task, and answer. Nothing that a request says is ever a path.
May import: tasks and everything below, starlette, uvicorn, httptools, orjson, prometheus_client.
May be imported by: cli, when a verb is called.
"""
