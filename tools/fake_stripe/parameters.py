"""The check of a request's parameters against the types of Stripe's SDK, which come from Stripe's API description."""

import types
import typing
from collections.abc import Mapping
from functools import cache
from typing import (
    Any,
    Literal,
    NotRequired,
    Required,
    Union,
    get_args,
    get_origin,
    get_type_hints,
)

import stripe
import stripe.params

TRUTHS = {"true": True, "false": False}


class WrongParameter(ValueError):
    """An error: a parameter is wrong, and how."""

    def __init__(self, code: str, param: str) -> None:
        super().__init__(f"{code}: {param}")
        self.code = code
        self.param = param


@cache
def _hints(shape: type) -> Mapping[str, Any]:
    module = __import__(shape.__module__, fromlist=["*"])
    # Some of the names in the SDK's types exist there for the type checker alone.
    names = {**vars(typing), **vars(stripe), **vars(stripe.params), **vars(module)}
    names |= {"StripeContext": object}
    return get_type_hints(shape, globalns=names, include_extras=True)


def hold(shape: type, values: Mapping[str, Any], path: str = "") -> dict[str, Any]:
    """Return the values by their types; raises WrongParameter for an unknown or missing one, or one of another type."""
    hints = _hints(shape)
    found = {}
    for name, value in values.items():
        where = f"{path}[{name}]" if path else name
        if name not in hints:
            raise WrongParameter("parameter_unknown", where)
        found[name] = _read(hints[name], value, where)
    for name, hint in hints.items():
        is_left_out = name in found or get_origin(hint) is NotRequired
        if not is_left_out and name in shape.__required_keys__:  # type: ignore[attr-defined]  # of a TypedDict
            raise WrongParameter("parameter_missing", f"{path}[{name}]" if path else name)
    return found


def _read(hint: Any, value: Any, path: str) -> Any:
    origin = get_origin(hint)
    if origin in (NotRequired, Required):
        return _read(get_args(hint)[0], value, path)
    if origin in (Union, types.UnionType):
        return _either(get_args(hint), value, path)
    if origin is Literal:
        if value not in get_args(hint):
            raise WrongParameter("parameter_invalid_enum", path)
        return value
    if origin in (list, tuple) and isinstance(value, list):
        return [_read(get_args(hint)[0], one, f"{path}[{n}]") for n, one in enumerate(value)]
    if origin is not None and issubclass(origin, Mapping) and isinstance(value, dict):
        return {key: _read(get_args(hint)[1], one, f"{path}[{key}]") for key, one in value.items()}
    # The SDK's types are of typing_extensions, which typing does not know.
    if hasattr(hint, "__required_keys__") and isinstance(value, dict):
        return hold(hint, value, path)
    return _scalar(hint, value, path)


def _either(hints: tuple[Any, ...], value: Any, path: str) -> Any:
    faults = []
    # A list of words and any other text: the words are binding.
    words = [hint for hint in hints if get_origin(hint) is Literal and get_args(hint) != ("",)]
    is_truth = bool in hints and isinstance(value, str) and value in TRUTHS
    for hint in words if words and isinstance(value, str) and value and not is_truth else hints:
        try:
            return _read(hint, value, path)
        except WrongParameter as fault:
            faults.append(fault)
    raise faults[-1]


def _scalar(hint: Any, value: Any, path: str) -> Any:
    if not isinstance(value, str):
        raise WrongParameter("parameter_invalid", path)
    if hint is str:
        return value
    if hint is bool and value in TRUTHS:
        return TRUTHS[value]
    if hint is int and value.lstrip("-").isdecimal():
        return int(value)
    if hint in (float, Any, object):
        return value
    raise WrongParameter(f"parameter_invalid_{getattr(hint, '__name__', 'type')}", path)
