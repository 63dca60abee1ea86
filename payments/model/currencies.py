"""The decimals of every currency that this server ever accepted: stored amounts stay readable for ever."""

from collections.abc import Mapping

LISTED = {
    0: "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF",
    2: """
        AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BMD BND BOB BOV BRL BSD BTN BWP BYN BZD CAD CDF CHE CHF CHW
        CNY COP COU CRC CUP CVE CZK DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GTQ GYD HKD HNL HTG HUF
        IDR ILS INR IRR JMD KES KGS KHR KPW KYD KZT LAK LBP LKR LRD LSL MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK
        MXN MXV MYR MZN NAD NGN NIO NOK NPR NZD PAB PEN PGK PHP PKR PLN QAR RON RSD RUB SAR SBD SCR SDG SEK SGD SHP
        SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT TOP TRY TTD TWD TZS UAH USD USN UYU UZS VED VES WST XAD XCD XCG
        YER ZAR ZMW ZWG
    """,
    3: "BHD IQD JOD KWD LYD OMR TND",
    4: "CLF UYW",
}
"""Currencies in use. A test compares them with ISO 4217's list: one that leaves it moves to those below."""

LEFT = {2: "ANG BGN CUC HRK SLL ZWL"}
"""Currencies that have left the list since 2023 or are about to."""

DECIMALS: Mapping[str, int] = {
    code: decimals
    for codes in (LEFT, LISTED)
    for decimals, text in codes.items()
    for code in text.split()
}

USUAL_DECIMALS = 2
"""Of an unknown code, which only a manual change of the database can bring in; `check` reports it."""
