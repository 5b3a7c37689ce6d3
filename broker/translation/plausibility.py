"""Hints about values that look odd: D6.3 Table 1, as data (`schemas/codelists/plausibility.toml`) and pure functions.

A hint never refuses and never changes anything. Where a value does not even try to have a form (an EDI address where
an IBAN might stand), nothing is said of it. A hint quotes no value: what it is about may be personal.
"""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass, field
from datetime import date
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

from lxml import etree

from broker.data_files import schemas_dir
from broker.errors import ConfigurationError, Problem

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

_EMAIL: Final = re.compile(r"[^\s@<>(),;:\\\"]+@[^\s@.]+(\.[^\s@.]+)+")  #: RFC 5321 section 4.1.2, without its rarities
_PHONE: Final = re.compile(r"\+?[0-9]{4,15}")  #: ITU-T E.164: fifteen digits at most
_BETWEEN_DIGITS: Final = re.compile(r"[\s()./-]")
_IBAN: Final = re.compile(r"[A-Z]{2}[0-9]{2}[A-Z0-9]{11,30}")  #: ISO 13616-1
_Y_TUNNUS: Final = re.compile(r"([0-9]{7})-([0-9])")  #: Finnish business identity code
_SIREN: Final = re.compile(r"[0-9]{9}([0-9]{5})?")  #: French company, with five digits more an establishment
_PEPPOL: Final = re.compile(
    r"[0-9]{4}:[A-Za-z0-9._~-]{1,50}"
)  #: Peppol policy for identifiers: ICD of ISO 6523, `:`, id
_ISO_DAY: Final = re.compile(r"([0-9]{4})-([0-9]{2})-([0-9]{2})(T.*)?")
_COLON_DAY: Final = re.compile(r"([0-9]{2}):([0-9]{2}):([0-9]{4})")
_OTHER_DAY: Final = re.compile(r"([0-9]{1,2})[-./]([0-9]{1,2})[-./]([0-9]{4})")
_WRITTEN_DAY: Final = re.compile(
    r"(?<![0-9])(?:[0-9]{4}-[0-9]{2}-[0-9]{2}|[0-9]{1,2}[-./][0-9]{1,2}[-./][0-9]{4}|[0-9]{2}:[0-9]{2}:[0-9]{4})(?![0-9])"
)  #: within other words
_Y_WEIGHTS: Final = (7, 9, 10, 5, 8, 4, 2)


HINT: Final = "implausible-"  #: how the code of every hint begins
_CODES: Final = {
    "email": "implausible-email",
    "phone": "implausible-phone",
    "iban": "implausible-iban",
    "vat": "implausible-vat",
    "business-id": "implausible-business-id",
    "peppol": "implausible-peppol",
}
SAYINGS: Final = {
    "email": "This does not look like an e-mail address.",
    "phone": "This does not look like a telephone number.",
    "iban": "This looks like an IBAN, and its check digits are wrong.",
    "vat": "This does not look like a VAT number of its state.",
    "business-id": "The check digit of this business id is wrong.",
    "peppol": "This does not look like a Peppol participant id.",
}


@dataclass(frozen=True, slots=True)
class Check:
    """What to look at, and what it should be."""

    kind: str
    source: str
    paths: tuple[str, ...] = ()
    within: str = ""
    first: str = ""
    last: str = ""


@dataclass(frozen=True, slots=True)
class Plausibility:
    """All checks, and the forms of VAT numbers by their beginning."""

    checks: tuple[Check, ...]
    vat: Mapping[str, str] = field(default_factory=dict)


@lru_cache(maxsize=1)
def shipped_checks() -> Plausibility:
    """The checks that come with the program. Raises: ConfigurationError."""
    return load_checks(schemas_dir() / "codelists/plausibility.toml")


def load_checks(path: Path) -> Plausibility:
    """Read the table. Raises: ConfigurationError."""
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
        checks = tuple(_check(row) for row in table["check"])
        return Plausibility(checks, dict(table["vat"]))
    except (OSError, KeyError, TypeError, ValueError) as error:
        raise ConfigurationError(f"The checks of plausibility {path.name} cannot be read: {error}") from error


def _check(row: dict[str, Any]) -> Check:
    if row["kind"] not in {*_LOOKS, "vat", "period", "range"}:
        raise ValueError(f"no check is of the kind {row['kind']!r}")
    paths = tuple(row.get("paths", ()))
    return Check(row["kind"], row["source"], paths, row.get("within", ""), row.get("from", ""), row.get("to", ""))


def hints(root: etree._Element, checks: Plausibility) -> tuple[Problem, ...]:
    """What looks odd in an eu-1 message, in the order of the checks."""
    return tuple(hint for check in checks.checks for hint in _looked(root, check, checks.vat))


def _looked(root: etree._Element, check: Check, vat: Mapping[str, str]) -> Iterator[Problem]:
    if check.kind == "period":
        for holder in _found(root, check.within):
            if _backwards(holder, check.first, check.last):
                yield _hint("implausible-period", f"{check.first} is after {check.last}.", holder, check)
        return
    for path in check.paths:
        for element in _found(root, path):
            text = " ".join((element.text or "").split())
            if check.kind == "range":
                yield from _ranged(text, element, check)
            elif text and not (is_vat(text, vat) if check.kind == "vat" else _LOOKS[check.kind](text)):
                yield _odd(element, check)


