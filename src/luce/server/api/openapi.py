"""The description of the interface that ``/openapi.json`` gives, made from the model itself.

What a row may be is told exactly, so that a program which follows the description never sends
what is refused, and one that breaks it always does.
"""

from typing import Any

from luce import __version__
from luce.data import Kind
from luce.server.api import kserve
from luce.server.api.bodies import CSV, IMAGES, JSON, NDJSON
from luce.server.api.options import ServeOptions
from luce.server.api.served import Served
from luce.server.api.tensors import BYTES, DTYPES

Tree = dict[str, Any]

_LARGEST = 1e30  # float32, in which images are computed, ends at 3.4e38
_ERRORS = {
    400: "not a request that can be read",
    401: "the token is missing",
    403: "sent by a page of another site",
    408: "the request took too long to come",
    413: "too long, or too many rows",
    414: "the address is too long",
    415: "a media type that is not read here",
    421: "the Host names another server",
    422: "the rows do not fit the model",
    431: "the headers are too long",
    501: "a package that this needs is not installed",
    503: "too many requests: try again after the seconds of Retry-After",
}


def description(served: Served, options: ServeOptions) -> Tree:
    """Return the OpenAPI 3.1 description of a server."""
    name = served.name
    tree: Tree = {
        "openapi": "3.1.0",
        "info": {
            "title": f"luce: {name}",
            "version": __version__,
            "description": "Predictions of one model.",
        },
        "paths": {
            "/v1/predict": {"post": _predict(served, options)},
            "/v1/echo": {"post": _echo()},
            "/healthz": _get("Whether the process is alive.", "alive", ready=False),
            "/readyz": _get("Whether requests are welcome.", "ready", ready=True),
            "/metrics": {"get": _operation("Figures for Prometheus.", {"text/plain": _TEXT})},
            "/openapi.json": {"get": _operation("This description.", {JSON: _OBJECT})},
            "/v2": {"get": _operation("What the server is.", {JSON: _OBJECT}, v2=True)},
            "/v2/health/live": _get("As /healthz.", "live", ready=False),
            "/v2/health/ready": _get("As /readyz.", "ready", ready=True),
        },
        "components": {
            "schemas": {"Error": _ERROR, "V2Error": _V2_ERROR},
        },
    }
    for root in (f"/v2/models/{name}", f"/v2/models/{name}/versions/{kserve.VERSION}"):
        about = _operation("What the model takes and gives.", {JSON: _OBJECT}, v2=True)
        tree["paths"][root] = {"get": about}
        tree["paths"][f"{root}/ready"] = _get("Whether the model is ready.", "ready", ready=True)
        tree["paths"][f"{root}/infer"] = {"post": _infer(served, options)}
    if options.token is not None:
        tree["components"]["securitySchemes"] = {"token": {"type": "http", "scheme": "bearer"}}
        tree["security"] = [{"token": []}]
        for path in ("/healthz", "/readyz", "/v2/health/live", "/v2/health/ready"):
            tree["paths"][path]["get"]["security"] = []
    return tree


_TEXT: Tree = {"type": "string"}
_OBJECT: Tree = {"type": "object"}
_ERROR: Tree = {
    "type": "object",
    "required": ["error"],
    "properties": {
        "error": {
            "type": "object",
            "required": ["type", "message"],
            "properties": {"type": {"type": "string"}, "message": {"type": "string"}},
        }
    },
}
_V2_ERROR: Tree = {
    "type": "object",
    "required": ["error"],
    "properties": {"error": {"type": ["string", "object"]}},
}


def _operation(
    summary: str, content: dict[str, Tree], *, v2: bool = False, errors: tuple[int, ...] = ()
) -> Tree:
    kind = "V2Error" if v2 else "Error"
    schema = {"$ref": f"#/components/schemas/{kind}"}
    told = {*errors, 400, 401, 403, 408, 414, 421, 431, 503}
    responses: Tree = {
        "200": {
            "description": "The answer.",
            "content": {media: {"schema": tree} for media, tree in content.items()},
        }
    }
    for status in sorted(told):
        responses[str(status)] = {
            "description": f"Refused: {_ERRORS[status]}.",
            "content": {JSON: {"schema": schema}},
        }
    return {"summary": summary, "responses": responses}


def _get(summary: str, key: str, *, ready: bool) -> Tree:
    content = {"type": "object", "required": [key], "properties": {key: {"type": "boolean"}}}
    operation = _operation(summary, {JSON: content})
    if ready:
        told = {
            "schema": {"anyOf": [content, operation["responses"]["503"]["content"][JSON]["schema"]]}
        }
        operation["responses"]["503"] = {"description": "Not ready.", "content": {JSON: told}}
    return {"get": operation}


