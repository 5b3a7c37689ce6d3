"""What a fault or a foreign answer means to the broker.

Only the duplicate fault, by code or by text, says that a message exists; any other EBMS:0004 is a matter of
configuration and stays retryable. A submit whose answer cannot be understood may have taken effect.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from broker.errors import AlreadySubmitted, BrokerError, Garbled, NotFound, OutcomeUnknown, Unavailable

if TYPE_CHECKING:
    from adapters.access_point.bodies import Unreadable
    from adapters.access_point.domibus_ws.answers import Fault

_UNAUTHORIZED: Final = frozenset({401, 403})
_OVERLOADED: Final = frozenset({429, 503})  # said before the request is worked on
_SERVER_ERROR: Final = 500
_REDIRECTED: Final = 300


def of_fault(fault: Fault, *, submitting: bool) -> BrokerError:
    """The error that a SOAP fault stands for."""
    text = fault.text.lower()
    if submitting and (fault.code == "WS_PLUGIN:00010" or (fault.code == "EBMS:0004" and "already exists" in text)):
        return AlreadySubmitted("the access point knows this MessageId already", fault=fault.code)
    if not submitting and (fault.code == "WS_PLUGIN:0009" or (not fault.code and "message not found" in text)):
        return NotFound("the access point has no such message", fault=fault.code)
    if _is_about_credentials(fault, text):
        return Unavailable("the access point refused our credentials", fault=fault.code or "DOM_002")
    if submitting and not fault.code:
        return OutcomeUnknown("the access point failed without saying why")
    return Unavailable(f"the access point answered with fault {fault.code or 'without a code'}", fault=fault.code)


def of_http(status: int, why: Unreadable, *, submitting: bool) -> BrokerError:
    """The error that an answer without readable SOAP stands for."""
    if status in _UNAUTHORIZED:
        return Unavailable(f"the access point refused our credentials: HTTP {status}", status=status)
    if submitting and status not in _OVERLOADED and (status >= _SERVER_ERROR or status < _REDIRECTED):
        return OutcomeUnknown(f"the access point answered HTTP {status} without readable SOAP", status=status)
    if status < _REDIRECTED:
        return garbled(why)
    return Unavailable(f"the access point answered HTTP {status} without readable SOAP", status=status)


def garbled(why: Unreadable) -> Garbled:
    """The error that an answer stands for which came, and cannot be read."""
    return Garbled(f"the access point's answer is unreadable: {why}", (why.problem,))


def _is_about_credentials(fault: Fault, text: str) -> bool:
    return fault.code == "WS_PLUGIN:0002" or (not fault.code and ("dom_002" in text or "authentication" in text))
