"""What happens on a connection, and the trace that it must leave in either model.

`{close}` stands for what the server lets us know of the close, `{denial}` for the status that it
sends, and `{late}` for what it raises when it is too late to send: see the table of the servers.
"""

from __future__ import annotations

from dataclasses import dataclass
from textwrap import dedent

from tests.wire import client
from tests.wire.servers import Facts

FRAMEWORKS = ("plain", "starlette", "starlette-class", "fastapi", "channels", "channels-sync")
STATUS = {
    "1000": "normal_closure",
    "1002": "protocol_error",
    "1005": "no_status",
    "1006": "abnormal_closure",
    "1012": "app_shutdown",
    "4000": "application",
}
# The end of a connection under SIGTERM, by what the application is told.
SHUTDOWN = {
    "1012": "{code=1012, status=app_shutdown, initiator=server}",
    "cancelled": "{status=app_shutdown, initiator=server}",
    "1005": "{code=1005, status=no_status, initiator=client}",
    "1006": "{code=1006, status=abnormal_closure, initiator=client}",
    "nothing": "",
}


@dataclass(frozen=True, kw_only=True)
class Scenario:
    name: str
    path: str
    script: client.Script
    session: str
    connection: str = ""
    """The same in the other model; a handshake that is denied looks the same in both."""
    told: str = ""
    """The fact that tells what the application learns of the client's close."""

    def __str__(self) -> str:
        return self.name

    def trace(self, model: str, framework: str, facts: Facts) -> str:
        """Return the expected tree of a framework on a server."""
        tree = self.connection if model == "connection" and self.connection else self.session
        values = {
            "{close}": client_close(getattr(facts, self.told) if self.told else ""),
            "{denial}": f"{{status_code={facts.denial}}}",
            "{late}": f"{{error.type={facts.send_late}}}",
            " {error.type=nothing}": "",
        }
        for word, value in values.items():
            tree = tree.replace(word, value)
        return for_framework(dedent(tree).strip(), framework, self.path)


def for_framework(tree: str, framework: str, path: str) -> str:
    """Return the tree without the route where there is no router that knows one."""
    return tree.replace(f" {path}", "") if framework == "plain" else tree


def client_close(told: str) -> str:
    """Return the attributes of a close of which the application is told a code and a reason."""
    if told == "no code":
        return "{status=no_status, initiator=client}"
    code = told.split(" ")[0]
    return f"{{code={code}, status={STATUS.get(code)}, initiator=client}}"


SCENARIOS = (
    Scenario(
        name="text-and-binary",
        path="/ws/echo",
        script=client.exchange_text_and_binary,
        told="told_done",
        session="""
            GET /ws/echo <- remote {status_code=101}
            websocket.open /ws/echo -> GET /ws/echo
            websocket.receive /ws/echo -> GET /ws/echo
              websocket.send /ws/echo
            websocket.receive /ws/echo -> GET /ws/echo
              websocket.send /ws/echo
            websocket.close -> GET /ws/echo {close}
        """,
        connection="""
            GET /ws/echo <- remote {status_code=101}
              websocket.connection /ws/echo
                websocket.open /ws/echo
                websocket.receive /ws/echo
                  websocket.send /ws/echo
                websocket.receive /ws/echo
                  websocket.send /ws/echo
                websocket.close {close}
        """,
    ),
    *(
        Scenario(
            name=name,
            path="/ws/echo",
            script=script,
            told=told,
            session="""
                GET /ws/echo <- remote {status_code=101}
                websocket.open /ws/echo -> GET /ws/echo
                websocket.close -> GET /ws/echo {close}
            """,
            connection="""
                GET /ws/echo <- remote {status_code=101}
                  websocket.connection /ws/echo
                    websocket.open /ws/echo
                    websocket.close {close}
            """,
        )
        for name, script, told in (
            ("client-closes", client.close_with_reason, "told_close"),
            ("client-closes-without-code", client.close_without_code, "told_codeless"),
            ("client-vanishes", client.vanish, "told_vanish"),
            ("client-vanishes-in-a-frame", client.vanish_in_a_frame, "told_vanish"),
            ("malformed-frame", client.send_malformed, "told_malformed"),
        )
    ),
    Scenario(
        name="server-closes",
        path="/ws/close",
        script=client.say,
        session="""
            GET /ws/close <- remote {status_code=101}
            websocket.open /ws/close -> GET /ws/close
            websocket.receive /ws/close -> GET /ws/close
              websocket.close {code=4001, status=application, initiator=server}
        """,
        connection="""
            GET /ws/close <- remote {status_code=101}
              websocket.connection /ws/close
                websocket.open /ws/close
                websocket.receive /ws/close
                websocket.close {code=4001, status=application, initiator=server}
        """,
    ),
    Scenario(
        name="handler-crashes",
        path="/ws/crash",
        script=client.say,
        session="""
            GET /ws/crash <- remote {status_code=101}
            websocket.open /ws/crash -> GET /ws/crash
            websocket.receive /ws/crash -> GET /ws/crash ! Crash
            websocket.close -> GET /ws/crash ! Crash {status=internal_error, initiator=server}
        """,
        connection="""
            GET /ws/crash <- remote {status_code=101}
              websocket.connection /ws/crash ! Crash
                websocket.open /ws/crash
                websocket.receive /ws/crash ! Crash
                websocket.close ! Crash {status=internal_error, initiator=server}
        """,
    ),
    Scenario(
        name="crash-before-acceptance",
        path="/ws/crash-early",
        script=client.just_connect,
        session="""
            GET /ws/crash-early <- remote ! Crash
        """,
    ),
    Scenario(
        name="denial",
        path="/ws/deny",
        script=client.just_connect,
        session="""
            GET /ws/deny <- remote {status_code=403}
        """,
    ),
    Scenario(
        name="denial-with-response",
        path="/ws/deny-with-response",
        script=client.just_connect,
        session="""
            GET /ws/deny-with-response <- remote {denial}
        """,
    ),
    Scenario(
        name="application-leaves",
        path="/ws/leave",
        script=client.outstay,
        session="""
            GET /ws/leave <- remote {status_code=101}
            websocket.open /ws/leave -> GET /ws/leave
            websocket.receive /ws/leave -> GET /ws/leave
            websocket.close -> GET /ws/leave {status=abnormal_closure, initiator=server}
        """,
        connection="""
            GET /ws/leave <- remote {status_code=101}
              websocket.connection /ws/leave
                websocket.open /ws/leave
                websocket.receive /ws/leave
                websocket.close {status=abnormal_closure, initiator=server}
        """,
    ),
    Scenario(
        name="send-after-the-client-vanished",
        path="/ws/send-late",
        script=client.vanish,
        told="told_vanish",
        session="""
            GET /ws/send-late <- remote {status_code=101}
            websocket.open /ws/send-late -> GET /ws/send-late
            websocket.close -> GET /ws/send-late {close}
              websocket.send /ws/send-late {late}
        """,
        connection="""
            GET /ws/send-late <- remote {status_code=101}
              websocket.connection /ws/send-late
                websocket.open /ws/send-late
                websocket.close {close}
                  websocket.send /ws/send-late {late}
        """,
    ),
)
