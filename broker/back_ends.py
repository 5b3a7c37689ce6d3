"""Builds the back ends of a node, each with the adapter of its kind, from the configuration."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from adapters.backends.amqp import AmqpBackend
from adapters.backends.pull import PullBackend
from adapters.backends.rems.answers import failures
from adapters.backends.webhook import WebhookBackend, WebhookSettings
from broker.data_files import schemas_dir
from broker.errors import ConfigurationError
from broker.flow.node import Connected
from broker.translation.codecs.national import load_national

if TYPE_CHECKING:
    import aiohttp

    from adapters.amqp.connection import Rabbit
    from broker.ports import Backend
    from broker.settings import BackendSection, Settings

REMS: Final = "rems-1"
#: Settings of a back end that are policies of the body behind it (`schemas/lifecycles/leg.toml`).
_POLICIES: Final = ("appeals", "completion", "anchor", "suspension")


def connected(settings: Settings, name: str, session: aiohttp.ClientSession, rabbit: Rabbit | None) -> Connected:
    """A back end as the flow sees it. Raises: ConfigurationError."""
    section = settings.backends[name]
    return Connected(
        name=name,
        profile=section.profile,
        backend=_backend(settings, name, section, session, rabbit),
        catalogs=frozenset(section.catalogs),
        default=section.default,
        chain=section.lifecycle,
        policies=_policies(section),
        codec=load_national(section.profile, schemas_dir(), binding=section.binding, forms=section.forms),
    )


def _policies(section: BackendSection) -> frozenset[str]:
    return frozenset(f"{name}:{getattr(section, name)}" for name in _POLICIES)


def _backend(
    settings: Settings, name: str, section: BackendSection, session: aiohttp.ClientSession, rabbit: Rabbit | None
) -> Backend:
    if section.kind == "webhook":
        secret = section.secret.get_secret_value().encode()
        called = WebhookSettings(url=section.url, secret=secret, timeout=section.timeout)
        said = failures if section.profile == REMS else None
        return WebhookBackend(name, called, session=session, node=settings.node.name, failures=said)
    if section.kind == "amqp" and rabbit is not None:
        return AmqpBackend(name, rabbit, node=settings.node.name, api_base=settings.public_url)
    if section.kind == "amqp" and settings.embedded:
        raise ConfigurationError(f"backends.{name}: kind amqp needs RabbitMQ (queue.url)")
    return PullBackend(name)
