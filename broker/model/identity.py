"""Who may do what: one table."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final


class Role(StrEnum):
    """Roles that a token can carry."""

    READER = "reader"  #: sees states, never form data
    CASEWORKER = "caseworker"  #: reads documents, signs off, retries
    OPERATOR = "operator"  #: runs the node: parked messages, destinations
    AUDITOR = "auditor"  #: exports and verifies the journal
    BACKEND = "backend"  #: a national system; the token's subject is its name
    DISPATCHER_CLIENT = "dispatcher-client"  #: X-API-key clients of /national-dispatcher
    ACCESS_POINT = "access-point"  #: the national access point when it pushes


class Action(StrEnum):
    """What the API and the console can do."""

    MESSAGES_LIST = "messages:list"
    MESSAGES_READ = "messages:read"  #: one message's states and timeline
    MESSAGES_BYTES = "messages:bytes"  #: original bytes and translated documents
    MESSAGES_SUBMIT = "messages:submit"
    MESSAGES_ACKNOWLEDGE = "messages:acknowledge"  #: a back end has what was handed over to it
    MESSAGES_SIGN_OFF = "messages:sign-off"
    MESSAGES_RETRY = "messages:retry"
    MESSAGES_CLOSE = "messages:close"
    CASES_READ = "cases:read"
    DESTINATIONS_READ = "destinations:read"
    DESTINATIONS_PAUSE = "destinations:pause"
    AUDIT_EXPORT = "audit:export"
    DISPATCHER_READ = "dispatcher:read"
    ACCESS_POINT_PUSH = "access-point:push"


PERMITTED: Final[dict[Role, frozenset[Action]]] = {
    Role.READER: frozenset({Action.MESSAGES_LIST, Action.MESSAGES_READ, Action.CASES_READ}),
    Role.CASEWORKER: frozenset(
        {
            Action.MESSAGES_LIST,
            Action.MESSAGES_READ,
            Action.MESSAGES_BYTES,
            Action.MESSAGES_SIGN_OFF,
            Action.MESSAGES_RETRY,
            Action.MESSAGES_CLOSE,
            Action.CASES_READ,
            Action.DESTINATIONS_READ,
        }
    ),
    Role.OPERATOR: frozenset(
        {
            Action.MESSAGES_LIST,
            Action.MESSAGES_READ,
            Action.MESSAGES_RETRY,
            Action.MESSAGES_CLOSE,
            Action.CASES_READ,
            Action.DESTINATIONS_READ,
            Action.DESTINATIONS_PAUSE,
        }
    ),
    Role.AUDITOR: frozenset({Action.MESSAGES_LIST, Action.MESSAGES_READ, Action.CASES_READ, Action.AUDIT_EXPORT}),
    Role.BACKEND: frozenset(
        {
            Action.MESSAGES_SUBMIT,
            Action.MESSAGES_LIST,
            Action.MESSAGES_READ,
            Action.MESSAGES_BYTES,
            Action.MESSAGES_ACKNOWLEDGE,
        }
    ),
    Role.DISPATCHER_CLIENT: frozenset({Action.DISPATCHER_READ}),
    Role.ACCESS_POINT: frozenset({Action.ACCESS_POINT_PUSH}),
}


@dataclass(frozen=True, slots=True)
class Identity:
    """An authenticated caller. `token_id` is the token's jti."""

    subject: str
    roles: frozenset[Role]
    token_id: str = ""
    one_time: bool = False
    good_until: datetime | None = None  #: when the token is taken no more; None where there is none
    sees: str = ""  #: the back end whose applications a client of the National Dispatcher API sees; "" for all

    def may(self, action: Action) -> bool:
        """Whether one of its roles permits the action."""
        return any(action in PERMITTED[role] for role in self.roles)

    @property
    def backend(self) -> str:
        """The back end that the caller is, or "" for staff: a back end sees its own messages only."""
        return self.subject if Role.BACKEND in self.roles else ""
