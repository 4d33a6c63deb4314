"""Text that a spreadsheet must not take for a formula.

Source: OWASP, CSV Injection (owasp.org/www-community/attacks/CSV_Injection).
"""

_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")


def neutralised(text: str) -> str:
    """Return ``text`` as a CSV cell that no spreadsheet runs: ``'`` stands before a formula.

    Numbers stay numbers.

    >>> neutralised("=cmd|' /C calc'!A0"), neutralised("-1.5"), neutralised("red")
    ("'=cmd|' /C calc'!A0", '-1.5', 'red')
    """
    if not text.startswith(_FORMULA):
        return text
    try:
        float(text)
    except ValueError:
        return f"'{text}"
    return text
