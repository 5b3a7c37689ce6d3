"""A server that says what a Domibus says, from bytes made beforehand: the same for both sides of a benchmark.

Run as a program: `python -m tests.performance.soap_server PORT`. The path `/SIZE` hands out a payload of so many bytes.
"""

from __future__ import annotations

import base64
import functools
import random
import sys

from aiohttp import web

SOAP = "http://www.w3.org/2003/05/soap-envelope"
WS = "http://eu.domibus.wsplugin/"
EB = "http://docs.oasis-open.org/ebxml-msg/ebms/v3.0/ns/core/200704/"
MESSAGE_ID = "bench@example.org"
SUBMITTED = (
    f'<e:Envelope xmlns:e="{SOAP}"><e:Body><w:submitResponse xmlns:w="{WS}"><messageID>{MESSAGE_ID}</messageID>'
    "</w:submitResponse></e:Body></e:Envelope>"
).encode()


@functools.cache
def retrieved(size: int) -> bytes:
    """The answer to a fetch."""
    value = base64.b64encode(random.Random(size).randbytes(size)).decode()
    info = f"<b:MessageInfo><b:MessageId>{MESSAGE_ID}</b:MessageId></b:MessageInfo>"
    body = (
        f'<w:retrieveMessageResponse xmlns:w="{WS}"><payload payloadId="cid:message"><value>{value}</value></payload>'
    )
    return (
        f'<e:Envelope xmlns:e="{SOAP}"><e:Header><b:Messaging xmlns:b="{EB}"><b:UserMessage>{info}</b:UserMessage>'
        f"</b:Messaging></e:Header><e:Body>{body}</w:retrieveMessageResponse></e:Body></e:Envelope>"
    ).encode()


async def answer(request: web.Request) -> web.Response:
    """A submit is longer than any other request."""
    body = await request.read()
    data = SUBMITTED if len(body) > 10_000 or b"submitRequest" in body else retrieved(int(request.match_info["size"]))
    return web.Response(body=data, headers={"Content-Type": "application/soap+xml"})


async def ready(_: web.Request) -> web.Response:
    return web.Response()


def main() -> None:
    app = web.Application(client_max_size=2**28)
    app.router.add_post("/{size}", answer)
    app.router.add_get("/", ready)
    web.run_app(app, host="127.0.0.1", port=int(sys.argv[1]), print=None)


if __name__ == "__main__":
    main()
