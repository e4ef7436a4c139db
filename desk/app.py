"""The page: a list of sessions, and one session as it happens.  Reads session folders; nothing here writes.

It is bound to 127.0.0.1, answers only to that name and to ``localhost`` (so that a page from elsewhere cannot reach it through a
name of its own), loads nothing from outside and shows text as text.
"""

import asyncio
import json
import socket
from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path

import uvicorn
from jinja2 import Environment, FileSystemLoader
from sse_starlette import EventSourceResponse, ServerSentEvent
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import MutableHeaders
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import Request
from starlette.responses import HTMLResponse
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from desk import feed
from everyword import folder
from everyword.clock import iso
from everyword.errors import EverywordError
from everyword.folder import SessionFolder

HERE = Path(__file__).parent
POLL_S = 0.3
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)


class PortTaken(EverywordError):
    """Another program listens there already."""

    code = "port-taken"
    default_hint = "Choose another with --port, or --port 0 for any free one."


class StrictHeaders:
    """Middleware: every answer forbids foreign content, guessing of types, framing and caching."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Add the headers when the answer starts."""

        async def send_strictly(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers["Content-Security-Policy"] = POLICY
                headers["X-Content-Type-Options"] = "nosniff"
                headers["Referrer-Policy"] = "no-referrer"
                headers["Cache-Control"] = "no-store"
            await send(message)

        await self.app(scope, receive, send_strictly)


def make_app(under: Sequence[Path]) -> Starlette:
    """The application for the sessions in the folders `under`."""
    pages = Environment(loader=FileSystemLoader(HERE / "pages"), autoescape=True)

    def render(name: str, **values: object) -> HTMLResponse:
        return HTMLResponse(pages.get_template(name).render(**values))

    def find(request: Request) -> SessionFolder:
        """By its whole id, among the folders under the roots: a path in the address leads nowhere."""
        wanted = request.path_params["id"]
        for session in folder.scan(under):
            if session.path.name.rpartition("-")[2] == wanted:
                return session
        raise HTTPException(404, "No session has that id.")

    async def index(_request: Request) -> HTMLResponse:
        sessions = await run_in_threadpool(lambda: [summary(session) for session in reversed(folder.scan(under))])
        return render("index.html", sessions=sessions)

    async def session_page(request: Request) -> HTMLResponse:
        return render("session.html", session=await run_in_threadpool(lambda: summary(find(request))))

    async def events(request: Request) -> EventSourceResponse:
        session = await run_in_threadpool(find, request)
        start = feed.Position.parse(request.headers.get("last-event-id", ""))
        return EventSourceResponse(follow(session, start), ping=15)

    return Starlette(
        routes=[
            Route("/", index),
            Route("/session/{id}", session_page),
            Route("/session/{id}/events", events),
            Mount("/static", StaticFiles(directory=HERE / "static")),
        ],
        middleware=[Middleware(StrictHeaders), Middleware(TrustedHostMiddleware, allowed_hosts=["127.0.0.1", "localhost"])],
    )


async def follow(session: SessionFolder, position: feed.Position) -> AsyncIterator[ServerSentEvent]:
    """What is there since `position`, then what comes, until the browser goes; the same trouble is told once."""
    trouble: object = None
    while True:
        for event in await run_in_threadpool(lambda at: list(feed.since(session, at)), position):
            position = event.position
            if event.kind == "error":
                if event.data == trouble:
                    continue
                trouble = event.data
            yield ServerSentEvent(json.dumps(event.data, ensure_ascii=False), event=event.kind, id=str(position))
        await asyncio.sleep(POLL_S)


def summary(session: SessionFolder) -> dict[str, object]:
    """What the list shows of a session; one that cannot be read says why."""
    shown: dict[str, object] = {"id": session.path.name.rpartition("-")[2], "folder": session.path.name, "trouble": ""}
    try:
        about = session.read_session()
    except EverywordError as error:
        return {**shown, "title": session.path.name, "trouble": error.sentence}
    people = ", ".join(speaker.name for speaker in about.roster)
    state = "sealed" if session.is_sealed else "being recorded, or not made whole yet"
    return {
        **shown,
        "title": about.title,
        "place": about.place,
        "begun": iso(about.created_at_us),
        "people": people,
        "state": state,
    }


def serve(under: Sequence[Path], *, opened: SessionFolder | None, port: int, announce: Callable[[str], None]) -> None:
    """Serve until Ctrl-C.  `announce` gets the address once it can be opened.  Raises `PortTaken`."""
    with socket.socket() as listening:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listening.bind(("127.0.0.1", port))
        except OSError as error:
            raise PortTaken(f"Port {port} of this computer cannot be used: {error.strerror}.") from error
        listening.listen()
        place = f"session/{opened.path.name.rpartition('-')[2]}" if opened else ""
        announce(f"http://127.0.0.1:{listening.getsockname()[1]}/{place}")
        roots = [*under, opened.path.parent] if opened else under
        config = uvicorn.Config(make_app(roots), log_level="warning", timeout_graceful_shutdown=1, lifespan="off")
        uvicorn.Server(config).run(sockets=[listening])
