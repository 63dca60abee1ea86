"""Exact amounts: integer minor units and an ISO 4217 code, together in one value."""

from dataclasses import dataclass
from decimal import Decimal
from functools import cache

import iso4217

from payments.model.currencies import DECIMALS, USUAL_DECIMALS

MAXIMUM_INTEGER_DIGITS = 15
"""Digits before the decimal point: a quadrillion less one, more than any shop charges at once."""

MAXIMUM_DIGITS = 18
"""Digits in all: minor units fit into 64 bits with a sign, as in databases."""

MOST_MINOR = 10**MAXIMUM_DIGITS - 1
"""The largest amount, in minor units."""

NOT_MONEY = frozenset({"XXX", "XTS"})
"""Codes that ISO 4217 reserves for 'no currency' and for testing."""


@cache
def _currencies() -> dict[str, int]:
    """Return the currencies in use with their number of decimals.

    Funds codes and precious metals have no minor unit in the standard and are left out with the two reserved codes.
    Source: ISO 4217 list one, as the package iso4217 ships it.
    """
    return {
        currency.code: currency.exponent
        for currency in iso4217.Currency
        if currency.exponent is not None and currency.code not in NOT_MONEY
    }


def is_currency(code: str) -> bool:
    """Return whether an upper-case code is a currency in use, which a new collection may have."""
    return code in _currencies()


def is_known_currency(code: str) -> bool:
    """Return whether an upper-case code is or was a currency, which a stored amount may have."""
    return code in DECIMALS or is_currency(code)


def decimals_of(currency: str) -> int:
    """Return the number of decimals of a currency that is or was in use."""
    known = DECIMALS.get(currency)
    return _currencies().get(currency, USUAL_DECIMALS) if known is None else known


@dataclass(frozen=True, slots=True, order=False)
class Money:
    """An amount in the minor units of one currency."""

    minor: int
    currency: str

    def __str__(self) -> str:
        return decimal_text(self.minor, self.currency)

    def minor_in(self, currency: str) -> int:
        """Return the amount in a currency: zero where it is another one, since nothing is exchanged here."""
        return self.minor if self.currency == currency else 0


@dataclass(frozen=True, slots=True)
class AmountLimits:
    """The limits of a provider for one amount in one currency, in minor units."""

    least_minor: int
    most_minor: int
    step_minor: int = 1
    """Every amount has to be a multiple of it."""


def decimal_text(minor: int, currency: str) -> str:
    """Return minor units as text in the major unit, with exactly the currency's decimals."""
    decimals = decimals_of(currency)
    if decimals == 0:
        return str(minor)
    sign = "-" if minor < 0 else ""
    digits = str(abs(minor)).rjust(decimals + 1, "0")
    return f"{sign}{digits[:-decimals]}.{digits[-decimals:]}"


class AmountFault(ValueError):
    """An error: an amount is wrong; its text is for the sender."""


def parse_minor(amount: Decimal, currency: str) -> int:
    """Return an amount in the major unit as minor units, at least 1.

    Raises AmountFault where it is zero or negative, has more decimals than the currency, or is too long.
    """
    decimals = decimals_of(currency)
    if amount <= 0:
        raise AmountFault(
            f"An amount is greater than zero, such as {decimal_text(10**decimals, currency)}."
        )
    _sign, digits, exponent = amount.as_tuple()
    assert isinstance(exponent, int)
    most_digits = min(MAXIMUM_INTEGER_DIGITS, MAXIMUM_DIGITS - decimals)
    if len(digits) + exponent > most_digits:
        raise AmountFault(f"An amount has at most {most_digits} digits before the decimal point.")
    if -exponent > decimals:
        number = "no decimals" if decimals == 0 else f"at most {decimals} decimals"
        raise AmountFault(f"An amount in {currency} has {number}.")
    return int(amount.scaleb(decimals))
