"""Countries as the wire writes them: `nl`, `NLD`, `NETHERLANDS`, or the last step of an authority-table URI.

Member states and the EEA, ISO 3166-1 codes; Greece and its EU code EL.
"""

from __future__ import annotations

from typing import Any, Final

_COUNTRIES: Final = """
at AUT AUSTRIA|be BEL BELGIUM|bg BGR BULGARIA|hr HRV CROATIA|cy CYP CYPRUS|cz CZE CZECHIA|dk DNK DENMARK
ee EST ESTONIA|fi FIN FINLAND|fr FRA FRANCE|de DEU GERMANY|gr GRC GREECE|gr EL GREECE|hu HUN HUNGARY|ie IRL IRELAND
it ITA ITALY|lv LVA LATVIA|lt LTU LITHUANIA|lu LUX LUXEMBOURG|mt MLT MALTA|nl NLD NETHERLANDS|pl POL POLAND
pt PRT PORTUGAL|ro ROU ROMANIA|sk SVK SLOVAKIA|si SVN SLOVENIA|es ESP SPAIN|se SWE SWEDEN|is ISL ICELAND
li LIE LIECHTENSTEIN|no NOR NORWAY"""
_ALIASES: Final = {
    alias.upper(): entry.split()[0]
    for entry in _COUNTRIES.replace("\n", "|").split("|")
    if entry
    for alias in entry.split()
}


def code(text: str) -> str:
    """The ISO alpha-2 code in lower case, "" for what is not known."""
    return _ALIASES.get(text.strip().rstrip("/").rpartition("/")[2].upper(), "")


def of_dataset(dataset: Any) -> str:
    """The country of a `datasets[]` entry, "" where it names none that is known."""
    country = dataset.get("country") if isinstance(dataset, dict) else None
    if isinstance(country, str):
        return code(country)
    if not isinstance(country, dict):
        return ""
    texts = (country.get(name) for name in ("country_id", "resource", "label"))
    return next((found for text in texts if isinstance(text, str) and (found := code(text))), "")


def of_application(content: dict[str, Any]) -> list[str]:
    """Every country with a dataset in the application, once each, in order."""
    datasets = content.get("datasets")
    found = (of_dataset(dataset) for dataset in (datasets if isinstance(datasets, list) else []))
    return list(dict.fromkeys(country for country in found if country))
