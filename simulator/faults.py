"""What goes wrong in the simulator, as data that a test gives."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Faults:
    """Faults of the handshake and of the session; the default is none.

    Attributes:
        times: number of handshakes that meet the faults, after which all is well; None for every one.
        handshake_delay_s: the upgrade is answered this late.
        refuse: HTTP status of the answer to the upgrade, with a body as Azure writes it.
        retry_after_s: `retry-after` of a refusal.
        redirect: `location` of a 307 in place of the upgrade.
        only: the one dialect that is served; the other's path is 404.
        reject: the upgrade is accepted, then one `error` event comes, and this close code: 3000 or 4000.
        session_s: how long a session lasts before `session_expired` and close 1001.
        after_events: the faults below come once so many server events were sent,
        after_s: and so many seconds of the session have passed.
        garbage: sent once: text that is no JSON, a binary message, or bytes that are no websocket frame.
        stop_sending: nothing more is sent, though client events are read.
        stop_reading: nothing more is read or sent, so that the client's socket fills.
        close: the connection is closed with this code,
        close_reason: and this reason.
        drop: the connection is reset without a close frame.
    """

    times: int | None = None
    handshake_delay_s: float = 0.0
    refuse: int | None = None
    retry_after_s: int | None = None
    redirect: str | None = None
    only: Literal["preview", "ga"] | None = None
    reject: int | None = None
    session_s: float = 3600.0
    after_events: int = 0
    after_s: float = 0.0
    garbage: Literal["text", "binary", "frame"] | None = None
    stop_sending: bool = False
    stop_reading: bool = False
    close: int | None = None
    close_reason: str = ""
    drop: bool = False

    @property
    def in_session(self) -> bool:
        """Whether anything is to happen after `after_events` and `after_s`."""
        return bool(self.garbage or self.stop_sending or self.stop_reading or self.close or self.drop)