def _echo() -> Tree:
    operation = _operation(
        "The body again, as it came: what the server costs without the model.",
        {"application/octet-stream": {}},
        errors=(413,),
    )
    operation["requestBody"] = {"content": {"application/octet-stream": {}}}
    return operation


def _predict(served: Served, options: ServeOptions) -> Tree:
    k = len(served.labels)
    answer = {
        "type": "object",
        "required": ["model", "predictions"],
        "properties": {
            "model": {"type": "string"},
            "predictions": {"type": "array", "items": {"enum": served.labels}},
            "classes": {"type": "array", "items": {"enum": served.labels}},
            "probabilities": {
                "type": "array",
                "items": {
                    "type": "array",
                    "items": {"type": "number", "minimum": 0, "maximum": 1},
                    "minItems": k,
                    "maxItems": k,
                },
            },
            "top": {"type": "array", "items": {"type": "array", "maxItems": k}},
        },
    }
    bodies: dict[str, Tree] = {JSON: _rows(served, options), CSV: _TEXT, NDJSON: _TEXT}
    if served.model.encoding.image_shape is not None:
        bodies |= {media: {"type": "string", "format": "binary"} for media in IMAGES}
    operation = _operation(
        "The class of each row, and its probabilities.",
        {JSON: answer, CSV: _TEXT, NDJSON: _TEXT},
        errors=(413, 415, 422, 501),
    )
    operation["parameters"] = [
        {
            "name": "proba",
            "in": "query",
            "description": "Whether to tell the probability of every class.",
            "schema": {"type": "boolean", "default": True},
        },
        {
            "name": "top",
            "in": "query",
            "description": "How many of the most probable classes to tell, best first.",
            "schema": {"type": "integer", "minimum": 0, "maximum": k, "default": 0},
        },
    ]
    operation["requestBody"] = {
        "required": True,
        "content": {media: {"schema": tree} for media, tree in bodies.items()},
    }
    return operation


def _rows(served: Served, options: ServeOptions) -> Tree:
    return {
        "type": "object",
        "required": ["rows"],
        "additionalProperties": False,
        "properties": {
            "rows": {
                "type": "array",
                "items": _row(served),
                "minItems": 1,
                "maxItems": options.max_rows,
            }
        },
    }


def _row(served: Served) -> Tree:
    columns = served.columns
    if columns is None:
        return {
            "type": "array",
            "items": _number(),
            "minItems": served.width,
            "maxItems": served.width,
        }
    kinds = kserve.column_kinds(served.model.encoding)
    row: Tree = {
        "type": "object",
        "required": list(columns),
        "properties": {name: _cell(kinds[name]) for name in columns},
        "additionalProperties": False,
    }
    return row


def _cell(kind: Kind) -> Tree:
    match kind:
        case Kind.NUMBER:
            return {"anyOf": [_number(), {"type": "null"}]}
        case Kind.BOOLEAN:
            return {"type": ["boolean", "null"]}
        case Kind.DATE:
            return {"anyOf": [{"type": "string", "format": "date"}, {"type": "null"}]}
    return {"type": ["string", "null"]}


def _number() -> Tree:
    return {"type": "number", "minimum": -_LARGEST, "maximum": _LARGEST}


def _infer(served: Served, options: ServeOptions) -> Tree:
    answer = {
        "type": "object",
        "required": ["model_name", "model_version", "outputs"],
        "properties": {
            "model_name": {"type": "string"},
            "model_version": {"type": "string"},
            "id": {"type": "string"},
            "outputs": {"type": "array", "items": _tensor()},
        },
    }
    request = {
        "type": "object",
        "required": ["inputs"],
        "properties": {
            "id": {"type": "string"},
            "parameters": _OBJECT,
            "inputs": {"type": "array", "minItems": 1, "items": _tensor()},
            "outputs": {
                "type": "array",
                "items": {
                    "type": "object",
                    "required": ["name"],
                    "properties": {
                        "name": {"enum": list(kserve.OUTPUTS)},
                        "parameters": _OBJECT,
                    },
                },
            },
        },
    }
    operation = _operation(
        "The Open Inference Protocol's inference.",
        {JSON: answer, "application/octet-stream": {}},
        v2=True,
        errors=(413, 415, 501),
    )
    operation["requestBody"] = {"required": True, "content": {JSON: {"schema": request}}}
    return operation


def _tensor() -> Tree:
    return {
        "type": "object",
        "required": ["name", "shape", "datatype"],
        "properties": {
            "name": {"type": "string"},
            "datatype": {"enum": [*DTYPES, BYTES]},
            "shape": {
                "type": "array",
                "items": {"type": "integer", "minimum": 0},
                "minItems": 1,
                "maxItems": 8,
            },
            "data": {"type": "array"},
            "parameters": _OBJECT,
        },
    }
