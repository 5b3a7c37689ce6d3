"""The words of the page that `hdeu translate --html` writes. English words are their own keys."""

from __future__ import annotations

from typing import Final

FRENCH: Final = {
    "Translation": "Traduction",
    "Message": "Message",
    "Personal values are shown.": "Les valeurs personnelles sont affichées.",
    "Personal values are masked.": "Les valeurs personnelles sont masquées.",
    "masked": "masqué",
    "nothing": "rien",
    "A person must agree": "Une personne doit donner son accord",
    "Facts with legal meaning that do not arrive as they were": "Faits de portée juridique qui n'arrivent pas intacts",
    "Fact": "Fait",
    "Field": "Champ",
    "What happens": "Ce qui se passe",
    "Hints": "Indices",
    "What looks odd, and refuses nothing": "Ce qui paraît étrange, sans rien refuser",
    "What looks odd": "Ce qui paraît étrange",
    "Fates": "Sorts",
    "How many fields had each fate": "Combien de champs ont eu chaque sort",
    "Fate": "Sort",
    "Fields": "Champs",
    "Every field of the source, and what became of it": "Chaque champ de la source, et ce qu'il est devenu",
    "Source": "Source",
    "Value": "Valeur",
    "Target": "Cible",
    "not sent": "pas envoyé",
    "Constants": "Constantes",
    "Fields of the target without one of the source": "Champs de la cible sans champ de la source",
    "Restored": "Rétabli",
    "What was put back from what an earlier translation kept": "Ce qui a été remis d'après une traduction antérieure",
    "in the language of its readers": "dans la langue de ses lecteurs",
    "machine": "traduction automatique",
    "verified": "traduction vérifiée",
    "copied": "copié",
    "recoded": "recodé",
    "split": "réparti",
    "joined": "réuni",
    "annex": "en annexe",
    "carried": "gardé ici",
    "left-out": "laissé de côté",
    "dropped": "perdu",
    "downgraded": "dit moins précisément",
    "orphaned": "orphelin",
}
ENGLISH: Final = {
    "carried": "kept here",
    "left-out": "left out",
    "machine": "translated by machine",
    "verified": "translation verified",
}
WORDS: Final[dict[str, dict[str, str]]] = {"en": ENGLISH, "fr": FRENCH}
