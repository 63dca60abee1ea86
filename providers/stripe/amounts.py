"""Stripe's amounts: the unit of each currency at Stripe, its least and most, and its step.

Source: https://docs.stripe.com/currencies ("Minor units in API amounts", "Special cases", "Minimum and maximum charge
amounts"), read in November 2026, and the description of `amount` in stripe-python 16.1.
"""

from payments.model.money import MAXIMUM_DIGITS, AmountLimits, Money, decimals_of, is_known_currency

ZERO_DECIMAL = frozenset(
    "BIF CLP DJF GNF JPY KMF KRW MGA PYG RWF VND VUV XAF XOF XPF".split()  # noqa: SIM905 - it reads as Stripe's list
)
"""Sent as they are."""

THREE_DECIMAL = frozenset({"BHD", "JOD", "KWD", "OMR", "TND"})
"""Sent with three decimals, of which the last is 0."""

# Everything else is sent with two decimals, though ISO 4217 has none for ISK and UGX. HUF and TWD are special
# in payouts alone, and charged with two decimals.

LEAST = {
    "AED": 200,
    "AUD": 50,
    "BRL": 50,
    "CAD": 50,
    "CHF": 50,
    "COP": 50,
    "CZK": 1_500,
    "DKK": 250,
    "EUR": 50,
    "GBP": 30,
    "HKD": 400,
    "HUF": 17_500,
    "IDR": 50,
    "INR": 50,
    "JPY": 50,
    "MXN": 1_000,
    "MYR": 200,
    "NOK": 300,
    "NZD": 50,
    "PLN": 200,
    "RON": 200,
    "SEK": 300,
    "SGD": 50,
    "THB": 1_000,
    "USD": 50,
}
"""In Stripe's unit, for an account that settles in the same currency; Stripe itself judges currencies not listed."""

MOST_DIGITS = 8
"""For an amount in Stripe's unit, in the currencies that have a least amount."""

MORE_DIGITS = {"INR": 9, "COP": 10, "HUF": 10, "JPY": 10, "LBP": 11, "IDR": 12}
"""Currencies with longer amounts: https://docs.stripe.com/currencies#minimum-and-maximum-charge-amounts.

The page's newer form lets most cards take 12 in every currency; the pinned version's API describes `amount` with 8.
"""


def decimals_at_stripe(currency: str) -> int:
    """Return the decimals of a currency's unit at Stripe."""
    if currency in ZERO_DECIMAL:
        return 0
    return 3 if currency in THREE_DECIMAL else 2


def to_stripe(money: Money) -> int:
    """Return an amount in Stripe's unit; it is a multiple of the step that `limits` demands."""
    shift = decimals_at_stripe(money.currency) - decimals_of(money.currency)
    if shift >= 0:
        return money.minor * int(10**shift)
    amount, rest = divmod(money.minor, int(10**-shift))
    assert rest == 0, "held to the step before it is asked"
    return amount


def from_stripe(amount: int, currency: str) -> Money:
    """Return an amount in Stripe's unit as ours; raises ValueError for an unknown currency or too many decimals."""
    code = currency.upper()
    if not is_known_currency(code):
        raise ValueError(f"no currency: {code}")
    shift = decimals_at_stripe(code) - decimals_of(code)
    if shift <= 0:
        return Money(amount * int(10**-shift), code)
    minor, rest = divmod(amount, int(10**shift))
    if rest:
        raise ValueError(f"too fine for {code}: {amount}")
    return Money(minor, code)


def limits(currency: str) -> AmountLimits:
    """Return Stripe's limits for one amount in a currency."""
    shift = decimals_at_stripe(currency) - decimals_of(currency)
    step_minor = 10 if currency in THREE_DECIMAL else max(1, int(10**-shift) if shift < 0 else 1)
    return AmountLimits(_least_minor(currency, step_minor), _most_minor(currency), step_minor)


def _least_minor(currency: str, step_minor: int) -> int:
    least = LEAST.get(currency)
    return step_minor if least is None else from_stripe(least, currency).minor


def _most_minor(currency: str) -> int:
    """Return the largest amount that Stripe accepts; for an unlisted currency, the largest that can be stored."""
    if currency not in LEAST and currency not in MORE_DIGITS:
        return int(10**MAXIMUM_DIGITS)
    digits = MORE_DIGITS.get(currency, MOST_DIGITS)
    return from_stripe(10**digits - 1, currency).minor
