"""The inbox keys of what an access point has for us: the message itself, and what a person is told of it.

MessageIds are unique; what is known of one before it is here, or instead of it, stands under a key beside its own.
"""

from __future__ import annotations


def inbox_key(message_id: str) -> str:
    """The message as it was received: the MessageId in the receiving role."""
    return f"{message_id}|RECEIVING"


def unavailable_key(message_id: str) -> str:
    """What is known of a message that cannot be fetched."""
    return f"{message_id}|UNAVAILABLE"


def unreadable_key(message_id: str) -> str:
    """The answer that came for a message and cannot be read."""
    return f"{message_id}|UNREADABLE"


def lost_key(message_id: str) -> str:
    """What is known of a message that, as far as anybody can tell, will not come."""
    return f"{message_id}|LOST"