def _ranged(text: str, element: etree._Element, check: Check) -> Iterator[Problem]:
    """A period in words of the applicant: the days that it names, and two of them in their order."""
    days = [day_of(written) for written in _WRITTEN_DAY.findall(text)]
    if None in days:
        yield _odd(element, check)
    elif len(days) == 2 and days != sorted(day for day in days if day):  # noqa: PLR2004  from and to
        yield _hint("implausible-period", "It ends before it begins.", element, check)


def _odd(element: etree._Element, check: Check) -> Problem:
    code = _CODES.get(check.kind, "implausible-day")
    return _hint(code, SAYINGS.get(check.kind, "No calendar has this day."), element, check)


def _hint(code: str, detail: str, element: etree._Element, check: Check) -> Problem:
    return Problem(code, detail, _where(element), check.source, hint="Nothing is refused for it; ask if in doubt.")


def _found(root: etree._Element, path: str) -> Iterator[etree._Element]:
    yield from root.iterfind("/".join(f"{{*}}{step}" for step in ("content", *path.split("/")) if step))


def _where(element: etree._Element) -> str:
    steps = [element, *element.iterancestors()][:-1]
    return "/".join(_step(one) for one in reversed(steps))


def _step(element: etree._Element) -> str:
    name = etree.QName(element).localname
    before = sum(1 for _ in element.itersiblings(element.tag, preceding=True))
    alone = not before and next(element.itersiblings(element.tag), None) is None
    return name if alone else f"{name}[{before + 1}]"


def _backwards(holder: etree._Element, first: str, last: str) -> bool:
    days = [day_of(" ".join((holder.findtext(f"{{*}}{name}") or "").split())) for name in (first, last)]
    return days[0] is not None and days[1] is not None and days[0] > days[1]


def day_of(text: str) -> date | None:
    """The day that a text names, ISO 8601 or the day first; None where it names none, or none of the calendar."""
    iso, other = _ISO_DAY.fullmatch(text), _COLON_DAY.fullmatch(text) or _OTHER_DAY.fullmatch(text)
    try:
        if iso:
            return date(int(iso[1]), int(iso[2]), int(iso[3]))
        return date(int(other[3]), int(other[2]), int(other[1])) if other else None
    except ValueError:
        return None


def is_day(text: str) -> bool:
    """False where a text is written as a day, and no calendar has it; free words about time are not judged."""
    written = _ISO_DAY.fullmatch(text) or _COLON_DAY.fullmatch(text) or _OTHER_DAY.fullmatch(text)
    return written is None or day_of(text) is not None


def is_email(text: str) -> bool:
    """Whether a text has the form of an e-mail address."""
    return _EMAIL.fullmatch(text) is not None


def is_phone(text: str) -> bool:
    """Whether a text has the form of a telephone number, with or without its country's code."""
    return _PHONE.fullmatch(_BETWEEN_DIGITS.sub("", text)) is not None


def is_iban(text: str) -> bool:
    """False where a text has the form of an IBAN and its check digits are wrong (ISO 7064, MOD 97-10)."""
    plain = text.replace(" ", "").upper()
    if not _IBAN.fullmatch(plain):
        return True
    return int("".join(str(int(char, 36)) for char in plain[4:] + plain[:4])) % 97 == 1


def is_vat(text: str, forms: Mapping[str, str]) -> bool:
    """Whether a text has the form that its first two letters announce."""
    plain = _BETWEEN_DIGITS.sub("", text).upper()
    form = forms.get(plain[:2].replace("GR", "EL"))
    return form is not None and re.fullmatch(form, plain[2:]) is not None


def is_business_id(text: str) -> bool:
    """False where a text has the form of a Y-tunnus, SIREN or SIRET and its check digit is wrong; others pass."""
    finnish = _Y_TUNNUS.fullmatch(text)
    if finnish:
        rest = sum(int(digit) * weight for digit, weight in zip(finnish[1], _Y_WEIGHTS, strict=True)) % 11
        return rest != 1 and int(finnish[2]) == (11 - rest if rest else 0)
    plain = text.replace(" ", "")
    return not _SIREN.fullmatch(plain) or _luhn(plain)


def _luhn(digits: str) -> bool:
    doubled = (int(digit) * (1 + number % 2) for number, digit in enumerate(reversed(digits)))
    return sum(value // 10 + value % 10 for value in doubled) % 10 == 0


def is_peppol(text: str) -> bool:
    """Whether a text has the form of a Peppol participant id."""
    return _PEPPOL.fullmatch(text) is not None


_LOOKS: Final[dict[str, Callable[[str], bool]]] = {
    "email": is_email,
    "phone": is_phone,
    "iban": is_iban,
    "business-id": is_business_id,
    "peppol": is_peppol,
    "day": is_day,
}
