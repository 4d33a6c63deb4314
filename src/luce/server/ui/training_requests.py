"""From the JSON of a request to a training: every value checked, every path one of ours."""

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from luce.data.set_infos import is_named
from luce.errors import ParameterError
from luce.server.ui.uploads import word_of
from luce.server.ui.workspace import Source, UnknownId, Workspace
from luce.tasks.column_lists import write_columns
from luce.tasks.option import Option
from luce.tasks.options import OPTIONS, TrainOptions
from luce.tasks.suggestions import did_you_mean

_FIELDS = ("source", "target", "text", "ignore", "no_header", "valid", "options")
_ELSEWHERE = (
    "data",
    "target",
    "text",
    "ignore",
    "no_header",
    "valid",
)  # fields of their own, not options


class Training(NamedTuple):
    """What is to be trained.

    Attributes
    ----------
    options : the content of a configuration file
    slug : a harmless word for the run folder's name
    name, location : of the data: for the user, and for ``luce train``
    """

    options: dict[str, Any]
    slug: str
    name: str
    location: str


def training_of(workspace: Workspace, body: Mapping[str, Any]) -> Training:
    """Return the training that a request describes.

    ``source`` is an id; ``text`` and ``ignore`` are lists of columns; ``no_header`` tells that the
    file begins with a row; ``valid`` is a fraction, ``"test"``, or the id of other data;
    ``options`` are those of the table besides.

    Raises
    ------
    ParameterError
        A field or an option is unknown or has an impossible value.
    UnknownId
        There are no such data.
    """
    for field in body:
        if field not in _FIELDS:
            raise ParameterError(
                f"the body's fields must be {', '.join(_FIELDS)}, got {field[:40]!r}."
                + did_you_mean(field, _FIELDS)
            )
    source = workspace.source(str(body.get("source", "")))
    options = _checked(body.get("options", {}), _ELSEWHERE)
    target = body.get("target")
    if target is not None and source.origin != "named":
        options["target"] = target
    for name in ("text", "ignore"):
        if columns := _columns(body, name):
            options[name] = write_columns(columns)
    if (no_header := body.get("no_header")) is not None:
        options["no_header"] = no_header  # checked below, with all options
    valid = _valid(workspace, body.get("valid"))
    if valid is not None:
        options["valid"] = valid
    options["data"] = source.location
    TrainOptions(**options)  # refuses what the command line would
    _require_unicode(options)
    return Training(options, _slug(source), source.name, source.location)


def changed_arguments(
    workspace: Workspace, run: Path, options: Mapping[str, Any], body: Mapping[str, Any]
) -> list[str]:
    """Return the arguments of ``luce train --resume`` for the changes that a request asks for.

    Data that were uploaded to a server that has ended since are looked for among those that are
    here now, by their content.
    """
    fixed = [option.name for option in OPTIONS.values() if not option.limits.resumable]
    changes = _checked(body.get("changes", {}), fixed)
    arguments = [word for name, value in changes.items() for word in _flag(name, value)]
    location = str(options.get("data", ""))
    if _is_there(location):
        return arguments
    return [_same_data(workspace, run), *arguments]


def _checked(values: object, forbidden: Collection[str]) -> dict[str, Any]:
    """Options by name, each checked by the table; None stands for one that is not given."""
    if not isinstance(values, dict):
        raise ParameterError(f"options must be a JSON object, got {type(values).__name__}.")
    found = {}
    for name, value in values.items():
        option = OPTIONS.get(name)
        if option is None or name in forbidden:
            raise ParameterError(
                f"options must be those of luce train that can be set here, got {name[:40]!r}."
                f" {did_you_mean(name, OPTIONS)}".rstrip()
            )
        if value is not None:
            found[name] = _value(option, value)
    return found


def _value(option: Option, value: Any) -> Any:
    """JSON has one kind of numbers: 5.0 is a whole one."""
    if option.kind is int and isinstance(value, float) and value.is_integer():
        value = int(value)
    return option.checked(value)


def _require_unicode(options: Mapping[str, Any]) -> None:
    """JSON can spell halves of characters, which no file can hold."""
    for name, value in options.items():
        if isinstance(value, str) and value.encode("utf-8", "replace").decode() != value:
            raise ParameterError(
                f"{name} must be text, got {value!r:.80}, which holds half a character."
            )


def _columns(body: Mapping[str, Any], name: str) -> list[str]:
    columns = body.get(name) or []
    if not isinstance(columns, list) or not all(isinstance(column, str) for column in columns):
        raise ParameterError(f"{name} must be a list of names of columns, got {columns!r:.80}.")
    return columns


def _valid(workspace: Workspace, valid: object) -> str | None:
    """What to evaluate on; where the command line takes a file, a request takes an id."""
    if valid is None or valid == "":
        return None
    if isinstance(valid, bool) or not isinstance(valid, int | float | str):
        raise ParameterError(
            "valid must be a fraction between 0 and 1, 'test', or the id of other data, got"
            f" {valid!r:.80}."
        )
    from luce.tasks.preparation import fraction_of  # slow to import: not before it is needed

    text = str(valid)
    if text == "test":
        return text
    fraction = fraction_of(text)  # refuses other numbers, NaN among them
    return workspace.source(text).location if fraction is None else str(fraction)


def _slug(source: Source) -> str:
    name = Path(source.location).name
    return word_of(name.partition(".")[0].lower())


def _flag(name: str, value: Any) -> list[str]:
    return [OPTIONS[name].flag, str(value)]


def _is_there(location: str) -> bool:
    return is_named(location) or Path(location).exists()


def _same_data(workspace: Workspace, run: Path) -> str:
    """The path of the data that a run was trained on, found by their content."""
    from luce import storage
    from luce.data import files
    from luce.tasks.runs import MODEL

    wanted = storage.read_metadata(run / MODEL)["data"]["fingerprint"]
    for source in workspace.sources():
        path = Path(source.location)
        if source.origin != "named" and path.is_file() and files.fingerprint(path) == wanted:
            return source.location
    raise UnknownId(
        "a training is resumed with its data, but those of this run are gone: they were uploaded to"
        " a server that has ended. Open the same file again on the Data page, then resume."
    )
