"""Arrays of other packages: those that NumPy can read, and why the rest cannot be."""

from typing import Any

from luce.errors import DataError

_HOST_DEVICES = (1, 3, 11)  # of DLPack: plain memory, and that which CUDA or ROCm has pinned


def check_on_host(array: Any, device: int, name: str) -> None:
    """Refuse an array of another package whose memory does not simply hold its values."""
    kind = type(array).__name__
    if getattr(array, "requires_grad", False):
        raise DataError(
            f"{name} must be an array of plain numbers, got a {kind} that requires its gradient."
            f" Pass {name}.detach(), or use luce.nn, whose functions are differentiated."
        )
    if getattr(array, "is_neg", bool)():  # torch exports the memory, and forgets the sign
        raise DataError(
            f"{name} must hold its own numbers, got a {kind} that is a negated view of others."
            f" Pass {name}.resolve_neg()."
        )
    if device not in _HOST_DEVICES:
        raise DataError(
            f"{name} must lie in the CPU's memory, got a {kind} on device {array.device}."
            " Copy it to the CPU, or use luce.nn, which works on devices."
        )


def not_exportable(array: Any, name: str, error: Exception) -> DataError:
    """Return the error for an array of another package that NumPy cannot see."""
    return DataError(
        f"{name} must be an array that NumPy can read by DLPack, got a {type(array).__name__}"
        f" of dtype {array.dtype} ({str(error).splitlines()[0]}). Convert it to a NumPy array, or"
        " to dense float32 on the CPU."
    )
